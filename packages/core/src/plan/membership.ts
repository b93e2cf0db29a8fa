/**
 * Steps that bring groups to what their records say: members join and are verified, the wrappers change, members leave.
 */
import { probeTable } from "../Identifier.ts"
import type { Group, Table } from "../State.ts"
import type { View } from "../View.ts"
import type { Presence, StepList } from "./Plan.ts"
import { groupTables, isBeginning, servingMembers, union } from "./records.ts"
import { publishSteps, sameLists, targetMirrors } from "./wrappers.ts"

/** Steps that bring groups to what their records say. */
export const convergeSteps = (
  list: StepList,
  view: View,
  presence: Presence,
  groups: ReadonlyMap<string, Group>,
  working: ReadonlyArray<Group>,
  stale: ReadonlyArray<Table>,
): void => {
  const verified = new Map<string, Array<number>>(stale.map((table) => [table.name, []]))
  const joinedLast = new Map<string, number | undefined>()
  const ends: Array<number> = []
  for (const group of working) {
    if (group.status === "dissolved") {
      ends.push(...tidySteps(list, view, group, presence, undefined, staysWith(view, groups)))
      continue
    }
    const last = joinSteps(list, presence, group)
    joinedLast.set(group.name, last)
    for (const { table } of group.shards) {
      const indices = verified.get(table) ?? []
      if (last !== undefined) indices.push(last)
      verified.set(table, indices)
    }
  }
  const swapped = new Map<string, ReadonlyArray<number>>()
  const names = new Set(working.map(({ name }) => name))
  for (const [name, dependsOn] of verified) {
    const table = view.tables.get(name)?.record
    if (table === undefined || table.status !== "ready") continue
    if ([...groups.values()].some((group) => isStuck(group, presence) && carries(group, name))) continue
    const mirrors = targetMirrors(table, view, groups, presence, names)
    if (sameLists(mirrors, table.wrapper.mirrors)) continue
    const isFirst = presence.mutations?.has("d18-wrappers-dropped-first") === true
    const after = isFirst ? publishSteps(list, view, presence, name, null, dependsOn) : dependsOn
    swapped.set(name, publishSteps(list, view, presence, name, mirrors, after))
  }
  for (const indices of swapped.values()) ends.push(...indices)
  for (const group of working) {
    if (group.status !== "dissolved")
      ends.push(...leaveSteps(list, presence, group, swapped, joinedLast.get(group.name)))
  }
  const ending = presence.away.size === 0 && working.some((group) => group.status === "temporary")
  if (list.steps.length === 0 && stale.length === 0 && !ending) return
  const commit = list.add(null, { _tag: "CommitLayout" }, [
    ...ends,
    ...[...joinedLast.values()].filter((index) => index !== undefined),
  ])
  for (const group of working) {
    if (group.status !== "temporary" || presence.away.size > 0) continue
    for (const node of servingMembers(group)) {
      if (presence.away.has(node)) continue
      const exit = list.add(node, { _tag: "ExitGroup", group: group.name, redundancy: 0 }, [commit])
      list.add(node, { _tag: "DropShard", group: group.name, tables: [probeTable(group.name)] }, [exit])
    }
  }
}

/** True if a group has, or is to have, shards of the table. */
export const carries = (group: Group, table: string): boolean => group.shards.some((shard) => shard.table === table)

/** True while the only copies of a group that took shards over are on a node that is away: nothing can be done with it. */
export const isStuck = ({ inSync, origin }: Group, presence: Presence): boolean =>
  origin !== undefined && [origin.node, ...inSync].every((node) => presence.away.has(node))

/** Copies that a group of which the node is a member needs: its own group has ended, and another one took them over. */
const isServed = (groups: ReadonlyMap<string, Group>, node: string, physical: string): boolean =>
  [...groups.values()].some(
    ({ members, shards, status }) =>
      status !== "dissolved" && members.includes(node) && shards.some((shard) => shard.physical === physical),
  )

/** A single copy outlives the temporary group by which it came to its node. */
const isPlainCopy = (view: View, node: string, physical: string): boolean =>
  [...view.tables.values()].some(
    ({ record }) =>
      record.status === "ready" &&
      record.layout.some((item) => item.physical === physical && item.group === null && item.nodes.includes(node)),
  )

/** What a node keeps of a group that has ended. */
export const staysWith =
  (view: View, groups: ReadonlyMap<string, Group>) =>
  (node: string, physical: string): boolean =>
    isPlainCopy(view, node, physical) || isServed(groups, node, physical)

/**
 * A group takes over the copies that it starts from. Every step looks before it acts: an earlier operation may have come
 * as far as any of them.
 */
