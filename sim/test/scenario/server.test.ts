/**
 * What the real server does to somebody who trusts it, one scenario for each finding: the world must go on showing
 * every one of them, or the engine is tried on a server that is kinder than the real one.
 */
import * as NodePath from "node:path"
import { describe, expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import { loadScenarios } from "../../src/scenario/ScenarioFile.ts"
import { printProblems } from "../../src/scenario/ScenarioProblem.ts"

const { scenarios, problems } = loadScenarios([NodePath.join(import.meta.dirname, "../../../scenarios/server")])
const findings = (from: number, to: number): ReadonlyArray<string> =>
  Array.from({ length: to - from + 1 }, (_, index) => `S${String(from + index).padStart(2, "0")}`)

describe("scenarios/server", () => {
  it("can be read", () => {
    expect(printProblems(problems)).toBe("0 problems; nothing was run.")
  })

  it("has one for each finding about data, hangs, timing and partitions", () => {
    const covered = new Set(scenarios.flatMap(({ scenario }) => scenario.covers))
    expect([...findings(1, 31), ...findings(44, 62)].filter((id) => !covered.has(id))).toEqual([])
  })

  it("runs without the engine", () => {
    expect(scenarios.filter(({ scenario }) => scenario.engine !== "none")).toEqual([])
  })

  it.each(scenarios.map(({ scenario, file }) => [scenario.name, scenario, file] as const))(
    "%s, twice in the same way",
    (_, scenario, file) => {
      const first = runScenario(scenario, { seed: scenario.seed, file })
      expect(first.expectations.filter((expectation) => !expectation.held)).toEqual([])
      expect(first.violations).toEqual([])
      expect(first.expectations.length).toBeGreaterThan(0)
      expect(runScenario(scenario, { seed: scenario.seed, file }).traceHash).toBe(first.traceHash)
    },
  )
})
