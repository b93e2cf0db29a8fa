/**
 * How operations end: with an outcome, or as drafts that never went live.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import {
  type Finished,
  type FinishedOperation,
  Key,
  type Operation,
  type OperationKind,
  type OperationStatus,
  type Request,
} from "../State.ts"
import type { Stored, View } from "../View.ts"
import { restoreCopies, restoreNodes } from "./before.ts"
import { changeStatus, engineOn } from "./changeStatus.ts"
import { type LeaderContext, type LeaderError, say } from "./LeaderContext.ts"

/** Operations that are listed after their end. Those that an operator has stopped are the last to be left out. */
export const finishedMax = 50

/** Operations after whose stop nothing moves for balance by itself: that would be what was stopped, once more. */
export const movesCopies = (kind: OperationKind): boolean => kind === "rebalance" || kind === "replace"

const stepKeys = (view: View, operation: string): ReadonlyArray<string> =>
  (view.steps.get(operation) ?? []).map(({ record }) => Key.step(record.operation, record.index))

/** Takes a draft back that its leader could not make live: its request is open again. */
export const discard = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const operation = stored.record
  yield* restoreCopies(context, view, operation)
  yield* restoreNodes(context, view, operation)
  yield* reopenRequest(context, view, operation)
  yield* store.compareAndSet(stored, { ...operation, error: "never went live" }, { term, live: false })
  yield* say(context, operation, operation.status, "its leader was lost before it went live")
  yield* store.retire(stepKeys(view, operation.id))
})

/** Makes the request of an operation that never ran open again. */
const reopenRequest = Effect.fnUntraced(function* (context: LeaderContext, view: View, operation: Operation) {
  const request = operation.request === null ? undefined : view.requests.get(operation.request)
  if (request?.record.status !== "accepted") return
  const open: Request = { ...request.record, status: "new", operation: null }
  yield* context.store.compareAndSet(request, open, { term: context.term })
})

/** Takes back a draft that awaits approval; `again`: what it was asked for is planned anew. */
export const withdraw = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  { by, why, again }: { readonly by: string; readonly why: string; readonly again: boolean },
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const operation = stored.record
  const request = operation.request === null ? undefined : view.requests.get(operation.request)
  if (again) yield* reopenRequest(context, view, operation)
  else if (request !== undefined) {
    const refused: Request = { ...request.record, status: "refused", answer: `withdrawn by ${by}: ${why}` }
    yield* store.compareAndSet(request, refused, { term, live: false })
  }
  const idle = yield* changeStatus(context, stored, operation, ["idle"], { by, why, live: false })
  yield* say(context, idle, idle.status, why)
  yield* store.retire(stepKeys(view, operation.id))
})

/** Ends an operation: its outcome is written, its locks are released by `releaseLocks`, its rows leave the listing. */
export const finish = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  status: OperationStatus,
  error: string,
  left: ReadonlyArray<string> = [],
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const operation = stored.record
  const request = operation.request === null ? undefined : view.requests.get(operation.request)
  if (operation.kind === "adopt" && status === "stopped" && operation.stop?.asked !== true) {
    // Nothing but another plan of it would retire the tables of the existing orchestrator.
    yield* reopenRequest(context, view, operation)
  } else if (request !== undefined && request.record.status !== "done" && request.record.status !== "refused") {
    const refused = status !== "completed" && operation.kind === "create"
    // A drop that stopped half-way is planned again; its request is answered when the wrapper is gone.
    const next: Request = {
      ...request.record,
      status: refused ? "refused" : "done",
      answer: error !== "" ? error : status === "completed" ? null : status,
    }
    yield* store.compareAndSet(request, next, { term, live: false })
  }
  yield* list(context, view, operation, status)
  const ended = yield* changeStatus(context, stored, operation, [status], {
    why: error === "" ? operation.reason : error,
    patch: { error: error === "" ? operation.error : error, left },
    live: false,
  })
  yield* say(context, ended, status, error)
  context.memory.progress.delete(operation.id)
  yield* store.retire(stepKeys(view, operation.id))
})

/** Enters an operation that ends into the list of those that have. What it completes is not held any more. */
const list = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  operation: Operation,
  status: OperationStatus,
) {
  const entry: FinishedOperation = {
    id: operation.id,
    kind: operation.kind,
    table: operation.table,
    tables: operation.tables,
    status,
    reason: operation.reason,
    atMs: yield* Clock.currentTimeMillis,
    by: operation.history[0]?.by ?? engineOn(context.node),
    held: status === "stopped" && operation.stop?.asked === true,
  }
  const supersedes = (known: FinishedOperation) =>
    status === "completed" &&
    operation.request !== null &&
    (known.kind === operation.kind || (movesCopies(known.kind) && operation.kind === "rebalance")) &&
    known.table === operation.table
  const before = view.finished?.record.operations ?? []
  const known = before
    .filter(({ id }) => id !== operation.id)
    .map((item) => (item.held && supersedes(item) ? { ...item, held: false } : item))
  yield* writeFinished(context, view, [...known, entry])
})

/** Writes the list of operations that have ended, within its bound. */
export const writeFinished = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  operations: ReadonlyArray<FinishedOperation>,
) {
  const { store, term } = context
  const surplus = operations.length - finishedMax
  const dispensable = [...operations.filter(({ held }) => !held), ...operations.filter(({ held }) => held)]
  const dropped = new Set(dispensable.slice(0, Math.max(0, surplus)))
  const next: Finished = { operations: operations.filter((item) => !dropped.has(item)) }
  if (view.finished === undefined) yield* store.create(Key.finished, next, { term })
  else yield* store.compareAndSet(view.finished, next, { term })
})
