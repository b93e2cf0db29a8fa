/**
 * Values that only the simulator's commands take: seeds, ranges, shards, speeds, defects. Each has a parser of text that says
 * what was expected.
 */
import { type Mutation, mutations } from "@shardwright/core/Mutation"
import * as Result from "effect/Result"
import { type Parse, wholeNumber } from "./Values.ts"

/** Seeds are 32-bit: the generator knows no more, and two seeds must never mean the same run. */
const seedMax = 2 ** 32 - 1
/** More seeds than a machine runs in a week; a slip of the finger beyond it. */
const seedsMax = 100_000_000

/** Beyond it no machine keeps up, and `max` says what is meant. */
const speedMax = 100_000

/** Seeds from `from` up to, but without, `to`. */
export interface SeedRange {
  readonly from: number
  readonly to: number
}

/** Part `index` of `count`, counted from 1. */
export interface ShardOf {
  readonly index: number
  readonly count: number
}

/** One seed: `42`. */
export const parseSeed: Parse<number> = (text) => {
  const seed = wholeNumber(text)
  return seed !== undefined && seed <= seedMax
    ? Result.succeed(seed)
    : Result.fail(`a whole number from 0 to ${seedMax}`)
}

/** A range of seeds that leaves its end out: `1..100` has 99 seeds. */
export const parseSeedRange: Parse<SeedRange> = (text) => {
  const parts = text.split("..")
  const [from, to] = parts.map(wholeNumber)
  if (parts.length !== 2 || from === undefined || to === undefined) {
    return Result.fail("a range A..B of whole numbers, such as 1..100; B is left out")
  }
  if (from >= to) {
    return Result.fail(
      `a range with at least one seed; ${text} has none, as B is left out${from > to ? ` (did you mean ${to}..${from}?)` : ` (did you mean ${from}..${from + 1}?)`}`,
    )
  }
  if (to > seedMax + 1) return Result.fail(`seeds up to ${seedMax}`)
  return to - from <= seedsMax ? Result.succeed({ from, to }) : Result.fail(`at most ${seedsMax} seeds`)
}

/** One of several equal parts: `2/8`. */
export const parseShardOf: Parse<ShardOf> = (text) => {
  const parts = text.split("/")
  const [index, count] = parts.map(wholeNumber)
  if (parts.length !== 2 || index === undefined || count === undefined) {
    return Result.fail("I/N, part I of N, such as 2/8; parts count from 1")
  }
  return index >= 1 && index <= count
    ? Result.succeed({ index, count })
    : Result.fail(`I/N with I from 1 to N; parts count from 1`)
}

/** One of the ways in which a statement fails. */
export const parseWay =
  <Way extends string>(ways: ReadonlyArray<Way>): Parse<Way> =>
  (text) => {
    const way = ways.find((candidate) => candidate === text)
    return way === undefined ? Result.fail(`one of ${ways.join(", ")}`) : Result.succeed(way)
  }

/** Safety mechanisms by name: `skip-term-check,ignore-pause`. */
export const parseMutations: Parse<ReadonlyArray<Mutation>> = (text) => {
  const named = text.split(",").map((name) => mutations.find((mutation) => mutation === name))
  return named.every((mutation) => mutation !== undefined)
    ? Result.succeed(named)
    : Result.fail(`names of mechanisms with commas between them, of: ${mutations.join(", ")}`)
}

/** How fast virtual time passes: `1x`, `0.5x`, or `max`. */
export const parseSpeed: Parse<number | "max"> = (text) => {
  if (text === "max") return Result.succeed(text)
  const speed = /^\d{1,6}(\.\d{1,3})?x$/.test(text) ? Number(text.slice(0, -1)) : 0
  return speed > 0 && speed <= speedMax
    ? Result.succeed(speed)
    : Result.fail(`a factor such as 1x, 10x or 0.5x (at most ${speedMax}x), or max`)
}

/** The seeds of a range that belong to a part: every N-th, so that parts are alike in length. */
export const seedsOf = (
  { from, to }: SeedRange,
  { index, count }: ShardOf = { index: 1, count: 1 },
): ReadonlyArray<number> => {
  const seeds: Array<number> = []
  for (let seed = from + index - 1; seed < to; seed += count) seeds.push(seed)
  return seeds
}
