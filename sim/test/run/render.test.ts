import { describe, expect, it } from "vitest"
import { renderFailure, renderSummary, renderTimeline } from "../../src/run/render.ts"
import { showMs } from "../../src/scenario/showDuration.ts"
import type { ScenarioResult } from "../../src/run/ScenarioResult.ts"
import { exitCodeOf, exitCodeOfReport, reportJson } from "../../src/run/SimRun.ts"

const result = (changes: Partial<ScenarioResult> = {}): ScenarioResult => ({
  name: "node-dies",
  file: "scenarios/smoke/node-dies.yaml",
  seed: 7,
  passed: true,
  class: "pass",
  virtualMs: 120_200,
  wallMs: 60,
  events: 5000,
  commands: 12_345,
  traceHash: "0123456789abcdef",
  violations: [],
  expectations: [],
  stats: {
    acknowledged: 6635,
    refused: 0,
    unknown: 1,
    lost: 0,
    moves: 3,
    rollbacks: 0,
    bytesMoved: 0,
    leaderChanges: 0,
    operationsCompleted: 1,
    operationsFailed: 0,
    stepsDone: 14,
  },
  timeline: [
    { atMs: -5000, kind: "leader", node: "n1", text: "acquired the lease, term 1" },
    { atMs: 0, kind: "phase", node: null, text: "the cluster and its tables are ready" },
    { atMs: 10_000, kind: "fault", node: "n2", text: "kill host of n2" },
    { atMs: 75_250, kind: "move", node: "n3", text: "g: 2 replicas from n2:9312 to n3:9312" },
  ],
  seen: {},
  ...changes,
})
const failing = result({
  passed: false,
  class: "correctness",
  violations: [
    { checker: "lost-write", atMs: 12_300, message: "3 acknowledged rows of table t are in no copy: ids 1, 2, 3" },
  ],
  expectations: [{ name: "final: moves: 0", held: false, detail: "3" }],
})

describe("render", () => {
  it("shows runs in a table with their sum", () => {
    expect(renderSummary({ problems: [], scenarios: [result(), failing], passed: 1, failed: 1 })).toBe(
      [
        "   scenario   seed  virtual   speed  commands  acknowledged  lost  moves  trace",
        "✓  node-dies     7       2m  2 003×    12 345         6 635     0      3  01234567",
        "✗  node-dies     7       2m  2 003×    12 345         6 635     0      3  01234567",
        "",
        "1 passed, 1 failed; 4m of virtual time in 120ms",
      ].join("\n"),
    )
  })

  it("shows what happened from time zero, or with the set-up, and how much more there is", () => {
    expect(renderTimeline(result())).toBe(
      [
        "  0ms  =      the cluster and its tables are ready",
        "  10s  !  n2  kill host of n2",
        "1m15s  →  n3  g: 2 replicas from n2:9312 to n3:9312",
      ].join("\n"),
    )
    expect(renderTimeline(result(), { setUp: true })).toContain("-5s  *  n1  acquired the lease, term 1")
    expect(renderTimeline(result(), { linesMax: 1 })).toMatch(/… and 2 lines more$/)
  })

  it("says what went wrong and how to see it again", () => {
    expect(renderFailure(result())).toBe("")
    expect(renderFailure(failing)).toBe(
      [
        "node-dies, seed 7: correctness",
        "  ✗ lost-write at 12.3s: 3 acknowledged rows of table t are in no copy: ids 1, 2, 3",
        "  ✗ final: moves: 0 (3)",
        "  again: shardwright sim run scenarios/smoke/node-dies.yaml --seed 7",
      ].join("\n"),
    )
  })

  it("reads lengths of time as people do", () => {
    expect([0, 999, 1000, 59_949, 60_000, 90_000, 3_600_000].map(showMs)).toEqual([
      "0ms",
      "999ms",
      "1s",
      "59.9s",
      "1m",
      "1m30s",
      "60m",
    ])
  })
})

describe("SimRun", () => {
  it("exits by the gravest outcome", () => {
    expect(exitCodeOf([])).toBe(0)
    expect(exitCodeOf(["pass", "liveness"])).toBe(3)
    expect(exitCodeOf(["liveness", "correctness", "pass"])).toBe(1)
    expect(exitCodeOf(["correctness", "nondeterminism"])).toBe(4)
    expect(exitCodeOfReport({ problems: [], scenarios: [failing], passed: 0, failed: 1 })).toBe(1)
  })

  it("prints the fields of the contract and no timeline", () => {
    const json = JSON.parse(JSON.stringify(reportJson({ problems: [], scenarios: [result()], passed: 1, failed: 0 })))
    expect(json).toMatchObject({ passed: 1, failed: 0 })
    const fields = [
      "name",
      "file",
      "seed",
      "passed",
      "class",
      "virtualMs",
      "wallMs",
      "events",
      "commands",
      "traceHash",
      "violations",
      "expectations",
      "stats",
    ]
    expect(Object.keys(json.scenarios[0])).toEqual(expect.arrayContaining(fields))
    expect(json.scenarios[0].timeline).toBeUndefined()
  })
})
