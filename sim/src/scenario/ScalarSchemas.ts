/**
 * The plain values of the scenario language: durations, names, bounded numbers, closed sets. Each schema carries, next
 * to its description for the JSON Schema, what a person needs who got it wrong: `expected` (what is to be written) and
 * `cure` (what to do about this very value). `ScenarioProblem` messages are made of these.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/** What to do about a wrong value; null when `expected` says it all. */
export type Cure = (found: unknown) => string | null

/** Longest duration that can be written: 30 days. Far above any run, and it keeps arithmetic in microseconds exact. */
const durationHoursMax = 720

const millisOfUnit: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const durationPattern = /^([0-9]{1,12}(?:\.[0-9]{1,3})?)(ms|s|m|h)$/u
const durationExpected = "a duration with a unit, such as 250ms, 10s, 2m or 1h"

/** A duration from its text; null if it is none. */
export const parseDuration = (text: string): Duration.Duration | null => {
  const match = durationPattern.exec(text)
  const unit = millisOfUnit[match?.[2] ?? ""]
  return match === null || unit === undefined ? null : Duration.millis(Number(match[1]) * unit)
}

/** The shortest way to write a duration in whole numbers of one unit: `90s`, `2m`. */
export const durationText = (duration: Duration.Duration): string => {
  const millis = Duration.toMillis(duration)
  for (const unit of ["h", "m", "s"]) {
    const size = millisOfUnit[unit] ?? 1
    if (millis >= size && millis % size === 0) return `${millis / size}${unit}`
  }
  return millis === 0 ? "0s" : `${Number(millis.toFixed(3))}ms`
}

const spelledUnits: ReadonlyArray<readonly [RegExp, string]> = [
  [/^(milliseconds?|millis|msecs?)$/iu, "ms"],
  [/^(seconds?|secs?)$/iu, "s"],
  [/^(minutes?|mins?)$/iu, "m"],
  [/^(hours?|hrs?)$/iu, "h"],
]

const durationCure: Cure = (found) => {
  if (typeof found === "number" && Number.isFinite(found)) {
    return found < 0
      ? "write the time as a positive number with a unit"
      : `add a unit: ${found}ms, ${found}s or ${found}m`
  }
  if (typeof found !== "string") return null
  const text = found.trim()
  if (/^-\s*[0-9]/u.test(text))
    return "take away the minus sign: times count forwards from when the cluster and its tables are ready"
  if (/^[0-9.]+$/u.test(text)) return `add a unit: ${text}ms, ${text}s or ${text}m`
  const spelled = /^([0-9.]+)\s*([a-z]+)$/iu.exec(text)
  const unit =
    spelledUnits.find(([pattern]) => pattern.test(spelled?.[2] ?? ""))?.[1] ?? (spelled?.[2] ?? "").toLowerCase()
  if (spelled !== null && unit in millisOfUnit && `${spelled[1]}${unit}` !== text)
    return `did you mean ${spelled[1]}${unit}?`
  if (/^[0-9.]+(us|µs|ns)$/u.test(text)) return "the smallest unit is ms; fractions such as 0.5ms are fine"
  if (/^[0-9.]+[dw]$/u.test(text)) return "the largest unit is h"
  return "write one number and one of the units ms, s, m, h, without a space"
}

const durationLimit = Schema.makeFilter<string>(
  (text) => {
    const duration = parseDuration(text)
    return duration === null || Duration.toMillis(duration) <= durationHoursMax * 3_600_000
  },
  {
    expected: `a duration of at most ${durationHoursMax}h`,
    cure: () => `no scenario lasts that long; ${durationHoursMax}h is the limit`,
    toJsonSchema: () => [{}, true],
  },
)

const saidOfDurations = { expected: durationExpected, cure: durationCure }

/** A point in time, or a length that may be zero, as text. */
export const Time = Schema.String.annotate(saidOfDurations).check(
  Schema.isPattern(durationPattern, saidOfDurations),
  durationLimit,
)

/** A length of time above zero, as text. */
export const Length = Time.check(
  Schema.isPattern(/[1-9]/u, { expected: "a duration above zero", cure: () => "a length of zero would do nothing" }),
)

const numberCure =
  (minimum: number, maximum: number): Cure =>
  (found) => {
    if (typeof found === "string" && /^\s*-?[0-9]+(\.[0-9]+)?\s*$/u.test(found))
      return `write it without quotes: ${found.trim()}`
    if (typeof found !== "number") return null
    if (found < minimum) return `the smallest value is ${minimum}`
    if (found > maximum) return `the largest value is ${maximum}`
    return null
  }

/** A whole number within bounds, both included. */
export const whole = (minimum: number, maximum: number) => {
  const said = { expected: `a whole number from ${minimum} to ${maximum}`, cure: numberCure(minimum, maximum) }
  return Schema.Number.annotate(said).check(
    Schema.isFinite(said),
    Schema.isInt(said),
    Schema.isBetween({ minimum, maximum }, said),
  )
}

