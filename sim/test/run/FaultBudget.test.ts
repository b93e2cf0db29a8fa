/** Faults of a timeline keep to what the design promises to survive, if that is asked for. */
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import { loadScenario } from "../../src/scenario/ScenarioFile.ts"

const faultsOf = (timeline: string, withinBudget: boolean, tables = "[{name: t, shards: 1, rf: 2}]") => {
  const text = `shardwright: 1\nname: budget\nabout: Faults.\ncluster: {nodes: 3}\ntables: ${tables}\ntimeline:\n${timeline}\n`
  const scenario = Result.getOrThrow(loadScenario(text, "budget.yaml"))
  const { timeline: happenings } = runScenario(scenario, { seed: 1, withinBudget })
  return happenings.filter(({ kind, text: words }) => kind === "fault" || words.startsWith("left out"))
}

describe("FaultBudget", () => {
  it("puts a fault off until the one before is over and members are back", () => {
    const two = `  - {at: 1s, kill: {node: n1, what: daemon}, for: 4s}\n  - {at: 2s, slow: {statement: SELECT, by: 50ms}, for: 1s}`
    const begins = (withinBudget: boolean) =>
      faultsOf(two, withinBudget).find(({ text }) => text.startsWith("slow"))?.atMs ?? 0
    expect(begins(false)).toBe(2_000)
    expect(begins(true)).toBeGreaterThanOrEqual(15_000)
  })

  it("leaves a fault out that would take the last copy in sync of a group", () => {
    const second = `  - {at: 1s, kill: {node: [n1, n2, n3], what: daemon}, for: 1s}`
    const words = faultsOf(second, true).map(({ text }) => text)
    expect(words).toEqual([expect.stringMatching(/^left out, n1, n2, n3 have the last copy in sync of a group/)])
    expect(faultsOf(second, false).map(({ text }) => text)).not.toContainEqual(expect.stringMatching(/^left out/))
  })
})

describe("control", () => {
  it("asks for what is to be asked of the operations that are under way", () => {
    const text = `shardwright: 1
name: pause
about: A creation is paused, and goes on.
cluster: {nodes: 3}
timeline:
  - {at: 1s, create: {name: t, shards: 2, rf: 2}}
  - {after: {operation: create, is: running}, control: {ask: pause}}
  - {after: {operation: create, is: paused, plus: 10s}, control: {ask: resume, table: t}}
  - {after: {operation: drop, atLatest: 30s}, control: {ask: stop}}
expect:
  final: [{table: t, is: ready}]
  sometimes: [{operation: create, is: paused}, {operation: create, is: completed}]
`
    const result = runScenario(Result.getOrThrow(loadScenario(text, "pause.yaml")), { seed: 1 })
    expect(result.expectations.filter(({ held }) => !held)).toEqual([])
    expect(result.class).toBe("pass")
    expect(result.timeline.filter(({ text: words }) => words.startsWith("stop ")).map(({ atMs }) => atMs)).toEqual([
      30_000,
    ])
  })
})
