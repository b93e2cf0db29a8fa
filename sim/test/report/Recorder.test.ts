import * as Result from "effect/Result"
import { beforeAll, describe, expect, it } from "vitest"
import { Recorder } from "../../src/report/Recorder.ts"
import type { Recording } from "../../src/report/Recording.ts"
import { traceEvents } from "../../src/report/traceEvents.ts"
import { runScenario } from "../../src/run/RunScenario.ts"
import type { ScenarioResult } from "../../src/run/ScenarioResult.ts"
import { loadScenario } from "../../src/scenario/ScenarioFile.ts"

const scenario = Result.getOrThrow(
  loadScenario(
    `shardwright: 1
name: recorded
about: A node dies and comes back while a table is made, and another is cut off for a while.
cluster: {nodes: 3}
settings: {gracePeriod: 5m}
tables: [{name: t, shards: 2, rf: 2}]
workloads: [{table: t, until: 40s}]
timeline:
  - {at: 2s, create: {name: u, shards: 2, rf: 3}}
  - {at: 12s, kill: {node: n2, what: daemon}, for: 5s}
  - {at: 14s, pause: {node: n1, what: agent}, for: 2s}
  - {at: 30s, cut: {from: n3}, for: 4s}
expect: {final: [{table: t, is: fully-replicated}]}
quiesce: 3m
`,
    "recorded.yaml",
  ),
)

let plain: ScenarioResult
let result: ScenarioResult
let recording: Recording
beforeAll(() => {
  plain = runScenario(scenario, { seed: 1 })
  const recorder = new Recorder()
  result = runScenario(scenario, { seed: 1, inspector: recorder.inspector })
  recording = recorder.recording(result, scenario.about, "a command")
}, 60_000)

const stateAt = <State>(changes: ReadonlyArray<{ readonly atMs: number; readonly state: State }>, atMs: number) =>
  changes.findLast((change) => change.atMs <= atMs)?.state

describe("a recorder", () => {
  it("changes nothing of the run that it looks at", () => {
    expect(result.traceHash).toBe(plain.traceHash)
    expect(result.events).toBe(plain.events)
  })

  it("knows daemons, agents and the network at any moment", () => {
    const [n1, n2, n3] = recording.nodes
    expect([11_000, 14_000, 20_000].map((atMs) => stateAt(n2?.daemon ?? [], atMs))).toEqual(["up", "killed", "up"])
    expect([13_000, 15_000, 17_000].map((atMs) => stateAt(n1?.agent ?? [], atMs))).toEqual([true, false, true])
    expect([29_000, 32_000, 36_000].map((atMs) => stateAt(n3?.cut ?? [], atMs))).toEqual([false, true, false])
  })

  it("knows who leads with which term", () => {
    expect(recording.leaders[0]).toMatchObject({ state: { node: expect.stringMatching(/^n[123]$/), term: 1 } })
  })

  it("knows faults with their nodes and their ends", () => {
    expect(recording.faults.map(({ nodes, atMs, toMs }) => [nodes, atMs, toMs])).toEqual([
      [["n2"], 12_000, 17_000],
      [["n1"], 14_000, 16_000],
      [["n3", "n1", "n2"], 30_000, 34_000],
    ])
  })

  it("knows operations, their steps and what these wait for", () => {
    const create = recording.operations.find(({ table, kind }) => table === "u" && kind === "create")
    expect(create?.status.map(({ state }) => state).at(-1)).toBe("completed")
    const steps = create?.steps ?? []
    expect(steps.length).toBeGreaterThan(5)
    for (const step of steps) expect(step.status.map(({ state }) => state)).toEqual(["pending", "processing", "done"])
    expect(steps.some(({ dependsOn }) => dependsOn.length > 0)).toBe(true)
    expect(steps.map(({ kind, about }) => `${kind} ${about}`)).toContain("CreateShard system.u_s0")
  })

  it("knows copies and members while they change", () => {
    const shards = recording.shards.filter(({ table }) => table === "u")
    expect(shards).toHaveLength(2)
    for (const { changes } of shards) expect(changes.at(-1)?.state).toMatchObject({ rf: 3, inSync: ["n1", "n2", "n3"] })
    const left = recording.memberships.find(({ node, cluster }) => node === "n2" && cluster === "c")
    expect(stateAt(left?.changes ?? [], 11_000)).toBe("primary synced 3")
  })

  it("counts every write once", () => {
    const total = recording.writes.reduce((sum, it) => sum + it.acknowledged, 0)
    expect(total).toBe(result.stats.acknowledged)
    expect(recording.writes.some(({ p50, p99 }) => p50 !== null && p99 !== null && p50 <= p99)).toBe(true)
  })

  it("keeps statements of agents with how long they took, in their order", () => {
    const sent = recording.calls.map(([atMs]) => atMs)
    expect(sent).toEqual(sent.toSorted((a, b) => a - b))
    const made = recording.calls.find(([, , , , sql]) => recording.texts[sql]?.match(/^CREATE TABLE .*system.u_s0/))
    expect(made?.[1]).toBeGreaterThan(0)
    expect(recording.texts[made?.[5] ?? -1]).toBe("ok 0")
    expect(recording.callsLeftOut).toBe(0)
  })
})

describe("trace events", () => {
  it("never overlap on a thread, and stay within the run", () => {
    const { traceEvents: events } = traceEvents(recording)
    const ends = new Map<string, number>()
    const lasting = events.filter(({ ph }) => ph === "X").toSorted((a, b) => a.ts - b.ts)
    expect(new Set(lasting.map(({ cat }) => cat))).toEqual(
      new Set(["daemon", "agent", "network", "leader", "fault", "operation", "step", "statement"]),
    )
    for (const { pid, tid, ts, dur = 0 } of lasting) {
      const thread = `${pid} ${tid}`
      expect(ts).toBeGreaterThanOrEqual(ends.get(thread) ?? 0)
      expect(ts + dur).toBeLessThanOrEqual(result.virtualMs * 1000 + 1000)
      ends.set(thread, ts + dur)
    }
    const names = events.filter(({ name }) => name === "process_name").map(({ args }) => args?.["name"])
    expect(names).toEqual(["recorded", "n1", "n2", "n3"])
  })
})
