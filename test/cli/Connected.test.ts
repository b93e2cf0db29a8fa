/**
 * Protects the commands for real clusters: three bare daemons become a cluster in three commands, every command gives one JSON document,
 * and a failure says what to do with the exit code of its kind. Against simulated nodes on real sockets, with their runners.
 */
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import type { Served } from "@shardwright/sim/serve/Serve"
import * as Effect from "effect/Effect"
import { begin, mysqlOf, serveThree } from "../node/Runners.ts"
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
    "is made, given a table, asked how it is, and left",
    () =>
      Effect.gen(function* () {
        const runners = [yield* begin(served, "n1", []), yield* begin(served, "n2", []), yield* begin(served, "n3", [])]
        expect(yield* document(one, "cluster", "init")).toEqual({ exitCode: 0, document: { cluster: "c", node: one } })
        const at = mysqlOf(served, one)
        for (const node of [two, three]) {
          expect(yield* document(node, "cluster", "join", at, "--zone", node.slice(0, 2))).toEqual({
            exitCode: 0,
            document: { cluster: "c", node, at: one },
          })
        }
        const create = ["table", "create", "c:t", "title text, v bigint", "--shards", "3", "--rf", "2"]
        const tried = yield* document(two, ...create, "--dry-run")
        expect(tried).toMatchObject({ exitCode: 0, document: { result: "plan", kind: "create" } })
        const made = yield* document(two, ...create, "--reason", "for a test")
        expect(made).toMatchObject({
          exitCode: 0,
          document: {
            timedOut: false,
            request: { status: "done" },
            operation: { kind: "create", table: "t", status: "completed", progress: null },
          },
        })
        expect(made.document.operation.history.map(({ why }: { readonly why: string }) => why)).toContain("for a test")

        const shown = yield* document(three, "table", "show", "t")
        expect(shown.document).toMatchObject({ name: "t", status: "ready", rf: 2 })
        expect(shown.document.shards).toHaveLength(3)
        for (const { copies, inSync, nodes } of shown.document.shards) {
          expect(copies).toBe(2)
          expect(inSync).toEqual(nodes)
        }
        const { document: nodes } = yield* document(one, "node", "list")
        expect(nodes.nodes).toMatchObject([
          { name: one, state: "active", present: true, zone: null, groups: 2, replicas: 2 },
          { name: two, state: "active", present: true, zone: "n2", groups: 2, replicas: 2 },
          { name: three, state: "active", present: true, zone: "n3", groups: 2, replicas: 2 },
        ])
        expect((yield* document(one, "group", "list")).document.groups).toHaveLength(3)
        expect((yield* document(one, "table", "list")).document.tables).toMatchObject([{ name: "t", shards: 3 }])
        expect(yield* document(one, "health")).toEqual({ exitCode: 0, document: { healthy: true, findings: [] } })
        expect((yield* document(one, "cluster", "status")).document).toMatchObject({
          cluster: "c",
          away: [],
          registered: [one, two, three],
          tables: 1,
        })
        const { id } = made.document.operation
        const operation = yield* shardwright("operation", "show", id, "--connect", at)
        expect(operation.out).toContain(`${id} create t: completed`)
        const list = yield* shardwright("operation", "list", "--connect", at)
        expect(list.out).toMatch(/create +t +completed/)

        // Refused, with the reason.
        const twice = yield* document(one, ...create)
        expect(twice).toMatchObject({ exitCode: 1, document: { request: { status: "refused" } } })
        expect(twice.document.request.answer).toContain("table 't' exists already")
        const leave = yield* shardwright("cluster", "leave", "--connect", mysqlOf(served, three))
        expect(leave).toMatchObject({ exitCode: 1, noted: expect.stringContaining("drain it first") })

        // Who is in maintenance is in no wrapper where others serve.
        const rests = yield* document(one, "node", "maintenance", two)
        expect(rests).toMatchObject({ exitCode: 0, document: { request: { status: "done" }, waits: null } })
        expect(yield* document(one, "node", "undrain", two)).toMatchObject({ exitCode: 0 })

        expect(yield* document(one, "table", "drop", "t")).toMatchObject({ exitCode: 0 })
        expect(yield* document(one, "node", "drain", three)).toMatchObject({ exitCode: 0 })
        expect(yield* document(three, "cluster", "leave")).toEqual({ exitCode: 0, document: { node: three } })
        expect((yield* document(one, "cluster", "status")).document.registered).toEqual([one, two])
        for (const runner of runners) yield* runner.end
      }).pipe(Effect.scoped),
    60_000,
  )
})

describe("failures", () => {
  it.live.each<[ReadonlyArray<string>, number, RegExp]>([
    [
      ["table", "list", "--connect", "127.0.0.1:1"],
      5,
      /no Manticore daemon answers at 127\.0\.0\.1:1 \(connection refused\)/,
    ],
    [["table", "list", "--connect", "nowhere"], 2, /HOST:PORT/],
    [
      ["table", "create", "select", "v bigint", "--shards", "1", "--rf", "1", "--connect", "ONE"],
      2,
      /word of the SQL grammar/,
    ],
    [
      ["table", "create", "t", "v bigint) x (", "--shards", "1", "--rf", "1", "--connect", "ONE"],
      2,
      /which no column needs/,
    ],
    [["adopt", "--rf", "t=many", "--connect", "ONE"], 2, /--rf t=many: rf must be a whole number from 1 to 9/],
    [["rebalance", "pause", "t", "--dry-run", "--connect", "ONE"], 2, /leave --dry-run out/],
  ])("%j ends with %i", ([args, exitCode, message]) =>
    Effect.gen(function* () {
      const ran = yield* shardwright(...args.map((word) => (word === "ONE" ? mysqlOf(served, one) : word)))
      expect(ran.noted).toMatch(message)
      expect(ran).toMatchObject({ exitCode, lines: 0 })
    }),
  )
})
