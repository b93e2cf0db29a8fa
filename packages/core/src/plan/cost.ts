/**
 * What a plan takes: steps, copies, rows, bytes and the longest chain.
 */
import type { GroupShard } from "../State.ts"
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
export const costOf = (plan: Plan, view: View, sizes?: ReadonlyMap<string, ShardSize>): Cost => {
  const shardsOf = (name: string): ReadonlyArray<GroupShard> => {
    const group = plan.groups.get(name) ?? view.groups.get(name)?.record
    const moved = plan.steps.flatMap(({ step }) => (step._tag === "MoveShards" && step.to === name ? step.shards : []))
    return [...(group?.shards ?? []), ...moved]
  }
  // What is adopted is there already: its members join nothing.
  const copied = plan.steps.flatMap(({ step }) =>
    step._tag === "JoinGroup" && plan.kind !== "adopt"
      ? shardsOf(step.group).filter(({ table }) => view.tables.get(table)?.record.status === "ready")
      : [],
  )
  const known = copied.map(({ physical }) => sizes?.get(physical))
  const sum = (part: (size: ShardSize) => number): number | null =>
    known.reduce<number | null>((total, size) => (total === null || size === undefined ? null : total + part(size)), 0)
  return {
    steps: plan.steps.length,
    replicas: copied.length,
    rows: sum((size) => size.rows),
    bytes: sum((size) => size.bytes),
    criticalPath: criticalPath(plan.steps),
  }
}
