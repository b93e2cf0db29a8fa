/**
 * Diagnosis of replica groups from what their members last showed: who was left behind, and whose daemon must stay up.
 * Who may be made primary is in `Promotion`.
 */
import { hasGivenUp } from "./Observe.ts"
import type { Group, ObservedGroup } from "./State.ts"
import type { View } from "./View.ts"

/**
 * Why the daemon of a node must not be restarted now, or undefined (safety rule 14): a member that comes back to a
 * group of which nobody else is there stays closed, and whoever comes back after it elects itself with whatever it has
 * (semantics 1). Behind the gate (`isGated`) it begins a group of which it has the only copy in sync, and asks whoever
 * serves the others.
 */
export const restartRefusal = (
  view: View,
  node: string,
  shown: ReadonlyMap<string, ObservedGroup>,
  away: ReadonlySet<string>,
  isGated: boolean,
): string | undefined => {
  for (const { record: group } of view.groups.values()) {
    if (group.status === "dissolved" || !group.inSync.includes(node)) continue
    const own = shown.get(group.name)
    // A copy that is closed is served to nobody who could miss it; the gate waits for those who are away.
    const isIdle = hasGivenUp(own) && !group.inSync.some((member) => away.has(member))
    if (isGated && (group.inSync.length === 1 || isIdle)) continue
    const stale = staleSet(view, group, away)
    if (stale !== undefined) return stale
    const others = provenMembers(view, group).filter((member) => member !== node && !away.has(member))
    const kept = others.filter((member) => {
      const seen = view.observations.get(member)?.record.groups[group.name]
      return seen?.status === "primary" && seen.nodeState === "synced"
    })
    if (kept.length === 0) return `${group.name} would have no other member in sync`
    if (!isGated && own !== undefined && !kept.some((member) => own.nodesSet.includes(member))) {
      return `${node} would not ask another member of ${group.name} for its way back`
    }
    if (own === undefined) continue
    // Who does not serve any more has lost the others, whatever they said before.
    if (own.status !== "primary") return `${group.name} is not primary on ${node}`
    if (!kept.some((member) => own.members.includes(member)))
      return `no other member of ${group.name} that is in sync is seen`
  }
  return undefined
}

/** True if a node says that its copy of a cluster went through a crash and has not been compared with another one since. */
export const isUnproven = ({ observations }: Pick<View, "observations">, node: string, cluster: string): boolean =>
  observations.get(node)?.record.unproven?.includes(cluster) === true

/**
 * Members in sync whose copies count: those that went through a crash do only where all of them did. The in-sync set goes on naming
 * them while an operation works on the group.
 */
export const provenMembers = (view: Pick<View, "observations">, { inSync, name }: Group): ReadonlyArray<string> => {
  const proven = inSync.filter((node) => !isUnproven(view, node, name))
  return proven.length > 0 ? proven : inSync
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
