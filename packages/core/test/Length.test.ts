/** Protects lengths of time: each has a unit, and nothing else is taken for one. */
import * as Duration from "effect/Duration"
import { describe, expect, it } from "vitest"
import { parseLength } from "../src/Length.ts"

describe("parseLength", () => {
  it.each([
    ["250ms", 250],
    ["1.5s", 1500],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
  ])("reads %s", (text, millis) => {
    expect(Duration.toMillis(parseLength(text) ?? Duration.zero)).toBe(millis)
  })

  it.each(["", "5", "5 s", "-5s", "s", "1.s", "5S", "5sec"])("refuses %j", (text) => {
    expect(parseLength(text)).toBeUndefined()
  })
})
