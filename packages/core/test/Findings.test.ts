/**
 * What is said to be amiss: each code when it is, and nothing while all is well.
 */
import { describe, expect, it } from "vitest"
import { defaultEngineConfig } from "../src/EngineConfig.ts"
import { findings } from "../src/Findings.ts"
import type { Group, ObservedGroup } from "../src/State.ts"
import { group, orphaned, primary, showing } from "./groupViews.ts"

const table = (status: string, nodes: ReadonlyArray<string>) => ({
  name: "t",
  structure: "v bigint",
  options: {},
  shards: 1,
  rf: 3,
  generation: 1,
  status,
  layout: [{ shard: 0, physical: "system.t_s0", group: "g", nodes }],
  wrapper: { version: 1, mirrors: [nodes] },
  operation: null,
})

const codes = (
  shown: Readonly<Record<string, ObservedGroup | undefined>>,
  away: ReadonlyArray<string>,
  options: {
    readonly record?: Group
    readonly status?: string
    readonly records?: Readonly<Record<string, unknown>>
    readonly runnerless?: ReadonlyArray<string>
  } = {},
) => {
  const view = showing(shown, options.record ?? group, {
    "table/t": table(options.status ?? "ready", ["a", "b", "c"]),
    ...options.records,
  })
  const presence = {
    away: new Set(away),
    lost: new Set<string>(),
    runnerless: new Set(options.runnerless ?? []),
  }
  return findings(view, { presence, config: defaultEngineConfig, coordination: ["a", "b", "c", "d", "e"] }).map(
    ({ code, subject }) => `${code} ${subject}`,
  )
}

const whole = { a: primary(3, "a", "b", "c"), b: primary(3, "a", "b", "c"), c: primary(3, "a", "b", "c") }

describe("findings", () => {
  it("are none while all is well", () => {
    expect(codes(whole, [])).toEqual([])
  })

  it("name what a node that is away takes with it", () => {
    const shown = { a: primary(4, "a", "b"), b: primary(4, "a", "b"), c: primary(3, "a", "b", "c") }
    expect(codes(shown, ["c"])).toEqual(["under-replicated g", "node-away c"])
  })

  it("count no copy that its node does not serve, though the records call it in sync", () => {
    const closed = { ...orphaned("c"), nodeState: "closed" as const }
    const shown = { a: primary(4, "a", "b"), b: primary(4, "a", "b"), c: closed }
    expect(codes(shown, [])).toEqual(["under-replicated g"])
  })

  it("say so where the records take no writes, though all else looks well", () => {
    const view = showing(whole, group, { "table/t": table("ready", ["a", "b", "c"]) })
    const presence = { away: new Set<string>(), lost: new Set<string>() }
    const found = findings(view, { presence, config: defaultEngineConfig, coordination: ["a"], isCurrent: false })
    expect(found.map(({ code, severity }) => `${code} ${severity}`)).toEqual(["no-majority critical"])
  })

  it("put what is out of reach first", () => {
    const shown = { d: undefined, e: undefined }
    expect(codes(shown, ["a", "b", "c"])).toEqual([
      "shard-unavailable t",
      "too-many-away cluster",
      "under-replicated g",
      "too-few-nodes t",
      "node-away a",
      "node-away b",
      "node-away c",
    ])
  })

  it("tell a group without primary, and one that is two", () => {
    expect(codes({ a: orphaned("a", "b", "c"), b: undefined, c: undefined }, [])).toContain("no-primary g")
    const halves = { a: primary(6, "a"), b: primary(6, "b", "c"), c: primary(6, "b", "c") }
    expect(codes(halves, [])).toEqual(["split-brain g"])
  })

  it("do not take an empty cluster of the group's name for a side of it", () => {
    expect(codes({ ...whole, d: { ...primary(1, "d"), tables: [] } }, [])).toEqual([])
  })

  it("tell what somebody did to shards directly", () => {
    const lists = (node: ObservedGroup): ObservedGroup => ({ ...node, tables: [...node.tables, "system.t_s0"] })
    const carrying: Group = { ...group, shards: [{ table: "t", shard: 0, physical: "system.t_s0" }] }
    const attached = { a: lists(whole.a), b: lists(whole.b), c: lists(whole.c) }
    expect(codes(attached, [], { record: carrying })).toEqual([])
    expect(codes({ ...attached, b: whole.b }, [], { record: carrying })).toEqual(["shard-detached t"])
    // An operation may be about to attach it.
    const held = { ...carrying, operation: "1_1" }
    expect(codes({ ...attached, b: whole.b }, [], { record: held })).toEqual([])
    const amiss = { "system.t_s0": { what: "missing", detail: "there is no such table" } }
    expect(codes(attached, [], { record: carrying, records: { "inspection/c": { amiss } } })).toEqual([
      "shard-missing t",
    ])
    expect(codes(attached, ["c"], { record: carrying, records: { "inspection/c": { amiss } } })).not.toContain(
      "shard-missing t",
    )
  })

  it("tell of a member whose copy differs", () => {
    const waiting = { code: "copy-differs", detail: "system.t_s0 differs from a", sinceMs: 0 }
    const step = { _tag: "VerifyReplica", group: "g" }
    const row = { operation: "1_1", index: 0, node: "b", step, dependsOn: [], tries: 1, claimedBy: "b.1", undoes: null }
    const records = { "step/1_1/0": { ...row, status: "processing", error: null, waiting } }
    expect(codes(whole, [], { records })).toEqual(["copy-differs g"])
  })

  it("tell what waits for people: exiles, drops, runners", () => {
    expect(codes(whole, [], { record: { ...group, exiled: ["d"] } })).toEqual(["exiled-member g"])
    expect(codes(whole, [], { status: "dropping" })).toEqual(["drop-pending t"])
    expect(codes(whole, [], { runnerless: ["b"] })).toEqual(["runner-dead b"])
  })
})
