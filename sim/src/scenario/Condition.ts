/** Conditions of a scenario as the simulator judges them: what is asked, and what the answer must be. */
import type * as Duration from "effect/Duration"
import type { NodeSelector } from "./Fault.ts"

export type Condition =
  | { readonly _tag: "TableIs"; readonly table: string; readonly is: TableState }
  | { readonly _tag: "NodeIs"; readonly node: NodeSelector; readonly is: NodeCondition }
  /** Shards whose committed layout names the node; of one table, or of all (null). */
  | { readonly _tag: "NodeHolds"; readonly node: NodeSelector; readonly table: string | null; readonly shards: Bounds }
  | { readonly _tag: "Count"; readonly count: Countable; readonly table: string | null; readonly bounds: Bounds }
  /** Moved replicas are exactly those that any plan had to move: the planner's `minimumMoves`. */
  | { readonly _tag: "MovesAreMinimum" }
  /** What a node says of a replication cluster; null: anything. */
  | {
      readonly _tag: "ClusterIs"
      readonly node: NodeSelector
      readonly cluster: string
      readonly status: ClusterStatus | null
      readonly nodeState: ClusterNodeState | null
      readonly size: number | null
    }
  /** The ids of a table on the disk of a node; null: it has no such table. */
  | {
      readonly _tag: "IdsAre"
      readonly node: NodeSelector
      readonly table: string
      readonly ids: ReadonlyArray<number> | null
    }
  /** How many rows a table has on the disk of a node. */
  | { readonly _tag: "RowsAre"; readonly node: NodeSelector; readonly table: string; readonly rows: Bounds }
  /** How many statements of a stream had this outcome. */
  | {
      readonly _tag: "StreamOutcome"
      readonly stream: string
      readonly outcome: StreamOutcome
      readonly bounds: Bounds
    }
  /** Rows of a stream that were acknowledged and are not on the disk of a node, or refused and there all the same. */
  | {
      readonly _tag: "StreamRows"
      readonly stream: string
      readonly rows: "missing" | "refusedButStored"
      readonly on: NodeSelector
      readonly bounds: Bounds
    }
  /** Longest time in which no writer of the table was acknowledged, from its first statement to its last. */
  | { readonly _tag: "LongestWriteGap"; readonly table: string; readonly atMost: Duration.Duration }

/**
 * `ready`: created, every node of the cluster that is up shows the complete wrapper. `absent`: no wrapper on any node
 * that is up. `fully-replicated`: the layout lists RF nodes for each shard, in sync and up. `balanced`: shards of
 * the table per node differ by no more than the shards of one group.
 */
export const tableStates = ["ready", "absent", "fully-replicated", "balanced"] as const
export type TableState = (typeof tableStates)[number]

/**
 * `up` and `down`: the daemon's process, as it is. `crashed`: down by its own fault. `member`: registered with the engine and not away. `away`: registered, and
 * the engine waits for it or has given it up.
 */
export const nodeConditions = ["up", "down", "crashed", "member", "away"] as const
export type NodeCondition = (typeof nodeConditions)[number]

/** What a node says of a cluster; `absent`: nothing, because it does not know it. */
export const clusterStatuses = ["primary", "non-primary", "recovery-required", "disconnected", "absent"] as const
export type ClusterStatus = (typeof clusterStatuses)[number]
export const clusterNodeStates = ["synced", "donor", "joining", "closed", "destroyed"] as const
export type ClusterNodeState = (typeof clusterNodeStates)[number]

/** `acknowledged`: a success with at least one row, affected or returned. `refused`: an error, or no row. `unknown`: no answer. */
export const streamOutcomes = ["acknowledged", "refused", "unknown"] as const
export type StreamOutcome = (typeof streamOutcomes)[number]

/** What is counted; see docs/SCENARIOS.md for the exact meaning of each. */
export const countables = [
  "moves",
  "acknowledged",
  "refused",
  "unknown",
  "lost",
  "rollbacks",
  "leaderChanges",
  "operationsCompleted",
  "operationsFailed",
  "stepsDone",
  "bytesMoved",
  "copies",
  "leftovers",
] as const
export type Countable = (typeof countables)[number]
/** The countables that may be asked for one table. */
export const countablesByTable: ReadonlyArray<Countable> = ["acknowledged", "refused", "unknown", "lost", "copies"]

/** Both bounds are included; null: none. `is: N` is N on both sides. */
export interface Bounds {
  readonly atLeast: number | null
  readonly atMost: number | null
}

/** Whether a number lies within bounds. */
export const within = (bounds: Bounds, value: number): boolean =>
  (bounds.atLeast === null || value >= bounds.atLeast) && (bounds.atMost === null || value <= bounds.atMost)
