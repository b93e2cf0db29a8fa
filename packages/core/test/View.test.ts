import { describe, expect, it } from "vitest"
import { isSameView, makeView, type RawEntry } from "../src/View.ts"
import { group } from "./groupViews.ts"

const entry = (key: string, value: unknown, version = 1): RawEntry => ({ key, value, version, term: 1 })

const lease = (version: number) =>
  entry("lease", { holder: "a", incarnation: "a.1", term: 1, durationMs: 10_000, released: false }, version)
const registry = entry("registry", { epoch: 1, nodes: { a: { state: "active", zone: null, weight: 1 } } })
const first = entry("group/g", group)
const second = entry("group/h", { ...group, name: "h" })
const records = [registry, lease(1), first, second]

describe("a view made after another one", () => {
  const before = makeView(records)

  it("keeps what has not changed, and is the same but for signs of life", () => {
    const renewed = makeView([registry, lease(2), entry("heartbeat/a", {}), second, first], before)
    expect(renewed.lease?.version).toBe(2)
    expect(renewed.groups).toBe(before.groups)
    expect(isSameView(before, renewed)).toBe(true)
  })

  it.each([
    ["changed", [registry, lease(1), entry("group/g", { ...group, epoch: 2 }, 2), second]],
    ["is gone", [registry, lease(1), first]],
    ["is new", [...records, entry("group/i", { ...group, name: "i" })]],
    ["cannot be read", [...records, entry("group/i", { name: 1 })]],
    ["was replaced by another", [registry, lease(1), first, entry("group/i", { ...group, name: "i" })]],
  ])("is another one when a record %s, and shows just what a view made anew shows", (_, now) => {
    const next = makeView(now, before)
    expect(isSameView(before, next)).toBe(false)
    expect(next).toEqual(makeView(now))
    expect(next.tables).toBe(before.tables)
  })

  it("is another one when a step changed", () => {
    const step = (status: string, version: number) =>
      entry(
        "step/1_1/0",
        {
          operation: "1_1",
          index: 0,
          node: "a",
          step: { _tag: "CreateGroup", group: "g" },
          dependsOn: [],
          status,
          tries: 0,
          claimedBy: null,
          undoes: null,
          error: null,
          waiting: null,
        },
        version,
      )
    const pending = makeView([...records, step("pending", 1)], before)
    expect([pending.damaged, pending.steps.get("1_1")?.[0]?.record.status]).toEqual([[], "pending"])
    const done = makeView([...records, step("done", 2)], pending)
    expect(isSameView(pending, done)).toBe(false)
    expect(done.steps.get("1_1")?.[0]?.record.status).toBe("done")
  })
})
