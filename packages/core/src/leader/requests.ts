/**
 * How wishes from outside are answered.
 */
import * as Effect from "effect/Effect"
import { planConverge } from "../plan/converge.ts"
import { planCreate } from "../plan/create.ts"
import { planDrop } from "../plan/drop.ts"
import { isRefusal, type Plan, type Refusal } from "../plan/Plan.ts"
import { planReplace } from "../plan/replace.ts"
import { planSetRf } from "../plan/setRf.ts"
import { planSplit } from "../plan/split.ts"
import type { NodeState, Request } from "../State.ts"
import { tableWishProblem } from "../TableWish.ts"
import type { Stored, View } from "../View.ts"
import { launch } from "./launch.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"

/** Answers the first wish that can be answered now. True if the look ends with it. */
export const answerRequest = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError> {
  for (const stored of view.requests.values()) {
    if (stored.record.status === "accepted" && !view.operations.has(stored.record.operation ?? "")) {
      yield* close(context, stored, "done", null)
      return true
    }
    if (stored.record.status !== "new") continue
    if (yield* answer(context, view, stored)) return true
  }
  return false
})

const close = (context: LeaderContext, stored: Stored<Request>, status: "done" | "refused", text: string | null) =>
  context.store.compareAndSet(stored, { ...stored.record, status, answer: text }, { term: context.term, live: false })

/** Launches what was planned for a wish, refuses the wish, or leaves it for later. True if the look ends with it. */
const begin = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Request>,
  id: string,
  plan: Plan | Refusal,
): Effect.fn.Return<boolean, LeaderError> {
  if (!isRefusal(plan)) yield* launch(context, view, id, plan, stored)
  else if (plan.final) yield* close(context, stored, "refused", plan.reason)
  else return false
  return true
})

/** Writes what an operator wants of a node. False if it is not registered. */
const setNodeState = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  name: string,
  state: NodeState,
): Effect.fn.Return<boolean, LeaderError> {
  const registry = view.registry
  const node = registry?.record.nodes[name]
  if (registry === undefined || node === undefined) return false
  if (node.state === state) return true
  const nodes = { ...registry.record.nodes, [name]: { ...node, state } }
  yield* context.store.compareAndSet(registry, { epoch: registry.record.epoch + 1, nodes }, { term: context.term })
  return true
})

/** True if the look ends with it: an operation began or the request was closed. */
const answer = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Request>,
): Effect.fn.Return<boolean, LeaderError> {
  const wish = stored.record.wish
  const id = context.memory.nextOperation(context.term)
  switch (wish._tag) {
    case "CreateTable": {
      const existing = view.tables.get(wish.table)?.record
      // What is left of a creation that failed goes first: it would look like shards of the new table.
      if (existing?.status === "failed") return false
      const problem =
        tableWishProblem(wish) ??
        (existing !== undefined && existing.status !== "dropped"
          ? `table '${wish.table}' exists already (${existing.status})`
          : undefined)
      const plan = problem ?? planCreate(view, context.presence, context.config, id, wish)
      if (typeof plan === "string") yield* close(context, stored, "refused", plan)
      else yield* launch(context, view, id, plan, stored)
      return true
    }
    case "DropTable": {
      const table = view.tables.get(wish.table)?.record
      if (table === undefined || table.status === "dropped") {
        yield* close(context, stored, "refused", `there is no sharded table '${wish.table}'`)
        return true
      }
      const plan = planDrop(view, context.presence, id, table)
      if (typeof plan === "string") return false
      yield* launch(context, view, id, plan, stored)
      return true
    }
    case "Rebalance": {
      const plan = planConverge(view, context.presence, context.config, id, { rebalance: true, requested: true })
      if (plan === undefined) yield* close(context, stored, "done", "nothing to do")
      else yield* launch(context, view, id, plan, stored)
      return true
    }
    case "SetNodeState": {
      if (!(yield* setNodeState(context, view, wish.node, wish.state))) {
        yield* close(context, stored, "refused", `node ${wish.node} is not registered`)
        return true
      }
      yield* close(context, stored, "done", null)
      return true
    }
    case "SetRf":
      return yield* begin(context, view, stored, id, planSetRf(view, context.presence, context.config, id, wish))
    case "SplitGroup":
      return yield* begin(context, view, stored, id, planSplit(view, context.presence, context.config, id, wish))
    case "ReplaceNode": {
      const plan = planReplace(view, context.presence, context.config, id, wish)
      // What it has goes away for good: nothing new may come to it.
      if (!isRefusal(plan)) yield* setNodeState(context, view, wish.old, "draining")
      return yield* begin(context, view, stored, id, plan)
    }
  }
})
