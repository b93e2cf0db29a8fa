/**
 * One simulated installation: hosts with a daemon and an agent each, the network between them, and the operators and
 * faults that act on it. It keeps the trace and tells observers what happens; it judges nothing.
 */
import { defaultEngineConfig, type EngineConfig } from "@shardwright/core/EngineConfig"
import type { JournalEvent } from "@shardwright/core/Journal"
import type { Mutation } from "@shardwright/core/Mutation"
import type { Lease, Registry } from "@shardwright/core/State"
import type { OnStoreWrite } from "@shardwright/core/StoreCalls"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { type CommittedRecord, StateWatcher } from "../check/StateWatcher.ts"
import { FaultInjector } from "../fault/FaultInjector.ts"
import type { Installation } from "../fault/Installation.ts"
import { EventQueue } from "../runtime/EventQueue.ts"
import { Gate } from "../runtime/Gate.ts"
import { NodeClock } from "../runtime/NodeClock.ts"
import { RandomStream } from "../runtime/RandomStream.ts"
import { VirtualRuntime } from "../runtime/VirtualRuntime.ts"
import type { NodeDeclaration } from "../scenario/Scenario.ts"
import type { SimulatedCluster, WorldEvent } from "../world/SimulatedCluster.ts"
import { rowsView } from "../world/TableRows.ts"
import { World } from "../world/World.ts"
import { ownReport, runAgent, startDaemon } from "./EngineAdapter.ts"
import { HostProcesses, type HostState, type Programs } from "./HostProcesses.ts"
import { type Disturb, type Ports, simulatedPorts } from "./SimulatedPorts.ts"
import type { Trace } from "./Trace.ts"

/** Port of the binary listeners; hosts differ by name. */
const binaryPort = 9312

/** What an installation is made of. */
export interface SimulationOptions {
  readonly seed: number
  readonly nodes: ReadonlyArray<NodeDeclaration>
  /** Worker threads of each daemon. */
  readonly threads?: number
  /** Without the engine no agent ever runs. */
  readonly withEngine?: boolean
  readonly config: EngineConfig
  readonly trace: Trace
  readonly mutations: ReadonlySet<Mutation>
  /** Makes statements of agents fail; operators' commands are left alone. */
  readonly disturb?: Disturb
  /** Daemons are started by the runners beside them. */
  readonly isGated?: boolean
}

