/**
 * Who was left behind, and whose daemon must stay up: acknowledged writes depend on these judgements.
 */
import { describe, expect, it } from "vitest"
import { leftBehind, restartRefusal } from "../src/Health.ts"
import type { ObservedGroup } from "../src/State.ts"
import { group, orphaned, primary, showing } from "./groupViews.ts"

describe("leftBehind", () => {
  const judge = (shown: Readonly<Record<string, ObservedGroup>>, away: ReadonlyArray<string>) =>
    leftBehind(showing(shown), group, new Set(away))

  it("is proven by a later view", () => {
    const shown = { a: primary(4, "a", "b"), b: primary(4, "a", "b"), c: primary(3, "a", "b", "c") }
    expect(judge(shown, ["c"])).toEqual({ proven: ["c"], likely: [] })
  })

  it("is not believed of an older observation", () => {
    const shown = { a: primary(2, "a", "b"), b: primary(2, "a", "b"), c: primary(3, "a", "b", "c") }
    expect(judge(shown, [])).toEqual({ proven: [], likely: [] })
  })

  it("is likely where numbers began anew", () => {
    const shown = { a: primary(1, "a", "b"), b: primary(1, "a", "b"), c: primary(9, "a", "b", "c") }
    expect(judge(shown, ["c"])).toEqual({ proven: [], likely: ["c"] })
  })
})

describe("restartRefusal", () => {
  const all = primary(3, "a", "b", "c")
  const refusal = (shown: Readonly<Record<string, ObservedGroup>>, own: ObservedGroup, away: ReadonlyArray<string>) =>
    restartRefusal(showing(shown), "a", new Map([["g", own]]), new Set(away), false)

  it("allows it while another member in sync is seen", () => {
    expect(refusal({ a: all, b: all, c: all }, all, [])).toBeUndefined()
  })

  it("refuses while the in-sync set names somebody who was left behind", () => {
    const shown = { a: primary(4, "a", "b"), b: primary(4, "a", "b"), c: all }
    expect(refusal(shown, primary(4, "a", "b"), ["c"])).toMatch(/went on without c/)
  })

  it("refuses where the own daemon sees none of those who are said to be there", () => {
    expect(refusal({ a: all, b: all, c: all }, { ...primary(4, "a"), nodesSet: ["a", "b", "c"] }, [])).toMatch(
      /no other member/,
    )
  })

  it("refuses where the own daemon has lost the others, who said that they serve before they were gone (seed 1200274)", () => {
    expect(refusal({ a: all, b: all, c: all }, orphaned("a", "b", "c"), [])).toMatch(/not primary on a/)
  })
})
