/** Protects what is said to be left behind: nothing that a record names is called a stranger's. */
import { describe, expect, it } from "vitest"
import { leftovers, type Shown } from "../src/Leftovers.ts"
import { makeView, type RawEntry } from "../src/View.ts"
import { group } from "./groupViews.ts"

const entry = (key: string, value: unknown): RawEntry => ({ key, value, version: 1, term: 1 })

const table = (changes: object = {}) => ({
  name: "t",
  structure: "v bigint",
  options: {},
  shards: 2,
  rf: 1,
  generation: 1,
  status: "ready",
  layout: [{ shard: 0, physical: "system.t_s0", group: "g", nodes: ["a"] }],
  wrapper: { version: 1, mirrors: [["a"]] },
  operation: null,
  ...changes,
})

const told = (
  records: ReadonlyArray<RawEntry>,
  away: ReadonlyArray<string> = [],
  shown: Readonly<Record<string, Shown>> = {},
) =>
  leftovers(makeView(records), new Set(away), new Map(Object.entries(shown)), "c").map(
    ({ kind, subject, waitsFor }) => `${kind} ${subject}: ${waitsFor.split(/[:,]/)[0]}`,
  )

describe("leftovers", () => {
  it("are none at rest: what daemons show is what records name", () => {
    const records = [entry("table/t", table()), entry("group/g", { ...group, shards: [] })]
    const tables = ["system.shardwright_state", "system.t_s0", "system.t_s1", "system.g_probe", "system.sharding_state"]
    expect(told(records, [], { a: { clusters: ["c", "g"], tables } })).toEqual([])
  })

  it("are tables and clusters that no record names, which are nobody's to drop", () => {
    const found = told([entry("group/g", group)], [], { a: { clusters: ["c", "g", "h"], tables: ["system.x_s0"] } })
    expect(found).toEqual(["stranger h: you", "stranger system.x_s0: you"])
  })

  it("wait for those that are away, else for an agent", () => {
    const ended = { ...group, status: "dissolved", members: [], inSync: [], leaving: ["b"], exiled: ["c"] }
    expect(told([entry("group/g", ended)], ["c"])).toEqual(["group g: those that are away"])
    expect(told([entry("group/g", ended)])).toEqual(["group g: an agent"])
  })

  it("are not what an operation is about to do", () => {
    const held = { ...group, status: "temporary", operation: "1_1" }
    expect(told([entry("group/g", held), entry("table/t", table({ status: "dropping", operation: "1_1" }))])).toEqual(
      [],
    )
    expect(told([entry("table/t", table({ status: "dropping" }))])).toEqual(["table t: the members that hold them"])
  })
})
