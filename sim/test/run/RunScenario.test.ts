import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { outcomeOf, runScenario } from "../../src/run/RunScenario.ts"
import type { Scenario } from "../../src/scenario/Scenario.ts"
import { loadScenario } from "../../src/scenario/ScenarioFile.ts"

const scenario = (changes: Partial<Scenario> = {}): Scenario => ({
  version: 1,
  name: "small",
  about: "A table of RF 2 on three nodes, of which one is killed and comes back.",
  covers: [],
  seed: 1,
  engine: "shardwright",
  without: [],
  cluster: {
    coordination: "c",
    nodes: ["n1", "n2", "n3"].map((name) => ({ name, zone: null, weight: 1 })),
    spares: [],
    threads: null,
    gate: false,
  },
  settings: {},
  tables: [{ name: "t", shards: 2, rf: 3, structure: "title text, v bigint" }],
  workloads: [
    {
      table: "t",
      writers: 2,
      every: Duration.millis(200),
      from: Duration.zero,
      until: null,
      mix: { insert: 6, replace: 1, update: 2, delete: 1 },
      rows: 2,
      timeout: Duration.seconds(15),
      through: null,
      reads: { readers: 1, every: Duration.millis(500) },
    },
  ],
  timeline: [
    { when: { _tag: "At", at: Duration.seconds(2) }, act: { _tag: "Kill", node: "n3", what: "host" }, course: null },
    {
      when: { _tag: "At", at: Duration.seconds(12) },
      act: { _tag: "Restart", node: "victim", what: "host", flag: null },
      course: null,
    },
    {
      when: { _tag: "At", at: Duration.seconds(15) },
      act: { _tag: "Check", condition: { _tag: "NodeIs", node: "n3", is: "up" } },
      course: null,
    },
  ],
  expect: {
    violation: null,
    eventually: [
      { condition: { _tag: "TableIs", table: "t", is: "fully-replicated" }, within: Duration.seconds(60), from: null },
    ],
    always: [],
    final: [{ _tag: "Count", count: "lost", table: null, bounds: { atLeast: 0, atMost: 0 } }],
    sometimes: [{ _tag: "NodeIs", node: "n3", is: "down" }],
    never: [{ _tag: "LeaderSeen", leader: "lost", node: null }],
    thresholds: [],
  },
  quiesce: Duration.seconds(60),
  until: Duration.minutes(5),
  ...changes,
})

describe("runScenario", () => {
  it("runs the engine through a failure, twice in the same way", () => {
    const result = runScenario(scenario(), { seed: 1, checkDeterminism: true, file: "small.yaml" })
    expect(result.violations).toEqual([])
    expect(result.expectations.filter((expectation) => !expectation.held)).toEqual([])
    expect(result).toMatchObject({ passed: true, class: "pass", name: "small", file: "small.yaml", seed: 1 })
    expect(result.stats.acknowledged).toBeGreaterThan(100)
    expect(result.stats.lost).toBe(0)
    expect(result.expectations).toHaveLength(5)
    expect(
      result.timeline.filter((happening) => happening.kind === "fault").map((happening) => happening.text),
    ).toEqual(["kill host of n3", "restart host of victim"])
  })

  it("has another trace with another seed", () => {
    const hashes = [1, 2].map(
      (seed) =>
        runScenario(
          scenario({
            timeline: [],
            workloads: [],
            expect: {
              violation: null,
              eventually: [],
              always: [],
              final: [],
              sometimes: [],
              never: [],
              thresholds: [],
            },
          }),
          { seed },
        ).traceHash,
    )
    expect(hashes[0]).not.toBe(hashes[1])
  })

  it("fails for an expectation that does not hold, and for an entry whose moment never comes", () => {
    const result = runScenario(
      scenario({
        timeline: [
          {
            when: { _tag: "At", at: Duration.seconds(1) },
            act: { _tag: "Check", condition: { _tag: "NodeIs", node: "n3", is: "down" } },
            course: null,
          },
          {
            when: {
              _tag: "After",
              sighting: { _tag: "FindingSeen", finding: "never-said", node: null },
              count: 1,
              plus: Duration.zero,
            },
            act: { _tag: "Kill", node: "n3", what: "host" },
            course: null,
          },
        ],
        until: Duration.seconds(20),
      }),
      { seed: 1 },
    )
    expect(result.class).toBe("correctness")
    const broken = result.expectations.filter((expectation) => !expectation.held).map((expectation) => expectation.name)
    expect(broken).toContain("check node n3 is down at 1000 ms")
    expect(broken).toContain("timeline: after finding never-said: kill host of n3")
    expect(broken).toContain("sometimes: node n3 is down")
  })

  it("finds the loss when somebody deletes a copy behind the engine's back", () => {
    const damage = ["system.t_s0", "system.t_s1"].map((table) => ({
      when: { _tag: "At" as const, at: Duration.seconds(8) },
      act: {
        _tag: "Sql" as const,
        node: "n1",
        connection: null,
        statements: [`DELETE FROM ${table} WHERE id>0`],
        timeout: Duration.minutes(2),
        expect: null,
      },
      course: null,
    }))
    const settings = { tables: [{ name: "t", shards: 2, rf: 1, structure: "title text, v bigint" }], timeline: damage }
    const lost = {
      violation: "lost-write",
      eventually: [],
      always: [],
      final: [],
      sometimes: [],
      never: [],
      thresholds: [],
    }
    const found = runScenario(scenario({ ...settings, expect: lost }), { seed: 1 })
    expect(found.violations.map((violation) => violation.checker)).toContain("lost-write")
    expect(found.class).toBe("pass")
    expect(found.stats.lost).toBeGreaterThan(0)
    expect(runScenario(scenario({ ...settings, expect: { ...lost, violation: null } }), { seed: 1 }).class).toBe(
      "correctness",
    )
  })
})

