/**
 * How operations end: with an outcome, or as drafts that never went live.
 */
import * as Effect from "effect/Effect"
import { Key, type Operation, type OperationStatus, type Request } from "../State.ts"
import type { Stored, View } from "../View.ts"
import { type LeaderContext, type LeaderError, say } from "./LeaderContext.ts"

/** Takes a draft back: it never went live, so its request is open again. */
export const discard = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const request = stored.record.request === null ? undefined : view.requests.get(stored.record.request)
  if (request?.record.status === "accepted") {
    yield* store.compareAndSet(request, { ...request.record, status: "new", operation: null }, { term })
  }
  yield* store.compareAndSet(
    stored,
    { ...stored.record, status: "failed", error: "never went live" },
    { term, live: false },
  )
  yield* say(context, stored.record, "failed", "its leader was lost before it went live")
  const rows = view.steps.get(stored.record.id) ?? []
  yield* store.retire(rows.map(({ record }) => Key.step(record.operation, record.index)))
})

/** Ends an operation: its outcome is written, its locks are released by `releaseLocks`, its rows leave the listing. */
export const finish = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  status: OperationStatus,
  error: string,
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const operation = stored.record
  const request = operation.request === null ? undefined : view.requests.get(operation.request)
  if (request !== undefined && request.record.status !== "done" && request.record.status !== "refused") {
    const refused = status !== "completed" && operation.kind === "create"
    // A drop that stopped half-way is planned again; its request is answered when the wrapper is gone.
    const next: Request = {
      ...request.record,
      status: refused ? "refused" : "done",
      answer: error === "" ? null : error,
    }
    yield* store.compareAndSet(request, next, { term, live: false })
  }
  yield* store.compareAndSet(
    stored,
    { ...operation, status, error: error === "" ? operation.error : error },
    { term, live: false },
  )
  yield* say(context, operation, status, error)
  context.memory.progress.delete(operation.id)
  const rows = view.steps.get(operation.id) ?? []
  yield* store.retire(rows.map(({ record }) => Key.step(record.operation, record.index)))
})
