/**
 * Protects what the engine hears of a daemon in production: every value as it was stored, refusals as the server words them, and
 * no answer whenever the outcome is not known; and that no statement is left behind on a connection that is used again.
 * Against the simulated nodes on real sockets, in real time.
 */
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import type { Answer } from "@shardwright/core/Answer"
import { failureOf } from "@shardwright/core/ErrorClass"
import type { Endpoint } from "@shardwright/manticore/ConnectionPool"
import * as MysqlManticore from "@shardwright/manticore/MysqlManticore"
import { loadScenario } from "@shardwright/sim/scenario/ScenarioFile"
import { serve, type Served } from "@shardwright/sim/serve/Serve"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"

const text = `shardwright: 1
name: served
about: A cluster comes up and rests.
cluster: {nodes: 2}
until: 5s
expect: {eventually: []}
`

let served: Served
const patience = Duration.seconds(20)

beforeEach(async () => {
  served = await serve({
    scenario: Result.getOrThrow(loadScenario(text, "served.yaml")),
    seed: 1,
    speed: 10,
    basePort: 0,
    controlPort: 0,
    failed: (error) => {
      throw error
    },
  })
})
afterEach(() => served.close())

/** A node by its name in the simulation. */
const endpointOf = (node: string): Effect.Effect<Endpoint | undefined> =>
  Effect.sync(() => {
    const found = served.nodes.find((it) => it.address === node)
    return found === undefined ? undefined : { host: found.host, port: found.port }
  })

const one = "n1:9312"
const open = (options: Partial<MysqlManticore.MysqlManticoreOptions> = {}) =>
  MysqlManticore.make({ endpointOf, ...options })

interface NodeState {
  readonly state: string
  readonly connections: number
  readonly unanswered: number
}

const control = (request: string, body?: unknown) =>
  Effect.promise(async () => {
    const [method = "GET", where = "/"] = request.split(" ")
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    const response = await fetch(`${served.control.url}${where}`, init)
    // The control answers with the state of all nodes.
    const document = (await response.json()) as { readonly nodes: ReadonlyArray<NodeState & { readonly node: string }> }
    return document.nodes
  })

/** Asks until it is so; the test's own time limit ends it otherwise. */
const untilNode = Effect.fnUntraced(function* (holds: (state: NodeState) => boolean) {
  for (;;) {
    const state = (yield* control("GET /state")).find(({ node }) => node === "n1")
    if (state !== undefined && holds(state)) return
    yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
  }
})

const cells = (answer: Answer): unknown => (answer._tag === "Rows" ? answer.rows : answer)

