/**
 * Diagnosis of replica groups from what their members last showed: who has lost the majority, and who may be promoted.
 */
import type { Group, ObservedGroup } from "./State.ts"
import type { View } from "./View.ts"

/** True if no member that is there says that the group is primary, and at least one says that it is not. */
export const isWithoutPrimary = (view: View, group: Group, away: ReadonlySet<string>): boolean => {
  if (group.status === "dissolved") return false
  let seen = 0
  for (const node of group.members) {
    if (away.has(node)) continue
    const shown = view.observations.get(node)?.record.groups[group.name]
    if (shown === undefined) continue
    if (shown.status === "primary") return false
    seen++
  }
  return seen > 0
}

/**
 * Members that may be made the primary component of a group that lost it (safety rule 12), or why none may: they are in
 * sync, every other member is away and outside of the coordination cluster's view, and those that are missing could
 * not have been a majority.
 */
export const promotable = (
  view: View,
  group: Group,
  away: ReadonlySet<string>,
  coordinationMembers: ReadonlyArray<string>,
): ReadonlyArray<string> | string => {
  const shows = (node: string) => view.observations.get(node)?.record.groups[group.name] !== undefined
  // Whoever may have been in the last primary component: who was seen in it, and who was to join it since.
  const electors = [...new Set([...group.lastPrimary, ...group.members])].filter(
    (node) => away.has(node) || shows(node),
  )
  const missing = electors.filter((node) => away.has(node))
  const visible = missing.find((node) => coordinationMembers.includes(node))
  if (visible !== undefined) return `${visible} is still seen in the coordination cluster`
  if (missing.length === 0) return "all members are there: it heals by itself"
  if (missing.length * 2 > electors.length) return `${missing.join(", ")} could have been a majority of their own`
  const present = electors.filter((node) => !away.has(node))
  const survivors = present.filter((node) => group.inSync.includes(node) && group.members.includes(node))
  if (survivors.length === 0) return "no member that is there is in sync"
  const strangers = present.filter((node) => !survivors.includes(node))
  return strangers.length === 0 ? survivors : `${strangers.join(", ")} is there but not in sync`
}

/**
 * Why the daemon of a node must not be restarted now, or undefined (safety rule 14): a member that comes back to a
 * group of which nobody else is there stays closed, and whoever comes back after it elects itself with whatever it has
 * (semantics 1).
 */
export const restartRefusal = (
  view: View,
  node: string,
  shown: ReadonlyMap<string, ObservedGroup>,
  away: ReadonlySet<string>,
): string | undefined => {
  for (const { record: group } of view.groups.values()) {
    if (group.status === "dissolved" || !group.inSync.includes(node)) continue
    const others = group.inSync.filter((member) => member !== node && !away.has(member))
    const kept = others.filter((member) => {
      const seen = view.observations.get(member)?.record.groups[group.name]
      return seen?.status === "primary" && seen.nodeState === "synced"
    })
    if (kept.length === 0) return `${group.name} would have no other member in sync`
    const own = shown.get(group.name)
    if (own !== undefined && !kept.some((member) => own.nodesSet.includes(member))) {
      return `${node} would not ask another member of ${group.name} for its way back`
    }
    if (own?.status === "primary" && own.size < 2) return `${group.name} is alone here`
  }
  return undefined
}

/**
 * Members that a group has gone on without: another member in sync is primary and does not see them, and they do not
 * show the group themselves. What is acknowledged from then on they do not have, so they must not be promoted.
 */
export const leftBehind = (view: View, group: Group, away: ReadonlySet<string>): ReadonlyArray<string> => {
  const shown = (node: string) => view.observations.get(node)?.record.groups[group.name]
  const isServing = (node: string) => shown(node)?.status === "primary" && shown(node)?.nodeState === "synced"
  return group.inSync.filter(
    (node) =>
      (away.has(node) || !isServing(node)) &&
      group.inSync.some(
        (other) =>
          other !== node && !away.has(other) && isServing(other) && shown(other)?.members.includes(node) === false,
      ),
  )
}
