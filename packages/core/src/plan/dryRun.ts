/**
 * What a wish would lead to, without doing anything: the plan that the leader would make of the same records, what it
 * costs, and why each thing would change.
 */
import type { View } from "../View.ts"
import { costOf, type ShardSize } from "./cost.ts"
import type { Cost, Explanation, Plan } from "./Plan.ts"
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

/** What people are shown of a plan. Sizes of shards are by physical name. */
export const dryRun = (view: View, planned: WishPlan, sizes: ReadonlyMap<string, ShardSize>): DryRun => {
  if (planned._tag !== "Plan") return planned
  const { plan } = planned
  return { _tag: "Plan", plan, cost: costOf(plan, view, sizes), explanation: plan.explanation }
}
