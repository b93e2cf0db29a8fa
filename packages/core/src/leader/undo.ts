/**
 * How a creation that was given up is taken back, step by step.
 */
import * as Effect from "effect/Effect"
import { planUndo, undoLeft } from "../plan/undo.ts"
import { type Group, isOpen, type Operation, type StepRow } from "../State.ts"
import type { Stored, View } from "../View.ts"
import { finish } from "./finish.ts"
import { writeStep } from "./launch.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"
import { cancelOpen } from "./supervise.ts"

/** Plans and writes the undo steps, once nothing of the operation is open any more. */
export const startUndo = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  rows: ReadonlyArray<Stored<StepRow>>,
): Effect.fn.Return<void, LeaderError> {
  const operation = stored.record
  if (!(yield* cancelOpen(context, rows))) return
  const undo = planUndo(rows, view, operation.table ?? "", context.presence)
  if (undo.length === 0) return yield* finish(context, view, stored, "failed", operation.error ?? "")
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
  for (const [offset, planned] of undo.entries()) {
    yield* writeStep(context, operation.id, rows.length + offset, planned, planned.undoes)
  }
  yield* context.store.compareAndSet(stored, { ...operation, steps: rows.length + undo.length }, { term: context.term })
})

/** Ends the operation when its undo steps are over. */
export const superviseUndo = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  rows: ReadonlyArray<Stored<StepRow>>,
): Effect.fn.Return<void, LeaderError> {
  const undo = rows.filter(({ record }) => record.undoes !== null)
  const failure = undo.find(({ record }) => record.status === "failed")
  if (failure !== undefined) {
    return yield* finish(
      context,
      view,
      stored,
      "critical_failure",
      `undo step ${failure.record.index}: ${failure.record.error}`,
    )
  }
  for (const row of undoLeft(rows, view, context.presence)) {
    yield* context.store.compareAndSet(row, { ...row.record, status: "cancelled" }, { term: context.term })
  }
  for (const row of undo) {
    const node = row.record.node
    if (!isOpen(row.record) || node === null || !context.presence.away.has(node)) continue
    // Whoever is away keeps its part until it returns: the groups' records name it.
    yield* context.store.compareAndSet(row, { ...row.record, status: "cancelled" }, { term: context.term })
    return
  }
  if (undo.some(({ record }) => isOpen(record))) return
  yield* finish(context, view, stored, "failed", stored.record.error ?? "")
})
