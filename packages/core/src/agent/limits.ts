/**
 * How much goes on at once: steps on a node and in the cluster, state transfers. Every agent sees the same records, ranks
 * what is ready in the same way, and begins only what is within the limits, so that nobody needs to hand out places.
 */
import * as Duration from "effect/Duration"
import type { EngineConfig } from "../EngineConfig.ts"
import { isOff } from "../operation/isOff.ts"
import { isLive, type StepRow } from "../State.ts"
import type { Stored, View } from "../View.ts"

/** True if everything that a step follows is over. */
export const isReady = (rows: ReadonlyArray<Stored<StepRow>>, row: StepRow): boolean =>
  row.dependsOn.every((index) => {
    const status = statusOf(rows, index)
    return status === "done" || (row.undoes !== null && status === "cancelled")
  })

/** Rows are in the order of their indices, and mostly without gaps. */
const statusOf = (rows: ReadonlyArray<Stored<StepRow>>, index: number) => {
  const expected = rows[index]
  const row = expected?.record.index === index ? expected : rows.find(({ record }) => record.index === index)
  return row?.record.status
}

/** Who waits takes no place: what it waits for may be a step that has not begun. */
const takesPlace = (row: StepRow): boolean =>
  row.status === "processing" && (row.waiting === undefined || row.waiting === null)

/**
 * Nodes that an EXIT keeps busy: its own, and the other members, each of which notes who is left as soon as it has no
 * cluster statement of its own under way. Two nodes that leave crosswise would wait for each other for ever.
 */
const busyByExit = (view: View, { step, node }: StepRow): ReadonlyArray<string> => {
  if (step._tag !== "ExitGroup" || node === null) return []
  const group = view.groups.get(step.group)?.record
  return [node, ...(group?.members ?? []), ...(group?.leaving ?? [])]
}

/** True if the statement of a step may be under way. */
const mayBeSent = (row: StepRow): boolean => takesPlace(row) || row.waiting?.code === "daemon-silent"

/** Keys of pending steps that must not begin yet, because as much goes on already as may. */
export const beyondLimits = (
  view: View,
  away: ReadonlySet<string>,
  { maxParallelSteps, transfersPerNode, transfersMax }: EngineConfig,
): ReadonlySet<string> => {
  let steps = 0
  let transfers = 0
  const byNode = new Map<string, number>()
  /** Who leaves a group at which nodes wait for now. */
  const leaving = new Map<string, string>()
  const count = ({ step, node }: StepRow) => {
    steps++
    if (step._tag !== "JoinGroup") return
    transfers++
    byNode.set(node ?? "", (byNode.get(node ?? "") ?? 0) + 1)
  }
  const live = [...view.steps].filter(([id]) => {
    const operation = view.operations.get(id)?.record
    return operation !== undefined && isLive(operation)
  })
  const leave = (row: StepRow) => {
    for (const node of busyByExit(view, row)) leaving.set(node, row.node ?? "")
  }
  const isCrosswise = (row: StepRow) =>
    busyByExit(view, row).some((node) => (leaving.get(node) ?? row.node) !== row.node)
  for (const [, rows] of live) {
    for (const { record } of rows) {
      if (takesPlace(record)) count(record)
      if (record.status === "processing" && mayBeSent(record)) leave(record)
    }
  }
  const beyond = new Set<string>()
  for (const [id, rows] of live) {
    const operation = view.operations.get(id)?.record
    if (operation === undefined || operation.status === "paused") continue
    for (const { key, record } of rows) {
      if (record.status !== "pending" || (record.node !== null && away.has(record.node))) continue
      if (isOff(operation, record, "begin") || !isReady(rows, record)) continue
      const isTransfer = record.step._tag === "JoinGroup"
      const full = isTransfer && (transfers >= transfersMax || (byNode.get(record.node ?? "") ?? 0) >= transfersPerNode)
      if (full || steps >= maxParallelSteps || isCrosswise(record)) beyond.add(key)
      else {
        count(record)
        leave(record)
      }
    }
  }
  return beyond
}

/** Bounds of the number of steps that one agent works on at once. */
const placesMin = 1
const placesMax = 8
/** A write of the own row takes milliseconds; whoever needs this long is busy with more than it can do. */
const slowWrite = Duration.seconds(1)
const quickWrite = Duration.millis(200)

/**
 * How many steps an agent works on at once, after a write to the records that took so long: one more now and then while
 * the daemon is quick, half as many when it is slow.
 */
export const adaptPlaces = (places: number, tookMs: number): number => {
  if (tookMs >= Duration.toMillis(slowWrite)) return Math.max(placesMin, Math.floor(places / 2))
  return tookMs <= Duration.toMillis(quickWrite) ? Math.min(placesMax, places + 0.25) : places
}

/** How many an agent begins with. */
export const placesAtFirst = placesMax
