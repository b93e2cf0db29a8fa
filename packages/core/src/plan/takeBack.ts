/**
 * Plans how a change of the layout that was stopped comes to rest: what the wrappers show stays, what they do not show yet
 * is called off, and nothing is left half done. After it the layout is what clients have been using all the time.
 */
import type { Group, Operation, Table } from "../State.ts"
import type { View } from "../View.ts"
import { convergeSteps } from "./membership.ts"
import { type Presence, StepList } from "./Plan.ts"
import { dissolve, mirrorsOf, union, without } from "./records.ts"
import type { PlannedUndo } from "./undo.ts"
import { sameLists } from "./wrappers.ts"

/** Nodes whose copies clients are given for the shards of a group. */
const shownNodes = (view: View, group: Group): ReadonlyArray<string> =>
  union(...group.shards.map(({ table, shard }) => mirrorsOf(view, table, shard)))

/** The record of a group in which nothing is half done. */
const settled = (view: View, presence: Presence, group: Group): Group => {
  if (group.status === "dissolved") return group
  // The new group of a split that has no shards yet.
  if (group.status === "forming") return dissolve(group, group.operation)
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

/**
 * Tables that keep the number of copies that they had, with that number. Those whose wrappers show what was asked for have
 * the new one for good, and so have all that share a group with them: RF belongs to groups.
 */
const formerRfs = (view: View, operation: Operation): ReadonlyMap<string, number> => {
  const rows = view.steps.get(operation.id) ?? []
  const isShown = (name: string) =>
    rows.some(
      ({ record: { step } }) =>
        step._tag === "PublishWrapper" &&
        step.table === name &&
        sameLists(step.mirrors, view.tables.get(name)?.record.wrapper.mirrors ?? null),
    )
  const former = new Map(Object.entries(operation.before?.rf ?? {}).filter(([name]) => !isShown(name)))
  const sharing = operation.groups.map((name) => view.groups.get(name)?.record.shards.map(({ table }) => table) ?? [])
  for (let before = -1; before !== former.size;) {
    before = former.size
    for (const names of sharing) {
      if (names.some((name) => !former.has(name))) for (const name of names) former.delete(name)
    }
  }
  return former
}

/** The record of a group with as many copies as it had before they were to become more or fewer. */
const withFormerRf = (view: View, group: Group, rf: number): Group => {
  const placements = group.shards.map(({ physical, table }) =>
    view.tables.get(table)?.record.layout.find((item) => item.physical === physical),
  )
  // Single copies that were to become a group: whoever has one keeps it.
  if (rf === 1 && placements.every((placement) => placement?.group === null)) return dissolve(group, group.operation)
  // A group that was to end goes on.
  return { ...group, rf, status: group.status === "temporary" && rf > 1 ? "live" : group.status }
}

/**
 * The record of a group as it was before a draft that never went live changed its number of copies. Nobody has begun anything
 * of it: who was to join is not there, and who was to leave, or to end the group, has done nothing for it.
 */
export const undrafted = (view: View, group: Group, rf: number): Group => {
  const former = withFormerRf(view, group, rf)
  if (former.status === "dissolved") return { ...former, leaving: [] }
  const shown = shownNodes(view, group)
  const isThere = (node: string) =>
    group.inSync.includes(node) ||
    shown.includes(node) ||
    view.observations.get(node)?.record.groups[group.name] !== undefined
  const back = group.leaving.filter((node) => shown.includes(node) && group.inSync.includes(node))
  return {
    ...former,
    members: group.members.filter(isThere),
    leaving: without(group.leaving, back),
    epoch: group.epoch + 1,
  }
}

/** Records to write, and the steps that follow. */
export interface TakeBack {
  readonly tables: ReadonlyMap<string, Table>
  readonly groups: ReadonlyMap<string, Group>
  readonly steps: ReadonlyArray<PlannedUndo>
}

/** What takes back whatever of an operation is half done; the indices of its steps begin with `firstIndex`. */
export const planTakeBack = (view: View, presence: Presence, operation: Operation, firstIndex: number): TakeBack => {
  const former = formerRfs(view, operation)
  const tables = new Map<string, Table>()
  for (const [name, rf] of former) {
    const table = view.tables.get(name)?.record
    if (table !== undefined && table.rf !== rf) tables.set(name, { ...table, rf })
  }
  const groups = new Map<string, Group>()
  const changed = new Map<string, Group>()
  const working: Array<Group> = []
  for (const [name, { record }] of view.groups) {
    const held = record.operation === operation.id
    const rf = former.get(record.shards[0]?.table ?? "")
    const next = held ? settled(view, presence, rf === undefined ? record : withFormerRf(view, record, rf)) : record
    groups.set(name, next)
    if (JSON.stringify(next) !== JSON.stringify(record)) changed.set(name, next)
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
  return { tables, groups: changed, steps }
}
