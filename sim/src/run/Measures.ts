/** Figures of a whole run, for thresholds: how long writes took, how much was done. */
import type { Measure, Threshold } from "../scenario/Scenario.ts"
import { showMs } from "../scenario/showDuration.ts"
import { isTime, thresholdText } from "../scenario/ThresholdSource.ts"
import type { ClientModel } from "../workload/ClientModel.ts"
import type { Counters } from "./Conditions.ts"
import type { ExpectationResult } from "./ScenarioResult.ts"
import type { StreamRecord } from "./StreamRecord.ts"

/** What figures are made of. */
export interface Measured {
  readonly clients: ReadonlyArray<ClientModel>
  readonly streams: ReadonlyArray<StreamRecord>
  readonly counters: Counters
  /** Statements since time zero. */
  readonly commands: number
  /** Virtual time since time zero. */
  readonly durationMs: number
}

/** The smallest number that so many of a hundred are not above; undefined for none. */
const percentile = (numbers: ReadonlyArray<number>, percent: number): number | undefined =>
  numbers.toSorted((a, b) => a - b)[Math.max(0, Math.ceil((numbers.length * percent) / 100) - 1)]

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, number) => total + number, 0)

/** A figure: milliseconds for times, else a number; undefined if there was nothing to measure. */
const figureOf = (
  measure: Measure,
  { clients, streams, counters, commands, durationMs }: Measured,
): number | undefined => {
  const latency = (percent: number): number | undefined => {
    const micros = percentile(
      [...clients, ...streams].flatMap((client) => client.latenciesMicros),
      percent,
    )
    return micros === undefined ? undefined : micros / 1000
  }
  switch (measure) {
    case "writeLatencyP50":
      return latency(50)
    case "writeLatencyP99":
      return latency(99)
    case "writeLatencyMax":
      return latency(100)
    case "unavailableFor":
      return Math.max(0, ...clients.map((model) => model.longestGapMicros(model.lastSentMicros ?? 0))) / 1000
    case "duration":
      return durationMs
    case "acknowledgedWrites":
      return sum([...clients.map((model) => model.acknowledged), ...streams.map((stream) => stream.acknowledged.size)])
    case "refusedWrites":
      return sum([...clients.map((model) => model.refused), ...streams.map((stream) => stream.refused.size)])
    case "unknownWrites":
      return sum([...clients.map((model) => model.unknown), ...streams.map((stream) => stream.unknown.size)])
    case "commands":
      return commands
    default:
      return counters[measure]
  }
}

const holds = ({ is, value }: Threshold, figure: number): boolean => {
  switch (is) {
    case "<=":
      return figure <= value
    case "<":
      return figure < value
    case ">=":
      return figure >= value
    case ">":
      return figure > value
    case "=":
      return figure === value
  }
}

/** Whether a figure of the run is as a threshold says. */
export const judgeThreshold = (threshold: Threshold, measured: Measured): ExpectationResult => {
  const { measure } = threshold
  const figure = figureOf(measure, measured)
  return {
    name: `threshold: ${measure} ${thresholdText(threshold)}`,
    held: figure !== undefined && holds(threshold, figure),
    detail: figure === undefined ? "there was nothing to measure" : isTime(measure) ? showMs(figure) : String(figure),
  }
}
