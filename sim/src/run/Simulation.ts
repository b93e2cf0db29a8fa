/**
 * One simulated installation: hosts with a daemon and an agent each, the network between them, and the operators and
 * faults that act on it. It keeps the trace and tells observers what happens; it judges nothing.
 */
import { defaultEngineConfig, type EngineConfig } from "@shardwright/core/EngineConfig"
import type { JournalEvent } from "@shardwright/core/Journal"
import type { NodeReport } from "@shardwright/core/gate/Peers"
import type { Mutation } from "@shardwright/core/Mutation"
import type { Lease, Registry } from "@shardwright/core/State"
import type { OnStoreWrite } from "@shardwright/core/StoreCalls"
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { type CommittedRecord, StateWatcher } from "../check/StateWatcher.ts"
import { FaultInjector } from "../fault/FaultInjector.ts"
import type { Installation, Processes } from "../fault/Installation.ts"
import { EventQueue } from "../runtime/EventQueue.ts"
import { Gate } from "../runtime/Gate.ts"
import { NodeClock } from "../runtime/NodeClock.ts"
import { RandomStream } from "../runtime/RandomStream.ts"
import { VirtualRuntime } from "../runtime/VirtualRuntime.ts"
import type { Part, StartFlag } from "../scenario/Fault.ts"
import type { NodeDeclaration } from "../scenario/Scenario.ts"
import type { SimulatedCluster, WorldEvent } from "../world/SimulatedCluster.ts"
import { rowsView } from "../world/TableRows.ts"
import { World } from "../world/World.ts"
import { ownReport, runAgent, startDaemon } from "./EngineAdapter.ts"
import { type Disturb, type Ports, simulatedPorts } from "./SimulatedPorts.ts"
import type { Trace } from "./Trace.ts"

/** Port of the binary listeners; hosts differ by name. */
const binaryPort = 9312
const restartAfterCrashMicros = 1_000_000

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

/** A runner: the agent, and the start of the daemon while that is under way. */
interface AgentProcess {
  readonly gate: Gate
  readonly fiber: Fiber.Fiber<never, never>
  starting: Fiber.Fiber<void, never> | undefined
  paused: boolean
}

