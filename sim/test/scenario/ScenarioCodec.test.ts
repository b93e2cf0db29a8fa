import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Scenario } from "../../src/scenario/Scenario.ts"
import { ScenarioCodec } from "../../src/scenario/ScenarioCodec.ts"
import { loadScenario, renderScenario } from "../../src/scenario/ScenarioFile.ts"
import { printProblems } from "../../src/scenario/ScenarioProblem.ts"

const read = (text: string): Scenario => {
  const result = loadScenario(text, "case.yaml")
  if (Result.isFailure(result)) throw new Error(printProblems(result.failure))
  return result.success
}

/** A file with every key of the language. */
const everything = `
shardwright: 1
name: everything
about: Every key of the language, once.
covers: [U01, D32, S62]
seed: 42
engine: shardwright
cluster:
  nodes: [a, {name: b, zone: z1, weight: 2}, {name: c}]
  spares: [{name: d, zone: z2}]
  coordination: main
  threads: 8
settings:
  gracePeriod: 20s
  promotionDelay: 0s
  leaseDuration: 10s
  idleTick: 2s
  busyTick: 250ms
  awayAfter: 8s
  statementTimeout: 15s
  joinTimeout: 1m
  drainDelay: 5s
  stepPatience: 15s
  convergePause: 3s
  operationTimeout: 3m
  maxAwayShare: 0.34
  groupsPerNode: 4
  autoRebalance: false
  compareRows: 500
tables:
  - {name: t, shards: 4, rf: 2, structure: "title text"}
workloads:
  - table: t
    writers: 2
    every: 25ms
    from: 1s
    until: 1m
    mix: {insert: 1, replace: 2, update: 3, delete: 4}
    rows: 5
    timeout: 2s
    through: [a, leader]
    reads: {readers: 3, every: 1s}
timeline:
  - {at: 1s, kill: a}
  - {at: 2s, kill: {node: leader, what: daemon}}
  - {at: 3s, stop: {node: victim, what: agent}}
  - {at: 4s, restart: {node: a, what: host}}
  - {at: 5s, pause: {node: a, what: daemon}}
  - {at: 6s, resume: {node: a, what: daemon}}
  - {at: 7s, partition: [[a, leader], [b]]}
  - {at: 8s, cut: {from: a, to: b, symmetric: false}}
  - {at: 9s, heal: network}
  - {at: 10s, slow: {node: a, statement: JOIN CLUSTER, by: 20s, times: 2}}
  - {at: 11s, slow: {statement: INSERT, by: 1s}}
  - {at: 12s, heal: all}
  - {at: 13s, create: {name: u, shards: 1, rf: 1}}
  - {at: 14s, drop: u}
  - {at: 15s, addNode: d}
  - {at: 16s, rebalance: all}
  - {at: 17s, rebalance: t}
  - {at: 18s, drain: b}
  - {at: 19s, sql: {node: a, statement: "SHOW TABLES"}}
  - {at: 20s, sql: {node: a, statement: "SHOW TABLES", expect: ok}}
  - {at: 21s, sql: {node: a, statement: "nonsense", expect: error}}
  - {at: 22s, sql: {node: a, statement: "nonsense", expect: {error: syntax}}}
  - {at: 23s, sql: {node: a, statement: "JOIN CLUSTER x", expect: no-answer}}
  - {at: 24s, sql: {node: a, statement: "DELETE FROM t WHERE id=1", expect: {affected: 1}}}
  - {at: 25s, sql: {node: a, statement: "SHOW TABLES", expect: {rows: 3}}}
  - {at: 25s, sql: {node: a, as: other, timeout: 5s, statement: ["SELECT id,v FROM t", "SELECT id,v FROM t"], expect: {rows: [["1", x], [2, null]]}}}
  - {at: 25s, sql: {node: a, statement: "nonsense", expect: {message: "no {b}", errno: 1064, takes: {atLeast: 1s}}}}
  - {at: 25s, sql: {node: a, statement: "nonsense", expect: {error: "no", errno: 1064, takes: {atMost: 1s}}}}
  - {at: 25s, sql: {node: a, statement: "SHOW TABLES", expect: disconnected}}
  - {at: 25s, sql: {node: a, statement: "SHOW TABLES", expect: {answer: ok, takes: {atLeast: 1s, atMost: 2s}}}}
  - {at: 25s, sql: {node: a, statement: "SHOW TABLES", expect: {answer: error, takes: {atLeast: 1s}}}}
  - {at: 25s, sql: {node: a, statement: "SHOW TABLES", expect: {answer: no-answer, takes: {atLeast: 1s}}}}
  - {at: 25s, sql: {node: a, statement: "SHOW TABLES", expect: {answer: disconnected, takes: {atLeast: 1s}}}}
  - {at: 25s, sql: {node: a, statement: "DELETE FROM t WHERE id=1", expect: {affected: 1, takes: {atMost: 1s}}}}
  - {at: 25s, sql: {node: a, statement: "SHOW TABLES", expect: {rows: 3, takes: {atMost: 1s}}}}
  - {at: 25s, sql: {node: a, statement: "SHOW TABLES", expect: {takes: {atMost: 1s}}}}
  - {at: 26s, restart: {node: a, flag: new-cluster}}
  - {at: 26s, restart: {node: a, what: daemon, flag: new-cluster-force}}
  - {at: 26s, mkdir: {node: a, directory: d}}
  - {at: 26s, fill: {node: a, table: "c:t", to: 10}}
  - {at: 26s, fill: {node: a, table: "c:t", from: 11, to: 20, batch: 5}}
  - {at: 26s, stream: {name: w, node: a, table: t, statement: "INSERT INTO c:t (id) VALUES ({id})", until: 1m}}
  - {at: 26s, stream: {name: x, node: a, table: system.t_s0, statement: "INSERT INTO c:t (id,v) VALUES ({id},{round})", every: 10ms, connections: 3, until: 1m, from: 100, timeout: 1s}}
  - {at: 26s, check: {count: moves, is: 0}}
  - {between: [27s, 28s], kill: one}
  - {at: 28s, probability: 0.5, every: 1s, times: 3, for: 500ms, kill: [a, leader]}
  - {at: 28s, every: [1s, 2s], until: 40s, for: [100ms, 500ms], stop: {zone: z1}}
  - {at: 28s, pause: {node: {random: 2}, what: agent}, for: 1s}
  - {at: 28s, resume: all}
  - {at: 28s, restart: {node: majority, what: daemon}}
  - {at: 29s, partition: [minority]}
  - {at: 29s, partition: [{zone: z1}, [a, leader]], for: 1s}
  - {at: 29s, cut: {from: one}}
  - {at: 29s, flap: {from: [a, b], to: c, symmetric: false, every: 1s}}
  - {at: 29s, ring: [a, b, c, d]}
  - {at: 29s, swizzle: {nodes: majority}}
  - {at: 29s, swizzle: {nodes: [a, b], step: 2s}}
  - {at: 29s, link: {from: a, to: b, latency: 50ms}}
  - {at: 29s, link: {from: a, loss: 0.1, symmetric: false}}
  - {at: 30s, slow: {pattern: "^INSERT", node: {zone: z1}, by: 1s, share: 0.5}}
  - {at: 30s, error: {statement: INSERT}}
  - {at: 30s, error: {pattern: "^JOIN", node: a, errno: 1040, message: too many, times: 2}}
  - {at: 30s, disconnect: {statement: INSERT}}
  - {at: 30s, disconnect: {statement: INSERT, when: after, node: one}}
  - {at: 30s, loseReply: {statement: UPDATE, times: 1}}
  - {at: 31s, diskFull: a}
  - {at: 31s, diskFull: {node: [a, b], share: 0.1}}
  - {at: 31s, slowDisk: {node: minority, by: 200ms}}
  - {at: 31s, slowTransfer: {factor: 100}}
  - {at: 31s, slowTransfer: {factor: 2.5, node: a, times: 1}}
  - {at: 31s, failTransfer: all}
  - {at: 31s, failTransfer: {node: a, times: 1}}
  - {at: 31s, replicationPorts: {node: a, count: 2}}
  - {at: 31s, unlistLog: {node: a, table: system.t_s0}}
  - {at: 31s, keepWrite: {node: a, times: 2}}
  - {at: 31s, serverId: {node: [a, b], id: 7}}
  - {at: 32s, clockJump: {node: a, ahead: 1h}}
  - {at: 32s, clockJump: {node: a, behind: 90s}}
  - {at: 32s, clockSkew: {node: a, rate: 1.5}}
  - {at: 33s, heal: clocks}
  - {after: {transfer: started, plus: 10ms}, kill: donor}
  - {after: {transfer: ended, what: all-tables, outcome: broken-off, cluster: g, node: a}, kill: joiner}
  - {after: {step: JoinGroup}, kill: b}
  - {after: {step: JoinGroup, is: done, node: a, undo: true, plus: 500ms, count: 2}, kill: b}
  - {after: {operation: any}, kill: b}
  - {after: {operation: rebalance, is: rolling-back, node: a}, kill: b}
  - {after: {leader: acquired, node: b}, kill: b}
  - {after: {finding: split-brain}, kill: b}
expect:
  violation: lost-write
  eventually:
    - {within: 90s, table: t, is: fully-replicated}
    - {within: 90s, from: 30s, node: a, is: member}
  always:
    - {count: lost, is: 0}
    - {count: lost, table: t, atMost: 0, from: 1s, until: 1m}
  final:
    - {table: t, is: ready}
    - {node: a, holds: {atLeast: 1, atMost: 4}}
    - {node: leader, holds: {is: 2}, table: t}
    - {node: a, cluster: main, status: primary}
    - {node: a, cluster: main, status: recovery-required, nodeState: closed, size: 0}
    - {node: a, table: t, ids: [1, 2]}
    - {node: a, table: system.t_s0, ids: absent}
    - {node: a, table: t, rows: {atLeast: 10}}
    - {stream: w, acknowledged: {atLeast: 10}}
    - {stream: w, refused: {is: 0}}
    - {stream: w, unknown: {atMost: 3}}
    - {stream: w, missing: {on: b, is: 0}}
    - {stream: x, refusedButStored: {on: leader, atLeast: 1}}
    - {node: a, is: crashed}
    - {count: moves, is: minimum}
    - {count: bytesMoved, atMost: 1000}
    - {longest: write-gap, table: t, atMost: 10s}
  sometimes:
    - {step: JoinGroup, is: started}
    - {table: t, is: absent}
  never:
    - {operation: repair, is: failed}
    - {node: c, is: away}
    - {transfer: ended, outcome: failed}
  thresholds:
    writeLatencyP99: <= 2s
    unavailableFor: < 90s
    refusedWrites: = 0
    acknowledgedWrites: ">= 100"
quiesce: 30s
until: 5m
`

