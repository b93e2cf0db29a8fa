/**
 * The records as `Placement` takes them.
 */
import type { View } from "../View.ts"
import { servingMembers } from "./records.ts"

/** Nodes as the placement sees them. */
export const placementNodes = (view: View, unusable: ReadonlySet<string>) =>
  Object.entries(view.registry?.record.nodes ?? {}).map(([name, node]) => ({
    name,
    ...(node.zone === null ? {} : { zone: node.zone }),
    weight: node.weight,
    state: unusable.has(name)
      ? ("away" as const)
      : node.state === "active"
        ? ("active" as const)
        : ("draining" as const),
  }))

/** The layout of all tables as the placement takes it. */
export const layoutInput = (view: View) => {
  const tables: Array<{ name: string; shards: number; rf: number }> = []
  const layout: Array<{ table: string; shard: number; group: string | null; nodes: ReadonlyArray<string> }> = []
  for (const { record: table } of view.tables.values()) {
    if (table.status !== "ready") continue
    // A table is taken whole or not at all: a shard that is left out would look like one without any replica.
    if (!table.layout.every(({ group }) => group === null || view.groups.has(group))) continue
    tables.push({ name: table.name, shards: table.shards, rf: table.rf })
    for (const shard of table.layout) {
      const group = shard.group === null ? undefined : view.groups.get(shard.group)?.record
      const nodes = group === undefined ? shard.nodes : servingMembers(group)
      layout.push({ table: table.name, shard: shard.shard, group: shard.group, nodes })
    }
  }
  return { tables, layout }
}
