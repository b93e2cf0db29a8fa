/**
 * Protects what users see when they talk to a daemon: our statements do what they say and are answered as the daemon answers, and every
 * other statement reaches the original helper as it came, or ends with the daemon's own error.
 */
import http from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { Manticore } from "@shardwright/core/Manticore"
import * as Operator from "@shardwright/core/Operator"
import * as MysqlManticore from "@shardwright/manticore/MysqlManticore"
import { type Answered, listenForDaemon } from "@shardwright/node/sql/SqlServer"
import type { Served } from "@shardwright/sim/serve/Serve"
import * as Effect from "effect/Effect"
import { post, question, type Seen, seen } from "./AskingDaemon.ts"
import { begin, engine, serveThree } from "./Runners.ts"

let served: Served
beforeEach(async () => {
  served = await serveThree()
})
afterEach(() => served.close())

/** An original helper that answers each question with its own text, and remembers what came. */
const openUpstream = Effect.fnUntraced(function* (got: Array<{ body: string; id: unknown; path: unknown }>) {
  const server = http.createServer((request, response) => {
    let body = ""
    request.on("data", (chunk: Buffer) => (body += chunk.toString()))
    request.on("end", () => {
      got.push({ body, id: request.headers["request-id"], path: request.url })
      response.writeHead(200, { "content-type": "application/json" })
      response.end('{"type":"sql response","message":[{"total":7}],"error_code":200,"version":3,"odd":[1]}')
    })
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))),
    () => Effect.sync(() => server.close()),
  )
  // A server on a TCP port has such an address.
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
})

interface Extras {
  readonly upstream?: string
  readonly users?: ReadonlyArray<string>
  readonly answered?: (what: Answered) => void
}

/** The endpoint of the first node, for daemons whose cluster exists. */
const openEndpoint = Effect.fnUntraced(function* ({ answered, upstream, users }: Extras = {}) {
  const endpointOf = (address: string) =>
    Effect.sync(() => {
      const found = served.nodes.find((node) => node.address === address)
      return found === undefined ? undefined : { host: found.host, port: found.port }
    })
  const manticore = yield* MysqlManticore.make({ endpointOf })
  const operator = { node: "n1:9312", config: engine }
  const port = yield* listenForDaemon({
    host: "127.0.0.1",
    port: 0,
    upstream: () => upstream,
    users,
    operator: Effect.succeed(operator),
    run: (effect) => Effect.runPromise(Effect.provideService(effect, Manticore, manticore)),
    ...(answered === undefined ? {} : { answered }),
    failed: () => undefined,
  })
  const url = `http://127.0.0.1:${port}/`
  const say = (sql: string, error = "P01: syntax error", user = ""): Effect.Effect<Seen> =>
    Effect.promise(async () => seen(await (await post(url, question(sql, error, user))).text()))
  const initialize = Effect.gen(function* () {
    yield* Operator.initCluster(operator)
    for (const node of ["n2:9312", "n3:9312"]) yield* Operator.joinCluster({ ...operator, node, at: "n1:9312" })
  }).pipe(Effect.provideService(Manticore, manticore))
  return { url, say, initialize, manticore }
})

const ok: Seen = { ok: true, columns: [], rows: [] }
const column = (answer: Seen, name: string): ReadonlyArray<unknown> =>
  answer.ok ? answer.rows.map((row) => row[answer.columns.indexOf(name)]) : [answer.error]

