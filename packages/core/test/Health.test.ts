/**
 * Who may be promoted, and who was left behind: the judgements on which acknowledged writes depend.
 */
import { describe, expect, it } from "vitest"
import { leftBehind, promotable, restartRefusal } from "../src/Health.ts"
import type { Group, ObservedGroup } from "../src/State.ts"
import { makeView, type View } from "../src/View.ts"

const group: Group = {
  name: "g",
  rf: 3,
  status: "live",
  members: ["a", "b", "c"],
  inSync: ["a", "b", "c"],
  exiled: [],
  leaving: [],
  lastPrimary: ["a", "b", "c"],
  shards: [],
  epoch: 1,
  operation: null,
}

const primary = (viewNumber: number, ...members: ReadonlyArray<string>): ObservedGroup => ({
  status: "primary",
  nodeState: "synced",
  size: members.length,
  viewNumber,
  members,
  nodesSet: members,
  tables: [],
})

/** Without primary; `members` are those of the last view that was. */
const orphaned = (...members: ReadonlyArray<string>): ObservedGroup => ({
  ...primary(-1, ...members),
  status: "non-primary",
  size: 1,
})

const showing = (shown: Readonly<Record<string, ObservedGroup>>, record: Group = group): View =>
  makeView([
    { key: "group/g", value: record, version: 1, term: 1 },
    ...Object.entries(shown).map(([node, seen]) => ({
      key: `observation/${node}`,
      value: { groups: { g: seen } },
      version: 1,
      term: 1,
    })),
  ])

const promote = (
  shown: Readonly<Record<string, ObservedGroup>>,
  away: ReadonlyArray<string>,
  record: Group = group,
  coordination: ReadonlyArray<string> = [],
) => promotable(showing(shown, record), record, new Set(away), coordination)

describe("promotable", () => {
  it("takes two of three", () => {
    expect(promote({ a: orphaned("a", "b", "c"), b: orphaned("a", "b", "c") }, ["c"])).toEqual(["a", "b"])
  })

  it("refuses one of three: the others may have gone on", () => {
    expect(promote({ a: orphaned("a", "b", "c") }, ["b", "c"])).toBe("b, c could have been a majority of their own")
  })

  it("takes one of a last view of two: half is no majority", () => {
    expect(promote({ a: orphaned("a", "b") }, ["b", "c"])).toEqual(["a"])
  })

  it("refuses while somebody who is missing is seen in the coordination cluster", () => {
    expect(promote({ a: orphaned("a", "b") }, ["b", "c"], group, ["b"])).toBe(
      "b is still seen in the coordination cluster",
    )
  })

  it("does not take who is not in the last primary view of another one, though the record calls both in sync", () => {
    const restarted = orphaned()
    expect(promote({ a: restarted, c: orphaned("b", "c") }, ["b"])).toBe("a is there but not in sync")
    expect(promote({ a: orphaned("a", "b", "c"), c: orphaned("b", "c") }, ["b"])).toBe("a is there but not in sync")
  })

  it("takes nobody of two that were primary without each other", () => {
    expect(promote({ a: orphaned("a"), b: orphaned("b") }, ["c"])).toMatch(/without each other/)
  })

  it("counts everybody who ever could have been in it where a daemon names no view", () => {
    expect(promote({ a: orphaned() }, ["b", "c"])).toMatch(/majority/)
  })

  it("waits while all of the last primary view are there", () => {
    expect(promote({ a: orphaned("a", "b"), b: orphaned("a", "b") }, ["c"])).toMatch(/heals by itself/)
  })
})

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
    restartRefusal(showing(shown), "a", new Map([["g", own]]), new Set(away))

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
})
