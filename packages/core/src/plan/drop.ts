/**
 * Plans the end of a table: its wrappers go first, then its shards and the groups that carried nothing else.
 */
import type { Group, Table } from "../State.ts"
import type { View } from "../View.ts"
import { carries, staysWith, tidySteps } from "./membership.ts"
import { type Plan, type Presence, StepList } from "./Plan.ts"
import { dissolve, isBeginning, isWhole, registeredNodes } from "./records.ts"
import { publishSteps } from "./wrappers.ts"

/** True if no node that is there shows a wrapper of the table, as far as nodes have confirmed. */
const isHidden = (view: View, presence: Presence, table: Table): boolean =>
  table.wrapper.version > 0 &&
  table.wrapper.mirrors === null &&
  registeredNodes(view).every(
    (node) =>
      presence.away.has(node) || (view.wrappers.get(node)?.record.versions[table.name] ?? 0) >= table.wrapper.version,
  )

/** The groups as they are on the daemons: what a split has not attached to its new group yet is in the old one still. */
const asAttached = (view: View, table: string): ReadonlyMap<string, Group> => {
  const groups = new Map([...view.groups].map(([name, { record }]) => [name, record]))
  for (const group of [...groups.values()]) {
    const from = groups.get(group.origin?.group ?? "")
    if (from?.status !== "live" || !isBeginning(group) || !carries(group, table)) continue
    const isDropped = (shard: Group["shards"][number]) => shard.table === table
    groups.set(from.name, { ...from, shards: [...from.shards, ...group.shards.filter(isDropped)] })
    groups.set(group.name, { ...group, shards: group.shards.filter((shard) => !isDropped(shard)) })
  }
  return groups
}

/**
 * Plans the end of a table, as far as it can come now, or answers why nothing can be done. The wrappers always go. From a
 * group of which a member is missing nothing is detached (safety rule 13): its record keeps the shards, the table stays
 * `dropping`, and a later plan does the rest. So does what a node holds that is away.
 */
export const planDrop = (view: View, presence: Presence, operation: string, table: Table): Plan | string => {
  const list = new StepList()
  const groups = new Map<string, Group>()
  const swaps = publishSteps(list, view, presence, table.name, null, [])
  const confirmed = list.add(null, { _tag: "ConfirmWrappers", tables: [table.name], all: false }, swaps)
  const ends: Array<number> = [confirmed]
  const pending: Array<string> = []
  // Copies leave the groups that have ended before they are dropped alone: nobody else could begin that beside this.
  const ended = [...view.groups.values()].flatMap(({ record }) =>
    record.status === "dissolved" && record.operation === null && carries(record, table.name) ? [record] : [],
  )
  const records = asAttached(view, table.name)
  const stays = staysWith(view, records)
  for (const group of ended) {
    const left = tidySteps(list, view, group, presence, confirmed, stays)
    if (left.length === 0) continue
    groups.set(group.name, { ...group, operation })
    ends.push(...left)
  }
  const alone = [...ends]
  for (const group of records.values()) {
    const dropped = group.shards.filter((shard) => shard.table === table.name)
    const isGivenBack = dropped.length === 0 && view.groups.get(group.name)?.record !== group
    if (group.status === "dissolved" || (dropped.length === 0 && !isGivenBack)) continue
    if (group.operation !== null && group.operation !== operation)
      return `group ${group.name} is held by ${group.operation}`
    if (isGivenBack && group.shards.length > 0) {
      groups.set(group.name, { ...group, operation })
    } else if (dropped.length === group.shards.length) {
      const dissolved = dissolve(group, operation)
      groups.set(group.name, dissolved)
      ends.push(...tidySteps(list, view, dissolved, presence, confirmed))
    } else {
      if (!isWhole({ ...group, operation: null }, presence)) {
        pending.push(`group ${group.name} has a member that is missing`)
        // What it has been given back is known from its record alone; it is held by nobody.
        if (view.groups.get(group.name)?.record !== group) groups.set(group.name, group)
        continue
      }
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
      if (presence.away.has(node)) {
        pending.push(`node ${node}, which holds the only copy of shard ${shard.shard}, is away`)
        continue
      }
      ends.push(list.add(node, { _tag: "DropShard", group: null, tables: [shard.physical] }, alone))
    }
  }
  const [waitsFor] = pending
  if (waitsFor !== undefined && ends.length === 1 && groups.size === 0 && isHidden(view, presence, table))
    return waitsFor
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