describe("the codec", () => {
  it("takes every key of the language", () => {
    expect(read(everything)).toMatchSnapshot()
  })

  it("gives the same scenario back after it was written", () => {
    const scenario = read(everything)
    expect(read(renderScenario(scenario))).toEqual(scenario)
  })

  it("writes no value that is the default, except those that a reader looks for", () => {
    const text = renderScenario(read("shardwright: 1\nname: small\nabout: Small.\ncluster: {nodes: 2}\n"))
    expect(text).toBe(
      [
        "# yaml-language-server: $schema=../schema.json",
        "shardwright: 1",
        "name: small",
        "about: Small.",
        "seed: 1",
        "cluster: {nodes: 2}",
        "",
      ].join("\n"),
    )
  })

  // The minimiser takes parts away: whatever is left must be a scenario that says the same when it is read again.
  it("survives when entries, workloads and expectations are taken away", () => {
    const whole = read(everything)
    // What others refer to stays.
    const kept = ["Create", "Stream"]
    const some = <Item>(items: ReadonlyArray<Item>) => fc.subarray([...items])
    const smaller = fc
      .record({
        timeline: some(whole.timeline.filter((entry) => !kept.includes(entry.act._tag))),
        workloads: some(whole.workloads),
        eventually: some(whole.expect.eventually),
        always: some(whole.expect.always),
        final: some(whole.expect.final),
        sometimes: some(whole.expect.sometimes),
        never: some(whole.expect.never),
        seed: fc.nat(),
      })
      .map(({ timeline, workloads, seed, ...lists }) => ({
        ...whole,
        seed,
        workloads,
        timeline: [...whole.timeline.filter((entry) => kept.includes(entry.act._tag)), ...timeline],
        expect: { ...whole.expect, ...lists },
      }))
    fc.assert(
      fc.property(smaller, (scenario) => {
        expect(read(renderScenario(scenario))).toEqual(scenario)
      }),
      { numRuns: 50 },
    )
  })

  it("decodes plain values as well as files", () => {
    const decode = Schema.decodeUnknownSync(ScenarioCodec)
    expect(
      decode({ shardwright: 1, name: "small", about: "Small.", cluster: { nodes: 2 } }).cluster.nodes,
    ).toHaveLength(2)
  })
})
