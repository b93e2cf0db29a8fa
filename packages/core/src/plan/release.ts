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

/** True if a table is in use that the group was formed for: only the last step, which says so in its record, is missing. */
const isInUse = (view: View, group: Group): boolean =>
  group.shards.some(({ physical, table }) => {
    const record = view.tables.get(table)?.record
    const placement = record?.layout.find((item) => item.physical === physical)
    return record?.status === "ready" && placement?.group === group.name
  })

/** A group that nobody holds any more: one that was still being formed ends, unless its table is in use already. */
export const releasedGroup = (view: View, group: Group): Group => {
  if (group.status === "forming" && !isInUse(view, group)) return dissolve(group, null)
  const status = group.status === "forming" ? "live" : group.status
  return { ...group, status, shards: group.shards.filter((shard) => isCarried(view, group, shard)), operation: null }
}

/** True for the record of a group that nobody can need any more. */
export const isOver = (group: Group): boolean =>
  group.status === "dissolved" && group.leaving.length === 0 && group.exiled.length === 0
