import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { editDistance, suggest } from "../../src/scenario/Suggestion.ts"

describe("editDistance", () => {
  it.each([
    ["kill", "kill", 0],
    ["kil", "kill", 1],
    ["kilm", "kill", 1],
    ["klil", "kill", 1],
    ["", "kill", 4],
    ["stop", "kill", 4],
  ])("from %s to %s is %d", (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance)
  })

  it("is the same both ways, and 0 only for equal words", () => {
    const word = fc.string({ maxLength: 12 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a))
        expect(editDistance(a, b) === 0).toBe(a === b)
      }),
    )
  })
})

describe("suggest", () => {
  const words = ["JoinGroup", "ExitGroup", "n1", "n2", "fully-replicated"]
  it.each([
    ["joingroup", "JoinGroup"],
    ["JionGruop", "JoinGroup"],
    ["fullyReplicated", "fully-replicated"],
    ["n01", "n1"],
    ["m2", "n2"],
  ])("takes %s for %s", (written, meant) => {
    expect(suggest(written, words)).toBe(`did you mean ${meant}?`)
  })

  it.each(["n7", "Explode", "x", "", "group".repeat(100)])("takes %s for nothing", (written) => {
    expect(suggest(written, words)).toBe("")
  })
})