/** Hosts, daemons, agents and what is done to them. */
export class Simulation implements Installation {
  readonly queue = new EventQueue()
  readonly runtime = new VirtualRuntime(this.queue)
  readonly random: RandomStream
  readonly world: SimulatedCluster
  readonly #world: World
  readonly state: StateWatcher
  readonly config: EngineConfig
  readonly #options: SimulationOptions
  readonly #hosts = new Map<string, HostState>()
  readonly #disks = new Map<string, string>()
  readonly #eventListeners: Array<(event: WorldEvent) => void> = []
  readonly #journalListeners: Array<(event: JournalEvent) => void> = []
  readonly #storeListeners: Array<OnStoreWrite> = []
  readonly #crashListeners: Array<(node: string, text: string) => void> = []
  readonly faults: FaultInjector
  readonly processes: HostProcesses
  #zeroMicros: number | undefined
  /** Hosts of the state transfer that began last. */
  #transfer: { readonly donor: string; readonly joiner: string } | undefined
  #registry: CommittedRecord | undefined
  #members: ReadonlyArray<string> = []
  /** The last command of an operator: in which event it was given, and which it was there. */
  #given = { moment: -1, number: 0 }
  /** Statements sent so far. */
  commands = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    this.config = options.config
    this.random = new RandomStream(options.seed)
    this.faults = new FaultInjector(this, this.random.stream("faults").stream("order"))
    const world = new World({ queue: this.queue, random: this.random.stream("world") })
    this.world = world
    this.#world = world
    this.state = new StateWatcher(world, (node, name) => {
      const table = world.hosts.get(node)?.disk.database.table(name)
      return table === undefined ? undefined : rowsView(table)
    })
    for (const declaration of options.nodes) {
      const address = `${declaration.name}:${binaryPort}`
      this.#hosts.set(declaration.name, {
        name: declaration.name,
        address,
        declaration,
        clock: new NodeClock(this.queue),
        daemon: "down",
        agent: undefined,
        crashed: false,
        starts: 0,
        touchedMicros: 0,
        daemonTouchedMicros: 0,
      })
      this.world.addNode({
        name: declaration.name,
        address,
        ...(options.threads === undefined ? {} : { threads: options.threads }),
      })
    }
    this.processes = new HostProcesses({
      world,
      queue: this.queue,
      host: (name) => this.#host(name),
      programs: this.#programs(),
      isGated: this.isGated,
      hasBegun: () => this.#zeroMicros !== undefined,
      hasAgents: options.withEngine !== false,
      touch: (host, part) => this.#touch(host, part),
    })
    this.world.subscribe((event) => this.#onEvent(event))
  }

  // ------------------------------------------------------------------------------------------------ time and trace

  /** Virtual milliseconds since the cluster was ready; negative before. */
  get nowMs(): number {
    return this.atMs(this.queue.nowMicros)
  }

  /** An instant of the queue in milliseconds since the cluster was ready. */
  atMs(micros: number): number {
    return Math.round((micros - (this.#zeroMicros ?? 0)) / 1000)
  }

  /** Declares the present instant to be time zero. */
  beginTime(): void {
    this.#zeroMicros = this.queue.nowMicros
  }

  get zeroMicros(): number {
    return this.#zeroMicros ?? 0
  }

  /** Adds a line to the trace. */
  note(kind: string, node: string | null, text: string): void {
    this.#options.trace.add(this.queue.nowMicros, this.nowMs, kind, node, text)
  }

  onEvent(listener: (event: WorldEvent) => void): void {
    this.#eventListeners.push(listener)
  }

  onJournal(listener: (event: JournalEvent) => void): void {
    this.#journalListeners.push(listener)
  }

  /** Called with every write that a store of an agent or an operator begins. */
  onStoreWrite(listener: OnStoreWrite): void {
    this.#storeListeners.push(listener)
  }

  /** Called when an agent ends by itself, which it never may. */
  onAgentCrash(listener: (node: string, text: string) => void): void {
    this.#crashListeners.push(listener)
  }

  // ---------------------------------------------------------------------------------------------------- who is who

  get names(): ReadonlyArray<string> {
    return [...this.#hosts.keys()]
  }

  address(name: string): string {
    return this.#host(name).address
  }

  hostOf(address: string): string | undefined {
    const name = address.slice(0, address.lastIndexOf(":"))
    return this.#hosts.has(name) ? name : undefined
  }

  declaration(name: string): NodeDeclaration {
    return this.#host(name).declaration
  }

  /** The host whose agent holds the lease, by the last committed lease. */
  get leader(): string | undefined {
    const lease = this.state.get("lease")?.value as Lease | undefined // the store writes nothing else under this key
    return lease === undefined ? undefined : this.hostOf(lease.holder)
  }

  /** The host that was last killed, stopped or paused. */
  get victim(): string | undefined {
    return this.processes.victim
  }

  /** The host that a name or a selector word means now. */
  find(selector: string): string | undefined {
    switch (selector) {
      case "leader":
        return this.leader
      case "victim":
        return this.victim
      case "donor":
        return this.#transfer?.donor
      case "joiner":
        return this.#transfer?.joiner
      default:
        return selector
    }
  }

  /** Hosts of registered nodes; without the engine, all. */
  get members(): ReadonlyArray<string> {
    if (this.#options.withEngine === false) return this.names
    const record = this.state.get("registry")
    if (record !== this.#registry) {
      this.#registry = record
      const nodes = (record?.value as Registry | undefined)?.nodes ?? {} // the store writes nothing else under this key
      this.#members = Object.keys(nodes).flatMap((address) => this.hostOf(address) ?? [])
    }
    return this.#members
  }

  /** Those of them whose daemon is up. */
  get upMembers(): ReadonlyArray<string> {
    return this.members.filter((name) => this.isUp(name))
  }

  isUp(name: string): boolean {
    return this.#host(name).daemon === "up" && this.world.isUp(name)
  }

  /** Whether the daemon ended by its own fault, and was not started since. */
  hasCrashed(name: string): boolean {
    return this.#host(name).crashed
  }

  agentRuns(name: string): boolean {
    const agent = this.#host(name).agent
    return agent !== undefined && !agent.paused
  }

  /** Since when no fault has touched the host; undefined while one does. */
  undisturbedSinceMicros(name: string): number | undefined {
    const host = this.#host(name)
    const agent = host.agent
    if (
      host.daemon !== "up" ||
      agent === undefined ||
      agent.paused ||
      this.faults.links.disturbs(name) ||
      this.faults.hasRules
    )
      return undefined
    return host.touchedMicros
  }

  /** Since when no fault has touched the daemon of the host; undefined while one does. What its agent does is no matter. */
  servesSinceMicros(name: string): number | undefined {
    const host = this.#host(name)
    return host.daemon !== "up" ||
      this.faults.links.disturbs(name) ||
      this.faults.hasRules ||
      this.world.lacksRows(name)
      ? undefined
      : host.daemonTouchedMicros
  }

  get isGated(): boolean {
    return this.#options.isGated === true && this.#options.withEngine !== false
  }

  // --------------------------------------------------------------------------------------------------------- faults

  zoneOf(name: string): string | null {
    return this.#host(name).declaration.zone
  }

  clockOf(name: string): NodeClock {
    return this.#host(name).clock
  }

  touched(): void {
    for (const host of this.#hosts.values()) this.#touch(host)
  }

  // ------------------------------------------------------------------------------------------------------ operators

  /** Runs an operator's command; on a node (`host`), or from outside (null). `ended` is called once. */
  command<A, E>(host: string | null, effect: Effect.Effect<A, E, Ports>, ended: (exit: Exit.Exit<A, E>) => void): void {
    const gate = new Gate()
    const moment = this.queue.executed
    this.#given = this.#given.moment === moment ? { moment, number: this.#given.number + 1 } : { moment, number: 0 }
    const { number } = this.#given
    const fiber = this.runtime.fork(effect, {
      context: this.#ports(host, gate),
      // Commands that are given at once are given by several people: they draw different ids.
      random: this.random.stream(`command ${moment}${number === 0 ? "" : `.${number}`}`),
      ...(host === null ? {} : { clock: this.#host(host).clock }),
      gate,
    })
    fiber.addObserver(ended)
  }

  // -------------------------------------------------------------------------------------------------------- private

  /** What runs on hosts, each with ports and a clock of its own. */
  #programs(): Programs {
    const { config, runtime } = this
    const fork = <A, E>(
      effect: Effect.Effect<A, E, Ports>,
      { clock, name }: HostState,
      gate: Gate,
      as: string,
      disturb?: Disturb,
    ) =>
      runtime.fork(effect, { context: this.#ports(name, gate, disturb), random: this.random.stream(as), clock, gate })
    return {
      agent: (host, incarnation, gate) =>
        fork(
          runAgent({ node: host.address, incarnation, config }),
          host,
          gate,
          `agent ${incarnation}`,
          this.#options.disturb,
        ),
      start: (host, gate) =>
        fork(startDaemon({ node: host.address, config }), host, gate, `start ${host.name} ${this.queue.executed}`),
      report: (host, gate) => fork(ownReport(host.address), host, gate, `report ${host.name}`),
      crashed: (name, text) => {
        for (const listener of this.#crashListeners) listener(name, text)
      },
    }
  }

  #ports(host: string | null, gate: Gate, disturb?: Disturb) {
    return simulatedPorts({
      world: this.world,
      queue: this.queue,
      clock: host === null ? new NodeClock(this.queue) : this.#host(host).clock,
      host,
      gate,
      disks: this.#disks,
      hostOf: (address) => this.hostOf(address),
      daemons: {
        world: this.#world,
        isGated: this.isGated,
        startAgain: (name) => this.processes.startAgain(name),
      },
      askRunner: (from, to, reply) => this.processes.askRunner(from, to, reply),
      journal: (event) => this.#onJournal(event),
      storeWrite: (write) => {
        const ended = this.#storeListeners.map((listener) => listener(write))
        return (outcome) => {
          for (const listener of ended) listener(outcome)
        }
      },
      mutations: this.#options.mutations,
      ...(disturb === undefined ? {} : { disturb }),
    })
  }

  #onEvent(event: WorldEvent): void {
    const { trace } = this.#options
    const nowMicros = this.queue.nowMicros
    switch (event.kind) {
      case "statement":
        this.commands++
        trace.add(nowMicros, this.nowMs, "statement", event.node, event.sql)
        break
      case "answer":
        trace.addAnswer(nowMicros, this.nowMs, event.node, event.answer)
        break
      case "commit":
        this.state.onCommit(event)
        break
      case "daemon":
        trace.add(nowMicros, this.nowMs, "daemon", event.node, event.state)
        if (event.state === "crashed") {
          const host = this.#host(event.node)
          host.daemon = "down"
          host.crashed = true
        }
        break
      case "network":
        trace.add(nowMicros, this.nowMs, "network", null, event.detail)
        break
      case "cluster":
        trace.add(
          nowMicros,
          this.nowMs,
          "cluster",
          event.node,
          `${event.cluster} ${event.status} ${event.nodeState} ${event.size}`,
        )
        break
      case "transfer":
        if (event.state === "started") this.#transfer = { donor: event.donor, joiner: event.joiner }
        trace.add(
          nowMicros,
          this.nowMs,
          "transfer",
          event.joiner,
          `${event.cluster} from ${event.donor} ${event.state}`,
        )
        break
    }
    for (const listener of this.#eventListeners) listener(event)
  }

  #onJournal(event: JournalEvent): void {
    this.note("journal", this.hostOf(event.node) ?? event.node, JSON.stringify(event))
    for (const listener of this.#journalListeners) listener(event)
  }

  #host(name: string): HostState {
    const host = this.#hosts.get(name)
    if (host === undefined) throw new Error(`no node is called ${name}`)
    return host
  }

  #touch(host: HostState, part: "agent" | "daemon" = "daemon"): void {
    host.touchedMicros = this.#zeroMicros === undefined ? 0 : this.queue.nowMicros
    if (part === "daemon") host.daemonTouchedMicros = host.touchedMicros
  }
}

/** The engine's configuration with what a scenario sets. */
export const engineConfig = (overrides: Partial<EngineConfig>): EngineConfig => ({
  ...defaultEngineConfig,
  ...overrides,
})
