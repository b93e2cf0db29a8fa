/**
 * Recognises groups that have become two: members that are primary and do not name each other (semantics 2, 8, 45). Both
 * sides take writes, neither notices the other, and the next restart mixes or drops them silently (semantics 46). Until an
 * operator has said which side stays, the engine does nothing to such a group.
 */
import type { Group } from "./State.ts"
import type { View } from "./View.ts"

/**
 * The sides of a group of which each is primary without naming anybody of the others, by what nodes that are not away
 * show; empty for a group that is one. Who has none of its tables is no side: nobody writes to an empty cluster that a JOIN
 * founded, see `isFoundedAnew`. A group that ends has no sides either: all of its members leave, and no wrapper shows it.
 * Observations are not of one moment: a side may show for some seconds when members come and go.
 */
export const splitSides = (
  view: View,
  group: Group,
  away: ReadonlySet<string>,
): ReadonlyArray<ReadonlyArray<string>> => {
  if (group.status === "dissolved") return []
  const registered = view.registry?.record.nodes
  const serving = [...view.observations].flatMap(([node, { record }]) => {
    const seen = record.groups[group.name]
    // What a node said before it was forgotten is no sign of what is.
    if (registered !== undefined && registered[node] === undefined) return []
    return !away.has(node) && seen?.status === "primary" && seen.members.includes(node) && seen.tables.length > 0
      ? [{ node, members: seen.members }]
      : []
  })
  const sides: Array<ReadonlyArray<string>> = []
  for (const { node, members } of serving) {
    const isKnown = sides.some((side) => side.includes(node) || members.some((member) => side.includes(member)))
    if (!isKnown) sides.push(members)
  }
  return sides.length > 1 ? sides : []
}
