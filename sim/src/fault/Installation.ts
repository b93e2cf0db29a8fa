/** What faults act on: a world, with the processes that somebody keeps on its hosts. */
import type { EventQueue } from "../runtime/EventQueue.ts"
import type { NodeClock } from "../runtime/NodeClock.ts"
import type { Part, StartFlag } from "../scenario/Fault.ts"
import type { SimulatedCluster } from "../world/SimulatedCluster.ts"

/** The processes of hosts, by host name. */
export interface Processes {
  kill(node: string, part: Part): void
  stop(node: string, part: Part): void
  /** Starts anew; what still runs is killed first. */
  start(node: string, part: Part, flag: StartFlag | null): void
  /** Starts what does not run. */
  revive(node: string, part: Part): void
  pause(node: string, part: Part): void
  resume(node: string, part: Part): void
}

/** Hosts with their processes, clocks and network. */
export interface Installation {
  readonly queue: EventQueue
  readonly world: SimulatedCluster
  readonly processes: Processes
  /** All hosts. */
  readonly names: ReadonlyArray<string>
  /** Hosts of the nodes of the cluster: among them words such as `minority` draw. */
  readonly members: ReadonlyArray<string>
  /** Daemons are started by the runners beside them: several at once may be stopped, and started in any order. */
  readonly isGated: boolean
  zoneOf(node: string): string | null
  /** The host that a name or a selector word means now. */
  find(selector: string): string | undefined
  clockOf(node: string): NodeClock
  /** Called whenever a fault of the network, or by rule, begins or ends. */
  touched(): void
}
