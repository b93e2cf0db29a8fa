/**
 * Runners are killed at any moment, again and again, while tables are made and dropped and clients write: nothing may be lost, and
 * nothing may be left over. What `killRunners.test.ts` does a few times, `node test/node/kills.ts` does as often as one likes.
 */
import { failureOf } from "@shardwright/core/ErrorClass"
import { Manticore } from "@shardwright/core/Manticore"
import { firstColumn, observedGroups } from "@shardwright/core/Observe"
import * as Operator from "@shardwright/core/Operator"
import { groupTables } from "@shardwright/core/plan/records"
import * as Sql from "@shardwright/core/Sql"
import type { View } from "@shardwright/core/View"
import * as MysqlManticore from "@shardwright/manticore/MysqlManticore"
import type { Served } from "@shardwright/sim/serve/Serve"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import { begin, engine, type Line, mysqlOf } from "./Runners.ts"

const names = ["n1", "n2", "n3"] as const
const nodes = names.map((name) => `${name}:9312`)
const patience = Duration.seconds(10)
const look = Duration.millis(100)

/** What came of it. */
export interface Killed {
  readonly kills: number
  readonly tablesMade: number
  readonly acknowledged: number
  readonly refused: number
  readonly lost: ReadonlyArray<number>
  /** Tables and replication clusters that no record names, in words. */
  readonly orphans: ReadonlyArray<string>
  readonly crashes: number
}

const until = Effect.fnUntraced(function* <E, R>(holds: Effect.Effect<boolean, E, R>) {
  while (!(yield* Effect.orElseSucceed(holds, () => false))) yield* Effect.sleep(look)
})

const anyNode = Effect.map(Random.nextIntBetween(0, nodes.length - 1), (index) => nodes[index] ?? "")

/** Asks until it is handed in, and waits until it is over. Answers whether it was done. */
const ask = Effect.fnUntraced(function* (wish: Parameters<typeof Operator.submit>[0]["wish"]) {
  for (;;) {
    const node = yield* anyNode
    const submitted = yield* Effect.option(Operator.submit({ node, config: engine, wish }))
    if (submitted._tag === "None") {
      yield* Effect.sleep(look)
      continue
    }
    for (;;) {
      const found = yield* Effect.option(
        Operator.requestOf({ node: yield* anyNode, config: engine, id: submitted.value }),
      )
      if (found._tag === "Some" && (found.value?.status === "done" || found.value?.status === "refused"))
        return found.value.status === "done"
      yield* Effect.sleep(look)
    }
  }
})

/** What the daemons hold and the records do not name. */
const findOrphans = Effect.fnUntraced(function* (view: View) {
  const manticore = yield* Manticore
  const orphans: Array<string> = []
  const groups = [...view.groups.values()].map(({ record }) => record).filter(({ status }) => status !== "dissolved")
  const tables = [...view.tables.values()].map(({ record }) => record).filter(({ status }) => status === "ready")
  for (const node of nodes) {
    const own = groups.filter(({ members }) => members.includes(node))
    const held = new Set([
      ...Sql.createSystemTables.map(({ physical }) => physical),
      ...own.flatMap(groupTables),
      ...tables.flatMap(({ layout }) => layout.filter((it) => it.nodes.includes(node)).map(({ physical }) => physical)),
    ])
    const shards = firstColumn(yield* manticore.query(node, Sql.showSystemTables, patience)) ?? ["no answer"]
    orphans.push(...shards.filter((name) => !held.has(name)).map((name) => `${node} ${name}`))
    const wrappers = firstColumn(yield* manticore.query(node, Sql.showTables, patience)) ?? ["no answer"]
    const known = new Set(tables.map(({ name }) => name))
    orphans.push(...wrappers.filter((name) => !known.has(name)).map((name) => `${node} wrapper ${name}`))
    const clusters = observedGroups(yield* manticore.query(node, Sql.showClusters, patience)) ?? new Map([["?", null]])
    const expected = new Set([engine.coordination, ...own.map(({ name }) => name)])
    orphans.push(...[...clusters.keys()].filter((name) => !expected.has(name)).map((name) => `${node} cluster ${name}`))
  }
  return orphans
})

