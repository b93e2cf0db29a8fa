/**
 * What becomes of a group's record when members are gone, have fallen out or are back.
 */
import type { Group, ObservedGroup } from "../State.ts"
import type { View } from "../View.ts"
import type { Presence } from "./Plan.ts"
import { dissolve, mirrorsOf, registeredNodes, union, without } from "./records.ts"

/** The record of a group after nodes that are gone have been given up. */
export const settleMembers = (group: Group, presence: Presence, view: View): Group => {
  const shown = (node: string) => view.observations.get(node)?.record.groups[group.name]
  // Who never got in sync, so that no wrapper shows it, holds nothing that counts: it is given up at once. Others have the
  // grace period, also when the group has gone on without them meanwhile.
  const isShown = (node: string) =>
    group.shards.some(({ table, shard }) => mirrorsOf(view, table, shard).includes(node))
  const given = group.members.filter(
    (node) => presence.lost.has(node) || (presence.away.has(node) && !group.inSync.includes(node) && !isShown(node)),
  )
  // Copies in sync are given up only while another one serves: until then they may hold more than who is left.
  const serves = group.inSync.some((node) => !presence.away.has(node) && isServing(shown(node)))
  const gone = given.filter((node) => serves || !group.inSync.includes(node))
  const back = group.exiled.filter((node) => !presence.away.has(node) && registeredNodes(view).includes(node))
  const fallenOut = fallenOutMembers(group, presence, view)
  if (gone.length === 0 && back.length === 0 && fallenOut.length === 0) return group
  const inSync = without(group.inSync, [...gone, ...fallenOut])
  // A move that had not begun is called off: its copy is not in the group, and nobody else can begin it.
  if (group.status === "temporary" && inSync.length === 0 && gone.length > 0)
    return { ...dissolve(group, group.operation), exiled: union(without(group.exiled, back), gone) }
  const kept = without(group.members, gone)
  const leaving = without(group.leaving, gone)
  // Who returns is taken back while its place is empty, and leaves otherwise.
  const vacant = Math.max(0, group.rf - without(kept, leaving).length)
  const readmitted = group.status === "live" ? without(back, group.estranged ?? []).slice(0, vacant) : []
  const members = union(kept, readmitted)
  // Nobody leaves when nobody would be left: a move whose target died is called off.
  const calledOff = members.every((node) => leaving.includes(node))
  // Nor does who was to make room for one that is gone: as a member it could not be asked for in its own place.
  const untouched = leaving.filter((node) => kept.includes(node) && inSync.includes(node) && !presence.away.has(node))
  const staying = group.status === "live" && gone.length > 0 ? untouched.slice(0, vacant - readmitted.length) : []
  // A group that ends with a single copy keeps one, whoever else has it.
  const heirs =
    group.status === "temporary" ? members.filter((node) => node === heirOf(group, members, presence)) : members
  return {
    ...group,
    members,
    inSync,
    leaving: union(without(leaving, calledOff ? heirs : staying), without(back, readmitted)),
    exiled: union(without(group.exiled, back), gone),
    epoch: group.epoch + 1,
  }
}

/** Who keeps the single copy when the member that was to have it is gone: one in sync that is there, the first by name. */
const heirOf = (group: Group, members: ReadonlyArray<string>, presence: Presence): string | undefined => {
  const inSync = members.filter((node) => group.inSync.includes(node))
  return inSync.find((node) => !presence.away.has(node)) ?? inSync[0] ?? members[0]
}

/** Members whose daemons are there without the group: they must join again, while somebody else still has it. */
const fallenOutMembers = (group: Group, presence: Presence, view: View): ReadonlyArray<string> => {
  if (group.status !== "live") return []
  const shown = (node: string) => view.observations.get(node)?.record.groups[group.name]
  const here = group.inSync.filter((node) => !presence.away.has(node) && view.observations.has(node))
  return here.filter((node) => {
    const seen = shown(node)
    const out = seen === undefined || seen.nodeState === "destroyed" || seen.nodeState === "closed"
    // What a daemon shows while it starts means little: the others must have gone on without it.
    return out && here.some((other) => isServing(shown(other)) && shown(other)?.members.includes(node) === false)
  })
}

const isServing = (seen: ObservedGroup | undefined): boolean =>
  seen?.status === "primary" && seen.nodeState === "synced"