export const originSteps = (list: StepList, group: Group, after: number | undefined): number | undefined => {
  if (group.origin === undefined || !isBeginning(group)) return after
  const { node, group: from } = group.origin
  const tables = group.shards.map((shard) => shard.physical)
  let last = after
  if (from !== null)
    last = list.add(null, { _tag: "MoveShards", from, to: group.name, node, shards: group.shards }, [last])
  last = list.add(node, { _tag: "CreateGroup", group: group.name }, [last])
  if (from !== null) last = list.add(node, { _tag: "DetachShard", group: from, tables }, [last])
  return list.add(node, { _tag: "AttachShard", group: group.name, tables }, [last])
}

/** New members join one by one and are verified. Answers the last step, if there is any. */
export const joinSteps = (list: StepList, presence: Presence, group: Group, after?: number): number | undefined => {
  let last = after
  const joining = servingMembers(group).filter(
    (node) => !group.inSync.includes(node) && !presence.away.has(node) && node !== group.origin?.node,
  )
  const [source] = group.leaving
  if (group.origin !== undefined && isBeginning(group)) {
    if (presence.away.has(group.origin.node)) return last
    last = originSteps(list, group, last)
  } else if (
    group.status === "temporary" &&
    source !== undefined &&
    group.members.includes(source) &&
    joining.length > 0
  ) {
    // Both look before they act: an earlier operation may have come as far as one of them.
    const tables = group.shards.map((shard) => shard.physical)
    last = list.add(source, { _tag: "CreateGroup", group: group.name }, [last])
    last = list.add(source, { _tag: "AttachShard", group: group.name, tables }, [last])
  } else if (joining.length > 0 && group.exiled.length > 0) {
    const donor = group.inSync.find((node) => !presence.away.has(node))
    if (donor !== undefined) last = list.add(donor, { _tag: "RefreshPeers", group: group.name }, [last])
  }
  for (const node of joining) {
    last = list.add(node, { _tag: "JoinGroup", group: group.name }, [last])
    last = list.add(node, { _tag: "VerifyReplica", group: group.name }, [last])
  }
  return last
}

/** Who leaves goes only after every registered node has confirmed a wrapper without it. */
export const leaveSteps = (
  list: StepList,
  presence: Presence,
  group: Group,
  swapped: ReadonlyMap<string, ReadonlyArray<number>>,
  joined: number | undefined,
): ReadonlyArray<number> => {
  if (presence.away.size > 0 || group.leaving.length === 0) return []
  const tables = [...new Set(group.shards.map((shard) => shard.table))]
  const swaps = tables.flatMap((table) => swapped.get(table) ?? [])
  const confirmed = list.add(null, { _tag: "ConfirmWrappers", tables, all: true }, [...swaps, joined])
  let last: number = confirmed
  const ends: Array<number> = []
  for (const node of group.leaving) {
    // A member that was given up counts as no copy: as many others must be in sync as the group has.
    const redundancy = Math.max(1, Math.min(group.rf, servingMembers(group).length))
    const exit = list.add(node, { _tag: "ExitGroup", group: group.name, redundancy }, [last])
    const compare = list.add(
      node,
      { _tag: "CompareCopy", group: group.name, tables: group.shards.map((shard) => shard.physical) },
      [exit],
    )
    ends.push(list.add(node, { _tag: "DropShard", group: group.name, tables: groupTables(group) }, [compare]))
    last = exit
  }
  return ends
}

/** Who is still on its way in leaves last: it cannot before it has arrived, or nobody is left whom it waits for. */
const inOrderOfLeaving = (view: View, { exiled, leaving, name }: Group): ReadonlyArray<string> => {
  const nodes = union(leaving, exiled)
  const isJoining = (node: string) => view.observations.get(node)?.record.groups[name]?.nodeState === "joining"
  return [...nodes.filter((node) => !isJoining(node)), ...nodes.filter(isJoining)]
}

/** Members of a dissolved group leave one by one and drop what they held, but for what stays with them. */
export const tidySteps = (
  list: StepList,
  view: View,
  group: Group,
  presence: Presence,
  after: number | undefined,
  stays: (node: string, physical: string) => boolean = () => false,
): ReadonlyArray<number> => {
  let last = after
  const drops: Array<number> = []
  for (const node of inOrderOfLeaving(view, group)) {
    if (presence.away.has(node)) continue
    last = list.add(node, { _tag: "ExitGroup", group: group.name, redundancy: 0 }, [last])
    const tables = groupTables(group).filter((physical) => !stays(node, physical))
    drops.push(list.add(node, { _tag: "DropShard", group: group.name, tables }, [last]))
  }
  return drops
}
