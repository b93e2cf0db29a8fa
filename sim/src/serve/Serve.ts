/**
 * Serves the cluster of a scenario: a world without the engine, in real time, each node a MySQL server on loopback, with
 * an HTTP control for faults. Only the cluster of the scenario counts; its tables, clients and timeline do not.
 */
import { EventQueue } from "../runtime/EventQueue.ts"
import { RandomStream } from "../runtime/RandomStream.ts"
import { allNodes, type Scenario } from "../scenario/Scenario.ts"
import { World } from "../world/World.ts"
import type { ControlledWorld } from "./ControlRequests.ts"
import { type HttpControl, listenHttpControl } from "./HttpControl.ts"
import { loopback, NodeServer } from "./NodeServer.ts"
import { RealTimePump, type Speed } from "./RealTimePump.ts"
import { ServedFaults } from "./ServedFaults.ts"

/** Port of the binary listeners inside of the simulation, as scenarios have it. */
const binaryPort = 9312

/** How a scenario is served. */
export interface ServeOptions {
  readonly scenario: Scenario
  readonly seed: number
  readonly speed: Speed
  /** Port of the first node, the others follow; 0: free ones. */
  readonly basePort: number
  /** Port of the HTTP control; 0: a free one. */
  readonly controlPort: number
  /** Called when serving cannot go on: a bug of the simulator, or a port that somebody else took. */
  readonly failed: (error: unknown) => void
}

/** A node that is served. */
export interface ServedNode {
  readonly node: string
  /** As the nodes know each other: what JOIN CLUSTER names. */
  readonly address: string
  readonly host: string
  readonly port: number
}

/** A cluster that is served. */
export interface Served {
  readonly nodes: ReadonlyArray<ServedNode>
  readonly control: { readonly host: string; readonly port: number; readonly url: string }
  /** Ends all connections and frees the ports. */
  close(): void
}

/** A port that cannot be had. */
export class PortProblem extends Error {
  override readonly name = "PortProblem"
}

/** Starts the daemons and answers when all of them accept clients. Fails with a `PortProblem`. */
export const serve = async (options: ServeOptions): Promise<Served> => {
  const serving = new Serving(options)
  try {
    return await serving.begin()
  } catch (error) {
    serving.close()
    throw error
  }
}

class Serving {
  readonly #options: ServeOptions
  readonly #controlled: ControlledWorld
  readonly #pump: RealTimePump
  readonly #servers: ReadonlyArray<NodeServer>
  #control: HttpControl | undefined
  #abandonStart: (error: unknown) => void = () => {}

  constructor(options: ServeOptions) {
    this.#options = options
    const queue = new EventQueue()
    const random = new RandomStream(options.seed)
    const world = new World({ queue, random: random.stream("world") })
    this.#controlled = {
      world,
      faults: new ServedFaults(world, allNodes(options.scenario), random.stream("faults")),
    }
    this.#pump = new RealTimePump(queue, options.speed, (error) => {
      this.#abandonStart(error)
      options.failed(error)
    })
    this.#servers = allNodes(options.scenario).map(({ name }, index) => {
      world.addNode({ name, address: `${name}:${binaryPort}` })
      const port = options.basePort === 0 ? 0 : options.basePort + index
      return new NodeServer({ world, pump: this.#pump, node: name, port, failed: options.failed })
    })
  }

  async begin(): Promise<Served> {
    const { world } = this.#controlled
    // The ports come first: whoever is told of a daemon can connect to it.
    for (const server of this.#servers) await named(`node ${server.node}`, server.port, server.reserve())
    const { controlPort, speed } = this.#options
    this.#control = await named(
      "the control",
      controlPort,
      listenHttpControl({
        controlled: this.#controlled,
        pump: this.#pump,
        speed,
        servers: this.#servers,
        port: controlPort,
      }),
    )
    await this.#startDaemons()
    const { port } = this.#control
    return {
      nodes: world.nodes.map(({ name, address }) => ({
        node: name,
        address,
        host: loopback,
        port: this.#servers.find((server) => server.node === name)?.port ?? 0,
      })),
      control: { host: loopback, port, url: `http://${loopback}:${port}` },
      close: () => this.close(),
    }
  }

  close(): void {
    this.#pump.stop()
    this.#control?.close()
    for (const server of this.#servers) server.close()
  }

  #startDaemons(): Promise<void> {
    const { world } = this.#controlled
    const servers = new Map(this.#servers.map((server) => [server.node, server]))
    const awaited = new Set(servers.keys())
    return new Promise((resolve, reject) => {
      this.#abandonStart = reject
      world.subscribe((event) => {
        if (event.kind !== "daemon") return
        const server = servers.get(event.node)
        if (event.state === "up") {
          server?.open()
          awaited.delete(event.node)
          if (awaited.size === 0) resolve()
        } else if (event.state === "killed" || event.state === "crashed" || event.state === "stopped") server?.close()
      })
      this.#pump.act(() => {
        for (const { name } of world.nodes) world.start(name)
      })
    })
  }
}

const named = async <A>(what: string, port: number, listening: Promise<A>): Promise<A> => {
  try {
    return await listening
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new PortProblem(`${what} cannot listen on port ${port}: ${why}`)
  }
}
