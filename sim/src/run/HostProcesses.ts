/**
 * The processes of simulated hosts: a daemon and the agent of its runner each, started, ended, stalled and brought back as
 * machines and people do.
 */
import type { NodeReport } from "@shardwright/core/gate/Peers"
import * as Cause from "effect/Cause"
import type * as Fiber from "effect/Fiber"
import type { Processes } from "../fault/Installation.ts"
import type { EventQueue } from "../runtime/EventQueue.ts"
import { Gate } from "../runtime/Gate.ts"
import type { NodeClock } from "../runtime/NodeClock.ts"
import type { Part, StartFlag } from "../scenario/Fault.ts"
import type { NodeDeclaration } from "../scenario/Scenario.ts"
import type { World } from "../world/World.ts"

const restartAfterCrashMicros = 1_000_000

/** A runner: the agent, and the start of the daemon while that is under way. */
interface AgentProcess {
  readonly gate: Gate
  readonly fiber: Fiber.Fiber<never, never>
  starting: Fiber.Fiber<void, never> | undefined
  paused: boolean
}

/** What can be told about a host. */
export interface HostState {
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

/** What runs on a host: programs of the engine. */
export interface Programs {
  readonly agent: (host: HostState, incarnation: string, gate: Gate) => Fiber.Fiber<never, never>
  /** The way of a daemon through its gate. */
  readonly start: (host: HostState, gate: Gate) => Fiber.Fiber<void, never>
  readonly report: (host: HostState, gate: Gate) => Fiber.Fiber<NodeReport | undefined, never>
  /** A program ended by itself, which none ever may. */
  readonly crashed: (name: string, text: string) => void
}

/** Where the processes live. */
export interface ProcessOptions {
  readonly world: World
  readonly queue: EventQueue
  readonly host: (name: string) => HostState
  readonly programs: Programs
  /** Daemons are started by the runners beside them. */
  readonly isGated: boolean
  /** Before time zero there is nothing on any disk. */
  readonly hasBegun: () => boolean
  /** Without agents there is nothing but daemons. */
  readonly hasAgents: boolean
  readonly touch: (host: HostState, part?: "agent" | "daemon") => void
}

/** Starts, ends and stalls them. */
export class HostProcesses implements Processes {
  readonly #options: ProcessOptions
  #victim: string | undefined

  constructor(options: ProcessOptions) {
    this.#options = options
  }

  /** The host that was last killed, stopped or paused. */
  get victim(): string | undefined {
    return this.#victim
  }

  /** SIGKILL: nothing of the process runs any more. */
  kill(name: string, part: Part): void {
    if (part !== "daemon") this.#killAgent(name)
    if (part !== "agent") this.#killDaemon(name)
  }

  /** SIGTERM: finalizers run, and a daemon leaves its clusters. */
  stop(name: string, part: Part): void {
    if (part !== "daemon") this.#stopAgent(name)
    if (part !== "agent") this.#stopDaemon(name)
  }

  start(name: string, part: Part, flag: StartFlag | null = null): void {
    if (part !== "daemon") this.#startAgent(name)
    if (part !== "agent") this.#startDaemon(name, flag)
  }

  revive(name: string, part: Part): void {
    const host = this.#options.host(name)
    if (part !== "daemon" && host.agent === undefined) this.#startAgent(name)
    if (part !== "agent" && host.daemon === "down") this.#startDaemon(name, null)
  }

  pause(name: string, part: Part): void {
    if (part !== "daemon") this.#pauseAgent(name)
    if (part !== "agent") this.#pauseDaemon(name)
  }

  resume(name: string, part: Part): void {
    if (part !== "daemon") this.#resumeAgent(name)
    if (part !== "agent") this.#resumeDaemon(name)
  }

  /** The runner restarts its daemon. */
  startAgain(name: string): void {
    if (this.#options.isGated) this.#startThroughGate(this.#options.host(name))
    else this.#options.world.start(name)
  }

  /** A runner asks another one what is on its node. One that is dead or stalled does not answer. */
  askRunner(from: string | null, to: string, reply: (report: NodeReport | undefined) => void): void {
    const { host, programs, world } = this.#options
    world.send(from, to, () => {
      const asked = host(to)
      if (asked.agent === undefined || asked.agent.paused) return
      const fiber = programs.report(asked, asked.agent.gate)
      fiber.addObserver((exit) => {
        if (exit._tag === "Success") world.send(to, from, () => reply(exit.value))
      })
    })
  }

  #startDaemon(name: string, flag: StartFlag | null): void {
    const { hasBegun, host: hostOf, isGated, touch, world } = this.#options
    const host = hostOf(name)
    // Also one that was told to stop and still does, or never will.
    world.kill(name)
    host.daemon = "up"
    host.crashed = false
    touch(host)
    // Whoever gives a flag does not ask the runner.
    if (isGated && flag === null && hasBegun()) this.#startThroughGate(host)
    else world.start(name, { newCluster: flag === "new-cluster", newClusterForce: flag === "new-cluster-force" })
  }

