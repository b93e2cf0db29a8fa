/**
 * What planners and handlers read from the records: who is registered, who serves, what a group holds.
 */
import { probeTable } from "../Identifier.ts"
import type { Group } from "../State.ts"
import type { View } from "../View.ts"
import type { Presence } from "./Plan.ts"

/** A list less those that are gone. */
export const without = (list: ReadonlyArray<string>, gone: Iterable<string>): ReadonlyArray<string> => {
  const set = new Set(gone)
  return list.filter((item) => !set.has(item))
}

/** All items of some lists once, sorted. */
export const union = (...lists: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> =>
  [...new Set(lists.flat())].toSorted()

/** Registered nodes, sorted. */
export const registeredNodes = (view: View): ReadonlyArray<string> =>
  Object.keys(view.registry?.record.nodes ?? {}).toSorted()

/** Tables that a group's members hold, its probe table included. */
export const groupTables = (group: Group): ReadonlyArray<string> => [
  probeTable(group.name),
  ...group.shards.map((shard) => shard.physical),
]

/** Tables of a group that serve: those of a table that is being dropped are on their way out. */
export const servingTables = (view: View, group: Group): ReadonlyArray<string> => [
  probeTable(group.name),
  ...group.shards.flatMap((shard) => {
    const status = view.tables.get(shard.table)?.record.status
    return status === "ready" || status === "creating" ? [shard.physical] : []
  }),
]

/** Members that the wrappers may show once the group's records are carried out. */
export const servingMembers = (group: Group): ReadonlyArray<string> => without(group.members, group.leaving)

/**
 * The group that carries a shard; undefined for a single copy. While a shard goes from one group to another both name
 * it: it belongs to the one that is to have it.
 */
export const groupOf = (groups: Iterable<Group>, table: string, shard: number): Group | undefined => {
  let carrier: Group | undefined
  for (const group of groups) {
    if (group.status === "dissolved") continue
    if (carrier !== undefined && group.origin === undefined) continue
    if (group.shards.some((item) => item.table === table && item.shard === shard)) carrier = group
  }
  return carrier
}

/** The groups that carry shards, by the physical name of the shard; see `groupOf`. */
export const carriers = (groups: Iterable<Group>): ReadonlyMap<string, Group> => {
  const found = new Map<string, Group>()
  for (const group of groups) {
    if (group.status === "dissolved") continue
    for (const { physical } of group.shards) {
      if (group.origin !== undefined || !found.has(physical)) found.set(physical, group)
    }
  }
  return found
}

/** True for a node that is to stop for a while: wrappers leave it out then, where others serve. */
export const rests = (view: View, node: string): boolean => view.registry?.record.nodes[node]?.state === "maintenance"

/**
 * Nodes whose copies of a shard clients are given: those that the wrappers list, and those that are left out there for as long
 * as they rest.
 */
export const mirrorsOf = (view: View, table: string, shard: number): ReadonlyArray<string> => {
  const record = view.tables.get(table)?.record
  const placed = record?.layout.find((item) => item.shard === shard)?.nodes ?? []
  return union(
    record?.wrapper.mirrors?.[shard] ?? [],
    placed.filter((node) => rests(view, node)),
  )
}

/** All groups as recorded. */
export const groupRecords = (view: View): ReadonlyArray<Group> => [...view.groups.values()].map(({ record }) => record)

/** True while the shards of a group are not attached to it yet: nobody but its origin has been in it. */
export const isBeginning = (group: Group): boolean => group.origin !== undefined && group.origin.attached !== true

/** A group may take a new table only if nobody of it is away, exiled or leaving (safety rule 13). */
export const isWhole = (group: Group, presence: Presence): boolean =>
  group.status === "live" &&
  group.operation === null &&
  group.origin === undefined &&
  group.exiled.length === 0 &&
  group.leaving.length === 0 &&
  group.members.length === group.inSync.length &&
  group.members.every((member) => !presence.away.has(member))

/** The record of a group that shall not exist any more. */
export const dissolve = ({ origin: _, ...group }: Group, operation: string | null): Group => ({
  ...group,
  status: "dissolved",
  members: [],
  inSync: [],
  leaving: union(group.members, group.leaving),
  operation,
  epoch: group.epoch + 1,
})
