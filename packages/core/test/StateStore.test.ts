/**
 * The state store against a small stand-in for the daemon that understands its few statements, and that can refuse,
 * swallow answers before or after the effect, and lag.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { type Answer, noAnswer, ok, refused, rows } from "../src/Answer.ts"
import { defaultEngineConfig } from "../src/EngineConfig.ts"
import { rowId } from "../src/Identifier.ts"
import { Manticore } from "../src/Manticore.ts"
import * as StateStore from "../src/StateStore.ts"

type Row = Record<string, string>
type Fault =
  | "refused"
  | "lost race"
  | "seqno -1 without effect"
  | "seqno -1 with effect"
  | "timeout with effect"
  | "timeout without effect"

class StandIn {
  readonly rows = new Map<string, Row>()
  /** Rows of each INSERT that took effect. */
  readonly inserted: Array<number> = []
  /** Faults for the next writes of rows other than heartbeats, one each. */
  faults: Array<Fault> = []
  /** Runs just before the next write of such a row takes effect. */
  before: (() => void) | undefined

  query(sql: string): Answer {
    const select = /^SELECT id,version,term FROM .*shardwright_(\w+) WHERE live=1/.exec(sql)
    if (select !== null) {
      const live = [...this.rows].filter(([, row]) => row["table"] === select[1] && row["live"] === "1")
      return rows(
        ["id", "version", "term"],
        live.map(([id, row]) => [id, row["version"] ?? "", row["term"] ?? ""]),
      )
    }
    const byId = /^SELECT .* WHERE id IN \(([\d,]+)\)/.exec(sql)
    if (byId !== null) {
      const found = (byId[1] ?? "").split(",").flatMap((id) => {
        const row = this.rows.get(id)
        return row === undefined
          ? []
          : [[id, row["key"] ?? "", row["value"] ?? "", row["version"] ?? "", row["term"] ?? "", row["nonce"] ?? ""]]
      })
      return rows(["id", "key", "value", "version", "term", "nonce"], found)
    }
    const id = /WHERE id=(\d+)/.exec(sql)?.[1] ?? /VALUES \((\d+),/.exec(sql)?.[1] ?? ""
    if (sql.includes("heartbeat/")) return this.write(sql, id)
    const before = this.before
    this.before = undefined
    before?.()
    switch (this.faults.shift()) {
      case undefined:
        return this.write(sql, id)
      case "refused":
        return refused("cluster 'c' is not ready, not primary state (synced)")
      case "lost race":
        return refused("error at PostRollback, code 3 (transaction aborted, server can continue), seqno 7")
      case "seqno -1 without effect":
        return refused("error at PostRollback, code 3 (transaction aborted, server can continue), seqno -1")
      case "seqno -1 with effect":
        this.write(sql, id)
        return refused("error at PostRollback, code 3 (transaction aborted, server can continue), seqno -1")
      case "timeout with effect":
        this.write(sql, id)
        return noAnswer("timeout")
      case "timeout without effect":
        return noAnswer("timeout")
    }
  }

  write(sql: string, id: string): Answer {
    const row = this.rows.get(id)
    if (sql.startsWith("INSERT")) {
      const tuples = (sql.split("VALUES ")[1] ?? "").slice(1, -1).split("),(")
      const ids = tuples.map((tuple) => /^\d+/.exec(tuple)?.[0] ?? "")
      const taken = ids.find((candidate) => this.rows.has(candidate))
      if (taken !== undefined) return refused(`duplicate id '${taken}'`)
      const names = [...(/\(id,([^)]*)\) VALUES/.exec(sql)?.[1] ?? "").matchAll(/`(\w+)`/g)].map(
        (match) => match[1] ?? "",
      )
      const table = /shardwright_(\w+)/.exec(sql)?.[1] ?? ""
      for (const [index, tuple] of tuples.entries()) {
        const values = [...tuple.matchAll(/,('(?:[^'\\]|\\.)*'|-?\d+)/g)].map((match) => match[1] ?? "")
        this.rows.set(ids[index] ?? "", {
          table,
          ...Object.fromEntries(names.map((name, column) => [name, plain(values[column] ?? "")])),
        })
      }
      if (!sql.includes("heartbeat/")) this.inserted.push(tuples.length)
      return ok(tuples.length)
    }
    const condition = /AND version=(\d+)$/.exec(sql)?.[1]
    if (row === undefined || (condition !== undefined && row["version"] !== condition)) return ok(0)
    for (const match of sql.matchAll(/`(\w+)`=('(?:[^'\\]|\\.)*'|-?\d+)/g)) row[match[1] ?? ""] = plain(match[2] ?? "")
    return ok(1)
  }
}

const plain = (literal: string) => (literal.startsWith("'") ? literal.slice(1, -1).replaceAll(/\\(.)/g, "$1") : literal)

const withStore = <A, E>(
  use: (store: StateStore.StateStore["Service"], server: StandIn) => Effect.Effect<A, E>,
): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const server = new StandIn()
    const manticore = Manticore.of({ query: (_node, sql) => Effect.sync(() => server.query(sql)) })
    const store = yield* StateStore.make({ node: "n1:9312", incarnation: "a", config: defaultEngineConfig }).pipe(
      Effect.provideService(Manticore, manticore),
    )
    const fiber = yield* Effect.forkChild(use(store, server))
    yield* TestClock.adjust("2 minutes")
    return yield* Fiber.join(fiber)
  })

