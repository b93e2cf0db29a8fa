/**
 * What a plan takes: steps, copies, rows, bytes and the longest chain.
 */
import type { GroupShard } from "../State.ts"
import type { Step } from "../step/Step.ts"
import type { View } from "../View.ts"
import type { Cost, Plan, PlannedStep } from "./Plan.ts"

/** Rows and bytes of one copy of a shard. */
export interface ShardSize {
  readonly rows: number
  readonly bytes: number
}

/** Steps in the longest chain of dependencies. */
export const criticalPath = (steps: ReadonlyArray<PlannedStep>): number => {
  const depths: Array<number> = []
  for (const { dependsOn } of steps) depths.push(1 + Math.max(0, ...dependsOn.map((index) => depths[index] ?? 0)))
  return Math.max(0, ...depths)
}

/** Shards of a group as a plan leaves it, those left out that are made empty. */
const filledShards = (plan: Plan, view: View, name: string): ReadonlyArray<GroupShard> => {
  const group = plan.groups.get(name) ?? view.groups.get(name)?.record
  const moved = plan.steps.flatMap(({ step }) => (step._tag === "MoveShards" && step.to === name ? step.shards : []))
  return [...(group?.shards ?? []), ...moved].filter(({ table }) => view.tables.get(table)?.record.status === "ready")
}

/** Shards whose rows a step copies or reads. */
const shardsOfStep = (plan: Plan, view: View, step: Step): ReadonlyArray<string> => {
  switch (step._tag) {
    case "JoinGroup":
    case "VerifyReplica":
    case "AttachShard":
    case "CompareCopy":
      // What is adopted is there already: its members join nothing.
      return plan.kind === "adopt" ? [] : filledShards(plan, view, step.group).map(({ physical }) => physical)
    default:
      return []
  }
}

/** Shards on whose size it depends how long a plan takes, each once. */
export const weighedShards = (plan: Plan, view: View): ReadonlyArray<string> => [
  ...new Set(plan.steps.flatMap(({ step }) => shardsOfStep(plan, view, step))),
]

/** What a step copies or reads; undefined for one whose time does not depend on it, and where a size is not known. */
export const weightOf = (
  plan: Plan,
  view: View,
  sizes: ReadonlyMap<string, ShardSize>,
  step: Step,
): ShardSize | undefined => {
  const shards = shardsOfStep(plan, view, step)
  return shards.length === 0 ? undefined : total(shards.map((physical) => sizes.get(physical)))
}

const total = (sizes: ReadonlyArray<ShardSize | undefined>): ShardSize | undefined =>
  sizes.reduce<ShardSize | undefined>(
    (sum, size) =>
      sum === undefined || size === undefined
        ? undefined
        : { rows: sum.rows + size.rows, bytes: sum.bytes + size.bytes },
    { rows: 0, bytes: 0 },
  )

/**
 * The cost of a plan. Sizes are by physical name; copies of shards that are made empty cost nothing.
 *
 * @example
 * ```ts
 * import { costOf } from "@shardwright/core/plan/cost"
 * import { makeView } from "@shardwright/core/View"
 *
 * const plan = { kind: "rebalance", table: null, reason: "", tables: new Map(), groups: new Map(), steps: [], explanation: [] } as const
 * costOf(plan, makeView([])) // { steps: 0, replicas: 0, rows: 0, bytes: 0, criticalPath: 0 }
 * ```
 */
export const costOf = (plan: Plan, view: View, sizes: ReadonlyMap<string, ShardSize> = new Map()): Cost => {
  const copied = plan.steps.flatMap(({ step }) => (step._tag === "JoinGroup" ? shardsOfStep(plan, view, step) : []))
  const sum = total(copied.map((physical) => sizes.get(physical)))
  return {
    steps: plan.steps.length,
    replicas: copied.length,
    rows: sum?.rows ?? null,
    bytes: sum?.bytes ?? null,
    criticalPath: criticalPath(plan.steps),
  }
}