describe("what a run itself reports", () => {
  const checkersOf = ({ violations }: { readonly violations: ReadonlyArray<{ readonly checker: string }> }) =>
    new Set(violations.map(({ checker }) => checker))
  const read = (rest: string) =>
    Result.getOrThrow(
      loadScenario(`shardwright: 1\nname: alone\nabout: One node.\ncluster: {nodes: 1}\n${rest}`, "alone.yaml"),
    )
  const alone = read("tables: [{name: t, shards: 1, rf: 1}]\nworkloads: [{table: t, until: 5s}]\n")

  const silentReads = (statement: string): ReadonlyArray<string> => {
    const scenario = read(`tables: [{name: t, shards: 1, rf: 1}]
workloads: [{table: t, until: 8s, reads: {readers: 2, every: 100ms}}]
timeline: [{at: 5s, sql: {node: n1, statement: ${statement}}}, {at: 5s, kill: {node: n1, what: agent}}]
`)
    const { violations } = runScenario(scenario, { seed: 1 })
    return violations.filter(({ checker }) => checker === "silent-partial-read").map(({ message }) => message)
  }

  it("are reads that lack rows without a word, also beside a dead agent", () => {
    const deletes = silentReads("DELETE FROM system.t_s0 WHERE id > 0")
    expect(deletes).toContainEqual(
      expect.stringMatching(/^a read of t on n1 lacked rows \d+.* without a warning, although all daemons were well$/),
    )
    expect(deletes).toContainEqual(expect.stringMatching(/ counted \d+ rows of \d+ without/))
  })

  it("are reads that show what has been replaced", () => {
    expect(silentReads("UPDATE system.t_s0 SET v=999999 WHERE id > 0")).toContainEqual(
      expect.stringMatching(/^a read of t on n1 showed row \d+ with value 999999 instead of \d+ without/),
    )
    expect(silentReads("UPDATE system.t_s0 SET v=999999 WHERE id = 1")).toEqual([])
  })

  it("is an agent that ends by itself", () => {
    let sent = 0
    const disturb = (): undefined => {
      if (++sent > 60 && sent < 70) throw new Error("a defect of the agent")
    }
    const result = runScenario(alone, { seed: 1, disturb })
    expect(checkersOf(result)).toContain("agent-crash")
    expect(result.class).toBe("correctness")
  })

  it("is a defect in a step", () => {
    const creates = read("timeline: [{at: 1s, create: {name: u, shards: 1, rf: 1}}]\n")
    const disturb = ({ sql }: { readonly sql: string }): undefined => {
      if (sql.startsWith("CREATE TABLE IF NOT EXISTS system.u_s0")) throw new Error("a defect of the step")
    }
    expect(checkersOf(runScenario(creates, { seed: 1, disturb }))).toContain("agent-crash")
  })

  it("is a cluster that does not come to be", () => {
    const tables = [{ name: "t", shards: 1, rf: 3, structure: "title text, v bigint" }]
    const result = runScenario({ ...alone, tables }, { seed: 1 })
    expect(checkersOf(result)).toEqual(new Set(["set-up"]))
    expect(result.class).toBe("liveness")
  })

  it("are two runs that differ, and where", () => {
    let runs = 0
    const inspector = {
      atZero: ({ simulation }: { readonly simulation: { readonly note: (...line: [string, null, string]) => void } }) =>
        simulation.note("draw", null, `run ${++runs}`),
    }
    const result = runScenario(alone, { seed: 1, checkDeterminism: true, inspector })
    expect(result.class).toBe("nondeterminism")
    expect(result.violations.at(-1)?.message).toMatch(/^line \d+ of the trace is .*run 3.* in one run and .*run 4/)
  })
})

describe("the end of a run", () => {
  it("comes at any moment that is asked for, also while it waits for rest", () => {
    for (const untilMicros of [9_333_333, 17_777_777.5]) {
      const { virtualMs } = runScenario(scenario(), { seed: 1, untilMicros })
      expect(virtualMs).toBeGreaterThan(untilMicros / 1000 - 300)
      expect(virtualMs).toBeLessThanOrEqual(untilMicros / 1000)
    }
  })
})

describe("outcomeOf", () => {
  const violation = (checker: string) => ({ checker, atMs: 1, message: "" })
  const failed = (name: string) => ({ name, held: false, detail: "" })

  it("lets what is wrong outweigh what is slow", () => {
    expect(outcomeOf([], [], null)).toBe("pass")
    expect(outcomeOf([violation("quiescence")], [], null)).toBe("liveness")
    expect(outcomeOf([violation("quiescence"), violation("lost-write")], [], null)).toBe("correctness")
    expect(outcomeOf([], [failed("eventually: table t is ready")], null)).toBe("liveness")
    expect(outcomeOf([], [failed("final: moves: 0")], null)).toBe("correctness")
    expect(outcomeOf([violation("quiescence")], [failed("final: moves: 0")], null)).toBe("liveness")
    expect(outcomeOf([violation("quiescence")], [failed("always: table t is ready")], null)).toBe("correctness")
  })

  it("passes a scenario that expects a violation only if that checker fails", () => {
    expect(outcomeOf([], [], "lost-write")).toBe("correctness")
    expect(outcomeOf([violation("orphans")], [], "lost-write")).toBe("correctness")
    expect(outcomeOf([violation("lost-write")], [], "lost-write")).toBe("pass")
    expect(outcomeOf([violation("lost-write")], [failed("eventually: x")], "lost-write")).toBe("liveness")
  })
})
