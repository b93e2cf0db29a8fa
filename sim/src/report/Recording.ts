/**
 * What a run shows, as plain data. Times are virtual milliseconds since the cluster and its tables were ready. What lasts
 * is a list of stretches: each holds from its own time until that of the next one with the same key.
 */
import type { ExpectationResult, Happening, RunStats, ScenarioResult, Violation } from "../run/ScenarioResult.ts"

/** A state that begins at this time. */
export interface Change<State> {
  readonly atMs: number
  readonly state: State
}

/** What a node shows. */
export interface NodeRecording {
  readonly name: string
  /** `up`, `starting`, `paused`, `stopped`, `killed`, `crashed` */
  readonly daemon: ReadonlyArray<Change<string>>
  /** Whether its agent runs. */
  readonly agent: ReadonlyArray<Change<boolean>>
  /** Whether a fault of the network keeps it from others. */
  readonly cut: ReadonlyArray<Change<boolean>>
}

/** A replication cluster as a node sees it: `primary synced 3`, or empty once it has left. */
export interface MembershipRecording {
  readonly node: string
  readonly cluster: string
  readonly changes: ReadonlyArray<Change<string>>
}

export interface StepRecording {
  readonly index: number
  readonly kind: string
  /** What it is about: a group, a shard, a table. */
  readonly about: string
  /** Null: the leader. */
  readonly node: string | null
  readonly dependsOn: ReadonlyArray<number>
  readonly undoes: number | null
  /** `pending`, `processing`, `done`, `failed`, `undone`, `cancelled` */
  readonly status: ReadonlyArray<Change<string>>
  readonly error: string | null
}

export interface OperationRecording {
  readonly id: string
  readonly kind: string
  readonly table: string | null
  readonly reason: string
  /** As in its record, and `undoing`. */
  readonly status: ReadonlyArray<Change<string>>
  readonly steps: ReadonlyArray<StepRecording>
}

/** The copies of a shard: who is in sync, and who is to be a member. RF 0: its table is not ready. */
export interface ShardRecording {
  readonly table: string
  readonly shard: number
  readonly changes: ReadonlyArray<
    Change<{ readonly inSync: ReadonlyArray<string>; readonly members: ReadonlyArray<string>; readonly rf: number }>
  >
}

/** A fault that was carried out; `toMs` null: it has no end of its own. */
export interface FaultRecording {
  readonly atMs: number
  readonly toMs: number | null
  readonly nodes: ReadonlyArray<string>
  readonly text: string
}

/** Writes of all clients in one second. */
export interface WriteSample {
  readonly atMs: number
  readonly acknowledged: number
  readonly refused: number
  readonly unknown: number
  /** Milliseconds; null where nothing was acknowledged. */
  readonly p50: number | null
  readonly p99: number | null
}

/** A statement of an agent: when, how long, from whom, to whom, and numbers of two texts: statement and answer. */
export type Call = readonly [atMs: number, tookMs: number, from: string, to: string, sql: number, answer: number]

/** All that a page shows. */
export interface Recording {
  readonly result: Pick<
    ScenarioResult,
    "name" | "file" | "seed" | "passed" | "class" | "virtualMs" | "events" | "commands" | "traceHash"
  >
  readonly about: string
  readonly repro: string
  readonly stats: RunStats
  readonly violations: ReadonlyArray<Violation>
  readonly expectations: ReadonlyArray<ExpectationResult>
  readonly nodes: ReadonlyArray<NodeRecording>
  readonly memberships: ReadonlyArray<MembershipRecording>
  readonly leaders: ReadonlyArray<Change<{ readonly node: string; readonly term: number }>>
  readonly operations: ReadonlyArray<OperationRecording>
  readonly shards: ReadonlyArray<ShardRecording>
  readonly faults: ReadonlyArray<FaultRecording>
  readonly writes: ReadonlyArray<WriteSample>
  readonly happenings: ReadonlyArray<Happening>
  /** Texts of calls, each once. */
  readonly texts: ReadonlyArray<string>
  readonly calls: ReadonlyArray<Call>
  /** Calls that were left out because there were too many. */
  readonly callsLeftOut: number
}
