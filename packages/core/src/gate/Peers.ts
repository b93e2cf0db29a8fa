/** The other runners, which answer also while their daemons are stopped. In production HTTP, in the simulator its network. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { CopyOnDisk } from "../StartGate.ts"

/** A replication cluster on the node of a runner. */
export interface ReportedCluster {
  /** `serving`: primary and synced. `open`: a member, and on its way to that. `waiting`: stopped, or closed. */
  readonly is: "serving" | "open" | "waiting"
  readonly copy: CopyOnDisk
  /** Waiting, and its daemon is up: it begins nothing before its next start. Absent: no. */
  readonly closed?: boolean
  /** The view that it is primary in. */
  readonly members?: ReadonlyArray<string>
}

/** What a runner says of its node. */
export interface NodeReport {
  /** By name; what is not listed is not on the node's disk. */
  readonly clusters: ReadonlyMap<string, ReportedCluster>
  /** Registered nodes, as of that epoch. */
  readonly epoch: number
  readonly registered: ReadonlyArray<string>
  /** Members of the last primary view of the coordination cluster that it has seen. */
  readonly view: ReadonlyArray<string>
}

/** The runners of other nodes. */
export class Peers extends Context.Service<
  Peers,
  {
    /** Asks the runner of a node; undefined if none answers within two seconds, or its daemon does not tell. */
    readonly report: (node: string) => Effect.Effect<NodeReport | undefined>
  }
>()("shardwright/core/gate/Peers") {}
