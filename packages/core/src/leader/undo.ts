/**
 * How steps that were done are taken back: the undo steps of a creation that was given up or stopped, and those that
 * `takeBack` has planned for anything else.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Mutations } from "../Mutation.ts"
import { planUndo, type PlannedUndo, undoLeft } from "../plan/undo.ts"
import { type Group, isOpen, type Operation, type StepRow } from "../State.ts"
import type { Stored, View } from "../View.ts"
import { finish } from "./finish.ts"
import { stepRecord, writeSteps } from "./launch.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"
import { cancelOpen, unchangedMs } from "./supervise.ts"

/** Index of the first row that nobody has used: rows of an undo whose leader was lost are passed over. */
export const freeIndex = (rows: ReadonlyArray<Stored<StepRow>>): number =>
  Math.max(-1, ...rows.map(({ record }) => record.index)) + 1

/** Plans and writes the undo steps, once nothing of the operation is open any more. */
export const startUndo = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  rows: ReadonlyArray<Stored<StepRow>>,
): Effect.fn.Return<void, LeaderError> {
  const operation = stored.record
  const planned = rows.filter(({ record }) => record.undoes === null)
  if (!(yield* cancelOpen(context, planned))) return
  if (view.tables.get(operation.table ?? "")?.record.status === "ready") {
    // Its last step was under way when it was given up. The table is in use, and what clients wrote to it stays.
    const status = operation.status === "stopping" ? "stopped" : "completed"
    return yield* finish(context, view, stored, status, "everything was done before it stopped")
  }
  const undoFrom = freeIndex(rows)
  const atHome = (yield* Mutations).has("d05-rollback-at-home")
  const known = atHome
    ? planned.slice(0, 20).filter(({ record }) => (record.node ?? context.node) === context.node)
    : planned
  const undo = planUndo(known, view, operation.table ?? "", context.presence, undoFrom)
  if (undo.length === 0) return yield* finish(context, view, stored, outcomeOf(operation), operation.error ?? "")
  // Groups that the operation formed are over; what away nodes hold of them is tidied when they return.
  for (const name of operation.groups) {
    const group = view.groups.get(name)
    if (group === undefined || group.record.status !== "forming") continue
    const away = group.record.members.filter((node) => context.presence.away.has(node))
    const here = group.record.members.filter((node) => !context.presence.away.has(node))
    const next: Group = {
      ...group.record,
      status: "dissolved",
      members: [],
      inSync: [],
      leaving: here,
      exiled: away,
      epoch: group.record.epoch + 1,
    }
    yield* context.store.compareAndSet(group, next, { term: context.term })
  }
  yield* beginUndo(context, stored, undoFrom, undo)
})

/** Writes undo steps; they are live, all of them at once, by the compare-and-set of the operation that ends this. */
export const beginUndo = Effect.fnUntraced(function* (
  context: LeaderContext,
  stored: Stored<Operation>,
  undoFrom: number,
  undo: ReadonlyArray<PlannedUndo>,
): Effect.fn.Return<void, LeaderError> {
  const operation = stored.record
  const rows = undo.map((planned, offset) => stepRecord(operation.id, undoFrom + offset, planned, planned.undoes))
  if (!(yield* writeSteps(context, rows))) return
  const next: Operation = { ...operation, undoing: true, undoFrom }
  yield* context.store.compareAndSet(stored, next, { term: context.term })
})

/** What an operation has become when everything is taken back. */
const outcomeOf = (operation: Operation) => (operation.status === "stopping" ? "stopped" : "failed")

/** Ends the operation when its undo steps are over. */
export const superviseUndo = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  rows: ReadonlyArray<Stored<StepRow>>,
): Effect.fn.Return<void, LeaderError> {
  const operation = stored.record
  const from = operation.undoFrom ?? 0
  const undo = rows.filter(({ record }) => record.undoes !== null && record.index >= from)
  const failure = undo.find(({ record }) => record.status === "failed")
  if (failure !== undefined) {
    const left = undo
      .filter(({ record }) => record.status !== "done")
      .map(({ record }) => `${record.step._tag} on ${record.node ?? "the leader"}: ${record.error ?? record.status}`)
    const error = `undo step ${failure.record.index}: ${failure.record.error}`
    return yield* finish(context, view, stored, "critical_failure", error, left)
  }
  for (const row of undoLeft(undo, view, context.presence)) {
    yield* context.store.compareAndSet(row, { ...row.record, status: "cancelled" }, { term: context.term })
  }
  for (const row of undo) {
    const node = row.record.node
    if (!isOpen(row.record) || node === null) continue
    // Also of a node that is back: what it has was left to it when the first of its steps was given up.
    const isLeft = undo.some(
      ({ record }) =>
        record.status === "cancelled" && record.node === node && row.record.dependsOn.includes(record.index),
    )
    if (!isLeft && !context.presence.away.has(node)) continue
    // Whoever is away keeps its part until it returns: the groups' records name it.
    yield* context.store.compareAndSet(row, { ...row.record, status: "cancelled" }, { term: context.term })
    return
  }
  if (undo.some(({ record }) => isOpen(record))) {
    if (operation.kind === "create") return
    // What `takeBack` wrote into the groups' records is done by the next plan if it cannot be done now.
    const waitedMs = yield* unchangedMs(context, view, operation, undo)
    if (waitedMs <= Duration.toMillis(context.config.operationTimeout) || (yield* cancelOpen(context, undo))) return
    // Steps that have begun are given up by whoever works on them, once they are none of the undo any more.
    const passed: Operation = { ...operation, undoFrom: freeIndex(rows) }
    yield* context.store.compareAndSet(stored, passed, { term: context.term })
    return
  }
  const passed = rows.filter(({ record }) => record.undoes !== null && record.index < from)
  if (passed.some(({ record }) => record.status === "processing") && !(yield* cancelOpen(context, passed))) return
  yield* finish(context, view, stored, outcomeOf(operation), operation.error ?? "")
})
