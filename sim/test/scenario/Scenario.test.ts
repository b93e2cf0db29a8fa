import { describe, expect, it } from "vitest"
import { within } from "../../src/scenario/Condition.ts"
import { partitionGroups } from "../../src/scenario/Scenario.ts"

const nodes = ["n1", "n2", "n3", "n4"]
const nobody = () => null

describe("partitionGroups", () => {
  it("puts nodes that nobody names into one more group", () => {
    expect(partitionGroups([["n2"]], nodes, nobody)).toEqual([["n2"], ["n1", "n3", "n4"]])
  })

  it("has every node in exactly one group", () => {
    expect(
      partitionGroups(
        [
          ["n4", "n1"],
          ["n3", "n2"],
        ],
        nodes,
        nobody,
      ),
    ).toEqual([
      ["n1", "n4"],
      ["n2", "n3"],
    ])
  })

  it("takes the leader out of the group that has its name", () => {
    const leader = (word: string) => (word === "leader" ? "n2" : null)
    expect(partitionGroups([["leader"], ["n1", "n2"]], nodes, leader)).toEqual([["n2"], ["n1"], ["n3", "n4"]])
  })

  it("leaves a word out that means no node now", () => {
    expect(partitionGroups([["victim"], ["n1"]], nodes, nobody)).toEqual([["n1"], ["n2", "n3", "n4"]])
  })
})

describe("within", () => {
  it("includes both bounds", () => {
    expect([1, 2, 3, 4].map((value) => within({ atLeast: 2, atMost: 3 }, value))).toEqual([false, true, true, false])
    expect(within({ atLeast: null, atMost: null }, 7)).toBe(true)
  })
})
