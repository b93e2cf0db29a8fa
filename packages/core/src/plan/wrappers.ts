/**
 * What wrappers shall show, and the steps that make every node show it.
 */
import type { Group, Table } from "../State.ts"
import type { View } from "../View.ts"
import type { Presence, StepList } from "./Plan.ts"
import { carriers, registeredNodes, rests, servingMembers } from "./records.ts"

/**
 * What the wrappers of a table shall show when the groups that a plan works on (`working`, by name) have converged: the
 * serving members. One that is away and not in sync is not added, but one that is shown already stays until it is given
 * up. A group that waits for members while nothing is done to it is shown as it is. Who is in maintenance is not shown while
 * others serve: its daemon is to be stopped, and a write that is on its way through a daemon as that stops may stay with it
 * alone, and be acknowledged.
 */
export const targetMirrors = (
  table: Table,
  view: View,
  groups: ReadonlyMap<string, Group>,
  presence: Presence,
  working: ReadonlySet<string>,
): ReadonlyArray<ReadonlyArray<string>> => {
  const carrier = carriers(groups.values())
  return table.layout.map((placement) => {
    const group = carrier.get(placement.physical)
    if (group === undefined) return placement.nodes
    const shown = table.wrapper.mirrors?.[placement.shard] ?? []
    const serving = servingMembers(group)
    const waits = serving.some(
      (node) => !group.inSync.includes(node) && !presence.away.has(node) && !shown.includes(node),
    )
    if (waits && shown.length > 0 && !working.has(group.name)) return shown
    const listed = serving.filter(
      (node) => group.inSync.includes(node) || !presence.away.has(node) || shown.includes(node),
    )
    if (presence.mutations?.has("show-who-rests") === true) return listed
    const awake = listed.filter((node) => !rests(view, node))
    return awake.some((node) => group.inSync.includes(node) && !presence.away.has(node))
      ? awake
      : listed.filter((node) => awake.includes(node) || group.inSync.includes(node) || shown.includes(node))
  })
}

/** True if two sets of mirrors are the same, in the same order. */
export const sameLists = (
  a: ReadonlyArray<ReadonlyArray<string>> | null,
  b: ReadonlyArray<ReadonlyArray<string>> | null,
): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Publishes wrappers and swaps them on every node that is not away. Answers the indices of the swaps. */
export const publishSteps = (
  list: StepList,
  view: View,
  presence: Presence,
  table: string,
  mirrors: ReadonlyArray<ReadonlyArray<string>> | null,
  dependsOn: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const publish = list.add(null, { _tag: "PublishWrapper", table, mirrors }, dependsOn)
  return registeredNodes(view)
    .filter((node) => !presence.away.has(node))
    .map((node) => list.add(node, { _tag: "SwapWrapper", table }, [publish]))
}
