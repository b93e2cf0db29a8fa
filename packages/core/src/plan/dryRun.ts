/**
 * What a wish would lead to, without doing anything: the plan that the leader would make of the same records, what it
 * costs, and why each thing would change.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import type { Wish } from "../State.ts"
import type { View } from "../View.ts"
import { planConverge } from "./converge.ts"
import { costOf, type ShardSize } from "./cost.ts"
import type { Cost, Explanation, Plan, Presence } from "./Plan.ts"
import type { WishPlan } from "./planWish.ts"

/** What would come of a wish. */
export type DryRun =
  | {
      readonly _tag: "Plan"
      readonly plan: Plan
      readonly cost: Cost
      readonly explanation: ReadonlyArray<Explanation>
    }
  /** There is no plan: it would be refused, would wait, or nothing is to do. */
  | Exclude<WishPlan, { readonly _tag: "Plan" }>

/** What is wanted of a node. */
export type NodeWish = Extract<Wish, { readonly _tag: "SetNodeState" }>

/** What would move once it was wanted of a node: the wish itself is done at once, and moves follow by themselves. */
export const planNodeState = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  { node, state }: NodeWish,
): WishPlan => {
  const { registry } = view
  const known = registry?.record.nodes[node]
  if (registry === undefined || known === undefined)
    return { _tag: "Refused", reason: `node ${node} is not registered` }
  const nodes = { ...registry.record.nodes, [node]: { ...known, state } }
  const changed: View = { ...view, registry: { ...registry, record: { ...registry.record, nodes } } }
  const plan = planConverge(changed, presence, config, operation, { rebalance: true, requested: false })
  return plan === undefined
    ? { _tag: "Nothing", reason: `${node} would be ${state}, and nothing would move` }
    : { _tag: "Plan", plan: { ...plan, reason: `${node} would be ${state}; then ${plan.reason}` } }
}

/** What people are shown of a plan. Sizes of shards are by physical name. */
export const dryRun = (view: View, planned: WishPlan, sizes: ReadonlyMap<string, ShardSize>): DryRun => {
  if (planned._tag !== "Plan") return planned
  const { plan } = planned
  return { _tag: "Plan", plan, cost: costOf(plan, view, sizes), explanation: plan.explanation }
}
