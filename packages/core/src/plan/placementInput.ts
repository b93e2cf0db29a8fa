/**
 * The records as `Placement` takes them.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import { groupName } from "../Identifier.ts"
import type { PlacementNode, PlacementRow, PlacementTable } from "../Placement.ts"
import type { Table } from "../State.ts"
import type { View } from "../View.ts"
import type { Presence } from "./Plan.ts"
import { carriers, groupRecords, servingMembers } from "./records.ts"

/** Nodes that keep what they have and get nothing: those without a runner, and those that flap. */
export const keepers = ({ runnerless, damped }: Presence): ReadonlySet<string> =>
  new Set([...(runnerless ?? []), ...(damped ?? [])])

/** Nodes as the placement sees them. */
export const placementNodes = (
  view: View,
  unusable: ReadonlySet<string>,
  keeping: ReadonlySet<string> = new Set(),
): ReadonlyArray<PlacementNode> =>
  Object.entries(view.registry?.record.nodes ?? {}).map(([name, node]) => ({
    name,
    ...(node.zone === null ? {} : { zone: node.zone }),
    weight: node.weight,
    ...(node.capacity === undefined ? {} : { capacity: node.capacity }),
    state: unusable.has(name)
      ? ("away" as const)
      : keeping.has(name) && node.state === "active"
        ? ("maintenance" as const)
        : node.state,
  }))

/** Names of new groups, by number: of the operation that makes them, so that none comes back (semantics 16). */
export const groupNames = (view: View, { mutations }: Presence, operation: string): ((index: number) => string) => {
  if (mutations?.has("d29-names-come-back") !== true) return (index) => groupName(operation, index)
  const inUse = new Set(groupRecords(view).flatMap(({ name, status }) => (status === "dissolved" ? [] : [name])))
  const free = Array.from({ length: 1000 }, (_, index) => groupName("again", index)).filter((name) => !inUse.has(name))
  return (index) => free[index] ?? groupName(operation, index)
}

/** Bounds that the configuration sets. */
export const placementLimits = (config: EngineConfig) => ({
  groupsPerNode: config.groupsPerNode,
  groupBudget: config.groupBudget,
})

/** True for a table whose creation is taken back, or will be. */
const isTakenBack = (view: View, { operation, status }: Table): boolean => {
  const creation = status === "creating" ? view.operations.get(operation ?? "")?.record : undefined
  return creation !== undefined && (creation.undoing || creation.status === "stopping")
}

/** The layout of all tables as the placement takes it: where their groups are to be, by their records. */
export const layoutInput = (
  view: View,
): { readonly tables: ReadonlyArray<PlacementTable>; readonly layout: ReadonlyArray<PlacementRow> } => {
  const tables: Array<PlacementTable> = []
  const layout: Array<PlacementRow> = []
  const carrier = carriers(groupRecords(view))
  for (const { record: table } of view.tables.values()) {
    // A table that is being made has its place already: what is planned beside it keeps clear of it.
    if ((table.status !== "ready" && table.status !== "creating") || isTakenBack(view, table)) continue
    // A table is taken whole or not at all: a shard that is left out would look like one without any replica.
    if (!table.layout.every(({ group, physical }) => group === null || carrier.has(physical))) continue
    tables.push({
      name: table.name,
      shards: table.shards,
      rf: table.rf,
      ...(table.placement === undefined ? {} : { placement: table.placement }),
    })
    for (const { shard, physical, nodes } of table.layout) {
      const group = carrier.get(physical)
      // A temporary group is on its way to a single copy.
      const name = group === undefined || group.status === "temporary" ? null : group.name
      layout.push({ table: table.name, shard, group: name, nodes: group === undefined ? nodes : servingMembers(group) })
    }
  }
  return { tables, layout }
}