  /** A daemon was to start while there was no runner to do it. */
  #startIfWanted(host: HostState): void {
    const { hasBegun, isGated, world } = this.#options
    const isStarting = host.agent?.starting !== undefined || world.isRunning(host.name)
    if (isGated && host.daemon === "up" && !isStarting && hasBegun()) this.#startThroughGate(host)
  }

  /** The runner of the host starts its daemon when that is safe; without a runner it does not start. */
  #startThroughGate(host: HostState): void {
    const { programs, touch } = this.#options
    const { agent, name } = host
    if (agent === undefined || agent.paused) return
    agent.starting?.interruptUnsafe()
    const fiber = programs.start(host, agent.gate)
    agent.starting = fiber
    fiber.addObserver((exit) => {
      if (agent.starting === fiber) agent.starting = undefined
      if (exit._tag === "Success") touch(host)
      else if (!Cause.hasInterruptsOnly(exit.cause)) programs.crashed(name, Cause.pretty(exit.cause))
    })
  }

  #killDaemon(name: string): void {
    const host = this.#options.host(name)
    this.#victim = name
    host.agent?.starting?.interruptUnsafe()
    // A process that was told to stop may never do so.
    if (host.daemon === "down") return this.#options.world.kill(name)
    host.daemon = "down"
    this.#options.touch(host)
    this.#options.world.kill(name)
  }

  #stopDaemon(name: string): void {
    const host = this.#options.host(name)
    this.#victim = name
    host.agent?.starting?.interruptUnsafe()
    if (host.daemon === "down") return
    host.daemon = "down"
    this.#options.touch(host)
    this.#options.world.stop(name)
  }

  #pauseDaemon(name: string): void {
    const host = this.#options.host(name)
    this.#victim = name
    if (host.daemon !== "up") return
    host.daemon = "paused"
    this.#options.touch(host)
    this.#options.world.pause(name)
  }

  #resumeDaemon(name: string): void {
    const host = this.#options.host(name)
    if (host.daemon !== "paused") return
    host.daemon = "up"
    this.#options.touch(host)
    this.#options.world.resume(name)
  }

  #startAgent(name: string): void {
    if (!this.#options.hasAgents) return
    const host = this.#options.host(name)
    if (host.agent !== undefined) this.#killAgent(name)
    host.starts++
    this.#options.touch(host, "agent")
    const incarnation = `${name}.${host.starts}`
    const gate = new Gate()
    const fiber = this.#options.programs.agent(host, incarnation, gate)
    const agent: AgentProcess = { gate, fiber, starting: undefined, paused: false }
    host.agent = agent
    this.#startIfWanted(host)
    fiber.addObserver((exit) => {
      if (host.agent !== agent) return
      host.agent = undefined
      const text = exit._tag === "Failure" ? Cause.pretty(exit.cause) : "ended without a reason"
      this.#options.programs.crashed(name, text)
      this.#options.queue.after(restartAfterCrashMicros, () => {
        if (host.agent === undefined) this.#startAgent(name)
      })
    })
  }

  #killAgent(name: string): void {
    const host = this.#options.host(name)
    this.#victim = name
    const agent = host.agent
    host.agent = undefined
    this.#options.touch(host, "agent")
    agent?.gate.destroy()
  }

  #stopAgent(name: string): void {
    const host = this.#options.host(name)
    this.#victim = name
    const agent = host.agent
    host.agent = undefined
    this.#options.touch(host, "agent")
    agent?.gate.open()
    agent?.starting?.interruptUnsafe()
    agent?.fiber.interruptUnsafe()
  }

  #pauseAgent(name: string): void {
    const host = this.#options.host(name)
    this.#victim = name
    if (host.agent === undefined) return
    host.agent.paused = true
    this.#options.touch(host, "agent")
    host.agent.gate.close()
  }

  #resumeAgent(name: string): void {
    const host = this.#options.host(name)
    if (host.agent === undefined) return
    host.agent.paused = false
    this.#options.touch(host, "agent")
    host.agent.gate.open()
    this.#startIfWanted(host)
  }
}
