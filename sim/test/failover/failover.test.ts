/**
 * Failover as the engine carries it out: what dies, in which order it returns, and what an operator says. Each runs
 * twice in the same way.
 */
import * as NodePath from "node:path"
import { describe, expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import { loadScenarios } from "../../src/scenario/ScenarioFile.ts"
import { printProblems } from "../../src/scenario/ScenarioProblem.ts"

const { scenarios, problems } = loadScenarios([NodePath.join(import.meta.dirname, "../../../scenarios/failover")])

describe("scenarios/failover", () => {
  it("can be read", () => {
    expect(printProblems(problems)).toBe("0 problems; nothing was run.")
  })

  it.each(scenarios.map(({ scenario, file }) => [scenario.name, scenario, file] as const))(
    "%s, twice in the same way",
    { timeout: 120_000 },
    (_, scenario, file) => {
      const first = runScenario(scenario, { seed: scenario.seed, file })
      expect(first.expectations.filter((expectation) => !expectation.held)).toEqual([])
      expect(first.violations).toEqual([])
      expect(first.expectations.length).toBeGreaterThan(0)
      expect(runScenario(scenario, { seed: scenario.seed, file }).traceHash).toBe(first.traceHash)
    },
  )
})
