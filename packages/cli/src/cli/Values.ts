/**
 * Values on the command line that are more than a word: durations, ports, addresses. Each has a parser of text that
 * says what was expected, and flags made of it.
 */
import { isCluster } from "@shardwright/core/Identifier"
import { parseLength as readLength } from "@shardwright/core/Length"
import { rfMax, rfProblem, shardsMax } from "@shardwright/core/TableWish"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"

const portMax = 65_535
/** A parser: the value, or what was expected instead. */
export type Parse<A> = (text: string) => Result.Result<A, string>

/** A whole number of at most 15 digits. */
export const wholeNumber = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)

/** A length of time with its unit: `90s`, `5m`. */
export const parseLength: Parse<Duration.Duration> = (text) => {
  const duration = readLength(text)
  return duration !== undefined && Duration.toMillis(duration) > 0
    ? Result.succeed(duration)
    : Result.fail("a duration with a unit, such as 500ms, 90s, 5m or 1h")
}

/** How many at a time. */
export const parseJobs: Parse<number> = (text) => {
  const jobs = wholeNumber(text)
  return jobs !== undefined && jobs >= 1 && jobs <= 1024
    ? Result.succeed(jobs)
    : Result.fail("a whole number from 1 to 1024")
}

/** A port of this machine, or 0 for any that is free. */
export const parsePort: Parse<number> = (text) => {
  const port = wholeNumber(text)
  return port !== undefined && port <= portMax
    ? Result.succeed(port)
    : Result.fail(`a port from 1 to ${portMax}, or 0 for one that is free`)
}

/** Where somebody listens. */
export const parseAddress: Parse<string> = (text) => {
  const port = Number(/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):(\d{1,5})$/.exec(text)?.[1])
  return port >= 1 && port <= portMax
    ? Result.succeed(text)
    : Result.fail(`an address HOST:PORT, such as 127.0.0.1:9306, with a port from 1 to ${portMax}`)
}

/** A replication cluster. */
export const parseCluster: Parse<string> = (text) =>
  isCluster(text)
    ? Result.succeed(text)
    : Result.fail("the name of a replication cluster: letters, digits and underscores, not digits alone")

/** Copies of a shard. */
export const parseRf: Parse<number> = (text) => {
  const rf = wholeNumber(text) ?? Number.NaN
  const problem = rfProblem(rf)
  return problem === undefined ? Result.succeed(rf) : Result.fail(`a whole number from 1 to ${rfMax}`)
}

/** Shards of a table. */
export const parseShards: Parse<number> = (text) => {
  const shards = wholeNumber(text)
  return shards !== undefined && shards >= 1 && shards <= shardsMax
    ? Result.succeed(shards)
    : Result.fail(`a whole number from 1 to ${shardsMax}`)
}

const parseAs =
  <A>(name: string, parse: Parse<A>, kind: "flag" | "argument" = "flag") =>
  (text: string): Effect.Effect<A, CliError.InvalidValue> =>
    Effect.mapError(
      Effect.fromResult(parse(text)),
      (expected) => new CliError.InvalidValue({ option: name, value: text, expected, kind }),
    )

/** An argument whose text a parser reads. */
export const parsedArgument = <A>(name: string, description: string, parse: Parse<A>): Argument.Argument<A> =>
  Argument.String(name).pipe(
    Argument.withDescription(description),
    Argument.mapEffect(parseAs(name, parse, "argument")),
  )

/** A flag whose text a parser reads. */
export const parsedFlag = <A>(name: string, metavar: string, description: string, parse: Parse<A>): Flag.Flag<A> =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(description),
    Flag.mapEffect(parseAs(name, parse)),
  )

/** The same with a parser that is loaded when somebody gives the flag. */
export const lazilyParsedFlag = <A>(
  name: string,
  metavar: string,
  description: string,
  parse: () => Promise<Parse<A>>,
): Flag.Flag<A> =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(description),
    Flag.mapEffect((text) => Effect.flatMap(Effect.promise(parse), (loaded) => parseAs(name, loaded)(text))),
  )

/** Files or folders, at least one. */
export const pathsArgument = (what: string) =>
  Argument.String("path").pipe(Argument.withDescription(what), Argument.variadic({ min: 1 }))

/** `--json` */
export const jsonFlag: Flag.Flag<boolean> = Flag.Boolean("json").pipe(
  Flag.withDescription("Print one JSON document on standard output, and nothing else there"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)
