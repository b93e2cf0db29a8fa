/**
 * What becomes of operations that are there: they are adopted, stopped when they cannot go on, and ended.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { isLive, isOpen, type Operation, type StepRow } from "../State.ts"
import type { Stored, View } from "../View.ts"
import { discard, finish } from "./finish.ts"
import { type LeaderContext, type LeaderError, say } from "./LeaderContext.ts"
import { startUndo, superviseUndo } from "./undo.ts"

/** Carries one operation on by what its steps show. */
export const supervise = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
): Effect.fn.Return<void, LeaderError> {
  const operation = stored.record
  if (operation.status === "queued") {
    // A draft that is seen at the beginning of a look was left by a leader that was lost or could not write on.
    return yield* discard(context, view, stored)
  }
  if (!isLive(operation)) return
  if (operation.term < context.term) {
    yield* context.store.compareAndSet(stored, { ...operation, term: context.term }, { term: context.term })
    return yield* say(context, operation, operation.status, `adopted from term ${operation.term}`)
  }
  const rows = view.steps.get(operation.id) ?? []
  const begunUndo = rows.some(({ record }) => record.undoes !== null)
  if (operation.undoing) {
    return begunUndo ? yield* superviseUndo(context, view, stored, rows) : yield* startUndo(context, view, stored, rows)
  }
  if (operation.status === "stopping") return yield* superviseStop(context, view, stored, rows)
  const failure = rows.find(({ record }) => record.status === "failed")
  if (failure !== undefined) return yield* giveUp(context, stored, failure.record.error ?? "a step failed")
  if (rows.length === operation.steps && rows.every(({ record }) => record.status === "done")) {
    return yield* finish(context, view, stored, "completed", "")
  }
  const stalled = yield* stallReason(context, operation, rows)
  if (stalled !== undefined) yield* giveUp(context, stored, stalled)
})

/** Why an operation cannot go on, or undefined. Nodes that are merely away have some seconds to return. */
const stallReason = Effect.fnUntraced(function* (
  context: LeaderContext,
  operation: Operation,
  rows: ReadonlyArray<Stored<StepRow>>,
) {
  const nowMs = yield* Clock.currentTimeMillis
  const mark = rows.map(({ record }) => record.status[0]).join("")
  const known = context.memory.progress.get(operation.id)
  if (known === undefined || known.mark !== mark) {
    context.memory.progress.set(operation.id, { mark, sinceMs: nowMs })
    return undefined
  }
  const waitedMs = nowMs - known.sinceMs
  const waiting = rows.find(
    ({ record }) => isOpen(record) && record.node !== null && context.presence.away.has(record.node),
  )
  if (waiting !== undefined && waitedMs > Duration.toMillis(context.config.stepPatience)) {
    return `${waiting.record.node}, which has to do step ${waiting.record.index}, is away`
  }
  const processing = rows.find(({ record }) => record.status === "processing")
  return waitedMs > Duration.toMillis(context.config.operationTimeout)
    ? `no progress in step ${processing?.record.index ?? "?"}: ${processing?.record.error ?? "unknown"}`
    : undefined
})

/** A creation is undone; anything else stops where it is, and its records say what is left to do. */
const giveUp = Effect.fnUntraced(function* (context: LeaderContext, stored: Stored<Operation>, error: string) {
  const undoing = stored.record.kind === "create"
  const next: Operation = { ...stored.record, status: "stopping", undoing, error }
  yield* context.store.compareAndSet(stored, next, { term: context.term })
  yield* say(context, next, undoing ? "rolling-back" : "stopping", error)
})

/** Cancels what has not begun, and what a node had begun that is away. Answers true when nothing is open any more. */
export const cancelOpen = Effect.fnUntraced(function* (context: LeaderContext, rows: ReadonlyArray<Stored<StepRow>>) {
  let open = 0
  for (const stored of rows) {
    const row = stored.record
    if (!isOpen(row)) continue
    const abandoned = row.node !== null && context.presence.away.has(row.node)
    if (row.status === "pending" || abandoned) {
      yield* context.store.compareAndSet(stored, { ...row, status: "cancelled" }, { term: context.term })
    } else open++
  }
  return open === 0
})

const superviseStop = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  rows: ReadonlyArray<Stored<StepRow>>,
) {
  if (yield* cancelOpen(context, rows)) yield* finish(context, view, stored, "stopped", stored.record.error ?? "")
})
