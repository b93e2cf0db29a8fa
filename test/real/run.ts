/**
 * `npm run test:real`: the engine on real daemons, with writers running all the time. Needs the server's program in
 * MANTICORE_SEARCHD; without it nothing is tested, which is said in one line.
 *
 *   --require   no server is a failure (exit code 5)
 *   --keep      the folder with all logs stays
 *   --only TEXT run up to the first act whose name contains TEXT
 *   --orders N  instead of all but the first two acts: stop, kill and start the nodes in N random orders
 *   --seed N    of those orders; 1 by default
 *   --differential  only the comparison of a scenario with the simulator, which otherwise follows the acts
 */
import fs from "node:fs"
import path from "node:path"
import { parseArgs } from "node:util"
import type { Manticore } from "@shardwright/core/Manticore"
import * as MysqlManticore from "@shardwright/manticore/MysqlManticore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { acts, type Stage } from "./acts.ts"
import { differential } from "./differential.ts"
import { randomOrders } from "./orders.ts"
import { RealCluster } from "./RealCluster.ts"
import { Writers } from "./Writers.ts"

const { values } = parseArgs({
  options: {
    require: { type: "boolean" },
    keep: { type: "boolean" },
    only: { type: "string" },
    orders: { type: "string" },
    seed: { type: "string" },
    differential: { type: "boolean" },
  },
})

const searchd = process.env["MANTICORE_SEARCHD"] ?? ""

const endpointOf = (address: string) => {
  const colon = address.lastIndexOf(":")
  return Effect.succeed({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) })
}

const orders = Number(values.orders ?? 0)
const played = orders > 0 ? [...acts.slice(0, 2), ...randomOrders(orders, Number(values.seed ?? 1))] : acts

const note = (text: string): void => console.log(`        ${text}`)

const timed = async (name: string, play: () => Promise<void>): Promise<void> => {
  const beganMs = performance.now()
  try {
    await play()
    console.log(`ok      ${name} (${((performance.now() - beganMs) / 1000).toFixed(1)} s)`)
  } catch (error) {
    console.log(`FAILED  ${name}: ${error instanceof Error ? error.message : String(error)}`)
    throw error
  }
}

/** Plays acts one after another on one cluster; the first that fails ends them. */
const playActs = async (manticore: Manticore["Service"]): Promise<void> => {
  const cluster = new RealCluster(searchd)
  const stage: Stage = { cluster, writers: [new Writers(manticore, "t"), new Writers(manticore, "single")], note }
  let keep = values.keep === true
  try {
    for (const { name, play } of played) {
      await timed(name, () => play(stage))
      if (values.only !== undefined && name.includes(values.only)) break
    }
  } catch (error) {
    keep = true
    const told = stage.writers.map((writers) => writers.told)
    fs.writeFileSync(path.join(cluster.folder, "told.json"), JSON.stringify(told))
    note(`logs are in ${cluster.folder}`)
    throw error
  } finally {
    for (const writers of stage.writers) await writers.end()
    await cluster.end(keep)
  }
}

const run = async (): Promise<number> => {
  const scope = Effect.runSync(Scope.make())
  const manticore = await Effect.runPromise(
    Effect.provideService(MysqlManticore.make({ endpointOf }), Scope.Scope, scope),
  )
  try {
    if (values.differential !== true) await playActs(manticore)
    if (values.differential === true || (orders === 0 && values.only === undefined)) {
      await timed("a scenario comes out as in the simulator", () =>
        differential(searchd, manticore, { keep: values.keep === true, note }),
      )
    }
    return 0
  } catch {
    // It has been told.
    return 1
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

if (searchd === "" || !fs.existsSync(searchd)) {
  const why = searchd === "" ? "MANTICORE_SEARCHD is not set" : `there is no ${searchd}`
  console.log(`skipped: ${why}; it names the program of a Manticore server, such as /usr/bin/searchd`)
  process.exitCode = values.require === true ? 5 : 0
} else process.exitCode = await run()
