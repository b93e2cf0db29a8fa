/**
 * Each defect that was found in the existing orchestrator is switched on in the engine, and must be found in the scenario that
 * is about it: by a checker that looks from outside, or by what the scenario expects. In how many seeds of chaos each is found
 * is in docs/TESTING.md; `run.ts` counts them.
 */
import * as fs from "node:fs"
import * as NodePath from "node:path"
import { mutations } from "@shardwright/core/Mutation"
import { describe, expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import { loadScenarios } from "../../src/scenario/ScenarioFile.ts"
import { defects } from "./defects.ts"

const root = NodePath.join(import.meta.dirname, "../../..")
const { scenarios } = loadScenarios([NodePath.join(root, "scenarios")])

describe("defects of the existing orchestrator", () => {
  it.each(defects)("$number: $mutation is found in $scenario", { timeout: 120_000 }, ({ by, mutation, scenario }) => {
    const found = scenarios.find((candidate) => candidate.scenario.name === scenario)
    if (found === undefined) throw new Error(`there is no scenario ${scenario}`)
    const { expectations, violations } = runScenario(found.scenario, {
      seed: found.scenario.seed,
      mutations: [mutation],
      stopAtViolation: true,
      untraced: true,
    })
    const failed = expectations.filter(({ held }) => !held).map(({ name }) => name)
    expect([...violations.map(({ checker }) => checker), ...failed]).toContainEqual(by)
  })

  it("are all there, each in the table of docs/TESTING.md with its switch and what finds it", () => {
    expect(defects.map(({ number }) => number)).toEqual(
      Array.from({ length: 32 }, (_, index) => `D${String(index + 1).padStart(2, "0")}`),
    )
    const named = new Set(defects.map(({ mutation }) => mutation))
    expect(mutations.filter((mutation) => /^d\d\d-/.test(mutation) && !named.has(mutation))).toEqual([])
    const rows = fs.readFileSync(NodePath.join(root, "docs/TESTING.md"), "utf8").split("\n")
    const isListed = ({ number, mutation, scenario, by }: (typeof defects)[number]) =>
      rows.some(
        (row) =>
          row.startsWith(`| ${number} |`) && [mutation, scenario, by].every((word) => row.includes(`\`${word}\``)),
      )
    expect(defects.filter((each) => !isListed(each)).map(({ number }) => number)).toEqual([])
  })
})
