/** Each kind of fault has a scenario that shows what it does: one that fails when the fault is left out. */
import * as NodePath from "node:path"
import { describe, expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import { isFault } from "../../src/scenario/Fault.ts"
import { faultKeys, type FaultKey } from "../../src/scenario/FaultSource.ts"
import { faultTo } from "../../src/scenario/FaultCodec.ts"
import type { Scenario } from "../../src/scenario/Scenario.ts"
import { loadScenarios } from "../../src/scenario/ScenarioFile.ts"
import { printProblems } from "../../src/scenario/ScenarioProblem.ts"

const { scenarios, problems } = loadScenarios([NodePath.join(import.meta.dirname, "../../../scenarios/faults")])

const keysIn = ({ timeline }: Scenario): ReadonlyArray<string> =>
  timeline.flatMap(({ act }) => (isFault(act) ? Object.keys(faultTo(act)) : []))

const kebab = (key: FaultKey): string => key.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)

const failed = (scenario: Scenario) =>
  runScenario(scenario, { seed: scenario.seed }).expectations.filter((expectation) => !expectation.held)

describe("scenarios/faults", () => {
  it("can be read", () => {
    expect(printProblems(problems)).toBe("0 problems; nothing was run.")
  })

  it.each(faultKeys)("has one for %s", (key) => {
    const scenario = scenarios.find((it) => it.scenario.name === kebab(key))?.scenario
    expect(scenario === undefined ? [] : keysIn(scenario)).toContain(key)
  })

  it.each(scenarios.map(({ scenario, file }) => [scenario.name, scenario, file] as const))(
    "%s, twice in the same way, and not without the fault",
    (_, scenario, file) => {
      const first = runScenario(scenario, { seed: scenario.seed, file })
      expect(first.expectations.filter((expectation) => !expectation.held)).toEqual([])
      expect(first.violations).toEqual([])
      expect(runScenario(scenario, { seed: scenario.seed, file }).traceHash).toBe(first.traceHash)
      const kind = scenario.timeline.filter(({ act }) => !isFault(act))
      expect(failed({ ...scenario, timeline: kind })).not.toEqual([])
    },
  )
})
