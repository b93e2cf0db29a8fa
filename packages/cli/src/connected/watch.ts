/**
 * `watch`: what goes on, as it goes on. Each change is a line; how far operations have come is shown below, on a terminal.
 */
import type { Finding } from "@shardwright/core/Findings"
import * as Operator from "@shardwright/core/Operator"
import { operationNamed } from "@shardwright/core/StoredPlan"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen } from "../cli/Screen.ts"
import { connected, operatorError } from "./Connection.ts"
import { operationDocument, progressLine } from "./describeOperation.ts"
import type { ConnectionOptions } from "./flags.ts"
import { noOperation } from "./showing.ts"
import { findingsOf } from "./upkeepCommands.ts"

/** What the command line asked for. */
export interface WatchOptions extends ConnectionOptions {
  readonly operation: Option.Option<string>
  /** Ends when nothing is under way. */
  readonly idle: boolean
  readonly interval: Duration.Duration
  /** None: for ever. */
  readonly timeout: Option.Option<Duration.Duration>
}

/** What one look shows. */
interface Seen {
  readonly operations: ReadonlyArray<Operator.OperationStanding>
  readonly findings: ReadonlyArray<Finding>
}

/** What is told of an operation when it changes. */
const stateOf = ({ operation: { error, kind, status, table }, progress }: Operator.OperationStanding): string => {
  const waiting = progress?.waiting ?? null
  return [
    `${kind}${table === null ? "" : ` ${table}`}: ${status}`,
    ...(waiting === null ? [] : [`waits: ${waiting.code}, ${waiting.detail}`]),
    ...(error === null ? [] : [error]),
  ].join(", ")
}

const findingKey = ({ code, subject }: Finding): string => `${code}  ${subject}`

const isOver = ({ operation: { status } }: Operator.OperationStanding): boolean =>
  status !== "queued" && status !== "running" && status !== "paused" && status !== "stopping"

const look = Effect.fnUntraced(function* (operator: Operator.OperatorOptions, { operation }: WatchOptions) {
  const looked = yield* Operator.look(operator)
  const live = yield* Operator.operations(operator)
  const found = findingsOf(looked, operator)
  if (Option.isNone(operation)) {
    const seen: Seen = { operations: live, findings: found }
    return seen
  }
  const id = operationNamed(looked.view, operation.value)
  const standing = live.find((item) => item.operation.id === id) ?? (yield* Operator.operationOf({ ...operator, id }))
  if (standing === undefined) return yield* noOperation(operation.value)
  const seen: Seen = { operations: [standing], findings: found }
  return seen
})

/** Tells what differs from the last look. */
const tell = (
  print: (line: string) => void,
  time: string,
  told: { readonly operations: Map<string, string>; findings: ReadonlyMap<string, Finding> },
  seen: Seen,
): void => {
  for (const standing of seen.operations) {
    const { id } = standing.operation
    const state = stateOf(standing)
    if (told.operations.get(id) !== state) print(`${time}  ${id} ${state}`)
    told.operations.set(id, state)
  }
  const now = new Map(seen.findings.map((finding) => [findingKey(finding), finding]))
  for (const [key, { detail }] of now) if (!told.findings.has(key)) print(`${time}  ${key}: ${detail}`)
  for (const key of told.findings.keys()) if (!now.has(key)) print(`${time}  over: ${key}`)
  told.findings = now
}

/** `watch [OPERATION]` */
export const watch = Effect.fnUntraced(function* (options: WatchOptions) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  const { idle, interval, json, operation } = options
  // One document is printed at an end, so that there must be one.
  const ends = idle || json || Option.isSome(operation)
  const print = json ? screen.note : screen.print
  const last = yield* connected(options, (operator) =>
    Effect.gen(function* () {
      const told = { operations: new Map<string, string>(), findings: new Map<string, Finding>() }
      const untilMs =
        (yield* Clock.currentTimeMillis) +
        Option.match(options.timeout, { onNone: () => Number.POSITIVE_INFINITY, onSome: Duration.toMillis })
      let following: WatchOptions = options
      let isSilent = false
      for (;;) {
        const looked = yield* Effect.result(look(operator, following))
        const nowMs = yield* Clock.currentTimeMillis
        const time = new Date(nowMs).toISOString().slice(11, 19)
        if (looked._tag === "Failure") {
          if (looked.failure._tag === "CommandError") return yield* looked.failure
          if (!isSilent) print(`${time}  ${looked.failure.message}; it is asked again`)
          isSilent = true
        } else {
          const seen = looked.success
          if (isSilent) print(`${time}  ${operator.node} answers again`)
          isSilent = false
          // Operations that have ended leave the listing: how is said by their record.
          const gone = [...told.operations.keys()].filter(
            (id) => !seen.operations.some((item) => item.operation.id === id),
          )
          const ended: Array<Operator.OperationStanding> = []
          for (const id of gone) {
            const standing = yield* Effect.option(Operator.operationOf({ ...operator, id }))
            if (Option.isSome(standing) && standing.value !== undefined) ended.push(standing.value)
          }
          tell(print, time, told, { ...seen, operations: [...seen.operations, ...ended] })
          for (const id of gone) told.operations.delete(id)
          // A table's operation is followed to its end, also when it has left the listing.
          const [first] = seen.operations
          if (Option.isSome(operation) && first !== undefined)
            following = { ...options, operation: Option.some(first.operation.id) }
          screen.status(
            seen.operations
              .filter((item) => !isOver(item))
              .map(progressLine)
              .join("  "),
          )
          if (ends && seen.operations.every(isOver)) return { ...seen, timedOut: false }
          if (nowMs > untilMs) return { ...seen, timedOut: true }
        }
        if (isSilent && nowMs > untilMs)
          return yield* new Operator.OperatorError({ message: `${operator.node} does not answer any more` })
        yield* Effect.sleep(interval)
      }
    }),
  )
  screen.status("")
  const { findings, operations, timedOut } = last
  if (timedOut && operations.some((item) => !isOver(item))) outcome.add(ExitCode.liveness)
  const failed = operations.some(({ operation: { status } }) => status === "failed" || status === "critical_failure")
  if (failed && Option.isSome(operation)) outcome.add(ExitCode.correctness)
  if (json) screen.print(JSON.stringify({ operations: operations.map(operationDocument), findings, timedOut }))
  else if (operations.length === 0 && !timedOut) screen.print("nothing is under way")
}, operatorError)
