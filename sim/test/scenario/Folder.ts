/** Scenarios of a folder as tests: each passes, and does the same when it runs again. */
import * as NodePath from "node:path"
import { expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import { type LoadedScenario, loadScenarios } from "../../src/scenario/ScenarioFile.ts"
import { printProblems } from "../../src/scenario/ScenarioProblem.ts"

const folderPath = (folder: string): string => NodePath.join(import.meta.dirname, "../../../scenarios", folder)

/** The scenarios of a folder; a mistake in one of them fails. */
export const scenariosOf = (folder: string): ReadonlyArray<LoadedScenario> => {
  const { scenarios, problems } = loadScenarios([folderPath(folder)])
  if (problems.length > 0) throw new Error(printProblems(problems))
  return scenarios
}

/** Two tests for each scenario of a folder in one: it passes, twice in the same way. */
export const testScenarios = (folder: string): void => {
  it.each(scenariosOf(folder).map(({ scenario, file }) => [scenario.name, scenario, file] as const))(
    "%s, twice in the same way",
    { timeout: 120_000 },
    (_, scenario, file) => {
      const result = runScenario(scenario, { seed: scenario.seed, file, checkDeterminism: true })
      // Where a violation is expected, others may follow from it.
      if (scenario.expect.violation === null) expect(result.violations).toEqual([])
      expect(result.expectations.filter((expectation) => !expectation.held)).toEqual([])
      expect(result.class).toBe("pass")
    },
  )
}
