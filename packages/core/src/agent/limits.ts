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

/** Keys of pending steps that must not begin yet, because as much goes on already as may. */
export const beyondLimits = (
  view: View,
  away: ReadonlySet<string>,
  { maxParallelSteps, transferBytesMax, transfersPerNode, transfersMax }: EngineConfig,
): ReadonlySet<string> => {
  let steps = 0
  let transfers = 0
  let bytes = 0
  const byNode = new Map<string, number>()
  const count = ({ expects, step, node }: StepRow) => {
    steps++
    if (step._tag !== "JoinGroup") return
    transfers++
    bytes += expects?.bytes ?? 0
    byNode.set(node ?? "", (byNode.get(node ?? "") ?? 0) + 1)
  }
  const live = [...view.steps].filter(([id]) => {
    const operation = view.operations.get(id)?.record
    return operation !== undefined && isLive(operation)
  })
  for (const [, rows] of live) for (const { record } of rows) if (takesPlace(record)) count(record)
  const beyond = new Set<string>()
  for (const [id, rows] of live) {
    const operation = view.operations.get(id)?.record
    if (operation === undefined || operation.status === "paused") continue
    for (const { key, record } of rows) {
      if (record.status !== "pending" || (record.node !== null && away.has(record.node))) continue
      if (isOff(operation, record, "begin") || !isReady(rows, record)) continue
      const isTransfer = record.step._tag === "JoinGroup"
      const full =
        isTransfer &&
        (transfers >= transfersMax ||
          (byNode.get(record.node ?? "") ?? 0) >= transfersPerNode ||
          // One alone may be as large as it is.
          (transfers > 0 && bytes + (record.expects?.bytes ?? 0) > transferBytesMax))
      if (full || steps >= maxParallelSteps) beyond.add(key)
      else count(record)
    }
  }
  return beyond
}

/**
 * From when, by the own clock, this agent may begin another state transfer, if it begins one of so many bytes now: so long
 * that the bytes it begins to receive stay below `transferBytesPerSecond` on average. A slow daemon, which has fewer
 * places, gets fewer bytes in the same proportion.
 */
export const nextTransferMs = (nowMs: number, bytes: number, places: number, config: EngineConfig): number =>
  nowMs + (bytes * 1000 * placesMax) / (config.transferBytesPerSecond * places)

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
