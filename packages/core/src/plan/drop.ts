/**
 * Plans the end of a table: its wrappers go first, then its shards and the groups that carried nothing else.
 */
import type { Group, Table } from "../State.ts"
import type { View } from "../View.ts"
import { tidySteps } from "./membership.ts"
import { type Plan, type Presence, StepList } from "./Plan.ts"
import { dissolve, isWhole } from "./records.ts"
import { publishSteps } from "./wrappers.ts"

/** Plans the end of a table. What away nodes hold stays in the records of its groups, and is tidied when they return. */
export const planDrop = (view: View, presence: Presence, operation: string, table: Table): Plan | string => {
  const list = new StepList()
  const groups = new Map<string, Group>()
  const swaps = publishSteps(list, view, presence, table.name, null, [])
  const confirmed = list.add(null, { _tag: "ConfirmWrappers", tables: [table.name], all: false }, swaps)
  const ends: Array<number> = [confirmed]
  for (const stored of view.groups.values()) {
    const group = stored.record
    const dropped = group.shards.filter((shard) => shard.table === table.name)
    if (group.status === "dissolved" || dropped.length === 0) continue
    if (group.operation !== null && group.operation !== operation)
      return `group ${group.name} is held by ${group.operation}`
    if (dropped.length === group.shards.length) {
      const dissolved = dissolve(group, operation)
      groups.set(group.name, dissolved)
      ends.push(...tidySteps(list, dissolved, presence, confirmed))
    } else {
      if (!isWhole({ ...group, operation: null }, presence)) return `group ${group.name} has a member that is missing`
      const tables = dropped.map((shard) => shard.physical)
      const [first] = group.members
      const detach = list.add(first ?? null, { _tag: "DetachShard", group: group.name, tables }, [confirmed])
      // The record keeps the shards until every member has dropped them: it is what a later plan knows of them.
      groups.set(group.name, { ...group, operation })
      for (const node of group.members) ends.push(list.add(node, { _tag: "DropShard", group: null, tables }, [detach]))
    }
  }
  for (const shard of table.layout) {
    if (shard.group !== null) continue
    for (const node of shard.nodes) {
      if (presence.away.has(node)) return `node ${node}, which holds the only copy of shard ${shard.shard}, is away`
      ends.push(list.add(node, { _tag: "DropShard", group: null, tables: [shard.physical] }, [confirmed]))
    }
  }
  list.add(null, { _tag: "CommitLayout" }, ends)
  return {
    kind: "drop",
    table: table.name,
    reason: `drop ${table.name}`,
    tables: new Map([[table.name, { ...table, status: "dropping", operation }]]),
    groups,
    steps: list.steps,
    explanation: [
      {
        group: null,
        from: null,
        to: null,
        replicas: table.layout.reduce((sum, { nodes }) => sum + nodes.length, 0),
        reason: `${table.name} is dropped: its wrappers first, then its shards and the groups that carried nothing else`,
      },
    ],
  }
}
