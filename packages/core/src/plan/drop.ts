/**
 * Plans the end of a table: its wrappers go first, then its shards and the groups that carried nothing else.
 */
import type { Group, Table } from "../State.ts"
import type { View } from "../View.ts"
import { carries, staysWith, tidySteps } from "./membership.ts"
import { type Plan, type Presence, StepList } from "./Plan.ts"
import { dissolve, isWhole, registeredNodes } from "./records.ts"
import { publishSteps } from "./wrappers.ts"

/** True if no node that is there shows a wrapper of the table, as far as nodes have confirmed. */
const isHidden = (view: View, presence: Presence, table: Table): boolean =>
  table.wrapper.version > 0 &&
  table.wrapper.mirrors === null &&
  registeredNodes(view).every(
    (node) =>
      presence.away.has(node) || (view.wrappers.get(node)?.record.versions[table.name] ?? 0) >= table.wrapper.version,
  )

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
  const stays = staysWith(view, new Map([...view.groups].map(([name, { record }]) => [name, record])))
  for (const group of ended) {
    const left = tidySteps(list, view, group, presence, confirmed, stays)
    if (left.length === 0) continue
    groups.set(group.name, { ...group, operation })
    ends.push(...left)
  }
  const alone = [...ends]
  for (const stored of view.groups.values()) {
    const group = stored.record
    const dropped = group.shards.filter((shard) => shard.table === table.name)
    if (group.status === "dissolved" || dropped.length === 0) continue
    if (group.operation !== null && group.operation !== operation)
      return `group ${group.name} is held by ${group.operation}`
    if (dropped.length === group.shards.length) {
      const dissolved = dissolve(group, operation)
      groups.set(group.name, dissolved)
      ends.push(...tidySteps(list, view, dissolved, presence, confirmed))
    } else {
      if (!isWhole({ ...group, operation: null }, presence)) {
        pending.push(`group ${group.name} has a member that is missing`)
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
