/**
 * The ports of the engine, implemented on the simulated world for the agent of one node: its connections originate at
 * its own host, so that partitions apply to them, and its disk outlives it. Whatever reaches the agent passes the gate
 * of its process.
 */
import { noAnswer, type Answer } from "@shardwright/core/Answer"
import { DaemonControl } from "@shardwright/core/DaemonControl"
import { type NodeReport, Peers } from "@shardwright/core/gate/Peers"
import { Journal, type JournalEvent } from "@shardwright/core/Journal"
import { Manticore } from "@shardwright/core/Manticore"
import { type Mutation, Mutations } from "@shardwright/core/Mutation"
import { NodeFiles } from "@shardwright/core/NodeFiles"
import { type OnStoreWrite, StoreCalls } from "@shardwright/core/StoreCalls"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { EventQueue } from "../runtime/EventQueue.ts"
import type { Gate } from "../runtime/Gate.ts"
import type { NodeClock } from "../runtime/NodeClock.ts"
import type { Connection, SimulatedCluster } from "../world/SimulatedCluster.ts"
import { type Daemons, daemonControl, nobodysDaemon } from "./SimulatedDaemon.ts"

/** Connections that one process may have open to one daemon; more means that the engine leaks statements. */
const connectionsPerTargetMax = 256
/** How long the runner of another node has to answer. */
const reportMicros = 2_000_000
/** Until a daemon has refused a statement. */
const refusalMicros = 200
/** Until a remembered text is on disk. */
const syncDelay = Duration.micros(500n)

/** Connections of one process, pooled by target, so that no statement queues behind a blocked one. */
export class ConnectionPool {
  readonly #world: SimulatedCluster
  readonly #from: string | null
  readonly #idle = new Map<string, Array<Connection>>()
  readonly #open = new Map<string, number>()

  /** `from` is the host of the process, or null for one that reaches every node. */
  constructor(world: SimulatedCluster, from: string | null) {
    this.#world = world
    this.#from = from
  }

  /** Sends a statement to the daemon on a host. `reply` is called once. */
  query(host: string, sql: string, timeoutMicros: number, reply: (answer: Answer) => void): void {
    const connection = this.#take(host)
    connection.query(
      sql,
      (answer) => {
        // A connection whose answer did not come is of no use: the daemon may still be busy with the statement.
        if (answer._tag === "NoAnswer") this.#discard(host, connection)
        else this.#give(host, connection)
        reply(answer)
      },
      timeoutMicros,
    )
  }

  #take(host: string): Connection {
    const idle = this.#idle.get(host)?.pop()
    if (idle !== undefined) return idle
    const open = (this.#open.get(host) ?? 0) + 1
    if (open > connectionsPerTargetMax) {
      throw new Error(
        `more than ${connectionsPerTargetMax} connections from ${this.#from ?? "outside"} to ${host} at once`,
      )
    }
    this.#open.set(host, open)
    return this.#world.connect(this.#from, host)
  }

  #give(host: string, connection: Connection): void {
    const idle = this.#idle.get(host)
    if (idle === undefined) this.#idle.set(host, [connection])
    else idle.push(connection)
  }

  #discard(host: string, connection: Connection): void {
    this.#open.set(host, (this.#open.get(host) ?? 1) - 1)
    connection.close()
  }
}

/**
 * What becomes of one statement of an agent, if it is to fail:
 * - `refused`: the statement is not sent, and this comes back;
 * - `replaced`: it is executed, and this comes back instead of its answer;
 * - `withheld`: it is executed, and no answer comes within the timeout;
 * - `executed`: it is executed, and instead of its answer `ended` is called; the agent never hears of it.
 */
export type Disturbance =
  | { readonly _tag: "refused" | "replaced"; readonly answer: Answer }
  | { readonly _tag: "withheld" }
  | { readonly _tag: "executed"; readonly ended: () => void }

/** Asked before each statement that the agent on the host `from` sends to the daemon on the host `to`. */
export type Disturb = (statement: {
  readonly from: string
  readonly to: string
  readonly sql: string
}) => Disturbance | undefined

/** What runners remember on their nodes' disks, by node and name. */
export type Disks = Map<string, string>

