/**
 * A scenario as the simulator runs it: which cluster, which tables, who writes, what goes wrong at which moment, and
 * what must hold. Everything here is decoded and complete: lengths of time are `Duration`s, defaults are filled in,
 * and each kind of act, moment and condition has a `_tag`. Where nothing is said, the value is `null`.
 *
 * How a scenario is written in YAML is in `ScenarioSource`; files with their positions are in `ScenarioFile`.
 */
import type { EngineConfig } from "@shardwright/core/EngineConfig"
import type { OperationKind, OperationStatus } from "@shardwright/core/State"
import type { StepKind } from "@shardwright/core/step/Step"
import type * as Duration from "effect/Duration"

/** One scenario. */
export interface Scenario {
  /** Version of the language. */
  readonly version: 1
  /** Unique, kebab case. */
  readonly name: string
  /** One sentence: what happens, and what is to come of it. */
  readonly about: string
  /** Ids of the failure catalogue, as written. */
  readonly covers: ReadonlyArray<string>
  /** The seed that is used when none is asked for. */
  readonly seed: number
  /** `none`: daemons and nothing else, for what operators do by hand. */
  readonly engine: EngineKind
  readonly cluster: ClusterSpec
  /** What differs from the engine's defaults. */
  readonly settings: Settings
  /** Made through the engine before time zero, without faults. */
  readonly tables: ReadonlyArray<TableSpec>
  readonly workloads: ReadonlyArray<Workload>
  /** In the order of the file; at one and the same instant that is also the order of execution. */
  readonly timeline: ReadonlyArray<TimelineEntry>
  readonly expect: Expectations
  /** After the timeline and the workloads: faults are healed, then this long at most until nothing more happens. */
  readonly quiesce: Duration.Duration
  /** Upper bound of virtual time, counted from time zero. A scenario that needs longer fails for liveness. */
  readonly until: Duration.Duration
}

/** Who looks after the cluster: the engine, with its agents and records, or nobody. */
export const engineKinds = ["shardwright", "none"] as const
export type EngineKind = (typeof engineKinds)[number]

export interface ClusterSpec {
  /** Name of the coordination cluster. */
  readonly coordination: string
  /** The nodes of the cluster from the beginning. */
  readonly nodes: ReadonlyArray<NodeDeclaration>
  /** Further nodes: daemon and agent run, but they are not part of the cluster until `addNode`. */
  readonly spares: ReadonlyArray<NodeDeclaration>
  /** Worker threads of each daemon; null: as many as the world gives it. */
  readonly threads: number | null
}

export interface NodeDeclaration {
  readonly name: string
  readonly zone: string | null
  readonly weight: number
}

/**
 * Overrides of the engine's configuration, named as there; a key that the scenario does not set is absent, so that
 * `{ ...defaults, ...settings }` is the configuration.
 */
export type Settings = Partial<Omit<EngineConfig, "coordination">>

export interface TableSpec {
  readonly name: string
  readonly shards: number
  readonly rf: number
  /** Columns as in CREATE TABLE: `title text, v bigint`. */
  readonly structure: string
}

/** Clients that write through the wrapper of one table and remember what was acknowledged. */
export interface Workload {
  readonly table: string
  readonly writers: number
  /** Pause of each writer between an answer and its next statement. */
  readonly every: Duration.Duration
  readonly from: Duration.Duration
  /** Null: until the timeline has ended. */
  readonly until: Duration.Duration | null
  /** Relative weights; at least one is above zero. */
  readonly mix: WriteMix
  /** Rows of one statement. */
  readonly rows: number
  /** How long a client waits for an answer; after that the outcome is unknown. */
  readonly timeout: Duration.Duration
  /** Nodes that the clients connect to, in turns; null: every node of the cluster that is up. */
  readonly through: ReadonlyArray<NodeSelector> | null
  /** Clients that read what was acknowledged; null: none. */
  readonly reads: ReadWorkload | null
}

export interface WriteMix {
  readonly insert: number
  readonly replace: number
  readonly update: number
  readonly delete: number
}

export interface ReadWorkload {
  readonly readers: number
  readonly every: Duration.Duration
}

/**
 * Name of a node, or one of `selectorWords`, which are looked up when the act happens: `leader` is the node whose agent
 * holds the lease, `victim` the node that was last killed, stopped or paused.
 */
export type NodeSelector = string
/** The selectors that are not names; no node may be called so. */
export const selectorWords: ReadonlyArray<NodeSelector> = ["leader", "victim"]

export interface TimelineEntry {
  readonly when: Trigger
  readonly act: Act
}

