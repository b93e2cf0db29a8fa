/**
 * What becomes of tables and groups whose operation is over, however it ended.
 */
import type { Group, GroupShard, Table } from "../State.ts"
import type { View } from "../View.ts"
import { dissolve, groupOf, groupRecords } from "./records.ts"

/** False for shards that a draft entered into a group, and that no table knows to be there. */
const isCarried = (view: View, group: Group, shard: GroupShard): boolean => {
  if (group.status !== "live") return true
  const placement = view.tables.get(shard.table)?.record.layout.find((item) => item.physical === shard.physical)
  if (placement === undefined) return false
  // A group that took a shard over has it before the layout says so.
  return placement.group === group.name || groupOf(groupRecords(view), shard.table, shard.shard)?.name === group.name
}

/** A table that nobody holds any more: one that was still being made has failed, and is dropped later. */
export const releasedTable = (table: Table): Table => ({
  ...table,
  operation: null,
  status: table.status === "creating" ? "failed" : table.status,
})

/** A group that nobody holds any more: one that was still being formed ends. */
export const releasedGroup = (view: View, group: Group): Group =>
  group.status === "forming"
    ? dissolve(group, null)
    : { ...group, shards: group.shards.filter((shard) => isCarried(view, group, shard)), operation: null }

/** True for the record of a group that nobody can need any more. */
export const isOver = (group: Group): boolean =>
  group.status === "dissolved" && group.leaving.length === 0 && group.exiled.length === 0
