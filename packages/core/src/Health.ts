/**
 * Diagnosis of replica groups from what their members last showed: who has lost the majority, and who may be promoted.
 */
import type { Mutation } from "./Mutation.ts"
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
 * The members of the last primary view that a node without primary was in: its daemon goes on naming them (semantics 57;
 * recordings failure/kill-two-of-five, partition/two-clusters). Undefined if the daemon was in none since its start.
 */
const lastPrimaryView = (node: string, seen: ObservedGroup | undefined): ReadonlyArray<string> | undefined =>
  seen !== undefined && seen.status !== "primary" && seen.members.includes(node) ? seen.members : undefined

/**
 * Members of a set that another one was primary without, by what they name as their last primary view. A daemon that was
 * started since names none: it is behind whoever does not name it. Two that exclude each other are not judged here.
 */
const behind = (views: ReadonlyMap<string, ReadonlyArray<string> | undefined>): ReadonlyArray<string> =>
  [...views].flatMap(([node, own]) =>
    [...views].some(([other, theirs]) => theirs?.includes(node) === false && own?.includes(other) !== false)
      ? [node]
      : [],
  )

/**
 * Members that may be made the primary component of a group that lost it (safety rule 12), or why none may: they are in
 * sync, every other member is away and outside of the coordination cluster's view, and those that are missing could
 * not have been a majority of the last primary view of any of them. Exactly half is no majority.
 */
export const promotable = (
  view: View,
  group: Group,
  away: ReadonlySet<string>,
  coordinationMembers: ReadonlyArray<string>,
  mutations: ReadonlySet<Mutation> = new Set(),
): ReadonlyArray<string> | string => {
  const shown = (node: string) => view.observations.get(node)?.record.groups[group.name]
  const known = [...new Set([...group.members, ...group.lastPrimary])]
  const present = known.filter((node) => !away.has(node) && shown(node) !== undefined)
  const views = new Map(
    present
      .filter((node) => group.inSync.includes(node) && group.members.includes(node))
      .map((node) => [node, lastPrimaryView(node, shown(node))] as const),
  )
  const reckless = mutations.has("promote-who-is-behind")
  const late = reckless ? [] : behind(views)
  const survivors = [...views.keys()].filter((node) => !late.includes(node))
  const apart = survivors.find((node) => survivors.some((other) => views.get(other)?.includes(node) === false))
  if (apart !== undefined && !reckless) return `${apart} and another member were primary without each other`
  // Whoever may have been in the last primary component: what the survivors say, or else everybody who ever could have.
  const electorates = survivors.map((node) => views.get(node) ?? known)
  const missing = [...new Set([...known, ...electorates.flat()])].filter((node) => away.has(node))
  const visible = missing.find((node) => coordinationMembers.includes(node))
  if (visible !== undefined) return `${visible} is still seen in the coordination cluster`
  if (survivors.length === 0) return "no member that is there is in sync"
  const gone = electorates.map((members) => members.filter((node) => !present.includes(node)))
  if (gone.every((nodes) => nodes.length === 0)) return "all members are there: it heals by itself"
  for (const members of electorates) {
    const elsewhere = members.filter((node) => !survivors.includes(node))
    if (elsewhere.length * 2 > members.length) {
      return `${elsewhere.join(", ")} could have been a majority of their own`
    }
  }
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
    const stale = staleSet(view, group, away)
    if (stale !== undefined) return stale
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
    if (own?.status === "primary" && !kept.some((member) => own.members.includes(member))) {
      return `no other member of ${group.name} that is in sync is seen`
    }
  }
  return undefined
}

/** Members that a group has gone on without; see `leftBehind`. */
export interface LeftBehind {
  /** Proven by the numbers of the views: they leave the in-sync set at once. */
  readonly proven: ReadonlyArray<string>
  /** What two nodes show is not of the same moment: these leave the set if it lasts. */
  readonly likely: ReadonlyArray<string>
}

const isServing = (seen: ObservedGroup | undefined): boolean =>
  seen?.status === "primary" && seen.nodeState === "synced"

/**
 * Members in sync that a group has gone on without: another member in sync is primary and does not name them. What is
 * acknowledged from then on they do not have, so nothing may count on them. Proven if the view that leaves them out has a
 * higher number than the one that they show; after a start of all nodes numbers begin anew, and then only time tells.
 */
export const leftBehind = (view: View, group: Group, away: ReadonlySet<string>): LeftBehind => {
  const shown = (node: string) => view.observations.get(node)?.record.groups[group.name]
  const proven: Array<string> = []
  const likely: Array<string> = []
  const serving = group.inSync.flatMap((node) => {
    const seen = away.has(node) ? undefined : shown(node)
    return seen !== undefined && isServing(seen) ? [seen] : []
  })
  for (const node of group.inSync) {
    const without = serving.filter((seen) => !seen.members.includes(node))
    if (without.length === 0) continue
    const own = shown(node)
    const isThere = !away.has(node) && isServing(own)
    const ownNumber = own?.viewNumber ?? -1
    const later = ownNumber >= 0 && without.some((seen) => seen.viewNumber > ownNumber)
    if (later) proven.push(node)
    else if (!isThere) likely.push(node)
  }
  return { proven, likely }
}

/** Why nothing may rely on a group's in-sync set now, or undefined: it still names who was left behind (safety rule 5). */
export const staleSet = (view: View, group: Group, away: ReadonlySet<string>): string | undefined => {
  const { proven, likely } = leftBehind(view, group, away)
  const [node] = [...proven, ...likely]
  return node === undefined ? undefined : `${group.name} went on without ${node}, which its in-sync set still names`
}
