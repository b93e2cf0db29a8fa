/**
 * Control of operations, one scenario for each thing that a person may ask of them; each is run twice in the same way. And
 * that a checker would notice if one of its mechanisms were missing.
 */
import * as NodePath from "node:path"
import type { Operation } from "@shardwright/core/State"
import { describe, expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import type { ScenarioResult } from "../../src/run/ScenarioResult.ts"
import type { Scenario } from "../../src/scenario/Scenario.ts"
import { loadScenarios } from "../../src/scenario/ScenarioFile.ts"
import { printProblems } from "../../src/scenario/ScenarioProblem.ts"

const { scenarios, problems } = loadScenarios([NodePath.join(import.meta.dirname, "../../../scenarios/control")])

const named = (name: string): Scenario => {
  const found = scenarios.find(({ scenario }) => scenario.name === name)
  if (found === undefined) throw new Error(`there is no scenario ${name}`)
  return found.scenario
}

/** The most operations that ran at one moment, by their announcements. */
const mostAtOnce = ({ timeline }: ScenarioResult): number => {
  const running = new Set<string>()
  let most = 0
  for (const { kind, text } of timeline) {
    const [, id, status] = /^\S+ (\S+) (\w+)/.exec(text) ?? []
    if (kind !== "operation" || id === undefined) continue
    if (status === "running") running.add(id)
    else if (status === "completed") running.delete(id)
    most = Math.max(most, running.size)
  }
  return most
}

describe("scenarios/control", () => {
  it("can be read", () => {
    expect(printProblems(problems)).toBe("0 problems; nothing was run.")
  })

  it.each(scenarios.map(({ scenario, file }) => [scenario.name, scenario, file] as const))(
    "%s, twice in the same way",
    { timeout: 120_000 },
    (_, scenario, file) => {
      const result = runScenario(scenario, { seed: scenario.seed, file, checkDeterminism: true })
      expect(result.expectations.filter((expectation) => !expectation.held)).toEqual([])
      expect(result.violations).toEqual([])
      expect(result.passed).toBe(true)
    },
  )

  it("runs operations on different tables side by side, as many as are allowed", () => {
    const scenario = named("parallel-operations")
    expect(mostAtOnce(runScenario(scenario, { seed: 1 }))).toBeGreaterThanOrEqual(3)
    const one = { ...scenario, settings: { ...scenario.settings, maxOperations: 1 } }
    expect(mostAtOnce(runScenario(one, { seed: 1 }))).toBe(1)
  })

  it("keeps who did what with an operation, when and why, and names it after its end", () => {
    const told: Array<string> = []
    const listed: Array<string> = []
    runScenario(named("stop-gracefully"), {
      seed: 1,
      inspector: {
        atEnd: ({ simulation }) => {
          const finished = simulation.state.view().finished?.record.operations ?? []
          listed.push(...finished.map(({ kind, status, held }) => `${kind} ${status}${held ? ", held" : ""}`))
          const id = finished.find(({ kind }) => kind === "rebalance")?.id ?? ""
          const operation = simulation.state.get(`operation/${id}`)?.value as Operation // the store writes nothing else there
          told.push(...operation.history.map(({ status, by, why }) => `${status} by ${by}: ${why}`))
          expect(operation.history.every(({ atMs }, index, all) => atMs >= (all[index - 1]?.atMs ?? 0))).toBe(true)
        },
      },
    })
    expect(listed).toEqual(["create completed", "rebalance stopped, held"])
    expect(told).toEqual([
      "queued by shardwright@n1:9312: 6 groups change, 0 end",
      "running by shardwright@n1:9312: 6 groups change, 0 end",
      "stopping by operator: not today",
      "stopped by shardwright@n1:9312: stopped by operator: not today",
    ])
  })

  it.each([
    ["ignore-pause", "pause-resume", "pause-holds"],
    ["ignore-transitions", "illegal-transition", "operation-status"],
    ["ignore-holders", "held-table", "one-holder"],
    ["skip-approval", "approve", "approvals"],
  ] as const)("without its mechanism (%s) a checker reports it", (mutation, scenario, checker) => {
    const result = runScenario(named(scenario), { seed: 1, mutations: [mutation] })
    expect(result.violations.map((violation) => violation.checker)).toContain(checker)
  })
})
