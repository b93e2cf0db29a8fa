/**
 * Plans how a rebalance that was stopped comes to rest: what the wrappers show stays, what they do not show yet is called
 * off, and nothing is left half done. After it the layout is what clients have been using all the time.
 */
import type { Group, Operation } from "../State.ts"
import type { View } from "../View.ts"
import { convergeSteps } from "./membership.ts"
import { type Presence, StepList } from "./Plan.ts"
import { dissolve, union, without } from "./records.ts"
import type { PlannedUndo } from "./undo.ts"

/** Nodes that the wrappers list for the shards of a group. */
const shownNodes = (view: View, group: Group): ReadonlyArray<string> =>
  union(...group.shards.map(({ table, shard }) => view.tables.get(table)?.record.wrapper.mirrors?.[shard] ?? []))

/** The record of a group in which nothing is half done. */
const settled = (view: View, presence: Presence, group: Group): Group => {
  if (group.status === "dissolved") return group
  if (group.origin !== undefined) {
    // Single copies that are in no group yet stay what they are; shards that have left another group go forward.
    return group.origin.group === null ? dissolve(group, group.operation) : group
  }
  const shown = shownNodes(view, group)
  if (group.status === "temporary") {
    const source = group.members.find((node) => shown.includes(node))
    // A move that has been cut over, or whose source is gone, is finished.
    if (source === undefined || !group.leaving.includes(source)) return group
    if (group.inSync.includes(source)) {
      const leaving = without(group.members, [source])
      return { ...group, leaving, epoch: group.epoch + 1 }
    }
    // The source was not even in the group: its copy is a table of its own, and stays one.
    return dissolve(group, group.operation)
  }
  const back = group.leaving.filter((node) => shown.includes(node) && group.inSync.includes(node))
  const leaving = without(group.leaving, back)
  const staying = without(group.members, leaving)
  const counts = staying.filter((node) => group.inSync.includes(node))
  const spare = counts.filter((node) => !shown.includes(node)).slice(0, Math.max(0, counts.length - group.rf))
  const unproven = staying.filter((node) => !group.inSync.includes(node) && !shown.includes(node))
  // Who is away stays in the record as it is: nobody can take it out now.
  const off = [...spare, ...unproven].filter((node) => !presence.away.has(node))
  if (back.length === 0 && off.length === 0) return group
  return { ...group, leaving: union(leaving, off), epoch: group.epoch + 1 }
}

/** Records of groups to write, and the steps that follow; their indices begin with `firstIndex`. */
export const planTakeBack = (
  view: View,
  presence: Presence,
  operation: Operation,
  firstIndex: number,
): { readonly groups: ReadonlyMap<string, Group>; readonly steps: ReadonlyArray<PlannedUndo> } => {
  const groups = new Map<string, Group>()
  const changed = new Map<string, Group>()
  const working: Array<Group> = []
  for (const [name, { record }] of view.groups) {
    const held = record.operation === operation.id
    const next = held ? settled(view, presence, record) : record
    groups.set(name, next)
    if (next !== record) changed.set(name, next)
    if (held) working.push(next)
  }
  const list = new StepList()
  convergeSteps(list, view, presence, groups, working, [])
  const steps = list.steps.map(({ node, step, dependsOn }) => ({
    node,
    step,
    dependsOn: dependsOn.map((index) => firstIndex + index),
    undoes: 0,
  }))
  return { groups: changed, steps }
}
