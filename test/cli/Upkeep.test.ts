/**
 * Protects what an operator does day by day: nodes come and go, plans can be read, and a command says what is wrong and what cures
 * it. Against simulated nodes on real sockets, with their runners.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import type { Served } from "@shardwright/sim/serve/Serve"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { begin, control, mysqlOf, serveThree } from "../node/Runners.ts"
import { documentOf, shardwright } from "./CommandLine.ts"

let served: Served
beforeEach(async () => {
  served = await serveThree()
})
afterEach(() => served.close())

const document = (node: string, ...args: ReadonlyArray<string>) => documentOf(served, node, ...args)
const [one, two, three] = ["n1:9312", "n2:9312", "n3:9312"] as const

describe("a cluster", () => {
  it.live(
    "takes nodes in, shows its plans, is kept well, and lets nodes go",
    () =>
      Effect.gen(function* () {
        const runners = [yield* begin(served, "n1", []), yield* begin(served, "n2", []), yield* begin(served, "n3", [])]
        yield* document(one, "cluster", "init")
        const tried = yield* document(one, "node", "add", mysqlOf(served, two), "--dry-run")
        expect(tried).toMatchObject({ exitCode: 0, document: { result: "plan", node: two, at: one, drops: [] } })
        expect((yield* document(one, "node", "list")).document.nodes).toHaveLength(1)
        for (const node of [two, three]) {
          const added = yield* document(one, "node", "add", mysqlOf(served, node))
          expect(added).toEqual({ exitCode: 0, document: { cluster: "c", node, at: one } })
        }
        const again = yield* document(one, "node", "add", mysqlOf(served, three), "--dry-run")
        expect(again.document).toMatchObject({ result: "nothing", reason: `${three} is in c already` })

        const made = yield* document(two, "table", "create", "t", "v bigint", "--shards", "2", "--rf", "2")
        const { id } = made.document.operation
        // By its id and by its table, also after it has ended.
        for (const name of [id, "t"]) {
          const { document: plan } = yield* document(one, "plan", "show", name)
          expect(plan).toMatchObject({ id, kind: "create", status: "completed", progress: null })
          expect(plan.steps.length).toBe(plan.cost.steps)
          expect(plan.longestChain).toHaveLength(plan.cost.criticalPath)
          expect(plan.steps.every(({ status }: { readonly status: string }) => status === "done")).toBe(true)
        }
        const explained = yield* shardwright("plan", "explain", "t", "--connect", mysqlOf(served, one))
        expect(explained.out).toMatch(/why: .*\n/)
        expect(explained.out).toContain("the longest chain")
        const watched = yield* document(one, "watch", "t")
        expect(watched).toMatchObject({ exitCode: 0, document: { timedOut: false, operations: [{ id }] } })
        expect(yield* document(one, "watch", "--idle")).toMatchObject({ exitCode: 0, document: { operations: [] } })

        const repaired = yield* document(one, "repair", "--reason", "for a test")
        expect(repaired).toMatchObject({ exitCode: 0, document: { request: { status: "done" }, findings: [] } })
        expect(repaired.document.request.answer).toContain("nothing is to be repaired")
        const dry = yield* document(one, "repair", "--dry-run")
        expect(dry).toMatchObject({ exitCode: 0, document: { result: "nothing" } })

        const nothingIsUnderWay = yield* shardwright("rebalance", "pause", "--connect", mysqlOf(served, one))
        expect(nothingIsUnderWay).toMatchObject({
          exitCode: 2,
          noted: expect.stringContaining("no operation is under way"),
        })

        // It holds copies: refused, with what helps; a dry run changes nothing.
        const refused = yield* document(three, "node", "remove", three)
        expect(refused).toMatchObject({ exitCode: 1, document: { left: false, node: three } })
        expect(refused.document.reason).toContain("drain it first")
        const wouldGo = yield* document(three, "node", "remove", three, "--drain", "--dry-run")
        expect(wouldGo).toMatchObject({ exitCode: 0, document: { left: false } })
        expect((yield* document(one, "node", "list")).document.nodes[2]).toMatchObject({ name: three, state: "active" })
        const drained = yield* document(one, "node", "drain", three, "--dry-run")
        expect(drained).toMatchObject({ exitCode: 0, document: { result: "plan", kind: "rebalance" } })
        expect(drained.document.reason).toContain(`${three} would be draining`)
        expect((yield* document(one, "node", "list")).document.nodes[2]).toMatchObject({ name: three, state: "active" })
        const left = yield* document(three, "node", "remove", three, "--drain")
        expect(left).toMatchObject({ exitCode: 0, document: { left: true, replicas: 0, groups: 0, reason: null } })
        expect((yield* document(one, "cluster", "status")).document.registered).toEqual([one, two])
        const { document: table } = yield* document(one, "table", "show", "t")
        for (const { copies } of table.shards) expect(copies).toBe(2)

        // Records of what is over: none is old enough, until somebody says that they are.
        const kept = yield* document(one, "cleanup", "--dry-run")
        expect(kept).toMatchObject({ exitCode: 0, document: { dryRun: true, records: {} } })
        yield* document(one, "table", "drop", "t")
        const old = ["cleanup", "--older-than", "1ms"]
        yield* Effect.sleep("1100 millis")
        const would = yield* document(one, ...old, "--dry-run")
        expect(would.document.records.step).toBeGreaterThan(0)
        const went = yield* document(one, ...old)
        expect(went.document.records.step).toBeGreaterThanOrEqual(would.document.records.step)
        expect((yield* document(one, ...old, "--dry-run")).document.records).not.toHaveProperty("step")
        // What ended last is still told of.
        expect((yield* document(one, "operation", "show", "t")).document).toMatchObject({ kind: "drop" })
        for (const runner of runners) yield* runner.end
      }).pipe(Effect.scoped),
    90_000,
  )
})

describe("failures", () => {
  const needRecords = [
    ["cluster", "status"],
    ["table", "list"],
    ["table", "create", "t", "v bigint", "--shards", "1", "--rf", "1"],
    ["node", "add", "127.0.0.1:1"],
    ["node", "remove", "n1:9312"],
    ["rebalance", "pause"],
    ["operation", "show", "1_1"],
    ["plan", "show", "1_1"],
    ["health"],
    ["repair"],
    ["cleanup"],
    ["watch"],
    ["adopt", "--dry-run"],
    ["cluster", "leave"],
  ]

  it.live("of a node that is in no cluster name what makes one and what joins one", () =>
    Effect.gen(function* () {
      for (const args of needRecords) {
        const ran = yield* shardwright(...args, "--connect", mysqlOf(served, one))
        expect({ args, ...ran }).toMatchObject({ args, exitCode: 1, lines: 0 })
        expect(ran.noted).toContain("n1:9312")
        expect(ran.noted).toMatch(/is in no cluster\n.*cluster init --connect.*\n.*cluster join HOST:PORT --connect/)
      }
    }),
  )

  it.live("name what there is where something was named that is not", () =>
    Effect.gen(function* () {
      yield* document(one, "cluster", "init")
      const at = ["--connect", mysqlOf(served, one)]
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, number, RegExp]> = [
        [["cluster", "status", "--cluster", "d"], 1, /its records in the cluster 'c', not in 'd'/],
        [["table", "show", "d:t"], 1, /its records in the cluster 'c', not in 'd'/],
        [["node", "remove", "n9:1"], 2, /n9:1 is not registered; there are: n1:9312/],
        [["node", "add", "127.0.0.1:1"], 5, /no Manticore daemon answers at 127\.0\.0\.1:1 \(connection refused\)/],
        [["node", "add", "n2"], 2, /an address HOST:PORT/],
        [["node", "add", "127.0.0.1:99999"], 2, /a port from 1 to 65535/],
        [["cluster", "init", "--cluster", "a-b"], 2, /the name of a replication cluster/],
        [["cluster", "init", "--cluster", "d"], 1, /its records in the cluster 'c', not in 'd'/],
        [["table", "create", "t", "v bigint", "--shards", "2", "--rf", "10"], 2, /a whole number from 1 to 9/],
        [["plan", "show", "nope"], 2, /no operation 'nope'.*operation list/],
        [["watch", "nope"], 2, /no operation 'nope'.*operation list/],
        [["watch", "--interval", "5"], 2, /a duration with a unit/],
        [["cleanup", "--older-than", "old"], 2, /a duration with a unit/],
        [["health", "--config", "/nonexistent.yaml"], 2, /nonexistent\.yaml cannot be read/],
        [["node", "drain", "n1:9312", "--timeout", "1s"], 3, /no leader has taken it up: the runners may be down/],
      ]
      for (const [args, exitCode, message] of cases) {
        const ran = yield* shardwright(...args, ...at)
        const said = `${ran.out}${ran.noted}`
        expect({ args, said, exitCode: ran.exitCode }).toEqual({ args, said: expect.stringMatching(message), exitCode })
        expect(said).not.toMatch(/\n\s+at /)
      }
    }),
  )

  it.live(
    "where no majority is left: what is shown says so, and what cannot be done says what helps",
    () =>
      Effect.gen(function* () {
        yield* document(one, "cluster", "init")
        yield* document(one, "node", "add", mysqlOf(served, two))
        yield* control(served, "/kill", { node: "n2" })
        const health = Effect.gen(function* () {
          const found = yield* document(one, "health")
          return found.exitCode === 0 ? yield* Effect.fail("not noticed yet") : found.document
        }).pipe(Effect.retry({ times: 40, schedule: Schedule.spaced("250 millis") }))
        const { findings } = yield* health
        expect(findings[0]).toMatchObject({ code: "no-majority", severity: "critical", subject: "cluster" })
        const { document: status } = yield* document(one, "cluster", "status")
        expect(status).toMatchObject({ seen: [one], away: [two] })
        for (const args of [
          ["table", "list"],
          ["operation", "list"],
        ]) {
          const ran = yield* shardwright(...args, "--connect", mysqlOf(served, one))
          expect(ran).toMatchObject({ exitCode: 0, noted: expect.stringContaining("takes no writes on n1:9312") })
        }
        const create = ["table", "create", "t", "v bigint", "--shards", "1", "--rf", "1"]
        for (const args of [create, [...create, "--dry-run"], ["repair"], ["cleanup"]]) {
          const ran = yield* shardwright(...args, "--connect", mysqlOf(served, one))
          expect({ args, ...ran }).toMatchObject({ args, exitCode: 1, lines: 0 })
          expect(ran.noted).toMatch(
            /the records cannot be used here now: .*\n.*start the nodes.*\n.*shardwright recover/,
          )
        }
      }),
    60_000,
  )

  it.live("a configuration file leads to the cluster as flags do", () =>
    Effect.gen(function* () {
      yield* document(one, "cluster", "init")
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "shardwright-cli-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(folder, { recursive: true })))
      const file = path.join(folder, "node.yaml")
      fs.writeFileSync(file, `mysql: ${mysqlOf(served, one)}\ncluster: c\n`)
      const ran = yield* shardwright("node", "list", "--config", file, "--json")
      expect(ran.exitCode).toBe(0)
      expect(JSON.parse(ran.out)).toMatchObject({ nodes: [{ name: one }] })
    }).pipe(Effect.scoped),
  )
})
