/**
 * The record of a step's group: how handlers read it, change it, and hold it against what a daemon shows.
 */
import * as Effect from "effect/Effect"
import { type Wait, wait } from "../operation/WaitCode.ts"
import { isBeginning, without } from "../plan/records.ts"
import { provenMembers } from "../Health.ts"
import type { Group, ObservedGroup } from "../State.ts"
import type { Stored, View } from "../View.ts"
import * as Sql from "../Sql.ts"
import { CurrentStep, query } from "./CurrentStep.ts"
import { retry, verdict } from "./Outcome.ts"

/** The record of a group, read after a barrier. */
export const groupRecord = Effect.fnUntraced(function* (name: string) {
  const { refresh } = yield* CurrentStep
  return (yield* refresh).groups.get(name)
})

/** Changes a group's record; a change that leaves it as it is writes nothing. */
export const updateGroup = Effect.fnUntraced(function* (stored: Stored<Group>, change: (group: Group) => Group) {
  const { store, term } = yield* CurrentStep
  const next = change(stored.record)
  if (JSON.stringify(next) === JSON.stringify(stored.record)) return
  const empty = next.status === "dissolved" && next.leaving.length === 0 && next.exiled.length === 0
  yield* store.compareAndSet(stored, { ...next, epoch: next.epoch + 1 }, { term, live: !empty })
})

/** Members without one of them. */
export const minus = (list: ReadonlyArray<string>, node: string) => list.filter((item) => item !== node)

/** Members with one more, sorted. */
export const plus = (list: ReadonlyArray<string>, node: string) =>
  list.includes(node) ? list : [...list, node].toSorted()

/** Members that hold the group's data and can be asked for it; those whose copies are in doubt last. */
export const donors = (view: View, group: Group, node: string, away: ReadonlySet<string>) => {
  const proven = provenMembers(view, group)
  const there = group.inSync.filter((member) => member !== node && !away.has(member))
  return there.toSorted((left, right) => Number(proven.includes(right)) - Number(proven.includes(left)))
}

/**
 * Why nothing may be attached to a group or detached from it now: a node that the record names as a member, or that may
 * come back as one, would miss it and end outside of the group (safety rule 13; semantics 47-49).
 */
export const completeness = (group: Group, seen: ObservedGroup | undefined, node: string): Wait | undefined => {
  const whole = wholeness(group, seen, node)
  // Nobody but its origin has been in a group that is only beginning.
  if (whole !== undefined || group.status !== "live" || isBeginning(group)) return whole
  const missing = [...group.members, ...group.exiled].find((member) => seen?.members.includes(member) !== true)
  return missing === undefined ? undefined : wait("member-missing", `${missing} is missing from ${group.name}`)
}

/**
 * Clears who has left from a member's own list of peers, if that is all that is wrong with it: a member that was on its way
 * back as another one left goes on naming it, nobody tells members that one has forgotten the group while it was shut out,
 * and to a cluster statement it looks as if somebody were missing. Who is `outside` is seen to be without the group: a
 * former member that is to join again. It is the one statement that is allowed before the list is whole (safety rule 13).
 * Undefined if there was nothing to clear.
 */
export const clearPeers = Effect.fnUntraced(function* (
  group: Group,
  seen: ObservedGroup | undefined,
  at: string,
  outside: ReadonlyArray<string> = [],
) {
  if (seen === undefined || seen.size !== seen.members.length) return undefined
  const known = without([...group.members, ...group.leaving, ...group.exiled], outside)
  const gone = seen.nodesSet.filter((peer) => !seen.members.includes(peer) && !known.includes(peer))
  const needed = without(group.members, [...group.leaving, ...outside])
  const isWhole = needed.every((member) => seen.members.includes(member))
  if (gone.length === 0 || !isWhole) return undefined
  const outcome = verdict(yield* query(Sql.updatePeers(group.name), undefined, at), "ALTER CLUSTER UPDATE nodes")
  return outcome ?? retry("membership-changed", `${at} no longer names ${gone.join(", ")}, who left ${group.name}`)
})

/** Why a cluster statement must wait: a member is not seen, or one is seen that the records do not know. */
export const wholeness = (group: Group, seen: ObservedGroup | undefined, node: string): Wait | undefined => {
  if (seen === undefined) return wait("group-absent", `group ${group.name} is absent on ${node}`)
  if (seen.size !== seen.members.length)
    return wait("member-missing", `${seen.size} of ${seen.members.join(", ")} are in ${group.name}`)
  const dead = seen.nodesSet.filter((member) => !seen.members.includes(member))
  if (dead.length > 0) return wait("member-missing", `${dead.join(", ")} is missing from ${group.name}`)
  return undefined
}

/**
 * True if this node is alone in an empty cluster of the group's name. A JOIN founds one when the node that it asks knows the
 * group and is not part of it at present (as while its daemon starts), and says that it succeeded.
 */
export const isFoundedAnew = (group: Group, seen: ObservedGroup, node: string): boolean =>
  seen.tables.length === 0 && !group.inSync.includes(node) && seen.members.every((member) => member === node)
