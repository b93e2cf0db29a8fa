/**
 * Protects the whole of production on one machine without a server: three runners beside three simulated daemons on real sockets make
 * a table, outlive a daemon's death, and hand the lease over. What the engine does is tested in the simulator; this is about what
 * joins it to the world.
 */
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { Manticore } from "@shardwright/core/Manticore"
import * as Operator from "@shardwright/core/Operator"
import * as MysqlManticore from "@shardwright/manticore/MysqlManticore"
import type { Served } from "@shardwright/sim/serve/Serve"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { begin, control, engine, type Line, serveThree } from "./Runners.ts"

let served: Served
beforeEach(async () => {
  served = await serveThree()
})
afterEach(() => served.close())

/** Looks until it is so; the test's own time limit ends it otherwise. */
const until = Effect.fnUntraced(function* <E, R>(holds: Effect.Effect<boolean, E, R>) {
  while (!(yield* Effect.orElseSucceed(holds, () => false))) yield* Effect.sleep(Duration.millis(100))
})

describe("three runners", () => {
  it.live(
    "make a table, do without a daemon that is killed and take it back, and hand the lease over",
    () =>
      Effect.gen(function* () {
        const endpoint = (address: string) => ({
          host: "127.0.0.1",
          port: served.nodes.find((node) => node.address === address)?.port ?? 0,
        })
        const manticore = yield* MysqlManticore.make({ endpointOf: (node) => Effect.sync(() => endpoint(node)) })
        yield* Effect.gen(function* () {
          const lines: Array<Line> = []
          const runners = [
            yield* begin(served, "n1", lines),
            yield* begin(served, "n2", lines),
            yield* begin(served, "n3", lines),
          ]
          const operator = { node: "n1:9312", config: engine }
          yield* Operator.initCluster(operator)
          for (const node of ["n2:9312", "n3:9312"]) yield* Operator.joinCluster({ ...operator, node, at: "n1:9312" })

          const id = yield* Operator.submit({
            ...operator,
            wish: { _tag: "CreateTable", table: "t", structure: "v bigint", options: {}, shards: 3, rf: 2 },
          })
          yield* until(Effect.map(Operator.requestOf({ ...operator, id }), (request) => request?.status === "done"))

          const write = (row: number) =>
            manticore.query("n1:9312", `INSERT INTO t (id, v) VALUES (${row}, ${row})`, Duration.seconds(10))
          for (let row = 1; row <= 30; row++) expect(yield* write(row)).toMatchObject({ _tag: "Ok" })

          yield* control(served, "/kill", { node: "n2" })
          // Groups with a member there are promoted; then each shard takes writes.
          let row = 100
          yield* until(
            Effect.gen(function* () {
              const answers = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () => write(row++))
              return answers.every(({ _tag }) => _tag === "Ok")
            }),
          )
          yield* control(served, "/start", { node: "n2" })
          yield* until(
            Effect.map(Operator.look(operator), ({ away, view }) => {
              const groups = [...view.groups.values()].filter(({ record }) => record.status === "live")
              return away.size === 0 && groups.length === 3 && groups.every(({ record }) => record.inSync.length === 2)
            }),
          )

          // Whoever leads is stopped; nobody waits for the lease to run out.
          const leader = yield* Effect.map(Operator.look(operator), ({ view }) => view.lease?.record.holder ?? "")
          const index = ["n1:9312", "n2:9312", "n3:9312"].indexOf(leader)
          yield* runners[index]?.end ?? Effect.die(new Error(`nobody leads: ${leader}`))
          expect(lines).toContainEqual({ node: leader.replace(":9312", ""), event: "leader.released" })
          yield* until(
            Effect.map(Operator.look({ ...operator, node: leader }), ({ view }) => {
              const lease = view.lease?.record
              return lease !== undefined && !lease.released && lease.holder !== leader
            }),
          )
          for (const [other, runner] of runners.entries()) if (other !== index) yield* runner.end
        }).pipe(Effect.provideService(Manticore, manticore))
      }).pipe(Effect.scoped),
    60_000,
  )
})
