/** Protects what people type: every value that is taken means one thing, and every other is refused with what to type. */
import * as Result from "effect/Result"
import * as Duration from "effect/Duration"
import { describe, expect, it } from "vitest"
import { parseSeed, parseSeedRange, parseShardOf, seedsOf } from "../src/cli/SimValues.ts"
import { parseJobs, parseLength } from "../src/cli/Values.ts"

const expected = (result: Result.Result<unknown, string>): string =>
  Result.isFailure(result) ? result.failure : "taken"
const taken = <A>(result: Result.Result<A, string>): A | undefined =>
  Result.isSuccess(result) ? result.success : undefined

describe("--seed", () => {
  it("takes whole numbers of 32 bits", () => {
    expect(taken(parseSeed("0"))).toBe(0)
    expect(taken(parseSeed("4294967295"))).toBe(4294967295)
  })

  it.each(["", "-1", "1.5", "x", "4294967296", "1e3", " 1"])("refuses %j", (text) => {
    expect(expected(parseSeed(text))).toBe("a whole number from 0 to 4294967295")
  })
})

describe("--seeds", () => {
  it("leaves the end out", () => {
    expect(taken(parseSeedRange("1..4"))).toEqual({ from: 1, to: 4 })
    expect(seedsOf({ from: 1, to: 4 })).toEqual([1, 2, 3])
    expect(seedsOf({ from: 4294967295, to: 4294967296 })).toEqual([4294967295])
  })

  it.each([
    ["5..3", /has none, as B is left out \(did you mean 3\.\.5\?\)/],
    ["5..5", /has none, as B is left out \(did you mean 5\.\.6\?\)/],
    ["5", /a range A\.\.B of whole numbers/],
    ["1..", /a range A\.\.B of whole numbers/],
    ["1...3", /a range A\.\.B of whole numbers/],
    ["1..2..3", /a range A\.\.B of whole numbers/],
    ["a..b", /a range A\.\.B of whole numbers/],
    ["0..4294967297", /seeds up to 4294967295/],
    ["0..4294967296", /at most 100000000 seeds/],
  ])("refuses %j", (text, message) => {
    expect(expected(parseSeedRange(text))).toMatch(message)
  })
})

describe("--shard", () => {
  it("divides a range into parts that miss nothing and share nothing", () => {
    const range = { from: 10, to: 33 }
    const parts = [1, 2, 3, 4].map((index) => seedsOf(range, { index, count: 4 }))
    expect(parts.flat().toSorted((a, b) => a - b)).toEqual(seedsOf(range))
    expect(
      Math.max(...parts.map((part) => part.length)) - Math.min(...parts.map((part) => part.length)),
    ).toBeLessThanOrEqual(1)
    expect(taken(parseShardOf("4/4"))).toEqual({ index: 4, count: 4 })
  })

  it.each(["3/2", "0/2", "1/0", "1", "1/2/3", "-1/2", "a/b"])("refuses %j", (text) => {
    expect(expected(parseShardOf(text))).toMatch(/parts count from 1/)
  })
})

describe("lengths of time and counts", () => {
  it("need a unit", () => {
    expect(Duration.toMillis(taken(parseLength("1.5s")) ?? Duration.zero)).toBe(1500)
    for (const text of ["5", "0s", "-5s", "5 s", "x"]) expect(expected(parseLength(text))).toMatch(/with a unit/)
  })

  it("are at least one", () => {
    expect(taken(parseJobs("2"))).toBe(2)
    for (const text of ["0", "-1", "x", "1025"]) expect(expected(parseJobs(text))).toBe("a whole number from 1 to 1024")
  })
})