describe("statements of ours", () => {
  it.live(
    "make a table, show it, change it and drop it",
    () =>
      Effect.gen(function* () {
        const { initialize, say } = yield* openEndpoint()
        for (const node of ["n1", "n2", "n3"]) yield* begin(served, node, [])
        yield* initialize

        const create = "CREATE TABLE c:t (v bigint) shards='2' rf='2' timeout='20'"
        expect(yield* say(create)).toEqual(ok)
        expect(yield* say(create)).toEqual({
          ok: false,
          error: "table 't': CREATE TABLE failed: table 't' already exists",
        })
        expect(yield* say(create.replace("TABLE", "TABLE IF NOT EXISTS"))).toEqual(ok)

        const status = yield* say("SHOW SHARDING STATUS c:t")
        expect(status.ok && status.columns).toEqual([
          ...["table", "shard", "node", "status"],
          ...["cluster", "replication_cluster", "rf", "rf_status"],
        ])
        expect(column(status, "shard")).toEqual([0, 0, 1, 1])
        expect(column(status, "status")).toEqual(["active", "active", "active", "active"])
        expect(column(status, "rf_status")).toEqual(["ok", "ok", "ok", "ok"])
        expect(yield* say("SHOW SHARDING STATUS z:t")).toMatchObject({ ok: true, rows: [] })

        expect(column(yield* say("SHOW SHARDING MASTER"), "status")).toEqual(["active"])
        expect(column(yield* say("SHOW SHARDING NODES"), "node")).toEqual(["n1:9312", "n2:9312", "n3:9312"])
        expect(column(yield* say("SHOW SHARDING HISTORY"), "by")).toEqual(["sql"])

        const hidden = "can not describe table 't' because it contains system table"
        expect(column(yield* say("DESC t", hidden), "Field")).toEqual(["id", "v"])
        expect(column(yield* say("SHOW CREATE TABLE t", hidden), "Create Table")).toEqual([
          "CREATE TABLE c:t (\nv bigint\n) shards='2' rf='2'",
        ])

        expect(column(yield* say("ALTER TABLE t rf='3' dry_run='1'"), "what")).toContain("plan")
        expect(yield* say("ALTER TABLE t rf='3' timeout='20' reason='more copies'")).toMatchObject({ ok: true })
        expect(column(yield* say("SHOW SHARDING STATUS t"), "rf")).toEqual([3, 3, 3, 3, 3, 3])

        expect(
          yield* say("DROP TABLE t timeout='20'", "can not drop table 't' because it contains system table"),
        ).toEqual(ok)
        expect(yield* say("SHOW SHARDING STATUS")).toMatchObject({ ok: true, rows: [] })
        expect(yield* say("DROP TABLE IF EXISTS c:t")).toEqual(ok)
        expect(yield* say("DROP TABLE c:t")).toEqual({
          ok: false,
          error: "table 't' is missing: DROP TABLE failed: table 't' must exist",
        })
      }).pipe(Effect.scoped),
    60_000,
  )

  it.live("say what is wrong, and never take the place of a table of the daemon's own", () =>
    Effect.gen(function* () {
      const { initialize, manticore, say } = yield* openEndpoint()
      yield* initialize
      yield* manticore.query("n1:9312", "CREATE TABLE own (v int)", engine.statementTimeout)
      const refused = (why: string) => ({ ok: false, error: expect.stringContaining(why) })
      expect(yield* say("CREATE TABLE c:own (v int) shards='1' rf='1'")).toEqual(refused("table 'own' already exists"))
      expect(yield* say("CREATE TABLE z:t (v int) shards='1' rf='1'")).toEqual(refused("'c' does"))
      expect(yield* say("CREATE TABLE t (v int) shards='0' rf='1'")).toEqual(refused("shards must be a whole number"))
      // Nobody leads here, so nobody answers.
      expect(yield* say("CREATE TABLE t (v int) shards='1' rf='1' timeout='1'")).toEqual(
        refused("Waiting timeout exceeded. Request"),
      )
    }).pipe(Effect.scoped),
  )

  it.live("are for the users who are named, if any are", () =>
    Effect.gen(function* () {
      const { initialize, say } = yield* openEndpoint({ users: ["ann"] })
      yield* initialize
      expect(yield* say("SHOW SHARDING STATUS", "", "bob")).toEqual({
        ok: false,
        error: "Permission denied for user 'bob': sql.users does not name it",
      })
      expect(yield* say("SHOW SHARDING STATUS", "", "ann")).toMatchObject({ ok: true })
      expect(yield* say("DROP TABLE c:t", "own error", "bob")).toEqual({ ok: false, error: "own error" })
    }).pipe(Effect.scoped),
  )
})