describe("answers", () => {
  it.live("64-bit ids and values lose no digit, numbers are numbers, texts are what they were", () =>
    Effect.gen(function* () {
      const manticore = yield* open()
      const ask = (sql: string) => manticore.query(one, sql, patience)
      expect(yield* ask("CREATE TABLE t (s string, v bigint, f float, i int)")).toEqual({
        _tag: "Ok",
        affectedRows: 0,
        warnings: 0,
      })
      const inserted = yield* ask(
        "INSERT INTO t (id, s, v, f, i) VALUES (9223372036854775807, 'ü €', -9223372036854775807, 0.5, 4000000000), (2, '', 7, 1, 0)",
      )
      expect(inserted).toEqual({ _tag: "Ok", affectedRows: 2, warnings: 0 })
      const answer = yield* ask("SELECT id, s, v, f, i FROM t ORDER BY id ASC")
      expect(answer).toEqual({
        _tag: "Rows",
        columns: ["id", "s", "v", "f", "i"],
        rows: [
          ["2", "", "7", 1, 0],
          ["9223372036854775807", "ü €", "-9223372036854775807", 0.5, 4_000_000_000],
        ],
      })
      expect(cells(yield* ask("SELECT count(*) FROM t"))).toEqual([["2"]])
      expect(cells(yield* ask("SELECT id FROM t WHERE id = 77"))).toEqual([])
    }).pipe(Effect.scoped),
  )

  it.live("a refusal carries errno, SQLSTATE and the server's words, and its connection goes on", () =>
    Effect.gen(function* () {
      const manticore = yield* open({ connectionsMax: 1 })
      for (let round = 0; round < 3; round++) {
        expect(yield* manticore.query(one, "SELECT * FROM nope", patience)).toEqual({
          _tag: "Refused",
          errno: 1064,
          sqlState: "42000",
          message: "unknown local table(s) 'nope' in search request",
        })
        expect(cells(yield* manticore.query(one, "SHOW TABLES", patience))).toEqual([])
      }
      yield* untilNode(({ connections }) => connections === 1)
    }).pipe(Effect.scoped),
  )

  it.live("a big result arrives whole", () =>
    Effect.gen(function* () {
      const manticore = yield* open()
      const long = "ü".repeat(2_000)
      const expected = Array.from({ length: 1_000 }, (_, index) => [String(index + 1), long])
      yield* manticore.query(one, "CREATE TABLE t (s string)", patience)
      const values = expected.map(([id]) => `(${id}, '${long}')`).join(",")
      yield* manticore.query(one, `INSERT INTO t (id, s) VALUES ${values}`, patience)
      const answer = yield* manticore.query(
        one,
        "SELECT id, s FROM t ORDER BY id ASC LIMIT 1000 OPTION max_matches=1000",
        patience,
      )
      expect(cells(answer)).toEqual(expected)
    }).pipe(Effect.scoped),
  )
})

