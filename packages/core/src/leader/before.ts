/**
 * How what a wish has changed beside groups becomes what it was, when the wish is not carried out.
 */
import * as Effect from "effect/Effect"
import { isOver } from "../plan/release.ts"
import { undrafted } from "../plan/takeBack.ts"
import type { Operation, Registry } from "../State.ts"
import type { View } from "../View.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"

/** Nodes that were to be emptied are what they were. */
export const restoreNodes = Effect.fnUntraced(function* (
  { store, term }: LeaderContext,
  { registry }: View,
  { before }: Operation,
): Effect.fn.Return<void, LeaderError> {
  if (registry === undefined) return
  const nodes: Record<string, Registry["nodes"][string]> = { ...registry.record.nodes }
  for (const [name, state] of Object.entries(before?.nodes ?? {})) {
    const node = nodes[name]
    if (node?.state === "draining" && state !== "draining") nodes[name] = { ...node, state }
  }
  const isSame = Object.entries(nodes).every(([name, node]) => registry.record.nodes[name] === node)
  if (!isSame) yield* store.compareAndSet(registry, { epoch: registry.record.epoch + 1, nodes }, { term })
})

/** What a draft that never went live has written into tables and groups to change their copies is as it was. */
export const restoreCopies = Effect.fnUntraced(function* (
  { store, term }: LeaderContext,
  view: View,
  { before, groups, id }: Operation,
): Effect.fn.Return<void, LeaderError> {
  for (const name of groups) {
    const group = view.groups.get(name)
    const rf = before?.rf[group?.record.shards[0]?.table ?? ""]
    if (group === undefined || group.record.operation !== id || rf === undefined) continue
    const next = undrafted(view, group.record, rf)
    yield* store.compareAndSet(group, next, { term, live: !isOver(next) })
  }
  for (const [name, rf] of Object.entries(before?.rf ?? {})) {
    const table = view.tables.get(name)
    if (table === undefined || table.record.operation !== id || table.record.rf === rf) continue
    yield* store.compareAndSet(table, { ...table.record, rf }, { term })
  }
})
