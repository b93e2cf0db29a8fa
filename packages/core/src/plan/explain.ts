/**
 * Why groups change, in words for people: what a plan's explanation says.
 */
import type { Group } from "../State.ts"
import type { View } from "../View.ts"
import type { Explanation } from "./Plan.ts"
import { servingMembers, without } from "./records.ts"

/** Why a copy comes to a node, and which one it replaces: by group (or physical shard) and node. */
export type Reasons = ReadonlyMap<string, { readonly from: string | null; readonly reason: string }>

/** The key of `Reasons`. */
export const reasonKey = (group: string, to: string): string => `${group} ${to}`

/** What the records of a group ask for that was not there before, and why. */
const explainGroup = (before: Group | undefined, after: Group, reasons: Reasons): ReadonlyArray<Explanation> => {
  const replicas = after.shards.length
  const item = (from: string | null, to: string | null, reason: string): Explanation => ({
    group: after.name,
    from,
    to,
    replicas,
    reason,
  })
  if (after.status === "dissolved") return [item(null, null, "nothing needs this group any more")]
  const found: Array<Explanation> = []
  const going = new Set(without(after.leaving, before?.leaving ?? []))
  if (after.status === "temporary" && before !== undefined && before.status !== "temporary") {
    found.push(item(null, null, "its shards shall have one copy: the group ends when they have"))
  }
  for (const to of without(servingMembers(after), before === undefined ? [] : servingMembers(before))) {
    const known = reasons.get(reasonKey(after.name, to))
    if (known !== undefined) {
      if (known.from !== null) going.delete(known.from)
      found.push(item(known.from, to, known.reason))
    } else if (before?.exiled.includes(to) === true) {
      found.push(item(null, to, `${to} is back, and its place is empty`))
    } else if (after.origin?.node === to) {
      found.push(item(null, to, `${to} holds the copies that the group begins with`))
    } else found.push(item(null, to, "a copy is missing"))
  }
  for (const from of going) {
    const back = before?.exiled.includes(from) === true
    found.push(item(from, null, back ? `${from} is back, and its place is taken` : "more copies than are asked for"))
  }
  for (const node of without(after.exiled, before?.exiled ?? [])) {
    found.push(item(node, null, `${node} is away for too long: its copy is given up`))
  }
  return found
}

/** Explains every group of a plan; groups whose records are as they were are finished, not changed. */
export const explainGroups = (
  view: View,
  groups: ReadonlyMap<string, Group>,
  reasons: Reasons,
): ReadonlyArray<Explanation> =>
  [...groups.values()].flatMap((after) => {
    const before = view.groups.get(after.name)?.record
    const found = explainGroup(before, after, reasons)
    if (found.length > 0 && (before === undefined || before.status !== after.status || before.status !== "dissolved")) {
      return found
    }
    const unfinished = "an operation that stopped left this to do"
    return [{ group: after.name, from: null, to: null, replicas: after.shards.length, reason: unfinished }]
  })
