/**
 * Plans how a creation is taken back.
 */
import { probeTable } from "../Identifier.ts"
import { isOpen, type StepRow } from "../State.ts"
import type { Step } from "../step/Step.ts"
import type { Stored, View } from "../View.ts"
import type { PlannedStep, Presence } from "./Plan.ts"
import { isWhole } from "./records.ts"

/** The steps that take back what a step did. `wasNew` tells groups that the operation made from those that it used. */
const undoOf = (
  row: StepRow,
  wasNew: (group: string) => boolean,
  tablesOf: (group: string) => ReadonlyArray<string>,
): ReadonlyArray<Step> => {
  const step = row.step
  switch (step._tag) {
    case "CreateGroup":
    case "JoinGroup":
      return [
        { _tag: "ExitGroup", group: step.group, redundancy: 0 },
        { _tag: "DropShard", group: step.group, tables: tablesOf(step.group) },
      ]
    case "CreateShard":
      return [{ _tag: "DropShard", group: null, tables: [step.physical] }]
    case "AttachShard":
      return wasNew(step.group) ? [] : [{ _tag: "DetachShard", group: step.group, tables: step.tables }]
    case "PublishWrapper":
      return [{ _tag: "PublishWrapper", table: step.table, mirrors: null }]
    case "SwapWrapper":
      return [{ _tag: "SwapWrapper", table: step.table }]
    default:
      return []
  }
}

/** True also for a step that was called off as whoever had begun it was away: its statement may have taken effect. */
const hasBegun = ({ claimedBy, status }: StepRow): boolean =>
  status !== "pending" && (status !== "cancelled" || claimedBy !== null)

/** False while a member is missing: nothing may be detached then (safety rule 13). */
const isDetachable = (view: View, presence: Presence, name: string): boolean => {
  const group = view.groups.get(name)?.record
  return group !== undefined && isWhole({ ...group, operation: null }, presence)
}

/**
 * Open undo steps that must be given up because a member of their group is missing: the shards stay attached, the group's
 * record goes on naming them, and the table, which failed, is dropped when the group is whole again.
 */
export const undoLeft = (
  rows: ReadonlyArray<Stored<StepRow>>,
  view: View,
  presence: Presence,
): ReadonlyArray<Stored<StepRow>> => {
  const open = rows.filter(({ record }) => record.undoes !== null && isOpen(record))
  const left = new Set(
    open.flatMap(({ record: { step } }) =>
      step._tag === "DetachShard" && !isDetachable(view, presence, step.group) ? step.tables : [],
    ),
  )
  return open.filter(
    ({ record: { step } }) =>
      (step._tag === "DetachShard" || (step._tag === "DropShard" && step.group === null)) &&
      step.tables.some((table) => left.has(table)),
  )
}

/** A planned undo step and the index of the step that it takes back. */
export interface PlannedUndo extends PlannedStep {
  readonly undoes: number
}

/**
 * Undo steps for everything of a creation that was begun, in reverse order of dependency; their indices begin with
 * `firstIndex`. Steps of nodes that are away are left out, and so is what would detach a shard from a group of which a
 * member is missing: what those hold stays in the records.
 */
export const planUndo = (
  rows: ReadonlyArray<Stored<StepRow>>,
  view: View,
  table: string,
  presence: Presence,
  firstIndex: number = rows.length,
): ReadonlyArray<PlannedUndo> => {
  const undo: Array<PlannedUndo> = []
  const indicesOf = new Map<number, Array<number>>()
  const newGroups = new Set(
    rows.flatMap(({ record }) => (record.step._tag === "CreateGroup" ? [record.step.group] : [])),
  )
  const tablesOf = (name: string): ReadonlyArray<string> => {
    const group = view.groups.get(name)?.record
    if (group === undefined) return []
    const ours = group.shards.filter((shard) => shard.table === table).map((shard) => shard.physical)
    return newGroups.has(name) ? [probeTable(name), ...ours] : ours
  }
  const begun = rows.filter(({ record }) => record.undoes === null && hasBegun(record))
  const add = (
    row: Stored<StepRow>,
    step: Step,
    dependsOn: ReadonlyArray<number>,
    node: string | null = row.record.node,
  ): number => {
    undo.push({ node, step, dependsOn, undoes: row.record.index })
    return firstIndex + undo.length - 1
  }
  const isGone = (row: Stored<StepRow>) => row.record.node !== null && presence.away.has(row.record.node)
  // The wrapper goes first, from whoever shows it: nothing that it lists may be taken away before.
  for (const publish of begun.filter(({ record }) => record.step._tag === "PublishWrapper")) {
    const [step] = undoOf(publish.record, () => false, tablesOf)
    if (step === undefined) continue
    const published = add(publish, step, [])
    // Agents show what is published by themselves: also where the step that asks for it had not begun.
    const swaps = rows.filter(
      (row) => row.record.undoes === null && row.record.step._tag === "SwapWrapper" && !isGone(row),
    )
    const swapped = swaps.map((row) => add(row, { _tag: "SwapWrapper", table }, [published]))
    // And by nodes that have no step in this: they were added, or were away when it was planned.
    const confirm = { _tag: "ConfirmWrappers", tables: [table], all: false } as const
    indicesOf.set(publish.record.index, [add(publish, confirm, [published, ...swapped])])
  }
  const dependents = (index: number) =>
    begun
      .filter(({ record }) => record.dependsOn.includes(index))
      .flatMap(({ record }) => indicesOf.get(record.index) ?? [])
  /** Shards that stay attached, with those who made them. */
  const left = new Set(
    begun.flatMap(({ record: { step } }) =>
      step._tag === "AttachShard" && !newGroups.has(step.group) && !isDetachable(view, presence, step.group)
        ? step.tables
        : [],
    ),
  )
  const isLeft = (step: Step) =>
    (step._tag === "AttachShard" && step.tables.some((table) => left.has(table))) ||
    (step._tag === "CreateShard" && left.has(step.physical))
  for (const row of begun.toReversed()) {
    if (row.record.step._tag === "PublishWrapper" || row.record.step._tag === "SwapWrapper") continue
    if (isLeft(row.record.step)) continue
    const indices: Array<number> = []
    let after = dependents(row.record.index)
    for (const step of isGone(row) ? [] : undoOf(row.record, (group) => newGroups.has(group), tablesOf)) {
      after = [add(row, step, after)]
      indices.push(...after)
    }
    const step = row.record.step
    if (step._tag === "AttachShard" && !newGroups.has(step.group)) {
      // Detached tables stay on every member as local ones.
      const members = view.groups.get(step.group)?.record.members ?? []
      for (const member of members) {
        if (member === row.record.node || presence.away.has(member)) continue
        indices.push(add(row, { _tag: "DropShard", group: null, tables: step.tables }, after, member))
      }
    }
    indicesOf.set(row.record.index, indices.length === 0 ? after : indices)
  }
  return undo
}
