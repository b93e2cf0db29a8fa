/**
 * How a change of the layout that an operator stopped comes to rest.
 */
import * as Effect from "effect/Effect"
import { planTakeBack } from "../plan/takeBack.ts"
import type { Operation, OperationKind } from "../State.ts"
import type { Stored, View } from "../View.ts"
import { restoreNodes } from "./before.ts"
import { finish } from "./finish.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"
import { beginUndo, freeIndex } from "./undo.ts"

/** What is taken back when somebody stops it. An adoption has its records from the beginning, and moves nothing. */
export const takenBack: ReadonlySet<OperationKind> = new Set<OperationKind>(["rebalance", "set-rf", "split", "replace"])

/** Writes records in which nothing is half done, and the steps that bring the groups to them. */
export const startTakeBack = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const operation = stored.record
  const undoFrom = freeIndex(view.steps.get(operation.id) ?? [])
  const { groups, steps, tables } = planTakeBack(view, context.presence, operation, undoFrom)
  yield* restoreNodes(context, view, operation)
  for (const [name, next] of tables) {
    const table = view.tables.get(name)
    if (table !== undefined) yield* store.compareAndSet(table, next, { term })
  }
  for (const [name, next] of groups) {
    const group = view.groups.get(name)
    const empty = next.status === "dissolved" && next.leaving.length === 0 && next.exiled.length === 0
    if (group !== undefined) yield* store.compareAndSet(group, next, { term, live: !empty })
  }
  if (steps.length === 0) return yield* finish(context, view, stored, "stopped", operation.error ?? "")
  yield* beginUndo(context, stored, undoFrom, steps)
})
