/**
 * How it is written what an operator wants of a node.
 */
import * as Effect from "effect/Effect"
import type { NodeState } from "../State.ts"
import type { View } from "../View.ts"
import { movesCopies } from "./finish.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"
import type { Answered } from "./requests.ts"

/** Writes what an operator wants of a node. */
export const setNodeState = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  name: string,
  state: NodeState,
): Effect.fn.Return<Answered, LeaderError> {
  const registry = view.registry
  const node = registry?.record.nodes[name]
  if (registry === undefined || node === undefined) {
    return { status: "refused", answer: `node ${name} is not registered` }
  }
  const nodes = { ...registry.record.nodes, [name]: { ...node, state } }
  if (node.state !== state)
    yield* context.store.compareAndSet(registry, { epoch: registry.record.epoch + 1, nodes }, { term: context.term })
  const held = view.finished?.record.operations.find((item) => item.held && movesCopies(item.kind))
  const answer =
    held === undefined ? null : `nothing moves by itself: operation ${held.id} was stopped by an operator; reset it`
  return { status: "done", answer }
})