/** A number within bounds, both included. */
export const decimal = (minimum: number, maximum: number) => {
  const said = { expected: `a number from ${minimum} to ${maximum}`, cure: numberCure(minimum, maximum) }
  return Schema.Number.annotate(said).check(Schema.isFinite(said), Schema.isBetween({ minimum, maximum }, said))
}

/** One of a closed set of words. */
export const oneOf = <const Words extends ReadonlyArray<string>>(words: Words) =>
  Schema.Literals(words).annotate({ expected: `one of ${words.join(", ")}` })

const yesNoCure: Cure = (found) =>
  typeof found === "string" && /^(yes|on|true)$/iu.test(found)
    ? "write true"
    : typeof found === "string" && /^(no|off|false)$/iu.test(found)
      ? "write false"
      : null

/** `true` or `false`. */
export const flag = Schema.Boolean.annotate({ expected: "true or false", cure: yesNoCure })

/** A text of a certain form. */
export const pattern = (regExp: RegExp, expected: string, cure: Cure) =>
  Schema.String.check(Schema.isPattern(regExp, { expected, cure }))

const quoteCure =
  (otherwise: string): Cure =>
  (found) =>
    typeof found === "string"
      ? otherwise
      : typeof found === "number" || typeof found === "boolean"
        ? `write it in quotes if it is meant as text: "${found}"`
        : null

/** Name of a scenario. */
export const ScenarioName = pattern(
  /^[a-z0-9]+(-[a-z0-9]+)*$/u,
  "a name in kebab case, such as node-dies-rf2",
  (found) => {
    const kebab =
      typeof found === "string"
        ? found
            .trim()
            .toLowerCase()
            .replaceAll(/[^a-z0-9]+/gu, "-")
            .replaceAll(/^-+|-+$/gu, "")
        : ""
    return kebab === "" ? null : `did you mean ${kebab}?`
  },
)

/** Name of a node in a declaration. */
export const NodeName = pattern(
  /^(?!(?:leader|victim|donor|joiner|one|minority|majority|all)$)[a-z][a-z0-9-]{0,31}$/u,
  "the name of a node: a letter, then letters, digits and dashes, such as n1",
  quoteCure(
    "use lower-case letters, digits and dashes, beginning with a letter; leader, victim, donor, joiner, one, minority, majority and all have a meaning of their own",
  ),
)

/** A node where it is referred to, or `leader` or `victim`. */
const selector = (expected: string) =>
  pattern(/^[a-z][a-z0-9-]{0,31}$/u, expected, (found) =>
    typeof found === "number" ? `did you mean n${found}?` : "nodes are named n1, n2, … unless cluster.nodes names them",
  )
export const Selector = selector("the name of a node, leader or victim")

/** The same, or a word for nodes that are drawn. */
export const TargetName = selector(
  "the name of a node, or one of leader, victim, donor, joiner, one, minority, majority, all",
)

/** Name of a sharded table. */
export const TableName = pattern(
  /^(?!all$)[a-z_][a-z0-9_]{0,63}$/u,
  "the name of a table: lower-case letters, digits and underscores, at most 64",
  quoteCure("use lower-case letters, digits and underscores, beginning with a letter; all is taken by rebalance"),
)

/** Name of a table of the server, also of a system table. */
export const ServerTable = pattern(
  /^(system\.)?[a-z_][a-z0-9_]{0,254}$/u,
  "the name of a table of the server, such as t or system.t_s0",
  quoteCure("use lower-case letters, digits and underscores; system. may stand before them"),
)

/** Name of a checker, a finding or a coordination cluster. */
export const Word = pattern(
  /^[A-Za-z][A-Za-z0-9_-]{0,63}$/u,
  "a word of letters, digits, - and _",
  quoteCure("take away blanks and other signs"),
)

/** A text that says something. */
export const Text = pattern(/\S/u, "a text", quoteCure("write at least one word"))

/** Characters of a regular expression. */
const patternMax = 1_000

const isPattern = (text: string): boolean => {
  try {
    return new RegExp(text, "iu").test("") || true
  } catch {
    return false
  }
}

const saidOfPatterns = {
  expected: `a regular expression of at most ${patternMax} characters, such as "^INSERT" (upper or lower case)`,
  cure: () => "write signs such as ( [ + ? as \\( \\[ \\+ \\? where they are meant as such",
}

/** A regular expression. */
export const Pattern = Schema.String.annotate(saidOfPatterns).check(
  Schema.isMinLength(1, saidOfPatterns),
  Schema.isMaxLength(patternMax, saidOfPatterns),
  Schema.makeFilter(isPattern, { ...saidOfPatterns, toJsonSchema: () => [{}, true] }),
)
