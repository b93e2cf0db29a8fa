/**
 * A gate of failover that is switched off must show: each mutant runs in the scenario that was written for its gate, and
 * a checker that looks from outside reports it.
 */
import * as NodePath from "node:path"
import type { Mutation } from "@shardwright/core/Mutation"
import { describe, expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import { loadScenarios } from "../../src/scenario/ScenarioFile.ts"

const { scenarios } = loadScenarios([NodePath.join(import.meta.dirname, "../../../scenarios/failover")])

const mutants: ReadonlyArray<readonly [mutation: Mutation, scenario: string, checkers: ReadonlyArray<string>]> = [
  ["promote-a-minority", "majority-on-the-other-side", ["lost-write", "replication-factor"]],
]

describe("mutants of failover", () => {
  it.each(mutants)("%s", { timeout: 120_000 }, (mutation, name, checkers) => {
    const found = scenarios.find(({ scenario }) => scenario.name === name)
    if (found === undefined) throw new Error(`there is no scenario ${name}`)
    const { violations } = runScenario(found.scenario, { seed: found.scenario.seed, mutations: [mutation] })
    expect(violations.map(({ checker }) => checker).filter((checker) => checkers.includes(checker))).not.toEqual([])
  })
})

describe("nodes that leave crosswise", () => {
  const [only] = loadScenarios([
    NodePath.join(import.meta.dirname, "../../../scenarios/regressions/two-leave-at-once.yaml"),
  ]).scenarios

  it.each([[[]], [["leave-crosswise"]]] satisfies ReadonlyArray<readonly [ReadonlyArray<Mutation>]>)(
    "wait for each other only without the lock: %s",
    { timeout: 120_000 },
    (mutations) => {
      if (only === undefined) throw new Error("the scenario is gone")
      const { expectations } = runScenario(only.scenario, { seed: only.scenario.seed, mutations })
      const restarted = expectations.find(({ name }) => name.includes("daemon-restarted"))
      expect(restarted?.held).toBe(mutations.length === 0)
    },
  )
})
