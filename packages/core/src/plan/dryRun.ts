/**
 * What a wish would lead to, without doing anything: the plan that the leader would make of the same records, what it
 * costs, and why each thing would change.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import type { View } from "../View.ts"
import { costOf, type ShardSize } from "./cost.ts"
import type { Cost, Explanation, Plan, Presence } from "./Plan.ts"
import { planWish, type PlannedWish } from "./planWish.ts"

/** Wishes whose plans follow from the records alone; an adoption looks at daemons first. */
export type TriedWish = Exclude<PlannedWish, { readonly _tag: "Adopt" }>

/** What would come of a wish. */
export type DryRun =
  | {
      readonly _tag: "Plan"
      readonly plan: Plan
      readonly cost: Cost
      readonly explanation: ReadonlyArray<Explanation>
    }
  /** There is no plan: it would be refused, would wait, or nothing is to do. */
  | { readonly _tag: "Refused" | "Waits" | "Nothing"; readonly reason: string }

/** Plans a wish and writes nothing. */
export const dryRun = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  wish: TriedWish,
  sizes?: ReadonlyMap<string, ShardSize>,
): DryRun => {
  const planned = planWish(view, presence, config, "dry_run", wish)
  if (planned._tag !== "Plan") return planned
  const { plan } = planned
  return { _tag: "Plan", plan, cost: costOf(plan, view, sizes), explanation: plan.explanation }
}
