/**
 * A scenario as the simulator runs it: which cluster, which tables, who writes, what goes wrong at which moment, and
 * what must hold. Everything here is decoded and complete: lengths of time are `Duration`s, defaults are filled in,
 * and each kind of act, moment and condition has a `_tag`. Where nothing is said, the value is `null`.
 *
 * How a scenario is written in YAML is in `ScenarioSource`; files with their positions are in `ScenarioFile`.
 */
import type { EngineConfig } from "@shardwright/core/EngineConfig"
import type { Mutation } from "@shardwright/core/Mutation"
import type { OperationKind, OperationStatus, PlacementPolicy } from "@shardwright/core/State"
import type { StepKind } from "@shardwright/core/step/Step"
import type * as Duration from "effect/Duration"
import type { Condition } from "./Condition.ts"
import { type Course, type Fault, type NodeSelector, selectorWords, type Span } from "./Fault.ts"

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
  /** Safety mechanisms of the engine that are switched off, to show what they are for. */
  readonly without: ReadonlyArray<Mutation>
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
  /** Daemons are started by the runners beside them (safety rule 14). False: by whoever starts them, as they are. */
  readonly gate: boolean
}

export interface NodeDeclaration {
  readonly name: string
  readonly zone: string | null
  readonly weight: number
  /** The most shard replicas that it may carry; absent: as many as there are. */
  readonly capacity?: number
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
  /** Absent: `balanced`. */
  readonly placement?: PlacementPolicy
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

export interface TimelineEntry {
  readonly when: Trigger
  readonly act: Act
  /** What is left to chance; null where nothing is, and for acts that are no faults. */
  readonly course: Course | null
}

/** When an entry of the timeline comes due. An entry that never does fails the scenario. */
export type Trigger =
  /** That long after the cluster and its tables were ready. */
  | { readonly _tag: "At"; readonly at: Duration.Duration }
  /** Drawn from the seed, both ends included. */
  | { readonly _tag: "Between"; readonly span: Span }
  /** `plus` after the `count`th sighting, counted from time zero. */
  | {
      readonly _tag: "After"
      readonly sighting: Sighting
      readonly count: number
      readonly plus: Duration.Duration
      /** From time zero; then it comes due without a sighting. Absent: never. */
      readonly atLatest?: Duration.Duration
    }

/** Something that the engine says about itself in its journal, or that daemons do; a null matches anything. */
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
  /** A state transfer between two nodes; `node` is the donor or the joiner. */
  | {
      readonly _tag: "TransferSeen"
      readonly transfer: TransferMoment
      readonly what: TransferKind | null
      readonly outcome: TransferOutcome | null
      readonly cluster: string | null
      readonly node: NodeSelector | null
    }

/** What can be seen of a step. */
export const stepMoments = ["started", "retry", "done", "failed", "undone", "cancelled"] as const
export type StepMoment = (typeof stepMoments)[number]
/** What can be seen of an operation. */
export type OperationMoment = OperationStatus | "rolling-back"
/** What can be seen of the lease. */
export const leaderMoments = ["acquired", "lost", "released"] as const
export type LeaderMoment = (typeof leaderMoments)[number]

/** What can be seen of a state transfer: when, of what, and how it ended. */
export const transferMoments = ["started", "ended"] as const
export type TransferMoment = (typeof transferMoments)[number]
export const transferKinds = ["all-tables", "missed-writes"] as const
export type TransferKind = (typeof transferKinds)[number]
export const transferOutcomes = ["synced", "failed", "broken-off"] as const
export type TransferOutcome = (typeof transferOutcomes)[number]

/** What can be asked of operations. */
export const controls = ["pause", "resume", "stop", "stop-now", "approve", "withdraw"] as const
export type Control = (typeof controls)[number]
/** What may be asked of the engine, besides what has an act of its own. */
export const askedWishes = [
  "pause",
  "resume",
  "stop",
  "stop-now",
  "approve",
  "reset",
  "start-again",
  "adopt",
  "rebalance",
  "drop",
] as const
export type AskedWish = (typeof askedWishes)[number]

/** Something is asked of the engine, and its answer is looked at in the end. */
export interface Ask {
  readonly _tag: "Ask"
  readonly wish: AskedWish
  /** An operation or a table that it works on; a table, or all of them for `rebalance`. */
  readonly of: string
  readonly reason: string
  /** The plan waits to be approved. */
  readonly approval: boolean
  /** Only asked what would be done. */
  readonly dryRun: boolean
  readonly answer: { readonly is: "done" | "refused" | null; readonly containing: string | null } | null
}

/** What an entry of the timeline does. */
export type Act =
  | Fault
  | { readonly _tag: "Create"; readonly table: TableSpec }
  | { readonly _tag: "Drop"; readonly table: string }
  | { readonly _tag: "AddNode"; readonly node: string }
  /** Null: all tables. */
  | { readonly _tag: "Rebalance"; readonly table: string | null }
  | { readonly _tag: "Drain"; readonly node: NodeSelector }
  /** Takes a drain back. */
  | { readonly _tag: "Undrain"; readonly node: NodeSelector }
  /** `table` null: every operation that it can be asked of at that moment. */
  | { readonly _tag: "Control"; readonly ask: Control; readonly table: string | null }
  | { readonly _tag: "SetRf"; readonly tables: ReadonlyArray<string>; readonly rf: number; readonly approval: boolean }
  /** The group that carries the shard at that moment. */
  | { readonly _tag: "Split"; readonly table: string; readonly shard: number }
  | { readonly _tag: "Adopt"; readonly tables: ReadonlyArray<string> }
  | { readonly _tag: "Maintain"; readonly node: NodeSelector }
  | { readonly _tag: "Forget"; readonly node: NodeSelector }
  /** The word that whoever is not heard of is gone: the coordination cluster goes on from this node. */
  | { readonly _tag: "Recover"; readonly node: NodeSelector }
  | { readonly _tag: "Promote"; readonly node: NodeSelector; readonly group: string }
  | { readonly _tag: "Reunite"; readonly node: NodeSelector; readonly group: string }
  | { readonly _tag: "Replace"; readonly node: NodeSelector; readonly by: string }
  | Ask
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
  /** Figures of the whole run. */
  readonly thresholds: ReadonlyArray<Threshold>
}

/** A figure that is measured over the run, and what it must be at most, at least or exactly. */
export interface Threshold {
  readonly measure: Measure
  readonly is: Comparison
  /** Milliseconds for times, else a number. */
  readonly value: number
}

export const comparisons = ["<=", "<", ">=", ">", "="] as const
export type Comparison = (typeof comparisons)[number]

/** Measures that are lengths of time. */
export const timeMeasures = [
  "writeLatencyP50",
  "writeLatencyP99",
  "writeLatencyMax",
  "unavailableFor",
  "duration",
] as const
/** Measures that are counts. */
export const countMeasures = [
  "acknowledgedWrites",
  "refusedWrites",
  "unknownWrites",
  "moves",
  "bytesMoved",
  "rollbacks",
  "leaderChanges",
  "operationsCompleted",
  "operationsFailed",
  "stepsDone",
  "commands",
] as const
export type Measure = (typeof timeMeasures)[number] | (typeof countMeasures)[number]

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