/** What one process needs of the simulation. */
export interface PortOptions {
  readonly world: SimulatedCluster
  readonly queue: EventQueue
  /** The clocks of the process. */
  readonly clock: NodeClock
  /** Host of the process; null for an operator's command, which reaches every node. */
  readonly host: string | null
  readonly gate: Gate
  readonly disks: Disks
  /** Name of the host that a daemon's address belongs to. */
  readonly hostOf: (address: string) => string | undefined
  readonly daemons: Daemons
  /** Asks the runner of another host; `reply` is never called if none is there. */
  readonly askRunner: (from: string | null, to: string, reply: (report: NodeReport | undefined) => void) => void
  readonly journal: (event: JournalEvent) => void
  readonly storeWrite: OnStoreWrite
  readonly mutations: ReadonlySet<Mutation>
  /** Makes statements of an agent fail. */
  readonly disturb?: Disturb
}

/** Services that an agent or an operator's command needs. */
export type Ports = Manticore | NodeFiles | DaemonControl | Peers

/** Asks the runner of another node; it says nothing if it is dead, stalled or out of reach. */
const askPeer = (
  { askRunner, clock, gate, host, hostOf, queue }: PortOptions,
  node: string,
): Effect.Effect<NodeReport | undefined> =>
  Effect.callback((resume) => {
    const answered = (report: NodeReport | undefined): void => gate.pass(() => resume(Effect.succeed(report)))
    const target = hostOf(node)
    if (target !== undefined) askRunner(host, target, answered)
    queue.after(clock.queueMicros(reportMicros), () => answered(undefined))
  })

/** Builds the ports of one process. A new incarnation needs new ones: its connections are its own. */
export const simulatedPorts = (options: PortOptions): Context.Context<Ports> => {
  const { world, host, gate, disks } = options
  const pool = new ConnectionPool(world, host)
  const ownHost = (): string => {
    if (host === null) throw new Error("an operator's command has no node of its own")
    return host
  }

  const query = (address: string, sql: string, timeout: Duration.Duration): Effect.Effect<Answer> =>
    Effect.callback<Answer>((resume) => {
      const target = options.hostOf(address)
      if (target === undefined) {
        options.queue.after(100, () => gate.pass(() => resume(Effect.succeed(noAnswer("connection refused")))))
        return
      }
      const timeoutMicros = options.clock.queueMicros(Duration.toMillis(timeout) * 1000)
      const answered = (answer: Answer) => gate.pass(() => resume(Effect.succeed(answer)))
      const disturbance = host === null ? undefined : options.disturb?.({ from: host, to: target, sql })
      switch (disturbance?._tag) {
        case undefined:
          // An interrupted caller only stops listening: what was sent goes on in the daemon.
          return pool.query(target, sql, timeoutMicros, answered)
        case "refused":
          return void options.queue.after(refusalMicros, () => answered(disturbance.answer))
        case "replaced":
          return pool.query(target, sql, timeoutMicros, () => answered(disturbance.answer))
        case "withheld":
          pool.query(target, sql, timeoutMicros, () => undefined)
          return void options.queue.after(timeoutMicros, () => answered(noAnswer("timeout")))
        case "executed":
          return pool.query(target, sql, timeoutMicros, disturbance.ended)
      }
    })

  return Context.make(Manticore, Manticore.of({ query })).pipe(
    Context.add(
      NodeFiles,
      NodeFiles.of({
        makeClusterDirectory: (name) => Effect.sync(() => world.makeDirectory(ownHost(), name)),
        recall: (name) => Effect.sync(() => disks.get(`${ownHost()}/${name}`)),
        remember: (name, text) =>
          Effect.andThen(
            Effect.sleep(syncDelay),
            Effect.sync(() => void disks.set(`${ownHost()}/${name}`, text)),
          ),
      }),
    ),
    Context.add(DaemonControl, host === null ? nobodysDaemon : daemonControl(host, options.daemons, gate)),
    Context.add(Peers, { report: (node) => askPeer(options, node) }),
    Context.add(Journal, { write: options.journal }),
    Context.add(StoreCalls, options.storeWrite),
    Context.add(Mutations, options.mutations),
  )
}
