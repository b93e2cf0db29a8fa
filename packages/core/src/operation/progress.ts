/**
 * How far an operation has come, and what it waits for. A function of the records and of a time for people: nothing in the
 * engine is decided by it.
 */
import { isLive, type Operation, type StatusChange, type StepRow, type StepWaiting } from "../State.ts"
import type { StepKind } from "../step/Step.ts"
import type { View } from "../View.ts"

/** A step that is being worked on. */
export interface CurrentWork {
  readonly index: number
  /** Null: the leader. */
  readonly node: string | null
  readonly step: StepKind
}

/** What an operation waits for; `sinceMs` is null if that is not known. */
export interface Waiting extends Omit<StepWaiting, "sinceMs"> {
  readonly node: string | null
  readonly step: number
  readonly sinceMs: number | null
}

/** Steps that are done, and all of them. */
export interface Steps {
  readonly done: number
  readonly total: number
}

/** How far an operation has come. */
export interface Progress {
  readonly steps: Steps
  /** The same of its undo steps; null if nothing is being undone. */
  readonly undo: Steps | null
  /** Rows that were copied, and those that the plan expected; null where sizes are not known. */
  readonly rows: { readonly copied: number; readonly expected: number | null }
  /** The same in bytes, as the plan had them; of a copy under way as much as its node shows. */
  readonly bytes: { readonly copied: number; readonly expected: number | null }
  /** Of the steps of the plan, from 0 to 100, rounded down. */
  readonly percentage: number
  /**
   * How long the rest takes at the rate seen so far, of bytes or of steps, whichever takes longer; null before the first
   * step is done, and when nothing goes on.
   */
  readonly etaMs: number | null
  readonly current: ReadonlyArray<CurrentWork>
  readonly waiting: Waiting | null
}

/** For how long an operation has been running, pauses left out. */
const runningMs = (history: ReadonlyArray<StatusChange>, nowMs: number): number => {
  let total = 0
  for (const [index, { status, atMs }] of history.entries()) {
    if (status === "running") total += Math.max(0, (history[index + 1]?.atMs ?? nowMs) - atMs)
  }
  return total
}

const stepsOf = (rows: ReadonlyArray<StepRow>, total: number): Steps => ({
  done: rows.filter(({ status }) => status === "done").length,
  total,
})

/** What has been waited for longest. `away`: nodes that show no sign of life. */
const waitingOf = (view: View, rows: ReadonlyArray<StepRow>, away: ReadonlySet<string>): Waiting | null => {
  let oldest: Waiting | null = null
  for (const { index, node, status, waiting } of rows) {
    if (status !== "processing" || waiting === undefined || waiting === null) continue
    if (oldest === null || waiting.sinceMs < (oldest.sinceMs ?? 0)) oldest = { ...waiting, node, step: index }
  }
  if (oldest !== null) return oldest
  const isDone = (index: number) => rows.find((row) => row.index === index)?.status === "done"
  const stuck = rows.find(
    ({ status, node, dependsOn }) =>
      node !== null && away.has(node) && (status === "processing" || (status === "pending" && dependsOn.every(isDone))),
  )
  if (stuck === undefined) return joiningOf(view, rows) ?? dueOf(rows)
  const detail = `${stuck.node}, which has to do step ${stuck.index}, is away`
  return { code: "node-away", detail, node: stuck.node, step: stuck.index, sinceMs: null }
}

/** A JOIN is one statement, which may take minutes, or never end: its node shows the group meanwhile. */
const joiningOf = (view: View, rows: ReadonlyArray<StepRow>): Waiting | null => {
  for (const { index, node, status, step } of rows) {
    if (status !== "processing" || step._tag !== "JoinGroup") continue
    const shown = view.observations.get(node ?? "")?.record.groups[step.group]
    if (shown?.status === "primary" && shown.nodeState !== "joining") continue
    const detail = `${node} is not in ${step.group} yet: ${shown?.transfer ?? "nothing is being copied"}`
    return { code: "member-joining", detail, node, step: index, sinceMs: null }
  }
  return null
}

/** The first step that is due, if nothing is being worked on: its agent has not claimed it, or could not. */
const dueOf = (rows: ReadonlyArray<StepRow>): Waiting | null => {
  if (rows.some(({ status }) => status === "processing")) return null
  const isDone = (index: number) => rows.find((row) => row.index === index)?.status === "done"
  const due = rows.find(({ status, dependsOn }) => status === "pending" && dependsOn.every(isDone))
  if (due === undefined) return null
  const detail = `${due.node ?? "the leader"} has not begun step ${due.index}, which is due`
  return { code: "not-begun", detail, node: due.node, step: due.index, sinceMs: null }
}

/** Bytes that joining nodes have received. */
const copiedBytes = (view: View, rows: ReadonlyArray<StepRow>): number => {
  let bytes = 0
  for (const { expects, node, status, step } of rows) {
    if (step._tag !== "JoinGroup" || expects === undefined) continue
    const shown = view.observations.get(node ?? "")?.record.groups[step.group]?.transfer
    const share = status === "done" ? 1 : status === "processing" ? Number.parseInt(shown ?? "0", 10) / 100 : 0
    bytes += Math.round(expects.bytes * Math.min(1, share))
  }
  return bytes
}

/** How long the rest takes if it goes on as it went; 0 where nothing is known. */
const restMs = (ranMs: number, done: number, all: number): number =>
  done === 0 ? 0 : (ranMs / done) * Math.max(0, all - done)

/** How far an operation has come at a time of the wall clock. Its steps must still be in the listing. */
export const progressOf = (
  view: View,
  operation: Operation,
  nowMs: number,
  away: ReadonlySet<string> = new Set(),
): Progress => {
  const rows = (view.steps.get(operation.id) ?? []).map(({ record }) => record)
  const { undoFrom } = operation
  const planned = rows.filter(({ undoes }) => undoes === null)
  const undo = undoFrom === null ? [] : rows.filter(({ undoes, index }) => undoes !== null && index >= undoFrom)
  const steps = stepsOf(planned, operation.steps)
  const live = undoFrom === null ? planned : undo
  const goesOn = operation.status === "running" && !operation.undoing
  const ranMs = runningMs(operation.history, nowMs)
  const bytes = { copied: copiedBytes(view, planned), expected: operation.cost?.bytes ?? null }
  return {
    steps,
    undo: undoFrom === null ? null : stepsOf(undo, undo.length),
    rows: {
      copied: planned.reduce((sum, { rows: copied }) => sum + (copied ?? 0), 0),
      expected: operation.cost?.rows ?? null,
    },
    bytes,
    percentage: steps.total === 0 ? 100 : Math.floor((100 * steps.done) / steps.total),
    etaMs:
      goesOn && steps.done > 0
        ? Math.round(Math.max(restMs(ranMs, steps.done, steps.total), restMs(ranMs, bytes.copied, bytes.expected ?? 0)))
        : null,
    current: live
      .filter(({ status }) => status === "processing")
      .map(({ index, node, step }) => ({ index, node, step: step._tag })),
    waiting: isLive(operation) && operation.status !== "paused" ? waitingOf(view, live, away) : null,
  }
}
