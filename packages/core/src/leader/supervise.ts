/**
 * What becomes of operations that are there: they are adopted, stopped when they cannot go on, and ended.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import { Mutations } from "../Mutation.ts"
import { allowanceMs } from "../operation/allowance.ts"
import type { Presence } from "../plan/Plan.ts"
import { splitSides } from "../SplitBrain.ts"
import { isLive, isOpen, type Operation, type StepRow } from "../State.ts"
import { groupOfStep, needsRunner, type Step } from "../step/Step.ts"
import type { Stored, View } from "../View.ts"
import { changeStatus } from "./changeStatus.ts"
import { discard, finish } from "./finish.ts"
import { type LeaderContext, type LeaderError, say } from "./LeaderContext.ts"
import { startTakeBack, takenBack } from "./takeBack.ts"
import { startUndo, superviseUndo } from "./undo.ts"

/** Carries one operation on by what its steps show. */
export const supervise = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
): Effect.fn.Return<void, LeaderError> {
  const operation = stored.record
  // A draft that is seen at the beginning of a look was left by a leader that was lost or could not write on.
  if (operation.status === "idle" || operation.status === "queued") return yield* discard(context, view, stored)
  if (!isLive(operation)) return
  if (operation.term < context.term) {
    yield* context.store.compareAndSet(stored, { ...operation, term: context.term }, { term: context.term })
    return yield* say(context, operation, operation.status, `adopted from term ${operation.term}`)
  }
  const rows = view.steps.get(operation.id) ?? []
  const planned = rows.filter(({ record }) => record.undoes === null)
  if (operation.undoing) {
    return operation.undoFrom === null
      ? yield* startUndo(context, view, stored, rows)
      : yield* superviseUndo(context, view, stored, rows)
  }
  if (operation.status === "stopping") return yield* superviseStop(context, view, stored, planned)
  // Steps that had begun may end while it is paused; what follows from that waits.
  if (operation.status === "paused") return
  const failure = planned.find(({ record }) => record.status === "failed")
  if (failure !== undefined) return yield* giveUp(context, view, stored, failure.record.error ?? "a step failed")
  const mutations = yield* Mutations
  const needed = mutations.has("d20-last-step-forgotten") ? planned.slice(0, -1) : planned
  if (planned.length === operation.steps && needed.every(({ record }) => record.status === "done")) {
    return yield* finish(context, view, stored, "completed", "")
  }
  const stalled = yield* stallReason(context, view, operation, planned)
  if (stalled !== undefined) yield* giveUp(context, view, stored, stalled)
})

/** How far the copy of a step that joins has come, as its node shows it. */
const transferOf = (view: View, { node, step }: StepRow): string =>
  (step._tag === "JoinGroup" && view.observations.get(node ?? "")?.record.groups[step.group]?.transfer) || ""

/** For how long the steps of an operation have not changed, and no copy for them has moved, in milliseconds. */
export const unchangedMs = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  operation: Operation,
  rows: ReadonlyArray<Stored<StepRow>>,
) {
  const nowMs = yield* monotonicMs
  const mark = `${operation.status}${rows.map(({ record }) => `${record.status[0]}${transferOf(view, record)}`).join("")}`
  const known = context.memory.progress.get(operation.id)
  if (known?.mark === mark) return nowMs - known.sinceMs
  context.memory.progress.set(operation.id, { mark, sinceMs: nowMs })
  return 0
})

/** How long nothing may change before an operation is given up: longer while something large is copied or compared. */
const patienceMs = ({ config }: LeaderContext, rows: ReadonlyArray<Stored<StepRow>>): number => {
  const allowances = rows.map(({ record }) => (record.status === "processing" ? allowanceMs(record, config) : 0))
  return Duration.toMillis(config.operationTimeout) + Math.max(0, ...allowances)
}

/** True if a node can do nothing for a step now, and nobody can do it for the node. */
const isUnable = ({ away, runnerless }: Presence, node: string, step: Step): boolean =>
  away.has(node) || (runnerless?.has(node) === true && needsRunner(step))

const isSplit = ({ presence }: LeaderContext, view: View, step: Step): boolean => {
  const group = view.groups.get(groupOfStep(step) ?? "")?.record
  return group !== undefined && splitSides(view, group, presence.away).length > 0 && group.estranged === undefined
}

/** Why an operation cannot go on, or undefined. Nodes that are merely away have some seconds to return. */
const stallReason = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  operation: Operation,
  rows: ReadonlyArray<Stored<StepRow>>,
) {
  const waitedMs = yield* unchangedMs(context, view, operation, rows)
  const waiting = rows.find(
    ({ record }) => isOpen(record) && record.node !== null && isUnable(context.presence, record.node, record.step),
  )
  if (waiting !== undefined && waitedMs > Duration.toMillis(context.config.stepPatience)) {
    return `${waiting.record.node}, which has to do step ${waiting.record.index}, is away`
  }
  const split = rows.find(({ record }) => isOpen(record) && isSplit(context, view, record.step))
  if (split !== undefined && waitedMs > Duration.toMillis(context.config.stepPatience)) {
    return `the group of step ${split.record.index} has become two`
  }
  const processing =
    rows.find(({ record }) => record.status === "processing" && record.waiting) ??
    rows.find(({ record }) => record.status === "processing")
  const waits = processing?.record.waiting
  return waitedMs > patienceMs(context, rows)
    ? `no progress in step ${processing?.record.index ?? "?"}: ${waits ? `${waits.code}: ${waits.detail}` : "no answer"}`
    : undefined
})

/** A creation is undone; anything else stops where it is, and its records say what is left to do. */
const giveUp = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  error: string,
) {
  const operation = stored.record
  if (operation.kind === "create") {
    if ((yield* Mutations).has("d15-no-rollback")) return yield* finish(context, view, stored, "failed", error)
    const undoing: Operation = { ...operation, undoing: true, error }
    yield* context.store.compareAndSet(stored, undoing, { term: context.term })
    return yield* say(context, undoing, "rolling-back", error)
  }
  const stop = { now: true, asked: false }
  const stopping = yield* changeStatus(context, stored, operation, ["stopping"], { why: error, patch: { stop, error } })
  yield* say(context, stopping, stopping.status, error)
})

/**
 * Cancels what has not begun, and what a node had begun that is away. Answers true when nothing is open any more. What
 * has begun elsewhere is ended by whoever works on it.
 */
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
  const operation = stored.record
  if (!(yield* cancelOpen(context, rows))) {
    const waitedMs = yield* unchangedMs(context, view, operation, rows)
    if (operation.stop?.now === true || waitedMs <= patienceMs(context, rows)) return
    // A step that has begun and does not end is not waited for for ever.
    const stop = { now: true, asked: operation.stop?.asked === true }
    yield* context.store.compareAndSet(stored, { ...operation, stop }, { term: context.term })
    return
  }
  if (operation.kind === "create") {
    yield* context.store.compareAndSet(stored, { ...operation, undoing: true }, { term: context.term })
    return yield* say(context, operation, "rolling-back", operation.error ?? "stopped")
  }
  if (takenBack.has(operation.kind) && operation.stop?.asked === true) {
    return yield* startTakeBack(context, view, stored)
  }
  yield* finish(context, view, stored, "stopped", operation.error ?? "")
})
