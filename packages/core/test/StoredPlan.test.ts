/** Protects what people are told of a plan: the chain that it cannot be shorter than, and which operation a name means. */
import { describe, expect, it } from "vitest"
import { longestChain, operationNamed } from "../src/StoredPlan.ts"
import { makeView, type RawEntry } from "../src/View.ts"
import { operationWith, stepWith } from "./operationRecords.ts"

const entry = (key: string, value: unknown): RawEntry => ({ key, value, version: 1, term: 1 })

describe("the longest chain", () => {
  it("goes through the steps on which most others depend one after another", () => {
    const steps = [
      stepWith({ index: 0 }),
      stepWith({ index: 1, dependsOn: [0] }),
      stepWith({ index: 2 }),
      stepWith({ index: 3, dependsOn: [1, 2] }),
      stepWith({ index: 4, dependsOn: [2] }),
    ]
    expect(longestChain(steps)).toEqual([0, 1, 3])
  })

  it("leaves out what takes steps back", () => {
    expect(longestChain([stepWith({ index: 0 }), stepWith({ index: 1, dependsOn: [0], undoes: 0 })])).toEqual([0])
    expect(longestChain([])).toEqual([])
  })
})

describe("an operation's name", () => {
  const ended = (id: string, tables: ReadonlyArray<string>) => ({
    id,
    kind: "create",
    table: null,
    tables,
    status: "completed",
    reason: "",
    atMs: 0,
    by: "",
    held: false,
  })
  const view = makeView([
    entry("operation/3_1", operationWith({ id: "3_1", tables: ["t"] })),
    entry("finished", { operations: [ended("1_1", ["t", "u"]), ended("2_1", ["u"])] }),
  ])

  it.each([
    ["3_1", "3_1", "its id"],
    ["t", "3_1", "a table on which one is under way, before those that have ended"],
    ["u", "2_1", "a table: the one that ended last"],
    ["1_1", "1_1", "the id of one that has ended"],
    ["x", "x", "nothing that is known: it is looked for all the same"],
  ])("%s means %s: %s", (name, id) => {
    expect(operationNamed(view, name)).toBe(id)
  })
})
