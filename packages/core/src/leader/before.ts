/**
 * How what a wish has changed beside groups becomes what it was, when the wish is not carried out.
 */
import * as Effect from "effect/Effect"
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

/** Tables that a draft has taken, and that never went live, ask for the copies that they asked for. */
export const restoreCopies = Effect.fnUntraced(function* (
  { store, term }: LeaderContext,
  view: View,
  { before, id }: Operation,
): Effect.fn.Return<void, LeaderError> {
  for (const [name, rf] of Object.entries(before?.rf ?? {})) {
    const table = view.tables.get(name)
    if (table === undefined || table.record.operation !== id || table.record.rf === rf) continue
    yield* store.compareAndSet(table, { ...table.record, rf }, { term })
  }
})
