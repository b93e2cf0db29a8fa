/**
 * Begins faults on an installation, and ends them: one by one, or all of a kind. Nodes have been named before (see
 * `aimFault`).
 */
import * as Duration from "effect/Duration"
import type { RandomStream } from "../runtime/RandomStream.ts"
import {
  type Fault,
  type Healable,
  healableOf,
  type Occasions,
  type Statements,
  type Target,
} from "../scenario/Fault.ts"
import type { FaultRule } from "../world/SimulatedCluster.ts"
import type { Aimed } from "./aim.ts"
import type { Installation } from "./Installation.ts"
import { type Between, LinkFaults } from "./LinkFaults.ts"

/** A fault that is in force. */
export interface Running {
  /** Ends it; answers how many microseconds that takes. */
  readonly end: () => number
}

const micros = (duration: Duration.Duration): number => Duration.toMillis(duration) * 1000

/** Several nodes that start together do so within this time. */
const startsWithinMicros = 15_000_000

/** The names of a target that was aimed. */
const named = (target: Target | null): ReadonlyArray<string> =>
  typeof target === "object" && target !== null && Symbol.iterator in target ? target : []

const between = (links: {
  readonly from: Target
  readonly to: Target | null
  readonly symmetric: boolean
}): Between => ({
  from: named(links.from),
  to: named(links.to),
  symmetric: links.symmetric,
})

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

const patternOf = ({ statement, pattern }: Statements): RegExp =>
  pattern === null ? new RegExp(literally(statement ?? ""), "i") : new RegExp(pattern, "iu")

/** What `heal: all` ends after the network, in this order. */
const ruleKinds: ReadonlyArray<Healable> = ["slow", "statements", "disks", "transfers", "ports", "ids", "clocks"]

/** Begins and ends faults. */
export class FaultInjector {
  readonly links: LinkFaults
  readonly #installation: Installation
  readonly #random: RandomStream
  /** Faults by rule that are in force. */
  readonly #rules = new Set<{ readonly kind: Healable; readonly cancel: () => void }>()

  /** `random` decides what is left to chance within a fault, such as the order of its nodes. */
  constructor(installation: Installation, random: RandomStream) {
    this.#installation = installation
    this.#random = random
    this.links = new LinkFaults(installation)
  }

  /** Whether a fault by rule is in force, which might hit any node. */
  get hasRules(): boolean {
    return this.#rules.size > 0
  }

