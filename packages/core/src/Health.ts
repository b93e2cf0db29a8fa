/**
 * Diagnosis of replica groups from what their members last showed: who has lost the majority, and who may be promoted.
 */
import type { Group } from "./State.ts"
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
  const electors = [...new Set([...group.lastPrimary, ...group.members])].filter((node) => away.has(node) || shows(node))
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