/** When an entry of the timeline comes due. An entry that never does fails the scenario. */
export type Trigger =
  /** That long after the cluster and its tables were ready. */
  | { readonly _tag: "At"; readonly at: Duration.Duration }
  /** `plus` after the `count`th sighting, counted from time zero. */
  | { readonly _tag: "After"; readonly sighting: Sighting; readonly count: number; readonly plus: Duration.Duration }

/** Something that the engine says about itself in its journal; a null matches anything. */
export type Sighting =
  | {
      readonly _tag: "StepSeen"
      readonly step: StepKind
      readonly is: StepMoment
      readonly node: NodeSelector | null
      readonly undo: boolean | null
    }
  | {
      readonly _tag: "OperationSeen"
      readonly operation: OperationKind | "any"
      readonly is: OperationMoment
      readonly node: NodeSelector | null
    }
  | { readonly _tag: "LeaderSeen"; readonly leader: LeaderMoment; readonly node: NodeSelector | null }
  | { readonly _tag: "FindingSeen"; readonly finding: string; readonly node: NodeSelector | null }

/** What can be seen of a step. */
export const stepMoments = ["started", "retry", "done", "failed", "undone", "cancelled"] as const
export type StepMoment = (typeof stepMoments)[number]
/** What can be seen of an operation. */
export type OperationMoment = OperationStatus | "rolling-back"
/** What can be seen of the lease. */
export const leaderMoments = ["acquired", "lost", "released"] as const
export type LeaderMoment = (typeof leaderMoments)[number]

/** What of a node: the daemon, the agent beside it, or the host with both. */
export const parts = ["host", "daemon", "agent"] as const
export type Part = (typeof parts)[number]

/** Flags of the daemon's command line. */
export const startFlags = ["new-cluster", "new-cluster-force"] as const
export type StartFlag = (typeof startFlags)[number]

/** What an entry of the timeline does. */
export type Act =
  /** SIGKILL. */
  | { readonly _tag: "Kill"; readonly node: NodeSelector; readonly what: Part }
  /** SIGTERM: a clean stop. */
  | { readonly _tag: "Stop"; readonly node: NodeSelector; readonly what: Part }
  /** Starts what was killed or stopped; what still runs is killed first. */
  | { readonly _tag: "Restart"; readonly node: NodeSelector; readonly what: Part; readonly flag: StartFlag | null }
  /** SIGSTOP. */
  | { readonly _tag: "Pause"; readonly node: NodeSelector; readonly what: Part }
  /** SIGCONT. */
  | { readonly _tag: "Resume"; readonly node: NodeSelector; readonly what: Part }
  /** Nodes of different groups do not see each other. Nodes in no group form one more: see `partitionGroups`. */
  | { readonly _tag: "Partition"; readonly groups: ReadonlyArray<ReadonlyArray<NodeSelector>> }
  /** Packets from one node to another are dropped, both ways if `symmetric`. */
  | { readonly _tag: "Cut"; readonly from: NodeSelector; readonly to: NodeSelector; readonly symmetric: boolean }
  /** `network`: partitions and cuts end; `slow`: statements are as fast as ever; `all`: both. */
  | { readonly _tag: "Heal"; readonly what: "all" | "network" | "slow" }
  /** Statements that contain the text (upper or lower case) take longer. Null: on every node; without limit. */
  | {
      readonly _tag: "Slow"
      readonly node: NodeSelector | null
      readonly statement: string
      readonly by: Duration.Duration
      readonly times: number | null
    }
  | { readonly _tag: "Create"; readonly table: TableSpec }
  | { readonly _tag: "Drop"; readonly table: string }
  | { readonly _tag: "AddNode"; readonly node: string }
  /** Null: all tables. */
  | { readonly _tag: "Rebalance"; readonly table: string | null }
  | { readonly _tag: "Drain"; readonly node: NodeSelector }
  /** A directory is made beside the data of a node, for the files of one more replication cluster. */
  | { readonly _tag: "Mkdir"; readonly node: NodeSelector; readonly directory: string }
  /** Rows with the ids `from` to `to` are inserted, `batch` in a statement. */
  | {
      readonly _tag: "Fill"
      readonly node: NodeSelector
      readonly table: string
      readonly from: number
      readonly to: number
      readonly batch: number
    }
  /** A client begins to write, from now until its end. */
  | { readonly _tag: "Stream"; readonly stream: StreamSpec }
  /** Statements sent to a node, one after another, by somebody who does not ask the engine. */
  | {
      readonly _tag: "Sql"
      readonly node: NodeSelector
      /** Statements on connections of one name are sent in their order. Null: the connection that each node has. */
      readonly connection: string | null
      readonly statements: ReadonlyArray<string>
      readonly timeout: Duration.Duration
      /** What each of them is to answer. */
      readonly expect: SqlExpectation | null
    }
  /** Looks once, at this moment; the scenario fails if the condition does not hold. */
  | { readonly _tag: "Check"; readonly condition: Condition }

