import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { drawFault } from "../../src/chaos/drawFault.ts"
import { drawScenario } from "../../src/chaos/drawScenario.ts"
import { profiles } from "../../src/chaos/Profile.ts"
import { RandomStream } from "../../src/runtime/RandomStream.ts"
import { isFault } from "../../src/scenario/Fault.ts"
import { loadScenario, renderScenario } from "../../src/scenario/ScenarioFile.ts"

const profile = profiles["default"] ?? expect.fail("there is a default profile")
const scenarios = Array.from({ length: 300 }, (_, seed) => drawScenario(seed, profile))

describe("drawScenario", () => {
  it("draws the same scenario from the same seed, and others from others", () => {
    expect(drawScenario(7, profile)).toEqual(scenarios[7])
    expect(
      new Set(scenarios.map((scenario) => JSON.stringify({ ...scenario, name: "", about: "", seed: 0 }))).size,
    ).toBe(300)
  })

  it("draws scenarios that can be written to a file and read again", () => {
    for (const each of Object.values(profiles)) {
      for (let seed = 0; seed < 15; seed++) {
        const scenario = drawScenario(seed, each)
        const read = loadScenario(renderScenario(scenario), "drawn.yaml")
        expect(Result.isSuccess(read) ? read.success : read.failure).toEqual(scenario)
      }
    }
  })

  it("has all nodes go down at once in every seed of a profile that has it, and nowhere else", () => {
    for (const each of Object.values(profiles)) {
      for (let seed = 0; seed < 15; seed++) {
        const { timeline } = drawScenario(seed, each)
        const isDown = timeline.some(({ act }) => (act._tag === "Kill" || act._tag === "Stop") && act.node === "all")
        expect(isDown).toBe(each.faultKinds.includes("cold-start"))
      }
    }
  })

  it("draws faults that end by themselves, and moments that come", () => {
    for (const { timeline } of scenarios) {
      const faults = timeline.filter(({ act }) => isFault(act))
      expect(faults.length).toBeGreaterThanOrEqual(2)
      for (const { course, when } of faults) {
        expect(course?.lasts).toBeTruthy()
        expect(when._tag === "At" || (when._tag === "After" && when.atLatest !== undefined)).toBe(true)
      }
    }
  })

  it("lets the first fault meet a step that every creation has", () => {
    for (const { timeline } of scenarios) {
      const first = timeline.find(({ act }) => isFault(act))
      expect(first?.when).toMatchObject({ _tag: "After", sighting: { _tag: "StepSeen", is: "started" }, count: 1 })
    }
  })

  it("draws at least three requests that become operations, and never more copies than nodes", () => {
    for (const { cluster, tables, timeline } of scenarios) {
      const acts = timeline.map(({ act }) => act)
      expect(acts.filter(({ _tag }) => _tag === "Create" || _tag === "Drop").length).toBeGreaterThanOrEqual(3)
      const made = acts.flatMap((act) => (act._tag === "Create" ? [act.table] : []))
      for (const table of [...tables, ...made]) expect(table.rf).toBeLessThanOrEqual(cluster.nodes.length)
    }
  })

  it("draws all kinds of faults over the seeds", () => {
    const drawn = new Set(
      scenarios.flatMap(({ timeline }) =>
        timeline.flatMap(({ act }) => (isFault(act) ? ["what" in act ? `${act._tag} ${act.what}` : act._tag] : [])),
      ),
    )
    const surroundings = { nodes: ["n1", "n2", "n3", "n4", "n5"], graceMs: 30_000 }
    for (const kind of profile.faultKinds) {
      const { fault, lasts } = drawFault(new RandomStream(1), kind, surroundings)
      expect(drawn).toContain("what" in fault ? `${fault._tag} ${fault.what}` : fault._tag)
      expect(Duration.toMillis(lasts?.max ?? Duration.zero)).toBeGreaterThan(0)
    }
  })

  it("adds each rare hazard to what is drawn without it", () => {
    const rare = profiles["rare"] ?? expect.fail("there is a profile of rare hazards")
    for (const kind of rare.rareKinds.filter((name) => name !== "two-lost-for-good")) {
      const { timeline } = drawScenario(3, { ...rare, rareKinds: [] })
      const added = drawScenario(3, { ...rare, rareKinds: [kind] }).timeline
      // Where a node does not come back, no table has a single copy.
      if (kind !== "lost-for-good") expect(added.slice(0, timeline.length)).toEqual(timeline)
      expect(added.length).toBeGreaterThan(timeline.length)
    }
  })

  it("loses two nodes at once only where three copies and a majority are left of the cluster", () => {
    const rare = profiles["rare"] ?? expect.fail("there is a profile of rare hazards")
    const scenarios = Array.from({ length: 200 }, (_, seed) => drawScenario(seed, rare))
    const bereft = scenarios.filter(({ timeline }) =>
      timeline.some(({ act }) => act._tag === "Kill" && Array.isArray(act.node) && act.node.length === 2),
    )
    expect(bereft.length).toBeGreaterThan(0)
    for (const { cluster, tables } of bereft) {
      expect(cluster.nodes.length).toBeGreaterThanOrEqual(5)
      for (const { rf } of tables) expect(rf).toBe(3)
    }
  })

  it("lets a kill empty only tables that have another copy", () => {
    const rare = profiles["rare"] ?? expect.fail("there is a profile of rare hazards")
    const emptied = Array.from({ length: 100 }, (_, seed) =>
      drawScenario(seed, { ...rare, rareKinds: ["lost-log"] }),
    ).flatMap(({ tables, timeline }) =>
      timeline.flatMap(({ act }) =>
        act._tag === "UnlistLog" ? [tables.find(({ name }) => act.table.startsWith(`system.${name}_s`))] : [],
      ),
    )
    expect(emptied).toHaveLength(100)
    expect(emptied.filter((table) => table !== undefined && table.rf < 2)).toEqual([])
    expect(emptied.filter((table) => table !== undefined).length).toBeGreaterThan(20)
  })
})