const key = "table/t"
const options = { term: 1 }

describe("StateStore", () => {
  it.effect("creates once, reads back, and lists what is live", () =>
    withStore((store) =>
      Effect.gen(function* () {
        const entry = yield* store.create(key, { name: "it's \\ t" }, options)
        expect(yield* store.get(key)).toEqual({ key, value: { name: "it's \\ t" }, version: 1, term: 1 })
        expect((yield* Effect.flip(store.create(key, { name: "u" }, options)))._tag).toBe("Conflict")
        yield* store.compareAndSet(entry, { name: "v" }, { term: 2, live: false })
        expect((yield* store.sync).records.has(key)).toBe(false)
        expect((yield* store.get(key))?.version).toBe(2)
      }),
    ),
  )

  it.effect("a barrier does not fail because a command on the same node writes the same row", () =>
    Effect.gen(function* () {
      const server = new StandIn()
      let races = 0
      // Whoever asks waits for a moment, so that both have looked before one of them writes.
      const query = (_node: string, sql: string): Effect.Effect<Answer> =>
        Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => {
            if (sql.startsWith("UPDATE") && races-- > 0)
              return refused("error at PostRollback, code 3 (transaction aborted, server can continue), seqno 7")
            return server.query(sql)
          }),
        )
      const open = (incarnation: string) =>
        StateStore.make({ node: "n1:9312", incarnation, config: defaultEngineConfig }).pipe(
          Effect.provideService(Manticore, Manticore.of({ query })),
        )
      const [agent, operator] = [yield* open("agent"), yield* open("operator")]
      yield* Effect.all([agent.barrier, operator.barrier], { concurrency: 2 })
      races = 2
      yield* agent.barrier
      expect(server.rows.size).toBe(1)
      races = 3
      expect((yield* Effect.flip(agent.barrier))._tag).toBe("StoreUnavailable")
    }),
  )

  it.effect("does not say that it lost when its own write may have been the one that others went on from", () =>
    withStore((store, server) =>
      Effect.gen(function* () {
        const id = rowId(key)
        /** Another store writes the next version as soon as ours is there, before anybody looks. */
        const overtaken = (version: string) => {
          const write = server.write.bind(server)
          server.faults = ["timeout with effect"]
          server.write = (sql, row) => {
            const answer = write(sql, row)
            const written = row === id ? server.rows.get(id) : undefined
            if (written !== undefined) server.rows.set(id, { ...written, version, nonce: "another" })
            if (written !== undefined) server.write = write
            return answer
          }
        }
        overtaken("2")
        expect((yield* Effect.flip(store.create(key, { n: 1 }, options)))._tag).toBe("StoreUnavailable")
        const entry = yield* store.get(key)
        if (entry === undefined) throw new Error("the record is gone")
        overtaken("4")
        expect((yield* Effect.flip(store.compareAndSet(entry, { n: 3 }, options)))._tag).toBe("StoreUnavailable")
        // The version that it wanted is another's: that is a loss, whatever became of the statement.
        const later = { ...entry, version: 3 }
        server.faults = ["timeout without effect"]
        expect((yield* Effect.flip(store.compareAndSet(later, { n: 4 }, options)))._tag).toBe("Conflict")
      }),
    ),
  )

  it.effect("refuses a write that is based on an older version", () =>
    withStore((store) =>
      Effect.gen(function* () {
        const entry = yield* store.create(key, { n: 1 }, options)
        yield* store.compareAndSet(entry, { n: 2 }, options)
        expect((yield* Effect.flip(store.compareAndSet(entry, { n: 3 }, options)))._tag).toBe("Conflict")
        expect((yield* store.get(key))?.value).toEqual({ n: 2 })
      }),
    ),
  )

  for (const fault of [
    "lost race",
    "seqno -1 without effect",
    "seqno -1 with effect",
    "timeout with effect",
    "timeout without effect",
    "refused",
  ] as const) {
    it.effect(`settles a write whose first answer is: ${fault}`, () =>
      withStore((store, server) =>
        Effect.gen(function* () {
          const entry = yield* store.create(key, { n: 1 }, options)
          server.faults = [fault]
          const after = yield* store.compareAndSet(entry, { n: 2 }, options)
          expect(after.version).toBe(2)
          // Exactly once: a second effect would have a higher version.
          expect(yield* store.get(key)).toMatchObject({ value: { n: 2 }, version: 2 })
          server.faults = [fault]
          yield* store.create("table/u", { n: 1 }, options)
          expect(yield* store.get("table/u")).toMatchObject({ version: 1 })
        }),
      ),
    )
  }

  it.effect("sees that somebody else won while its own answer was lost", () =>
    withStore((store, server) =>
      Effect.gen(function* () {
        const entry = yield* store.create(key, { n: 1 }, options)
        server.faults = ["timeout without effect"]
        server.before = () => {
          const row = server.rows.get(rowId(key))
          if (row !== undefined) Object.assign(row, { version: "2", value: '{"n":9}', nonce: "other" })
        }
        expect((yield* Effect.flip(store.compareAndSet(entry, { n: 2 }, options)))._tag).toBe("Conflict")
        expect((yield* store.get(key))?.value).toEqual({ n: 9 })
      }),
    ),
  )

  it.effect("says that it is unavailable when nothing answers for long", () =>
    withStore((store, server) =>
      Effect.gen(function* () {
        const entry = yield* store.create(key, { n: 1 }, options)
        server.faults = Array.from({ length: 50 }, () => "timeout without effect" as const)
        expect((yield* Effect.flip(store.compareAndSet(entry, { n: 2 }, options)))._tag).toBe("StoreUnavailable")
      }),
    ),
  )

  it.effect("reads a record again only when its version changed", () =>
    withStore((store, server) =>
      Effect.gen(function* () {
        const entry = yield* store.create(key, { n: 1 }, options)
        const row = server.rows.get(rowId(key))
        if (row === undefined) throw new Error("no row")
        row["value"] = '{"n":"unseen"}'
        expect((yield* store.sync).records.get(key)?.value).toEqual({ n: 1 })
        row["version"] = "2"
        expect((yield* store.sync).records.get(key)?.value).toEqual({ n: "unseen" })
        expect(entry.version).toBe(1)
      }),
    ),
  )

  it.effect("times the lease by its version, and reads it again only in another term", () =>
    withStore((store, server) =>
      Effect.gen(function* () {
        yield* store.create("lease", { holder: "n1" }, { term: 1 })
        yield* store.create(key, { n: 1 }, options)
        const row = server.rows.get(rowId("lease"))
        if (row === undefined) throw new Error("no row")
        expect((yield* store.sync).records.get("lease")?.version).toBe(1)
        Object.assign(row, { value: '{"holder":"n2"}', version: "2" })
        expect((yield* store.sync).records.get("lease")).toMatchObject({ version: 2, value: { holder: "n1" } })
        Object.assign(row, { version: "3", term: "2" })
        expect((yield* store.sync).records.get("lease")).toMatchObject({ version: 3, term: 2, value: { holder: "n2" } })
        expect((yield* store.sync).records.get(key)?.value).toEqual({ n: 1 })
      }),
    ),
  )

  const steps = (count: number, text = "") =>
    Array.from({ length: count }, (_, index) => ({ key: `step/1_1/${index}`, value: { index, text } }))

  it.effect("makes a thousand records in a few statements, and asks before each whether to go on", () =>
    withStore((store, server) =>
      Effect.gen(function* () {
        let asked = 0
        const goOn = Effect.sync(() => ++asked > 0)
        expect(yield* store.createAll(steps(1000), options, goOn)).toBe(true)
        expect([server.inserted, asked]).toEqual([[200, 200, 200, 200, 200], 5])
        expect((yield* store.get("step/1_1/999"))?.value).toEqual({ index: 999, text: "" })
      }),
    ),
  )

  it.effect("keeps a statement within the bound of a packet, however long the records are", () =>
    withStore((store, server) =>
      Effect.gen(function* () {
        yield* store.createAll(steps(12, "x".repeat(300_000)), options, Effect.succeed(true))
        expect(server.inserted).toEqual([3, 3, 3, 3])
      }),
    ),
  )

  it.effect("stops between two chunks when it is told to", () =>
    withStore((store, server) =>
      Effect.gen(function* () {
        let asked = 0
        const goOn = Effect.sync(() => ++asked < 3)
        expect(yield* store.createAll(steps(1000), options, goOn)).toBe(false)
        expect(server.inserted).toEqual([200, 200])
      }),
    ),
  )

  for (const fault of ["lost race", "timeout with effect", "timeout without effect", "refused"] as const) {
    it.effect(`makes a chunk once although its first answer is: ${fault}`, () =>
      withStore((store, server) =>
        Effect.gen(function* () {
          server.faults = [fault]
          expect(yield* store.createAll(steps(300), options, Effect.succeed(true))).toBe(true)
          expect(server.inserted).toEqual([200, 100])
        }),
      ),
    )
  }

  it.effect("makes no record of a chunk of which somebody else has made one", () =>
    withStore((store, server) =>
      Effect.gen(function* () {
        yield* store.create("step/1_1/7", { index: 7, text: "theirs" }, options)
        const failure = yield* Effect.flip(store.createAll(steps(20), options, Effect.succeed(true)))
        expect(failure._tag).toBe("Conflict")
        expect(server.inserted).toEqual([1])
        expect(yield* store.get("step/1_1/0")).toBeUndefined()
      }),
    ),
  )
})