/** Kills runners of a served cluster so many times, by a seed. */
export const killRunners = (served: Served, { kills, seed }: { readonly kills: number; readonly seed: number }) =>
  Effect.gen(function* () {
    const manticore = yield* MysqlManticore.make({
      endpointOf: (node) =>
        Effect.sync(() => {
          const [host = "", port = ""] = mysqlOf(served, node).split(":")
          return { host, port: Number(port) }
        }),
    })
    return yield* Effect.provideService(play(served, kills), Manticore, manticore)
  }).pipe(Random.withSeed(`kills ${seed}`), Effect.scoped)

const play = Effect.fnUntraced(function* (served: Served, kills: number) {
  const manticore = yield* Manticore
  const lines: Array<Line> = []
  const runners = new Map<string, { readonly end: Effect.Effect<void>; readonly kill: Effect.Effect<void> }>()
  const start = Effect.fnUntraced(function* (name: string) {
    const { end, fiber } = yield* begin(served, name, lines)
    runners.set(name, { end: Effect.ignoreCause(end), kill: Effect.asVoid(Fiber.interrupt(fiber)) })
  })
  for (const name of names) yield* start(name)
  const operator = { node: nodes[0] ?? "", config: engine }
  yield* Operator.initCluster(operator)
  for (const node of nodes.slice(1)) yield* Operator.joinCluster({ ...operator, node, at: operator.node })
  const structure = { structure: "v bigint", options: {}, shards: 3, rf: 2 }
  yield* ask({ _tag: "CreateTable", table: "t", ...structure })

  const acknowledged = new Set<number>()
  let refused = 0
  let tablesMade = 0
  const work = { goesOn: true }
  const writer = Effect.gen(function* () {
    for (let id = 1; work.goesOn; id++) {
      const answer = yield* manticore.query(yield* anyNode, `INSERT INTO t (id, v) VALUES (${id}, ${id})`, patience)
      if (failureOf(answer) === undefined) acknowledged.add(id)
      else refused++
      yield* Effect.sleep(Duration.millis(10))
    }
  })
  const maker = Effect.gen(function* () {
    for (let round = 0; work.goesOn; round++) {
      const table = `a${round % 2}`
      if (yield* ask({ _tag: "CreateTable", table, ...structure })) tablesMade++
      yield* ask({ _tag: "DropTable", table })
    }
  })
  const working = [yield* Effect.forkChild(writer), yield* Effect.forkChild(maker)]
  for (let kill = 0; kill < kills; kill++) {
    yield* Effect.sleep(Duration.millis(yield* Random.nextIntBetween(100, 2500)))
    const name = names[yield* Random.nextIntBetween(0, names.length - 1)] ?? "n1"
    yield* runners.get(name)?.kill ?? Effect.void
    yield* Effect.sleep(Duration.millis(yield* Random.nextIntBetween(0, 1000)))
    yield* start(name)
  }
  work.goesOn = false
  for (const fiber of working) yield* Fiber.join(fiber)

  // At rest: no operation, and nothing that the records do not name. What is left over goes within seconds, or never.
  let orphans: ReadonlyArray<string> = ["not looked at"]
  for (let looks = 0; looks < 300 && orphans.length > 0; looks++) {
    const looked = yield* Effect.option(Operator.look(operator))
    if (looked._tag === "Some" && looked.value.view.operations.size === 0)
      orphans = yield* findOrphans(looked.value.view)
    yield* Effect.sleep(look)
  }
  const seen = new Set<number>()
  yield* until(
    Effect.gen(function* () {
      const limit = acknowledged.size + refused + 1000
      const answer = yield* manticore.query(
        operator.node,
        `SELECT id FROM t LIMIT ${limit} OPTION max_matches=${limit}`,
        patience,
      )
      if (answer._tag !== "Rows") return false
      for (const [id] of answer.rows) seen.add(Number(id))
      return true
    }),
  )
  for (const { end } of runners.values()) yield* end
  const result: Killed = {
    kills,
    tablesMade,
    acknowledged: acknowledged.size,
    refused,
    lost: [...acknowledged].filter((id) => !seen.has(id)),
    orphans,
    crashes: lines.filter(({ event }) => event === "agent.crashed").length,
  }
  return result
})
