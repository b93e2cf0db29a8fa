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
import { operationDocument, progressLine, progressText } from "./describeOperation.ts"
import type { RequestOptions } from "./flags.ts"

const lookPause = Duration.millis(400)

/** Who asks, for the history. */
const asker = (): string => process.env["USER"] ?? process.env["USERNAME"] ?? "operator"

/** What became of a wish: the document for `--json`, and lines for people. */
export interface Told {
  readonly document: object
  readonly lines: ReadonlyArray<string>
}

/** Hands a wish in and follows it. Prints what became of it. */
export const ask = Effect.fnUntraced(function* (options: RequestOptions, wish: Wish) {
  const screen = yield* Screen
  const { document, lines } = yield* asks(options, wish)
  if (options.json) screen.print(JSON.stringify(document))
  else for (const line of lines) screen.print(line)
})

/** Hands a wish in and follows it, or tries it out; answers what is to be told of it. */
export const asks = Effect.fnUntraced(function* (options: RequestOptions, wish: Wish) {
  if (options.dryRun) return yield* tryOut(options, wish)
  const outcome = yield* Outcome
  const { paint } = yield* Screen
  const { isOver, operation, request } = yield* connected(options, (operator) => follow(operator, options, wish))
  const isGood = isOver && request.status === "done" && (operation === undefined || isWell(operation.operation))
  if (!isOver) outcome.add(ExitCode.liveness)
  else if (!isGood) outcome.add(ExitCode.correctness)
  const document = {
    request: { id: request.id, status: request.status, answer: request.answer },
    operation: operation === undefined ? null : operationDocument(operation),
    timedOut: !isOver,
  }
  const told = (...lines: ReadonlyArray<string>): Told => ({ document, lines })
  const answer = request.answer ?? operation?.operation.reason ?? ""
  if (isGood) return told(`${paint.good("✓")} ${answer === "" ? "done" : answer}`)
  if (isOver) {
    return told(
      `${paint.bad("✗")} ${request.status}: ${operation?.operation.error ?? answer}`,
      ...(operation?.operation.left ?? []).map((left) => `  left to be done by hand: ${left}`),
    )
  }
  const late = `… not over after ${Duration.toSeconds(options.timeout)} s; it goes on`
  return operation === undefined
    ? told(
        late,
        `  ${request.answer ?? "no leader has taken it up: the runners may be down; see: shardwright cluster status"}`,
      )
    : told(late, `  ${progressText(operation)}; see: shardwright operation show ${operation.operation.id}`)
}, operatorError)

const isWell = ({ status }: Operation): boolean => status === "completed" || status === "awaiting_approval"

interface Followed {
  readonly request: Request
  readonly operation: Operator.OperationStanding | undefined
  readonly isOver: boolean
}

/** Hands a wish in, and waits until its request is over or the patience is. */
export const follow = Effect.fnUntraced(function* (operator: OperatorOptions, options: RequestOptions, wish: Wish) {
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
    screen.status(operation === undefined ? (request?.answer ?? "waiting for the leader") : progressLine(operation))
    yield* Effect.sleep(lookPause)
  }
})

const tryOut = Effect.fnUntraced(function* (options: RequestOptions, wish: Wish) {
  const outcome = yield* Outcome
  if (!isPlanned(wish) && wish._tag !== "SetNodeState")
    return yield* badInput("there is nothing to plan for this: it is done at once; leave --dry-run out")
  const result = yield* connected(options, (operator) => Operator.tryOut({ ...operator, wish }))
  if (result._tag !== "Plan") {
    if (result._tag === "Refused") outcome.add(ExitCode.correctness)
    const name = result._tag.toLowerCase()
    const told: Told = { document: { result: name, reason: result.reason }, lines: [`${name}: ${result.reason}`] }
    return told
  }
  const { cost, explanation, plan } = result
  const { bytes, replicas, rows, steps } = cost
  const told: Told = {
    document: { result: "plan", kind: plan.kind, reason: plan.reason, cost, explanation },
    lines: [
      plan.reason,
      `${steps} steps, ${replicas} replicas${rows === null ? "" : `, ${rows} rows`}${bytes === null ? "" : `, about ${bytes} bytes`}`,
      ...explanation.map(({ reason }) => `  ${reason}`),
    ],
  }
  return told
})