  /** Begins a fault; null if there is nothing that could be ended. */
  begin({ fault, nodes }: Aimed): Running | null {
    const { processes } = this.#installation
    switch (fault._tag) {
      case "Kill":
        return this.#each(
          nodes,
          (node) => processes.kill(node, fault.what),
          (node) => processes.revive(node, fault.what),
          startsWithinMicros,
        )
      case "Stop":
        return this.#each(
          nodes,
          (node) => processes.stop(node, fault.what),
          (node) => processes.revive(node, fault.what),
          startsWithinMicros,
        )
      case "Restart":
        for (const node of nodes) processes.start(node, fault.what, fault.flag)
        return null
      case "Pause":
        return this.#each(
          nodes,
          (node) => processes.pause(node, fault.what),
          (node) => processes.resume(node, fault.what),
        )
      case "Resume":
        for (const node of nodes) processes.resume(node, fault.what)
        return null
      case "Heal":
        this.heal(fault.what)
        return null
      default:
        return this.#network(fault) ?? this.#byRule(fault)
    }
  }

  /** Ends all faults of a kind. */
  heal(what: Healable): void {
    if (what === "all" || what === "network") this.links.heal()
    for (const kind of ruleKinds) if (what === "all" || what === kind) this.#cancel(kind)
  }

  /** Behind gates, several nodes end it one by one within the time, in any order: none depends on the others' order. */
  #each(
    nodes: ReadonlyArray<string>,
    begin: (node: string) => void,
    end: (node: string) => void,
    apartMicros = 0,
  ): Running {
    for (const node of nodes) begin(node)
    return {
      end: () => {
        if (apartMicros === 0 || nodes.length < 2 || !this.#installation.isGated) {
          for (const node of nodes) end(node)
          return 0
        }
        for (const node of nodes) this.#installation.queue.after(this.#random.int(0, apartMicros), () => end(node))
        return apartMicros
      },
    }
  }

  #network(fault: Fault): Running | null {
    const { links } = this
    const atOnce = (end: () => void): Running => ({
      end: () => {
        end()
        return 0
      },
    })
    switch (fault._tag) {
      case "Partition":
        return atOnce(links.partition(fault.groups.map(named)))
      case "Cut":
        return atOnce(links.cut(between(fault)))
      case "Flap":
        return atOnce(links.flap(between(fault), micros(fault.every)))
      case "Ring":
        return atOnce(links.ring(named(fault.nodes)))
      case "Swizzle":
        return links.swizzle(named(fault.nodes), micros(fault.step), this.#random)
      case "Link":
        return atOnce(links.shape(between(fault), { latencyMicros: micros(fault.latency), loss: fault.loss }))
      default:
        return null
    }
  }

  #byRule(fault: Fault): Running | null {
    const kind = healableOf(fault._tag)
    if (kind === null) return null
    this.#installation.touched()
    const cancels = this.#start(fault)
    const rule = {
      kind,
      cancel: () => {
        for (const cancel of cancels) cancel()
      },
    }
    this.#rules.add(rule)
    return {
      end: () => {
        if (!this.#rules.delete(rule)) return 0
        this.#installation.touched()
        rule.cancel()
        return 0
      },
    }
  }

  /** Puts a fault into force; answers what takes it back. */
  #start(fault: Fault): ReadonlyArray<() => void> {
    const { world, queue } = this.#installation
    const perNode = (target: Target, act: (node: string) => () => void): ReadonlyArray<() => void> =>
      named(target).map(act)
    switch (fault._tag) {
      case "Slow":
        return this.#add(fault, { kind: "slow", pattern: patternOf(fault), byMicros: micros(fault.by) })
      case "StatementError": {
        const { errno, message } = fault
        return this.#add(fault, { kind: "error", pattern: patternOf(fault), errno, message })
      }
      case "Disconnect":
        return this.#add(fault, { kind: "drop", pattern: patternOf(fault), when: fault.when })
      case "LoseReply":
        return this.#add(fault, { kind: "lost reply", pattern: patternOf(fault) })
      case "DiskFull":
        return this.#add(fault, { kind: "disk full" })
      case "SlowDisk":
        return this.#add(fault, { kind: "slow disk", byMicros: micros(fault.by) })
      case "SlowTransfer":
        return this.#add(fault, { kind: "slow transfer", factor: fault.factor })
      case "FailTransfer":
        return this.#add(fault, { kind: "failing transfer" })
      case "KeepWrite":
        return this.#add(fault, { kind: "kept write" })
      case "ReplicationPorts":
        return perNode(fault.node, (node) => {
          world.limitReplicationPorts(node, fault.count)
          return () => world.limitReplicationPorts(node, undefined)
        })
      case "UnlistLog":
        return perNode(fault.node, (node) => {
          world.unlistLog(node, fault.table, true)
          return () => world.unlistLog(node, fault.table, false)
        })
      case "ServerId":
        return perNode(fault.node, (node) => {
          world.setServerId(node, fault.id)
          return () => world.setServerId(node, undefined)
        })
      case "ClockJump":
        return perNode(fault.node, (node) => {
          const clock = this.#installation.clockOf(node)
          clock.jump(fault.byMs)
          return () => clock.jump(-fault.byMs)
        })
      case "ClockSkew":
        return perNode(fault.node, (node) => {
          const clock = this.#installation.clockOf(node)
          clock.run(fault.rate)
          return () => clock.run(1)
        })
      default:
        throw new Error(`${fault._tag} is no fault by rule; at ${queue.nowMicros}`)
    }
  }

  #add({ node, times, share }: Occasions, rule: FaultRule): ReadonlyArray<() => void> {
    const places = node === null ? [undefined] : named(node)
    return places.map((place) => {
      const active = this.#installation.world.addFault({
        ...rule,
        ...(place === undefined ? {} : { node: place }),
        ...(times === null ? {} : { times }),
        ...(share === null ? {} : { probability: share }),
      })
      return active.cancel
    })
  }

  #cancel(kind: Healable): void {
    for (const rule of [...this.#rules].filter((it) => it.kind === kind)) {
      this.#rules.delete(rule)
      rule.cancel()
    }
    this.#installation.touched()
  }
}
