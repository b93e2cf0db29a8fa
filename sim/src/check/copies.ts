/**
 * Where copies of shards are, as the disks and the records show it.
 */
import type { Group, ShardPlacement, Table } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import type { SimulatedCluster, TableView } from "../world/SimulatedCluster.ts"
import type { CheckContext } from "./Checker.ts"

/** A table on the disk of a host. */
export const tableOn = (world: SimulatedCluster, host: string, name: string): TableView | undefined =>
  world.tables(host).find((table) => table.name === name)

/** A shard of a table, by its physical name. */
export interface ShardOfTable {
  readonly table: Table
  readonly placement: ShardPlacement
}

/** All shards that committed layouts list, by physical name. */
export const shardsByPhysical = (view: View): ReadonlyMap<string, ShardOfTable> => {
  const shards = new Map<string, ShardOfTable>()
  for (const { record: table } of view.tables.values()) {
    for (const placement of table.layout) shards.set(placement.physical, { table, placement })
  }
  return shards
}

/** Groups that carry a physical table, temporary ones as well. */
export const groupsOf = (view: View, physical: string): ReadonlyArray<Group> =>
  [...view.groups.values()]
    .map((stored) => stored.record)
    .filter((group) => group.status !== "dissolved" && group.shards.some((shard) => shard.physical === physical))

/** Addresses where a copy of the shard is that counts: by the committed layout, or as a member of a group that carries it. */
export const holders = (view: View, { placement }: ShardOfTable): ReadonlyArray<string> => {
  const addresses = new Set(placement.nodes)
  for (const group of groupsOf(view, placement.physical))
    for (const member of [...group.members, ...group.inSync]) addresses.add(member)
  return [...addresses]
}

/** Copies of a shard on the disks of its holders, by host; without those of one host. */
export const copiesOf = (
  context: CheckContext,
  view: View,
  shard: ShardOfTable,
  exceptHost?: string,
): ReadonlyMap<string, TableView> => {
  const copies = new Map<string, TableView>()
  for (const address of holders(view, shard)) {
    const host = context.hostOf(address)
    if (host === undefined || host === exceptHost) continue
    const table = tableOn(context.world, host, shard.placement.physical)
    if (table !== undefined) copies.set(host, table)
  }
  return copies
}

/** What a statement takes away from its node: the physical tables that are no longer part of their group, or gone. */
export const takenAway = (
  context: CheckContext,
  node: string,
  sql: string,
): { readonly statement: "exit" | "drop"; readonly physicals: ReadonlyArray<string> } | undefined => {
  if (sql.startsWith("DROP TABLE")) {
    const physical = /^DROP TABLE (?:IF EXISTS )?(system\.\w+)/.exec(sql)?.[1]
    return physical === undefined ? undefined : { statement: "drop", physicals: [physical] }
  }
  if (sql.startsWith("EXIT CLUSTER") || sql.startsWith("DELETE CLUSTER")) {
    // Asked only now: nearly every statement that is answered is another one, and each may have changed the view.
    const view = context.state.view()
    const name = sql.split(" ")[2]
    const group = name === undefined ? undefined : view.groups.get(name)?.record
    // Who is the last of a temporary group keeps the copy that was moved, as a plain table.
    return group === undefined || isLast(context, group, node)
      ? undefined
      : {
          statement: "exit",
          physicals: group.shards
            .map((shard) => shard.physical)
            .filter((physical) => !isPlainCopy(context, view, node, physical)),
        }
  }
  return undefined
}

/** True if a temporary group is to have this node as its only member, and no other daemon shows it, be it up or not. */
export const isLast = ({ world, hostOf }: CheckContext, group: Group, node: string): boolean =>
  group.status === "temporary" &&
  group.members.length === 1 &&
  group.members.some((address) => hostOf(address) === node) &&
  world.nodes.every(
    (other) => other.name === node || !world.clusters(other.name).some((cluster) => cluster.name === group.name),
  )

/** A copy of RF 1 is no member of anything in the committed layout: leaving a temporary group takes nothing from it. */
const isPlainCopy = (context: CheckContext, view: View, node: string, physical: string): boolean => {
  for (const { record: table } of view.tables.values()) {
    for (const placement of table.layout) {
      if (placement.physical === physical)
        return placement.group === null && placement.nodes.some((address) => context.hostOf(address) === node)
    }
  }
  return false
}

/** Tables whose copies are meant to stay. */
export const isKept = (table: Table): boolean => table.status === "ready"
