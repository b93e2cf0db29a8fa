/** Plans that rest on an operator's word: who is given up by it, and who is not. */
import { describe, expect, it } from "vitest"
import { isRefusal } from "../../src/plan/Plan.ts"
import { planForcedPromotion } from "../../src/plan/word.ts"
import { group, orphaned, showing } from "../groupViews.ts"

const registryOf = (...nodes: ReadonlyArray<string>) => ({
  registry: {
    epoch: 2,
    nodes: Object.fromEntries(nodes.map((node) => [node, { state: "active", zone: null, weight: 1 }])),
  },
})

const givenUp = (...registered: ReadonlyArray<string>): ReadonlyArray<string> => {
  const record = { ...group, members: ["a", "b"], inSync: ["a", "b"] }
  // The last view of the member that goes on alone names one that is none any more.
  const view = showing({ a: orphaned("a", "b", "c") }, record, registryOf(...registered))
  const presence = { away: new Set(["b", "c"]), lost: new Set<string>() }
  const plan = planForcedPromotion(view, presence, { group: "g", node: "a" })
  if (isRefusal(plan)) throw new Error(plan.reason)
  return plan.groups.get("g")?.exiled ?? []
}

describe("a promotion by an operator's word", () => {
  it("gives everybody up who may have gone on in the group", () => {
    expect(givenUp("a", "b", "c")).toEqual(["b", "c"])
  })

  it("names nobody who was forgotten: nothing would end that", () => {
    expect(givenUp("a", "b")).toEqual(["b"])
  })
})
