/** What all parts of the world share. */
import type { EventQueue } from "../runtime/EventQueue.ts"
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Faults } from "./Faults.ts"
import type { GroupContext } from "./group/Component.ts"
import type { ReplicationGroup } from "./group/ReplicationGroup.ts"
import type { Host } from "./Host.ts"
import type { Network } from "./Network.ts"
import type { WorldEvent } from "./SimulatedCluster.ts"
import type { Timings } from "./Timings.ts"

/** The world as its parts see it. */
export interface WorldContext {
  readonly queue: EventQueue
  readonly random: RandomStream
  readonly timings: Timings
  readonly network: Network
  readonly groupContext: GroupContext
  readonly hosts: ReadonlyMap<string, Host>
  /** Names under which hosts are known to each other. */
  readonly hostNames: ReadonlySet<string>
  hostAt(address: string): Host | undefined
  /** A message between two hosts; one that meets a cut link arrives when the link is back. */
  send(from: string | null, to: string | null, run: () => void): void
  /** A number that was never given out before: histories, users. */
  nextIdentity(): number
  /** A new replication cluster. */
  newGroup(name: string): ReplicationGroup
  /** To be called when a process starts, ends, is paused or woken. */
  reassess(): void
  /** Tries now, and again whenever processes, links or views change, until `attempt` says that it is done. */
  await(attempt: () => boolean): void
  /** True if anybody listens; events are built only then. */
  readonly observed: boolean
  emit(event: WorldEvent): void
  readonly faults: Faults
}

/** Draws from a range of times. */
export const draw = (
  context: WorldContext,
  range: { readonly minMicros: number; readonly maxMicros: number },
): number => range.minMicros + context.random.float() * (range.maxMicros - range.minMicros)
