/**
 * `operation …` and `rebalance …`: what is under way, and what is asked of it.
 */
import * as Operator from "@shardwright/core/Operator"
import { operationNamed } from "@shardwright/core/StoredPlan"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { Screen } from "../cli/Screen.ts"
import { connected, operatorError } from "./Connection.ts"
import { operationDocument, progressText } from "./describeOperation.ts"
import type { ConnectionOptions, RequestOptions } from "./flags.ts"
import { ask } from "./requests.ts"
import { lookAt, noOperation, show } from "./showing.ts"

/** `operation list` */
export const operationList = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const { ended, live } = yield* connected(options, (operator) =>
    Effect.all({ live: Operator.operations(operator), ended: Operator.history(operator), looked: lookAt(operator) }),
  )
  const document = {
    operations: live.map(operationDocument),
    history: ended.map(({ error, history, id, kind, reason, status, table }) => ({
      id,
      kind,
      table,
      status,
      reason,
      error,
      history,
    })),
  }
  yield* show(options, document, [
    ["operation", "kind", "table", "status", "", "why"],
    ...live.map((standing) => [
      standing.operation.id,
      standing.operation.kind,
      standing.operation.table ?? "",
      standing.operation.status,
      `${standing.progress.percentage} %`,
      standing.progress.waiting?.detail ?? standing.operation.reason,
    ]),
    ...ended.map(({ error, id, kind, reason, status, table }) => [id, kind, table ?? "", status, "", error ?? reason]),
  ])
}, operatorError)

/** `operation show ID` */
export const operationShow = Effect.fnUntraced(function* (options: ConnectionOptions & { readonly id: string }) {
  const screen = yield* Screen
  const standing = yield* connected(options, (operator) =>
    Effect.flatMap(lookAt(operator), ({ view }) =>
      Operator.operationOf({ ...operator, id: operationNamed(view, options.id) }),
    ),
  )
  if (standing === undefined) return yield* noOperation(options.id)
  if (options.json) return screen.print(JSON.stringify(operationDocument(standing)))
  screen.print(progressText(standing))
  screen.print(standing.operation.reason)
  for (const line of standing.operation.explanation ?? []) screen.print(`  ${line}`)
  for (const { atMs, by, status, why } of standing.operation.history)
    screen.print(`${new Date(atMs).toISOString()}  ${status}  ${by}${why === "" ? "" : `: ${why}`}`)
}, operatorError)

/** What can be asked of an operation. */
export type OperationWish = "Approve" | "Pause" | "Resume"

/** An operation by its id or a table; where it is not named, the only one that is under way. */
interface Named {
  readonly operation: Option.Option<string>
}

/** Which operation is meant. Fails where that cannot be said. */
const meant = Effect.fnUntraced(function* (options: ConnectionOptions & Named) {
  if (Option.isSome(options.operation)) return options.operation.value
  const live = yield* connected(options, (operator) => Operator.operations(operator))
  const [only] = live
  if (only !== undefined && live.length === 1) return only.operation.id
  const these = live.map(({ operation: { id, kind, table } }) => `${id} (${kind}${table === null ? "" : ` ${table}`})`)
  return yield* badInput(
    live.length === 0
      ? "no operation is under way; see: shardwright operation list"
      : `${live.length} operations are under way: name one of ${these.join(", ")}`,
  )
}, operatorError)

/** `operation approve`, `rebalance pause`, … */
export const operationChange = (tag: OperationWish) =>
  Effect.fnUntraced(function* (options: RequestOptions & Named) {
    yield* ask(options, { _tag: tag, operation: yield* meant(options) })
  })

/** `operation reset` */
export const operationReset = (options: RequestOptions & { readonly operation: string; readonly start: boolean }) =>
  ask(options, { _tag: "Reset", operation: options.operation, start: options.start })

/** `rebalance stop` */
export const operationStop = Effect.fnUntraced(function* (options: RequestOptions & Named & { readonly now: boolean }) {
  yield* ask(options, { _tag: "Stop", operation: yield* meant(options), now: options.now })
})

/** `rebalance start [TABLE…]` */
export const rebalanceStart = (options: RequestOptions & { readonly names: ReadonlyArray<string> }) =>
  ask(options, { _tag: "Rebalance", tables: options.names.length === 0 ? null : [...options.names] })
