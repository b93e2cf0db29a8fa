/** Thresholds as they are written: a measure, and a text such as `<= 2s` or `= 0`. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { durationText, parseDuration } from "./ScalarSchemas.ts"
import { comparisons, countMeasures, type Measure, type Threshold, timeMeasures } from "./Scenario.ts"
import { optional } from "./SourceParts.ts"

const signs = comparisons.join("|")

const lacksSign = (found: unknown): string =>
  typeof found === "number" || (typeof found === "string" && /^\s*[0-9]/u.test(found))
    ? `put a sign before it: "<= ${found}"`
    : "write one of the signs <=, <, >=, > and =, a blank, and a value; quote what begins with >"

const timeSaid = { expected: 'a sign and a duration, such as "<= 2s"', cure: lacksSign }
const TimeThreshold = Schema.String.annotate(timeSaid).check(
  Schema.isPattern(new RegExp(`^(${signs}) [0-9]{1,12}(\\.[0-9]{1,3})?(ms|s|m|h)$`, "u"), timeSaid),
)
const countSaid = { expected: 'a sign and a whole number, such as "<= 3"', cure: lacksSign }
const CountThreshold = Schema.String.annotate(countSaid).check(
  Schema.isPattern(new RegExp(`^(${signs}) [0-9]{1,12}$`, "u"), countSaid),
)

const time = (description: string) => optional(TimeThreshold, description)
const count = (description: string) => optional(CountThreshold, description)

/** All measures; those that nobody asks for are not judged. */
export const ThresholdsSource = Schema.Struct({
  writeLatencyP50: time("The median of the times to the answer of acknowledged writes."),
  writeLatencyP99: time("99 of 100 acknowledged writes were answered in this time."),
  writeLatencyMax: time("The longest time to the answer of an acknowledged write."),
  unavailableFor: time("The longest time in which no writer of some table was acknowledged."),
  duration: time("Virtual time from time zero to the end of the run."),
  acknowledgedWrites: count("Rows whose writes succeeded, with those of streams."),
  refusedWrites: count("Rows whose writes were refused, with those of streams."),
  unknownWrites: count("Rows whose writes had no clear outcome in the end, with those of streams."),
  moves: count("Replicas that were made on another node than before."),
  bytesMoved: count("Bytes that moves copied (an estimate)."),
  rollbacks: count("Operations that were rolled back."),
  leaderChanges: count("Times that an agent acquired the lease."),
  operationsCompleted: count("Operations that completed."),
  operationsFailed: count("Operations that failed."),
  stepsDone: count("Steps that were done."),
  commands: count("Statements that were sent from time zero, by agents and by clients."),
} satisfies Readonly<Record<Measure, Schema.Top>>)

/** A threshold that the schema has let pass: its sign, and its value in milliseconds or as a number. */
export const parseThreshold = (measure: Measure, text: string): Threshold => {
  const [sign = "", value = ""] = text.split(" ")
  const duration = parseDuration(value)
  return {
    measure,
    is: comparisons.find((comparison) => comparison === sign) ?? "=",
    value: duration === null ? Number(value) : Duration.toMillis(duration),
  }
}

/** All measures, in the order in which they are told. */
export const measures: ReadonlyArray<Measure> = [...timeMeasures, ...countMeasures]

/** Whether a measure is a length of time. */
export const isTime = (measure: Measure): boolean => timeMeasures.some((it) => it === measure)

/** A threshold as it is written: `<= 2s`. */
export const thresholdText = ({ measure, is, value }: Threshold): string =>
  `${is} ${isTime(measure) ? durationText(Duration.millis(value)) : value}`
