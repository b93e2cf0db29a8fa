import * as Duration from "effect/Duration"
import { describe, expect, it } from "vitest"
import { drawScenario } from "../../src/chaos/drawScenario.ts"
import { profiles } from "../../src/chaos/Profile.ts"
import type { TimelineEntry } from "../../src/scenario/Scenario.ts"
import { loadScenario, renderScenario } from "../../src/scenario/ScenarioFile.ts"
import * as Result from "effect/Result"

const profile = profiles["default"] ?? expect.fail("there is a default profile")
const scenarios = Array.from({ length: 300 }, (_, seed) => drawScenario(seed, profile))
const ms = (entry: TimelineEntry): number =>
  entry.when._tag === "At" ? Duration.toMillis(entry.when.at) : expect.fail("chaos needs no sightings")
const begins = new Set(["Kill", "Stop", "Pause", "Partition", "Cut", "Slow"])
const ends = new Set(["Restart", "Resume", "Heal"])

describe("drawScenario", () => {
  it("draws the same scenario from the same seed, and others from others", () => {
    expect(drawScenario(7, profile)).toEqual(scenarios[7])
    expect(
      new Set(scenarios.map((scenario) => JSON.stringify({ ...scenario, name: "", about: "", seed: 0 }))).size,
    ).toBe(300)
  })

  it("draws scenarios that can be written to a file and read again", () => {
    for (const scenario of scenarios.slice(0, 40)) {
      const read = loadScenario(renderScenario(scenario), "drawn.yaml")
      expect(Result.isSuccess(read) ? read.success : read.failure).toEqual(scenario)
    }
  })

  it("keeps to the budget: one fault at a time, and each ends", () => {
    for (const { timeline, name } of scenarios) {
      let open = 0
      for (const entry of timeline) {
        if (begins.has(entry.act._tag)) open++
        if (ends.has(entry.act._tag)) open--
        expect(open, `${name} at ${ms(entry)} ms`).toBeLessThanOrEqual(1)
        expect(open, `${name} at ${ms(entry)} ms`).toBeGreaterThanOrEqual(0)
      }
      expect(open).toBe(0)
    }
  })

  it("draws at least three operations, never more copies than nodes, and all kinds of faults over the seeds", () => {
    const kinds = new Set<string>()
    for (const scenario of scenarios) {
      const operations = scenario.timeline.filter((entry) => !begins.has(entry.act._tag) && !ends.has(entry.act._tag))
      expect(operations.length).toBeGreaterThanOrEqual(3)
      for (const table of scenario.tables) expect(table.rf).toBeLessThanOrEqual(scenario.cluster.nodes.length)
      for (const { act } of scenario.timeline)
        if (begins.has(act._tag)) kinds.add("what" in act ? `${act._tag} ${act.what}` : act._tag)
      expect(scenario.timeline.map(ms)).toEqual(scenario.timeline.map(ms).toSorted((a, b) => a - b))
    }
    expect([...kinds].toSorted()).toEqual([
      "Kill agent",
      "Kill daemon",
      "Kill host",
      "Partition",
      "Pause agent",
      "Pause daemon",
      "Slow",
    ])
  })
})
