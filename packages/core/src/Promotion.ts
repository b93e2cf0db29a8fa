/**
 * Who may be made the primary component of a group that lost it (safety rule 12): judged by what members show, by the
 * records, and by who is seen in the coordination cluster. A wrong yes makes two histories (semantics 45, 46), so whatever
 * is not known counts against it.
 */
import type { Mutation } from "./Mutation.ts"
import { provenMembers } from "./Health.ts"
import { mirrorsOf } from "./plan/records.ts"
import { type Group, isOpen, type ObservedGroup } from "./State.ts"
import type { View } from "./View.ts"

/** True if no member that is there says that the group is primary, and at least one says that it is not. */
export const isWithoutPrimary = (view: View, group: Group, away: ReadonlySet<string>): boolean => {
  if (group.status === "dissolved") return false
  let seen = 0
  for (const node of group.members) {
    if (away.has(node)) continue
    const shown = shownBy(view, group, node)
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

/** What a judgement on promotion rests on beside the records. */
export interface PromotionEvidence {
  /** Registered nodes whose heartbeat stands still. */
  readonly away: ReadonlySet<string>
  /** Nodes that are seen in the coordination cluster: their daemons are alive. */
  readonly coordination: ReadonlyArray<string>
  readonly mutations?: ReadonlySet<Mutation>
}

const shownBy = (view: View, group: Group, node: string): ObservedGroup | undefined =>
  view.observations.get(node)?.record.groups[group.name]

/** True for what a daemon shows that is in no component of the group and will not come back by itself (semantics 27, 48). */
const isOut = (seen: ObservedGroup | undefined): boolean =>
  seen === undefined || seen.nodeState === "closed" || seen.nodeState === "destroyed"

/**
 * True if the runner of a node that is alive certifies that its daemon is not in the group. It cannot come in either: a
 * JOIN needs somebody who is primary.
 */
const isCertifiedOut = (view: View, group: Group, node: string, away: ReadonlySet<string>): boolean =>
  !away.has(node) && view.observations.has(node) && isOut(shownBy(view, group, node))

/**
 * True if the promotion of a group waits for this node to go: it is there and not in sync. Nobody is made primary while it
 * is in view: whose rows count then was not recorded from any server. It comes back to those who are.
 */
export const standsInTheWay = (view: View, name: string, node: string): boolean => {
  const group = view.groups.get(name)?.record
  const own = group === undefined ? undefined : shownBy(view, group, node)
  if (group === undefined || group.inSync.includes(node) || own === undefined || own.status === "primary") return false
  return [...view.steps.values()].some((rows) =>
    rows.some(({ record }) => isOpen(record) && record.step._tag === "PromoteGroup" && record.step.group === name),
  )
}

/**
 * True if the wrappers list a node for all that the group carries: it is not the target of a move before its cut-over. While a
 * group is split no wrapper shows the table, and the committed layout says who had the copies.
 */
const isShown = (view: View, group: Group, node: string): boolean =>
  group.shards.every(({ table, shard }) => {
    const record = view.tables.get(table)?.record
    if (record?.status !== "ready") return true
    const listed =
      record.wrapper.mirrors === null
        ? record.layout.find((item) => item.shard === shard)?.nodes
        : mirrorsOf(view, table, shard)
    return listed?.includes(node) === true
  })

/**
 * Members that may be made the primary component of a group that lost it, the one to be bootstrapped first; or why none
 * may. They are in sync, and one of them is shown by the wrappers; everybody else who could be in the group is outside of
 * the coordination cluster's view or certified out; and those who are missing or behind were no majority of the last
 * primary view of any of them. Exactly half is no majority. Whoever is there and behind is shut out before the bootstrap,
 * see `standsInTheWay`.
 */
export const promotable = (
  view: View,
  group: Group,
  { away, coordination, mutations }: PromotionEvidence,
): ReadonlyArray<string> | string => {
  if (Object.keys(view.registry?.record.nodes ?? {}).length === 2)
    return "with two nodes, only an operator can say which of them is dead"
  const known = [...new Set([...group.members, ...group.lastPrimary])]
  const present = known.filter((node) => !away.has(node) && !isOut(shownBy(view, group, node)))
  const reckless = mutations?.has("promote-who-is-behind") === true
  const counted = provenMembers(view, group)
  const isRegistered = (node: string) => view.registry === undefined || node in view.registry.record.nodes
  const views = new Map(
    present
      .filter((node) => (reckless || counted.includes(node)) && group.members.includes(node))
      // Who was forgotten will never start again, by a person's word: it has gone on with nobody.
      .map((node) => [node, lastPrimaryView(node, shownBy(view, group, node))?.filter(isRegistered)] as const),
  )
  const late = reckless ? [] : behind(views)
  const survivors = [...views.keys()].filter((node) => !late.includes(node))
  const apart = survivors.find((node) => survivors.some((other) => views.get(other)?.includes(node) === false))
  if (apart !== undefined && !reckless) return `${apart} and another member were primary without each other`
  // Whoever may have been in the last primary component: what the survivors say, or else everybody who ever could have.
  const electorates = survivors.map((node) => views.get(node) ?? known)
  const outside = [...new Set([...group.members, ...electorates.flat()])].filter((node) => !present.includes(node))
  const alive = outside.find((node) => coordination.includes(node) && !isCertifiedOut(view, group, node, away))
  if (alive !== undefined) return `${alive} is still seen in the coordination cluster`
  const doubtful = present.find((node) => group.inSync.includes(node) && !counted.includes(node))
  if (survivors.length === 0) {
    return doubtful === undefined
      ? "no member that is there is in sync"
      : `the copy of ${doubtful} went through a crash and was not compared since`
  }
  // Of those who were forgotten, too: a group does not heal without them.
  const seen = survivors.map((node) => lastPrimaryView(node, shownBy(view, group, node)) ?? known)
  if (seen.every((members) => members.every((node) => present.includes(node)))) {
    return "all members are there: it heals by itself"
  }
  for (const members of electorates) {
    const elsewhere = members.filter((node) => !survivors.includes(node))
    if (elsewhere.length * 2 > members.length && mutations?.has("promote-a-minority") !== true) {
      return `${elsewhere.join(", ")} could have been a majority of their own`
    }
  }
  const shown = survivors.filter((node) => isShown(view, group, node))
  return shown.length === 0
    ? `${survivors.join(", ")} is the target of a move, and the wrappers do not show it yet`
    : [...shown, ...survivors.filter((node) => !shown.includes(node))]
}
