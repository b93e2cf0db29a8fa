/**
 * Who may be promoted: a wrong yes makes two histories, a wrong no keeps writes refused.
 */
import { describe, expect, it } from "vitest"
import { promotable, standsInTheWay } from "../src/Promotion.ts"
import type { Group, ObservedGroup } from "../src/State.ts"
import { group, orphaned, showing } from "./groupViews.ts"

const promote = (
  shown: Readonly<Record<string, ObservedGroup | undefined>>,
  away: ReadonlyArray<string>,
  record: Group = group,
  coordination: ReadonlyArray<string> = [],
) => promotable(showing(shown, record), record, { away: new Set(away), coordination })

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
    expect(promote({ a: restarted, c: orphaned("b", "c") }, ["b"])).toEqual(["c"])
    expect(promote({ a: orphaned("a", "b", "c"), c: orphaned("b", "c") }, ["b"])).toEqual(["c"])
  })

  it("restarts who is behind while the others wait for it to go, and nobody else", () => {
    const shown = { a: orphaned(), c: orphaned("b", "c") }
    const shrunk = { ...group, inSync: ["c"] }
    const step = { operation: "1_1", index: 0, node: "c", dependsOn: [], tries: 1, claimedBy: "c.1", undoes: null }
    const promotes = { ...step, error: null, step: { _tag: "PromoteGroup", group: "g" }, status: "processing" }
    const records = { "step/1_1/0": promotes }
    expect(standsInTheWay(showing(shown, shrunk, records), "g", "a")).toBe(true)
    expect(standsInTheWay(showing(shown, shrunk, records), "g", "c")).toBe(false)
    expect(standsInTheWay(showing(shown, group, records), "g", "a")).toBe(false)
    expect(standsInTheWay(showing(shown, shrunk, { "step/1_1/0": { ...promotes, status: "done" } }), "g", "a")).toBe(
      false,
    )
    expect(standsInTheWay(showing(shown, shrunk), "g", "a")).toBe(false)
  })

  it("does not count who was forgotten among those that may have gone on", () => {
    const shown = { a: orphaned("a", "b", "c") }
    const ask = (...nodes: ReadonlyArray<string>) => {
      const traits = nodes.map((node) => [node, { state: "active", zone: null, weight: 1 }])
      const view = showing(shown, pair, { registry: { epoch: 2, nodes: Object.fromEntries(traits) } })
      return promotable(view, pair, { away: new Set(["b", "c"]), coordination: [] })
    }
    const pair = { ...group, members: ["a", "b"], inSync: ["a", "b"], lastPrimary: ["a", "b"] }
    expect(ask("a", "b", "c", "d")).toBe("b, c could have been a majority of their own")
    expect(ask("a", "b", "d")).toEqual(["a"])
    expect(ask("a", "d", "e")).toEqual(["a"])
  })

  it("takes nobody whose copy went through a crash, unless all did", () => {
    const shown = { a: orphaned("a", "b"), b: orphaned("a", "b") }
    const doubtful = (node: "a" | "b") => ({ [`observation/${node}`]: { groups: { g: shown[node] }, unproven: ["g"] } })
    const pair = { ...group, rf: 2, members: ["a", "b"], inSync: ["a", "b"], lastPrimary: ["a", "b"] }
    const ask = (records: Readonly<Record<string, unknown>>) =>
      promotable(showing(shown, pair, records), pair, { away: new Set(["b"]), coordination: [] })
    expect(ask({})).toEqual(["a"])
    expect(ask(doubtful("a"))).toBe("the copy of a went through a crash and was not compared since")
    expect(ask({ ...doubtful("a"), ...doubtful("b") })).toEqual(["a"])
  })

  it("takes nobody of two that were primary without each other", () => {
    expect(promote({ a: orphaned("a"), b: orphaned("b") }, ["c"])).toMatch(/without each other/)
  })

  it("counts everybody who ever could have been in it where a daemon names no view", () => {
    expect(promote({ a: orphaned() }, ["b", "c"])).toMatch(/majority/)
  })

  it("asks nobody's daemon that is alive: one that is out of the group is certified by its runner", () => {
    const closed = { ...orphaned(), status: "recovery-required", nodeState: "closed" }
    const pair: Group = { ...group, rf: 2, members: ["a", "b"], inSync: ["a", "b"], lastPrimary: ["a", "b"] }
    expect(promote({ a: orphaned("a", "b"), b: closed }, [], pair, ["a", "b"])).toEqual(["a"])
    expect(promote({ a: orphaned("a", "b"), b: undefined }, [], pair, ["a", "b"])).toEqual(["a"])
    // Its agent is dead: nobody certifies anything.
    expect(promote({ a: orphaned("a", "b"), b: closed }, ["b"], pair, ["a", "b"])).toMatch(/still seen/)
  })

  it("never takes the target of a move before the wrappers show it", () => {
    const move: Group = {
      ...group,
      rf: 1,
      status: "temporary",
      members: ["a", "b"],
      inSync: ["a", "b"],
      leaving: ["a"],
      lastPrimary: ["a", "b"],
      shards: [{ table: "t", shard: 0, physical: "system.t_s0" }],
    }
    const table = (mirrors: ReadonlyArray<string>) => ({
      name: "t",
      structure: "v bigint",
      options: {},
      shards: 1,
      rf: 1,
      generation: 1,
      status: "ready",
      layout: [{ shard: 0, physical: "system.t_s0", group: null, nodes: ["a"] }],
      wrapper: { version: 1, mirrors: [mirrors] },
      operation: null,
    })
    const judge = (mirrors: ReadonlyArray<string>) =>
      promotable(showing({ b: orphaned("a", "b") }, move, { "table/t": table(mirrors) }), move, {
        away: new Set(["a"]),
        coordination: ["b"],
      })
    expect(judge(["a"])).toMatch(/target of a move/)
    expect(judge(["b"])).toEqual(["b"])
  })

  it("takes nobody in a cluster of two", () => {
    const view = showing({ a: orphaned("a", "b") }, group, {
      registry: {
        epoch: 2,
        nodes: { a: { state: "active", zone: null, weight: 1 }, b: { state: "active", zone: null, weight: 1 } },
      },
    })
    expect(promotable(view, group, { away: new Set(["b"]), coordination: ["a"] })).toMatch(/operator/)
  })

  it("waits while all of the last primary view are there", () => {
    expect(promote({ a: orphaned("a", "b"), b: orphaned("a", "b") }, ["c"])).toMatch(/heals by itself/)
  })
})