/** What can be told about a host. */
interface HostState {
  readonly name: string
  readonly address: string
  readonly declaration: NodeDeclaration
  readonly clock: NodeClock
  daemon: "up" | "paused" | "down"
  agent: AgentProcess | undefined
  /** Whether the daemon's last life ended by its own fault. */
  crashed: boolean
  starts: number
  /** When a fault last began or ended here. */
  touchedMicros: number
  /** When one did that was not of the agent alone. */
  daemonTouchedMicros: number
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
  #zeroMicros: number | undefined
  #victim: string | undefined
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
    return this.#victim
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
    return host.daemon !== "up" || this.faults.links.disturbs(name) || this.faults.hasRules
      ? undefined
      : host.daemonTouchedMicros
  }

  // ------------------------------------------------------------------------------------------------------ processes

  startDaemon(name: string, flag: StartFlag | null = null): void {
    const host = this.#host(name)
    // Also one that was told to stop and still does, or never will.
    this.world.kill(name)
    host.daemon = "up"
    host.crashed = false
    this.#touch(host)
    // Whoever gives a flag does not ask the runner. Before time zero there is nothing on any disk.
    if (this.isGated && flag === null && this.#zeroMicros !== undefined) this.#startThroughGate(host)
    else this.world.start(name, { newCluster: flag === "new-cluster", newClusterForce: flag === "new-cluster-force" })
  }

  get isGated(): boolean {
    return this.#options.isGated === true && this.#options.withEngine !== false
  }

  /** A daemon was to start while there was no runner to do it. */
  #startIfWanted(host: HostState): void {
    const isStarting = host.agent?.starting !== undefined || this.#world.isRunning(host.name)
    if (this.isGated && host.daemon === "up" && !isStarting && this.#zeroMicros !== undefined)
      this.#startThroughGate(host)
  }

  /** The runner of the host starts its daemon when that is safe; without a runner it does not start. */
  #startThroughGate(host: HostState): void {
    const { agent, name } = host
    if (agent === undefined || agent.paused) return
    agent.starting?.interruptUnsafe()
    const fiber = this.runtime.fork(startDaemon({ node: host.address, config: this.config }), {
      context: this.#ports(name, agent.gate),
      random: this.random.stream(`start ${name} ${this.queue.executed}`),
      clock: host.clock,
      gate: agent.gate,
    })
    agent.starting = fiber
    fiber.addObserver((exit) => {
      if (agent.starting === fiber) agent.starting = undefined
      if (exit._tag === "Success") this.#touch(host)
      else if (!Cause.hasInterruptsOnly(exit.cause))
        for (const listener of this.#crashListeners) listener(name, Cause.pretty(exit.cause))
    })
  }

  killDaemon(name: string): void {
    const host = this.#host(name)
    this.#victim = name
    host.agent?.starting?.interruptUnsafe()
    // A process that was told to stop may never do so.
    if (host.daemon === "down") return this.world.kill(name)
    host.daemon = "down"
    this.#touch(host)
    this.world.kill(name)
  }

  stopDaemon(name: string): void {
    const host = this.#host(name)
    this.#victim = name
    host.agent?.starting?.interruptUnsafe()
    if (host.daemon === "down") return
    host.daemon = "down"
    this.#touch(host)
    this.world.stop(name)
  }

  pauseDaemon(name: string): void {
    const host = this.#host(name)
    this.#victim = name
    if (host.daemon !== "up") return
    host.daemon = "paused"
    this.#touch(host)
    this.world.pause(name)
  }

  resumeDaemon(name: string): void {
    const host = this.#host(name)
    if (host.daemon !== "paused") return
    host.daemon = "up"
    this.#touch(host)
    this.world.resume(name)
  }

  startAgent(name: string): void {
    if (this.#options.withEngine === false) return
    const host = this.#host(name)
    if (host.agent !== undefined) this.killAgent(name)
    host.starts++
    this.#touch(host, "agent")
    const incarnation = `${name}.${host.starts}`
    const gate = new Gate()
    const fiber = this.runtime.fork(runAgent({ node: host.address, incarnation, config: this.config }), {
      context: this.#ports(name, gate, this.#options.disturb),
      random: this.random.stream(`agent ${incarnation}`),
      clock: this.#host(name).clock,
      gate,
    })
    const agent: AgentProcess = { gate, fiber, starting: undefined, paused: false }
    host.agent = agent
    this.#startIfWanted(host)
    fiber.addObserver((exit) => {
      if (host.agent !== agent) return
      host.agent = undefined
      const text = exit._tag === "Failure" ? Cause.pretty(exit.cause) : "ended without a reason"
      for (const listener of this.#crashListeners) listener(name, text)
      this.queue.after(restartAfterCrashMicros, () => {
        if (host.agent === undefined) this.startAgent(name)
      })
    })
  }

  /** SIGKILL: nothing of the process runs any more. */
  killAgent(name: string): void {
    const host = this.#host(name)
    this.#victim = name
    const agent = host.agent
    host.agent = undefined
    this.#touch(host, "agent")
    agent?.gate.destroy()
  }

  /** SIGTERM: finalizers run. */
  stopAgent(name: string): void {
    const host = this.#host(name)
    this.#victim = name
    const agent = host.agent
    host.agent = undefined
    this.#touch(host, "agent")
    agent?.gate.open()
    agent?.starting?.interruptUnsafe()
    agent?.fiber.interruptUnsafe()
  }

  pauseAgent(name: string): void {
    const host = this.#host(name)
    this.#victim = name
    if (host.agent === undefined) return
    host.agent.paused = true
    this.#touch(host, "agent")
    host.agent.gate.close()
  }

  resumeAgent(name: string): void {
    const host = this.#host(name)
    if (host.agent === undefined) return
    host.agent.paused = false
    this.#touch(host, "agent")
    host.agent.gate.open()
    this.#startIfWanted(host)
  }

  // --------------------------------------------------------------------------------------------------------- faults

  readonly processes: Processes = {
    kill: (node, part) =>
      this.#parts(
        part,
        () => this.killAgent(node),
        () => this.killDaemon(node),
      ),
    stop: (node, part) =>
      this.#parts(
        part,
        () => this.stopAgent(node),
        () => this.stopDaemon(node),
      ),
    start: (node, part, flag) =>
      this.#parts(
        part,
        () => this.startAgent(node),
        () => this.startDaemon(node, flag),
      ),
    revive: (node, part) =>
      this.#parts(
        part,
        () => {
          if (this.#host(node).agent === undefined) this.startAgent(node)
        },
        () => {
          if (this.#host(node).daemon === "down") this.startDaemon(node)
        },
      ),
    pause: (node, part) =>
      this.#parts(
        part,
        () => this.pauseAgent(node),
        () => this.pauseDaemon(node),
      ),
    resume: (node, part) =>
      this.#parts(
        part,
        () => this.resumeAgent(node),
        () => this.resumeDaemon(node),
      ),
  }

  zoneOf(name: string): string | null {
    return this.#host(name).declaration.zone
  }

  clockOf(name: string): NodeClock {
    return this.#host(name).clock
  }

  touched(): void {
    for (const host of this.#hosts.values()) this.#touch(host)
  }

  #parts(part: Part, agent: () => void, daemon: () => void): void {
    if (part !== "daemon") agent()
    if (part !== "agent") daemon()
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
        startAgain: (name) => {
          if (this.isGated) this.#startThroughGate(this.#host(name))
          else this.#world.start(name)
        },
      },
      askRunner: (from, to, reply) => this.#askRunner(from, to, reply),
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

  /** A runner asks another one what is on its node. One that is dead or stalled does not answer. */
  #askRunner(from: string | null, to: string, reply: (report: NodeReport | undefined) => void): void {
    this.#world.send(from, to, () => {
      const host = this.#host(to)
      if (host.agent === undefined || host.agent.paused) return
      const { gate } = host.agent
      const fiber = this.runtime.fork(ownReport(host.address), {
        context: this.#ports(to, gate),
        random: this.random.stream(`report ${to}`),
        clock: host.clock,
        gate,
      })
      fiber.addObserver((exit) => {
        if (exit._tag === "Success") this.#world.send(to, from, () => reply(exit.value))
      })
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
