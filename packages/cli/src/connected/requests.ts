/**
 * Asking for something: the request is handed in, and its operation is followed until it has ended or the patience has.
 */
import type { OperatorOptions } from "@shardwright/core/Operator"
import * as Operator from "@shardwright/core/Operator"
import { isPlanned } from "@shardwright/core/plan/planWish"
import type { Operation, Request, Wish } from "@shardwright/core/State"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen } from "../cli/Screen.ts"
import { connected, operatorError } from "./Connection.ts"
import { operationDocument, progressText } from "./describeOperation.ts"
import type { RequestOptions } from "./flags.ts"

const lookPause = Duration.millis(400)

/** Who asks, for the history. */
const asker = (): string => process.env["USER"] ?? process.env["USERNAME"] ?? "operator"

/** Hands a wish in and follows it. Prints what became of it. */
export const ask = Effect.fnUntraced(function* (options: RequestOptions, wish: Wish) {
  if (options.dryRun) return yield* tryOut(options, wish)
  const screen = yield* Screen
  const outcome = yield* Outcome
  const ended = yield* connected(options, (operator) => follow(operator, options, wish))
  const { isOver, operation, request } = ended
  const isGood = isOver && request.status === "done" && (operation === undefined || isWell(operation.operation))
  if (!isOver) outcome.add(ExitCode.liveness)
  else if (!isGood) outcome.add(ExitCode.correctness)
  if (options.json) {
    screen.print(
      JSON.stringify({
        request: { id: request.id, status: request.status, answer: request.answer },
        operation: operation === undefined ? null : operationDocument(operation),
        timedOut: !isOver,
      }),
    )
    return
  }
  const { paint, print } = screen
  const answer = request.answer ?? operation?.operation.reason ?? ""
  if (isGood) return print(`${paint.good("✓")} ${answer === "" ? "done" : answer}`)
  if (isOver) {
    print(`${paint.bad("✗")} ${request.status}: ${operation?.operation.error ?? answer}`)
    for (const left of operation?.operation.left ?? []) print(`  left to be done by hand: ${left}`)
    return
  }
  print(`… not over after ${Duration.toSeconds(options.timeout)} s; it goes on`)
  if (operation !== undefined)
    print(`  ${progressText(operation)}; see: shardwright operation show ${operation.operation.id}`)
}, operatorError)

const isWell = ({ status }: Operation): boolean => status === "completed" || status === "awaiting_approval"

interface Followed {
  readonly request: Request
  readonly operation: Operator.OperationStanding | undefined
  readonly isOver: boolean
}

const follow = Effect.fnUntraced(function* (operator: OperatorOptions, options: RequestOptions, wish: Wish) {
  const screen = yield* Screen
  const { approval, reason, timeout } = options
  const id = yield* Operator.submit({ ...operator, wish, by: asker(), reason, approval })
  const untilMs = (yield* Clock.currentTimeMillis) + Duration.toMillis(timeout)
  for (;;) {
    // A node may be between two primaries: what was handed in stays.
    const looked = yield* Effect.option(Operator.requestOf({ ...operator, id }))
    const request = Option.getOrUndefined(looked)
    const operationId = request?.operation ?? null
    const found =
      operationId === null
        ? Option.none()
        : yield* Effect.option(Operator.operationOf({ ...operator, id: operationId }))
    const operation = Option.getOrUndefined(found)
    const isOver = request?.status === "done" || request?.status === "refused"
    const waitsForApproval = operation?.operation.status === "awaiting_approval"
    const isLate = (yield* Clock.currentTimeMillis) > untilMs
    if (request !== undefined && (isOver || waitsForApproval || isLate)) {
      screen.status("")
      const followed: Followed = { request, operation, isOver: isOver || waitsForApproval }
      return followed
    }
    if (isLate) {
      return yield* new Operator.OperatorError({
        message: `the request ${id} was handed in, and its node does not answer any more`,
      })
    }
    screen.status(operation === undefined ? (request?.answer ?? "waiting for the leader") : progressText(operation))
    yield* Effect.sleep(lookPause)
  }
})

const tryOut = Effect.fnUntraced(function* (options: RequestOptions, wish: Wish) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  if (!isPlanned(wish))
    return yield* badInput("there is nothing to plan for this: it is done at once; leave --dry-run out")
  const result = yield* connected(options, (operator) => Operator.tryOut({ ...operator, wish }))
  if (result._tag === "Refused") outcome.add(ExitCode.correctness)
  if (options.json) {
    const document =
      result._tag === "Plan"
        ? {
            result: "plan",
            kind: result.plan.kind,
            reason: result.plan.reason,
            cost: result.cost,
            explanation: result.explanation,
          }
        : { result: result._tag.toLowerCase(), reason: result.reason }
    return screen.print(JSON.stringify(document))
  }
  if (result._tag !== "Plan") return screen.print(`${result._tag.toLowerCase()}: ${result.reason}`)
  const { bytes, replicas, rows, steps } = result.cost
  screen.print(result.plan.reason)
  screen.print(
    `${steps} steps, ${replicas} replicas${rows === null ? "" : `, ${rows} rows`}${bytes === null ? "" : `, about ${bytes} bytes`}`,
  )
  for (const { reason } of result.explanation) screen.print(`  ${reason}`)
})
