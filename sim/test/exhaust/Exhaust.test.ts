/**
 * Each operation survives that any statement of its agents fails. Here some points of each scenario run, and those at which
 * something was once found; `sim exhaust` runs all of them.
 */
import * as NodePath from "node:path"
import { describe, expect, it } from "vitest"
import { choosePoints, type Point, record, runPoint } from "../../src/exhaust/Exhaust.ts"
import { shapeOf, ways } from "../../src/exhaust/Way.ts"
import type { Scenario } from "../../src/scenario/Scenario.ts"
import { loadScenarios } from "../../src/scenario/ScenarioFile.ts"
import { printProblems } from "../../src/scenario/ScenarioProblem.ts"

const { scenarios, problems } = loadScenarios([NodePath.join(import.meta.dirname, "../../../scenarios/exhaust")])
/** Points of each scenario that run here. */
const pointsMax = 8

const named = (name: string): Scenario => {
  const found = scenarios.find(({ scenario }) => scenario.name === name)
  if (found === undefined) throw new Error(`no scenario ${name}`)
  return found.scenario
}

const failures = (scenario: Scenario, points: ReadonlyArray<Point>) =>
  points
    .map((point) => runPoint(scenario, scenario.seed, point))
    .filter((outcome) => !outcome.passed)
    .map(({ point, way, statement, violations }) => ({ point, way, statement, violations }))

describe("sim exhaust", () => {
  it("has scenarios that can be read", () => {
    expect(printProblems(problems)).toBe("0 problems; nothing was run.")
    expect(scenarios.length).toBeGreaterThanOrEqual(6)
  })

  it.each(scenarios.map(({ scenario }) => [scenario.name, scenario] as const))(
    "%s: some points, spread over the statements and ways",
    { timeout: 60_000 },
    (_, scenario) => {
      const { commands, result } = record(scenario, scenario.seed)
      expect(result.violations).toEqual([])
      expect(result.passed).toBe(true)
      const points = choosePoints(commands, { all: false, sample: 1 })
      const some = choosePoints(commands, { all: false, sample: Math.ceil(points.length / pointsMax) })
      expect(new Set(some.map(({ way }) => way)).size).toBe(ways.length)
      expect(failures(scenario, some)).toEqual([])
    },
  )

  it("claims that took effect and were answered with an error are worked on", { timeout: 60_000 }, () => {
    const scenario = named("create")
    const { commands } = record(scenario, scenario.seed)
    const claims = commands.filter(({ sql }) => sql.includes('"status":"processing"'))
    expect(claims.length).toBeGreaterThan(5)
    const points = claims.slice(0, 4).map((command): Point => ({ command, way: "error" }))
    expect(failures(scenario, points)).toEqual([])
  })

  it("the end of a temporary group spares the copy that came by it", { timeout: 60_000 }, () => {
    const scenario = named("rf1-move")
    const { commands } = record(scenario, scenario.seed)
    const ends = commands.filter(({ sql, to }) => to === "n2" && /^(EXIT CLUSTER|DROP TABLE .*_probe)/.test(sql))
    expect(ends.length).toBeGreaterThanOrEqual(2)
    expect(
      failures(
        scenario,
        ends.map((command): Point => ({ command, way: "refused" })),
      ),
    ).toEqual([])
  })

  it("a creation that is refused half-way is rolled back to exactly what was there before", () => {
    const scenario = named("create")
    const { commands } = record(scenario, scenario.seed)
    const attach = commands.find(({ sql }) => sql.startsWith("ALTER CLUSTER") && sql.includes("system.t_s"))
    expect(attach).toBeDefined()
    if (attach === undefined) return
    expect(runPoint(scenario, scenario.seed, { command: attach, way: "refused" }).end).toBe("rolled back")
  })

  it("takes statements for alike that do the same, and all that write records", () => {
    expect(shapeOf("JOIN CLUSTER g AT 'n1:9312' 'g' as path")).toBe(shapeOf("JOIN CLUSTER g AT 'n2:9312' 'h' as path"))
    expect(shapeOf("DROP TABLE IF EXISTS system.t_s0")).not.toBe(shapeOf("DROP TABLE IF EXISTS system.t_s1"))
    expect(shapeOf("UPDATE c:system.shardwright_queue SET `value`='it''s 1'")).toBe(
      shapeOf("INSERT INTO c:system.shardwright_state (id) VALUES (7)"),
    )
  })

  it("an operation says what it waits for while a fault lasts", { timeout: 60_000 }, () => {
    const scenario = named("create")
    const { commands } = record(scenario, scenario.seed)
    const join = commands.find(({ sql }) => sql.startsWith("JOIN CLUSTER"))
    const claim = commands.find(({ sql }) => sql.includes('"status":"processing"'))
    if (join === undefined || claim === undefined) throw new Error("no JOIN, or no claim")
    const points: ReadonlyArray<Point> = [
      { command: join, way: "full" },
      { command: join, way: "away" },
      { command: claim, way: "full" },
    ]
    expect(failures(scenario, points)).toEqual([])
  })

  it("tells when a run does not end as it must", () => {
    const scenario = named("drop")
    const { commands } = record(scenario, scenario.seed)
    const point = choosePoints(commands, { all: false, sample: 1 })[0]
    if (point === undefined) throw new Error("no point")
    const other: Point = { ...point, command: { ...point.command, sql: "SELECT 1" } }
    expect(runPoint(scenario, scenario.seed, other).class).toBe("nondeterminism")
    const impossible: Scenario = {
      ...scenario,
      expect: { ...scenario.expect, final: [{ _tag: "TableIs", table: "gone", is: "ready" }] },
      quiesce: scenario.quiesce,
    }
    const outcome = runPoint(impossible, scenario.seed, point)
    expect(outcome.class).toBe("correctness")
    expect(outcome.violations.map(({ checker }) => checker)).toContain("completed-or-rolled-back")
  })
})
