/**
 * The safety rules of the design, each as a scenario with the rule and one without it: with the rule everything holds; with
 * the rule switched off a checker that looks from outside reports what happens.
 */
import { describe, expect, it } from "vitest"
import { scenariosOf, testScenarios } from "./Folder.ts"

const suffix = "-without"

describe("scenarios/rules", () => {
  testScenarios("rules")

  it("shows what happens without a rule only beside what happens with it", () => {
    const scenarios = scenariosOf("rules").map(({ scenario }) => scenario)
    const withRule = scenarios.filter(({ without }) => without.length === 0).map(({ name }) => name)
    const without = scenarios.filter((scenario) => scenario.without.length > 0)
    expect(without.length).toBeGreaterThanOrEqual(12)
    expect(without.filter(({ name }) => !withRule.includes(name.slice(0, -suffix.length)))).toEqual([])
    expect(without.filter(({ name, expect: { violation } }) => !name.endsWith(suffix) || violation === null)).toEqual(
      [],
    )
  })
})
