/** Runners beside simulated daemons on real sockets, in this process: what tests of production share. */
import { type EngineConfig, defaultEngineConfig } from "@shardwright/core/EngineConfig"
import { NodeFiles } from "@shardwright/core/NodeFiles"
import { runNode } from "@shardwright/node/runNode"
import { loadScenario } from "@shardwright/sim/scenario/ScenarioFile"
import { serve, type Served } from "@shardwright/sim/serve/Serve"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"

const text = `shardwright: 1
name: served
about: A cluster comes up and rests.
cluster: {nodes: 3}
until: 5s
expect: {eventually: []}
`

/** As in life, but for the delays that nobody needs to wait for where time passes ten times as fast. */
export const engine: EngineConfig = {
  ...defaultEngineConfig,
  idleTick: Duration.millis(200),
  busyTick: Duration.millis(50),
  leaseDuration: Duration.seconds(2),
  awayAfter: Duration.seconds(2),
  promotionDelay: Duration.seconds(2),
  drainDelay: Duration.millis(500),
  convergePause: Duration.millis(500),
}

/** Three daemons. */
export const serveThree = (): Promise<Served> =>
  serve({
    scenario: Result.getOrThrow(loadScenario(text, "served.yaml")),
    seed: 1,
    speed: 10,
    basePort: 0,
    controlPort: 0,
    failed: (error) => {
      throw error
    },
  })

/** Asks the control for a fault. */
export const control = (served: Served, where: string, body: unknown) =>
  Effect.promise(() => fetch(`${served.control.url}${where}`, { method: "POST", body: JSON.stringify(body) }))

/** What runners remember: disks outlive them. */
const disks = new WeakMap<Served, Map<string, string>>()

/** The disk of a node of the simulation. */
const filesOf = (served: Served, node: string): NodeFiles["Service"] => {
  const remembered = disks.get(served) ?? new Map<string, string>()
  disks.set(served, remembered)
  return NodeFiles.of({
    makeClusterDirectory: (directory) => Effect.asVoid(control(served, "/mkdir", { node, directory })),
    recall: (name) => Effect.sync(() => remembered.get(`${node}/${name}`)),
    remember: (name, what) => Effect.sync(() => void remembered.set(`${node}/${name}`, what)),
  })
}

/** The MySQL listener of a node, which is named by its address in the simulation. */
export const mysqlOf = (served: Served, address: string): string => {
  const found = served.nodes.find((node) => node.address === address)
  return `${found?.host}:${found?.port}`
}

/** A line of a runner's log. */
export interface Line {
  readonly node: string
  readonly event: string
}

/** Starts the runner of a node; `end` stops it as SIGTERM does, an interruption of `fiber` as SIGKILL. */
export const begin = Effect.fnUntraced(function* (served: Served, name: string, lines: Array<Line>) {
  const stopped = yield* Deferred.make<void>()
  const peers = Object.fromEntries(served.nodes.map(({ address }) => [address, { mysql: mysqlOf(served, address) }]))
  const address = `${name}:9312`
  const fiber = yield* Effect.forkChild(
    runNode({
      config: {
        mysql: mysqlOf(served, address),
        cluster: "c",
        address,
        dataFolder: "/nowhere",
        stateFolder: "/nowhere",
        listen: "127.0.0.1:0",
        admin: { listen: "127.0.0.1:0" },
        peers,
        engine,
      },
      files: filesOf(served, name),
      log: (_level, event) => void lines.push({ node: name, event }),
      stopped: Deferred.await(stopped),
    }),
  )
  return { fiber, end: Effect.andThen(Deferred.succeed(stopped, undefined), Fiber.join(fiber)) }
})