describe("no answer", () => {
  it.live("a daemon that is not there refuses, which proves that nothing was done", () =>
    Effect.gen(function* () {
      const manticore = yield* open()
      yield* control("POST /kill", { node: "n1" })
      for (let round = 0; round < 3; round++) {
        const answer = yield* manticore.query(one, "SHOW TABLES", patience)
        expect(answer).toEqual({ _tag: "NoAnswer", reason: "connection refused" })
        expect(failureOf(answer)?.effect).toBe("none")
      }
      const nobody = yield* manticore.query("n9:9312", "SHOW TABLES", patience)
      expect(nobody).toEqual({ _tag: "NoAnswer", reason: "connection refused" })
    }).pipe(Effect.scoped),
  )

  it.live(
    "a connection that is lost under a statement leaves its outcome unknown; the next one finds the new daemon",
    () =>
      Effect.gen(function* () {
        const manticore = yield* open()
        yield* manticore.query(one, "CREATE TABLE t (v bigint)", patience)
        yield* control("POST /slow", { pattern: "^insert", by: "1h", times: 1 })
        const lost = yield* Effect.forkChild(manticore.query(one, "INSERT INTO t (id, v) VALUES (1, 1)", patience))
        yield* untilNode(({ unanswered }) => unanswered === 1)
        yield* control("POST /kill", { node: "n1" })
        const answer = yield* Fiber.join(lost)
        expect(answer).toEqual({ _tag: "NoAnswer", reason: "connection lost" })
        expect(failureOf(answer)?.effect).toBe("unknown")
        yield* control("POST /start", { node: "n1" })
        yield* untilNode(({ state }) => state === "up")
        // The pause after a refusal is bounded: the daemon is found again without a restart of the runner.
        let found: Answer = yield* manticore.query(one, "SHOW TABLES", patience)
        for (let round = 0; found._tag === "NoAnswer" && round < 1000; round++)
          found = yield* manticore.query(one, "SHOW TABLES", patience)
        expect(cells(found)).toEqual([["t", "rt"]])
      }).pipe(Effect.scoped),
  )

  it.live("connections that were lost while idle are not used again", () =>
    Effect.gen(function* () {
      const manticore = yield* open()
      yield* manticore.query(one, "SHOW TABLES", patience)
      yield* control("POST /kill", { node: "n1" })
      yield* control("POST /start", { node: "n1" })
      yield* untilNode(({ state }) => state === "up")
      expect(cells(yield* manticore.query(one, "SHOW TABLES", patience))).toEqual([])
    }).pipe(Effect.scoped),
  )

  it.live(
    "a statement that takes too long is given up with its connection, and what it answers late is heard by nobody",
    () =>
      Effect.gen(function* () {
        const manticore = yield* open({ connectionsMax: 1 })
        yield* manticore.query(one, "CREATE TABLE t (v bigint)", patience)
        yield* control("POST /slow", { pattern: "^insert", by: "3s", times: 1 })
        const late = yield* manticore.query(one, "INSERT INTO t (id, v) VALUES (1, 1)", Duration.millis(100))
        expect(late).toEqual({ _tag: "NoAnswer", reason: "timeout" })
        // On the one connection that there may be: the answer must be that of this statement.
        expect(cells(yield* manticore.query(one, "SHOW TABLES", patience))).toEqual([["t", "rt"]])
        // It takes effect all the same.
        for (;;) {
          const rows = cells(yield* manticore.query(one, "SELECT id FROM t", patience))
          if (JSON.stringify(rows) === '[["1"]]') break
        }
      }).pipe(Effect.scoped),
  )

  it.live("an interrupted caller leaves no connection with a statement on it", () =>
    Effect.gen(function* () {
      const manticore = yield* open({ connectionsMax: 1 })
      yield* control("POST /slow", { pattern: "^show", by: "1h", times: 1 })
      const fiber = yield* Effect.forkChild(manticore.query(one, "SHOW TABLES", patience))
      yield* untilNode(({ unanswered }) => unanswered === 1)
      yield* Fiber.interrupt(fiber)
      yield* untilNode(({ connections }) => connections === 0)
      expect(cells(yield* manticore.query(one, "SHOW TABLES", patience))).toEqual([])
    }).pipe(Effect.scoped),
  )

  it.live("a daemon that accepts and says nothing is waited for no longer than the statement may take", () =>
    Effect.gen(function* () {
      const manticore = yield* open()
      yield* control("POST /pause", { node: "n1" })
      const answer = yield* manticore.query(one, "SHOW TABLES", Duration.millis(100))
      expect(answer).toEqual({ _tag: "NoAnswer", reason: "timeout" })
      yield* untilNode(({ connections }) => connections === 0)
      yield* control("POST /resume", { node: "n1" })
      expect(cells(yield* manticore.query(one, "SHOW TABLES", patience))).toEqual([])
    }).pipe(Effect.scoped),
  )
})

describe("the pool", () => {
  it.live("runs as many statements at once as it may have connections; the others wait, within their own time", () =>
    Effect.gen(function* () {
      const manticore = yield* open({ connectionsMax: 2 })
      yield* control("POST /slow", { pattern: "^show", by: "1h", times: 2 })
      const slow = yield* Effect.forEach([1, 2], () =>
        Effect.forkChild(manticore.query(one, "SHOW TABLES", Duration.seconds(1))),
      )
      yield* untilNode(({ unanswered }) => unanswered === 2)
      const tooLate = yield* manticore.query(one, "SHOW TABLES", Duration.millis(50))
      expect(tooLate).toEqual({ _tag: "NoAnswer", reason: "timeout" })
      const patient = yield* Effect.forkChild(manticore.query(one, "SHOW TABLES", patience))
      for (const fiber of slow) expect(yield* Fiber.join(fiber)).toEqual({ _tag: "NoAnswer", reason: "timeout" })
      expect(cells(yield* Fiber.join(patient))).toEqual([])
      yield* untilNode(({ connections }) => connections <= 2)
    }).pipe(Effect.scoped),
  )

  it.live("closes its connections with its scope", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(Effect.flatMap(open(), (manticore) => manticore.query(one, "SHOW TABLES", patience)))
      yield* untilNode(({ connections }) => connections === 0)
    }),
  )
})