describe("statements of others", () => {
  it.live("go to the original helper byte by byte, and so does its answer", () =>
    Effect.gen(function* () {
      const got: Array<{ body: string; id: unknown; path: unknown }> = []
      const told: Array<Answered> = []
      const upstream = yield* openUpstream(got)
      const { initialize, url } = yield* openEndpoint({ upstream, answered: (what) => told.push(what) })
      yield* initialize
      for (const sql of ["BACKUP TO '/x'", "DROP TABLE not_ours", "DESC not_ours", "SELECT 'ü\\u0001'"]) {
        const asked = question(sql, "contains system table")
        const reply = yield* Effect.promise(async () => (await post(url, asked)).text())
        expect(reply).toBe('{"type":"sql response","message":[{"total":7}],"error_code":200,"version":3,"odd":[1]}')
        expect(got.at(-1)).toEqual({ body: JSON.stringify(asked), id: "7_1", path: "/" })
      }
      const engine = question("INSERT INTO c:system.shardwright_state (id) VALUES (1)", "no such table")
      const refused = yield* Effect.promise(async () => seen(await (await post(url, engine)).text()))
      expect(refused).toEqual({ ok: false, error: "no such table" })
      expect(got.length).toBe(4)
      expect(told.splice(-1)).toEqual(["foreign"])
      expect(told).toEqual(["foreign", "foreign", "foreign", "foreign"])
      yield* Effect.promise(() => post(`${url}config`, { log_level: "debug" }))
      expect(got.at(-1)).toMatchObject({ path: "/config" })
    }).pipe(Effect.scoped),
  )

  it.live("end with the daemon's own error if there is no helper, or if it does not answer", () =>
    Effect.gen(function* () {
      for (const extras of [{}, { upstream: "127.0.0.1:1" }]) {
        const { say, url } = yield* openEndpoint(extras)
        expect(yield* say("BACKUP", "P02: syntax error near 'BACKUP'")).toEqual({
          ok: false,
          error: "P02: syntax error near 'BACKUP'",
        })
        const asked = {
          type: "unknown json request",
          error: { message: "no such table", body: { error: { type: "x" } } },
          version: 3,
          message: { path_query: "/search", body: "{}", http_method: "POST" },
        }
        const document: unknown = yield* Effect.promise(async () => (await post(url, asked)).json())
        expect(document).toEqual({
          ...{ type: "json response", version: 3, error_code: 0, meta: null },
          message: { error: { type: "x" } },
        })
      }
    }).pipe(Effect.scoped),
  )
})

describe("the protocol", () => {
  it.live("over HTTP a statement may be encoded, and a terminal gets a table of signs", () =>
    Effect.gen(function* () {
      const { initialize, url } = yield* openEndpoint()
      yield* initialize
      const ask = (path: string, body: string, version = 3) =>
        Effect.promise(async () => {
          const asked = {
            type: path.startsWith("sql") ? "unknown sql request" : "unknown json request",
            error: version === 1 ? "e" : { message: "e", body: null },
            version,
            message: { path_query: path, body, http_method: "POST" },
          }
          const answer: unknown = await (await post(url, asked)).json()
          return answer
        })
      expect(yield* ask("sql?mode=raw", "SHOW%20SHARDING%20NODES")).toMatchObject({
        ...{ type: "sql response", error_code: 200 },
        message: [{ total: 3 }],
      })
      expect(yield* ask("/cli_json", "SHOW+SHARDING+NODES", 1)).toMatchObject({
        ...{ type: "json response", version: 1 },
        message: [{ total: 3 }],
      })
      expect(yield* ask("/cli", "SHOW SHARDING NODES", 2)).toMatchObject({
        ...{ type: "json response", version: 2 },
        message: expect.stringMatching(/^\+-+\+.*\n\| node +\| state +\|.*\n[^]*\| n1:9312 \| active \|/),
      })
    }).pipe(Effect.scoped),
  )

  it.live("is for a daemon only: no page makes a browser speak it", () =>
    Effect.gen(function* () {
      const { url } = yield* openEndpoint()
      const asked = question("DROP TABLE c:t", "")
      const statusOf = (headers: Record<string, string>) =>
        Effect.promise(async () => (await post(url, asked, headers)).status)
      expect(yield* statusOf({ origin: "http://evil.example" })).toBe(403)
      expect(yield* statusOf({ origin: url.slice(0, -1) })).toBe(403)
      expect(yield* statusOf({ "sec-fetch-site": "cross-site" })).toBe(403)
      const other: unknown = yield* Effect.promise(async () => (await fetch(url)).status)
      expect(other).toBe(405)
      expect(yield* Effect.promise(async () => (await post(url, { hello: 1 })).status)).toBe(400)
    }).pipe(Effect.scoped),
  )
})
