import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import { gravestOf } from "../../src/run/ScenarioResult.ts"
import { loadScenario, renderScenario } from "../../src/scenario/ScenarioFile.ts"
import { minimize } from "../../src/minimize/minimize.ts"
import { shrinkList } from "../../src/minimize/Search.ts"

const read = (text: string) => Result.getOrThrow(loadScenario(text, "test.yaml"))

/** A move of a table is all that matters in it. */
const straggler = read(`shardwright: 1
name: straggler
about: One node is slow to show a new wrapper, and the source of the move does not wait for it.
without: [leave-without-asking]
cluster: {nodes: 4, spares: 1}
settings: {groupsPerNode: 4, busyTick: 500ms}
tables:
  - {name: t, shards: 4, rf: 2}
  - {name: noise, shards: 2, rf: 1}
workloads:
  - {table: t, writers: 2, every: 50ms, until: 40s, through: [n3]}
  - {table: noise, every: 500ms, until: 20s, reads: {readers: 1}}
timeline:
  - {at: 500ms, rebalance: noise}
  - {at: 1s, slow: {node: n3, pattern: "^DROP TABLE IF EXISTS t ", by: 10s, times: 1}}
  - {at: 2035ms, drain: n1}
  - {between: [20s, 30s], kill: {node: one, what: agent}, for: [1s, 2s]}
  - {at: 3s, addNode: n5}
quiesce: 3m
`)

describe("minimize", () => {
  it("leaves what the failure needs, in a scenario that fails alike by itself", { timeout: 240_000 }, () => {
    const first = runScenario(straggler, { seed: 5, stopAtViolation: true })
    const passes: Array<string> = []
    const found = minimize(
      { scenario: straggler, seed: 5, mode: "scenario" },
      { isOver: () => false, onPass: (pass) => passes.push(pass) },
    )
    if (found === undefined) return expect.fail("it does not fail")
    expect(found.isComplete).toBe(true)
    expect(found.failure).toMatchObject({ class: "correctness", checker: gravestOf(first).checker })
    const { scenario, seed } = found
    expect(scenario.tables).toHaveLength(1)
    expect(scenario.timeline.map(({ act }) => act._tag)).not.toContain("Kill")
    expect(scenario.cluster.spares).toEqual([])
    expect(scenario.settings).toEqual({})
    const again = runScenario(read(renderScenario(scenario)), { seed })
    expect(gravestOf(again)).toMatchObject({ class: "correctness", checker: found.failure.checker })
    expect(passes.length).toBeGreaterThan(10)
  })

  it("has nothing to do for a scenario that passes", () => {
    const passing = { ...straggler, without: [], timeline: [], workloads: [] }
    expect(minimize({ scenario: passing, seed: 1, mode: "scenario" }, { isOver: () => false })).toBeUndefined()
  })

  it("ends with what it has when time is up", () => {
    const found = minimize({ scenario: straggler, seed: 5, mode: "scenario" }, { isOver: () => true })
    expect(found).toMatchObject({ isComplete: false, runs: 1, scenario: straggler })
  })
})

describe("shrinkList", () => {
  it.each([
    [[3], 20],
    [[0, 19], 20],
    [[7, 8, 9], 10],
    [[], 5],
    [[0], 1],
  ])("leaves %j of %i items", (needed, count) => {
    let items: ReadonlyArray<number> = Array.from({ length: count }, (_, index) => index)
    let attempts = 0
    shrinkList(
      () => items,
      (fewer) => {
        attempts++
        expect(fewer.length).toBeLessThan(items.length)
        const fails = needed.every((item) => fewer.includes(item))
        if (fails) items = fewer
        return fails
      },
      () => false,
    )
    expect(items).toEqual(needed)
    expect(attempts).toBeLessThan(4 * count)
  })
})