/**
 * A client of one node that sends a statement again and again and remembers what became of each row. In the statement
 * `{id}` is a new number each time, `{round}` the number of the beat.
 */
export interface StreamSpec {
  readonly name: string
  readonly node: NodeSelector
  /** The table that the rows go to, by which conditions look for them. */
  readonly table: string
  readonly statement: string
  /** At each beat, each connection that waits for nothing sends a statement. */
  readonly every: Duration.Duration
  readonly connections: number
  /** Counted from time zero. */
  readonly until: Duration.Duration
  /** The first id. */
  readonly from: number
  readonly timeout: Duration.Duration
}

/** What a statement of the `Sql` act is to answer, and how long that may take. Null: anything. */
export interface SqlExpectation {
  readonly answer: SqlAnswer | null
  readonly takes: Lasting | null
}

/** Both ends are included; null: none. */
export interface Lasting {
  readonly atLeast: Duration.Duration | null
  readonly atMost: Duration.Duration | null
}

export type SqlCell = string | number | null

export type SqlAnswer =
  | { readonly _tag: "Ok" }
  /** An error whose text contains `containing`, is `message`, has this number; null: any. */
  | {
      readonly _tag: "Error"
      readonly containing: string | null
      readonly message: string | null
      readonly errno: number | null
    }
  /** Nothing came back in time. */
  | { readonly _tag: "NoAnswer" }
  /** The connection was refused or broke. */
  | { readonly _tag: "Disconnected" }
  | { readonly _tag: "Affected"; readonly rows: number }
  /** So many rows. */
  | { readonly _tag: "RowCount"; readonly rows: number }
  /** Exactly these rows in this order, compared as text. */
  | { readonly _tag: "Rows"; readonly rows: ReadonlyArray<ReadonlyArray<SqlCell>> }

export interface Expectations {
  /** Name of the checker that must fail; the scenario passes only then. */
  readonly violation: string | null
  readonly eventually: ReadonlyArray<Eventually>
  readonly always: ReadonlyArray<Always>
  /** Looked at when nothing happens any more. */
  readonly final: ReadonlyArray<Condition>
  /** Each must be seen at least once. */
  readonly sometimes: ReadonlyArray<Seen>
  /** None may be seen. */
  readonly never: ReadonlyArray<Seen>
}

/** Becomes true by itself, no later than `within` after `from`. Null: after the timeline and the workloads have ended. */
export interface Eventually {
  readonly condition: Condition
  readonly within: Duration.Duration
  readonly from: Duration.Duration | null
}

/** Holds all the time from `from` to `until`. Null: to the end of the run. */
export interface Always {
  readonly condition: Condition
  readonly from: Duration.Duration
  readonly until: Duration.Duration | null
}

/** Something to be seen during the run: a word of the engine, or a condition that holds for a moment. */
export type Seen = Sighting | Condition

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

/** All nodes of a scenario, spares last. */
export const allNodes = (scenario: Scenario): ReadonlyArray<NodeDeclaration> => [
  ...scenario.cluster.nodes,
  ...scenario.cluster.spares,
]

/**
 * The groups of a partition with every node in exactly one. `resolve` finds the node that a selector word means now, or
 * null. Such a node leaves the group that has its name; the nodes that nobody names form one more group.
 */
export const partitionGroups = (
  groups: ReadonlyArray<ReadonlyArray<NodeSelector>>,
  nodes: ReadonlyArray<string>,
  resolve: (word: NodeSelector) => string | null,
): ReadonlyArray<ReadonlyArray<string>> => {
  const groupOf = new Map<string, number>()
  for (const byName of [true, false]) {
    for (const [index, group] of groups.entries()) {
      for (const selector of group.filter((it) => selectorWords.includes(it) !== byName)) {
        const node = byName ? selector : resolve(selector)
        if (node !== null) groupOf.set(node, index)
      }
    }
  }
  return [...groups.keys(), groups.length]
    .map((index) => nodes.filter((node) => (groupOf.get(node) ?? groups.length) === index))
    .filter((group) => group.length > 0)
}
