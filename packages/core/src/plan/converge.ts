/**
 * Plans whatever is left to do: groups that are not what their records say, tables that are not what their groups say,
 * and what the placement asks for.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import type { Group, Table } from "../State.ts"
import type { View } from "../View.ts"
import { convergeSteps } from "./membership.ts"
import { type Plan, type Presence, StepList } from "./Plan.ts"
import { rebalanced } from "./rebalance.ts"
import { groupOf, servingMembers, union } from "./records.ts"
import { settleMembers } from "./settle.ts"
import { sameLists, targetMirrors } from "./wrappers.ts"

/** True if a group's records ask for steps that can be done now. */
const needsWork = (group: Group, presence: Presence): boolean => {
  const canLeave = presence.away.size === 0
  if (group.status === "dissolved") return union(group.leaving, group.exiled).some((node) => !presence.away.has(node))
  const joining = servingMembers(group).some((node) => !group.inSync.includes(node) && !presence.away.has(node))
  return joining || (group.leaving.length > 0 && canLeave) || (group.status === "temporary" && canLeave)
}

/** Plans whatever the records and the placement ask for; undefined if nothing is to do or can be done now. */
export const planConverge = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  options: { readonly rebalance: boolean; readonly requested: boolean },
): Plan | undefined => {
  const groups = new Map<string, Group>()
  const changes = new Map<string, Group>()
  for (const [name, { record }] of view.groups) {
    const settled = record.operation === null ? settleMembers(record, presence, view) : record
    groups.set(name, settled)
    if (settled !== record) changes.set(name, settled)
  }
  if (options.rebalance) rebalanced(view, presence, config, operation, groups, changes)
  for (const [name, group] of changes) groups.set(name, group)
  const working = [...groups.values()].filter((group) => group.operation === null && needsWork(group, presence))
  const held = new Set(
    [...view.tables.values()].filter(({ record }) => record.operation !== null).map(({ record }) => record.name),
  )
  const free = working.filter((group) => !group.shards.some((shard) => held.has(shard.table)))
  const list = new StepList()
  const stale = staleTables(
    view,
    presence,
    groups,
    new Set(free.flatMap((group) => group.shards.map(({ table }) => table))),
  )
  convergeSteps(list, view, presence, groups, free, stale)
  const touched = new Map<string, Group>()
  for (const group of free) touched.set(group.name, { ...group, operation })
  // Records whose only change is that a node was given up are written too, but held by nobody.
  for (const [name, group] of changes) {
    if (!touched.has(name) && view.groups.has(name)) touched.set(name, group)
  }
  if (list.steps.length === 0) {
    // Nothing can be done now; members that were given up are written down all the same.
    const given = new Map([...changes].filter(([name]) => view.groups.has(name)))
    if (given.size === 0) return undefined
    const reason = `${given.size} groups gave up members`
    return { kind: "rebalance", table: null, reason, tables: new Map(), groups: given, steps: [] }
  }
  const tables = new Map<string, Table>()
  for (const group of free) {
    for (const { table } of group.shards) {
      const record = view.tables.get(table)?.record
      if (record !== undefined && record.status === "ready") tables.set(table, { ...record, operation })
    }
  }
  for (const table of stale) tables.set(table.name, { ...table, operation })
  const moves = free.filter((group) => group.status !== "dissolved")
  return {
    kind: "rebalance",
    table: null,
    reason: `${options.requested ? "requested: " : ""}${moves.length} groups change, ${free.length - moves.length} end`,
    tables,
    groups: touched,
    steps: list.steps,
  }
}

/**
 * Tables whose groups changed without their layout or wrapper: an operation was given up between the two. Their
 * groups are at rest, so that nothing but the records and wrappers is left to do.
 */
const staleTables = (
  view: View,
  presence: Presence,
  groups: ReadonlyMap<string, Group>,
  working: ReadonlySet<string>,
): ReadonlyArray<Table> =>
  [...view.tables.values()]
    .map(({ record }) => record)
    .filter((table) => {
      if (table.status !== "ready" || table.operation !== null || working.has(table.name)) return false
      if (!sameLists(targetMirrors(table, groups, presence), table.wrapper.mirrors)) return true
      return table.layout.some((placement) => {
        const group = groupOf(groups, table.name, placement.shard)
        if (group === undefined) return false
        const serving = servingMembers(group)
        const settled = serving.every((node) => group.inSync.includes(node))
        return settled && serving.join() !== placement.nodes.join()
      })
    })
