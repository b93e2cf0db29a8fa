/**
 * What the design promises to survive, as a budget for faults that are drawn: one at a time, with a pause in which members
 * find each other again, and never one that takes the last copy in sync of a group. Behind gates that is no loss either, if
 * the node comes back with what it held: whoever starts waits for it.
 */
import { copiesThatCount } from "@shardwright/core/StartGate"
import type { Fault } from "../scenario/Fault.ts"
import type { Simulation } from "./Simulation.ts"

/** Members need up to 8 s to find each other, and as long again to be back in their places. */
const recoverMicros = 14_000_000
/** After faults that throw nobody out of a cluster. */
const pauseMicros = 1_000_000

/** Faults that end others. */
const endings: ReadonlySet<Fault["_tag"]> = new Set<Fault["_tag"]>(["Restart", "Resume", "Heal"])
/** Faults that throw nobody out of a cluster, whatever else they do. */
const harmlessToMembers: ReadonlySet<Fault["_tag"]> = new Set<Fault["_tag"]>([
  "ClockJump",
  "ClockSkew",
  "Disconnect",
  "DiskFull",
  "FailTransfer",
  "KeepWrite",
  "LoseReply",
  "ReplicationPorts",
  "ServerId",
  "Slow",
  "SlowDisk",
  "SlowTransfer",
  "StatementError",
])

/** True for faults that end others, and for one that does nothing by itself: they are never kept waiting, nor others for them. */
export const isFree = (fault: Fault): boolean => endings.has(fault._tag) || fault._tag === "UnlistLog"

const throwsOut = (fault: Fault): boolean =>
  !harmlessToMembers.has(fault._tag) && !("what" in fault && fault.what === "agent")

/** Follows which faults are in force. */
export class FaultBudget {
  readonly #simulation: Simulation
  #inForce = 0
  #freeMicros = 0
  /** Nodes that were taken away for good. */
  readonly gone = new Set<string>()

  constructor(simulation: Simulation) {
    this.#simulation = simulation
  }

  /** True while a fault is in force, and for some time after. */
  get isSpent(): boolean {
    return this.#inForce > 0 || this.#simulation.queue.nowMicros < this.#freeMicros
  }

  /** `gone`: who does not come back. From now on nobody takes the last copy in sync away: who starts might wait in vain. */
  begun(gone: ReadonlyArray<string> = []): void {
    this.#inForce++
    for (const node of gone) this.gone.add(node)
  }

  ended(fault: Fault): void {
    this.#inForce--
    const free = this.#simulation.queue.nowMicros + (throwsOut(fault) ? recoverMicros : pauseMicros)
    this.#freeMicros = Math.max(this.#freeMicros, free)
  }

  /** Why the fault would be more than the design survives; undefined if it would not. `isForGood`: nobody comes back. */
  excess(fault: Fault, nodes: ReadonlyArray<string>, isForGood = false): string | undefined {
    const takesAway = fault._tag === "Kill" || fault._tag === "Stop" || fault._tag === "Pause"
    if (!takesAway || fault.what === "agent") return undefined
    // Two copies that differ, both of which went through a kill: which of them counts is for a person to say.
    const { names, world } = this.#simulation
    const takesRows = nodes.some((node) => world.losesWrites(node)) || names.some((node) => world.lacksRows(node))
    const loses = isForGood || (fault._tag === "Kill" && takesRows)
    const comesBack = this.#simulation.isGated && fault._tag !== "Pause"
    if (comesBack && !loses && this.gone.size === 0) return undefined
    const last = this.#groupLeftBy(nodes)
    return last === undefined ? undefined : `${last} the last copy in sync of a group`
  }

  /** Who of the nodes would take the last copy in sync of a group along. */
  #groupLeftBy(nodes: ReadonlyArray<string>): string | undefined {
    const simulation = this.#simulation
    const hit = (address: string): boolean => nodes.includes(simulation.hostOf(address) ?? "")
    for (const { record: group } of simulation.state.view().groups.values()) {
      const counted = copiesThatCount(group) ?? []
      if (!counted.some(hit)) continue
      const others = group.inSync.filter((address) => {
        const host = simulation.hostOf(address)
        if (host === undefined || nodes.includes(host) || !simulation.world.isUp(host)) return false
        return simulation.world
          .clusters(host)
          .some(
            (cluster) => cluster.name === group.name && cluster.status === "primary" && cluster.nodeState === "synced",
          )
      })
      // A temporary group of one is a plain copy on the move: its only member comes back as it was.
      if (others.length === 0 && group.members.length > 1)
        return nodes.length === 1 ? `${nodes.join()} has` : `${nodes.join(", ")} have`
    }
    return undefined
  }
}
