/**
 * The records that the engine keeps in the system tables, and their keys. Each is one row under one key, changed only
 * by compare-and-set on its version. What a record says is the truth that agents act on; what daemons show is
 * observed anew each time and never stored as truth.
 */
import * as Schema from "effect/Schema"
import { WaitCode } from "./operation/WaitCode.ts"
import { Step } from "./step/Step.ts"

/** What an operator wants of a node. */
export const NodeState = Schema.Literals(["active", "draining", "maintenance"])
export type NodeState = typeof NodeState.Type

const RegisteredNode = Schema.Struct({
  state: NodeState,
  zone: Schema.NullOr(Schema.String),
  weight: Schema.Number,
  /** The most shard replicas that it may carry. Absent: no limit. */
  capacity: Schema.optionalKey(Schema.Int),
  /**
   * Declared dead when the coordination cluster was recovered without it: it counts for no majority and does nothing until
   * it has joined again.
   */
  fenced: Schema.optionalKey(Schema.Boolean),
})

/** The registered nodes, by address. The epoch grows with every change. */
export const Registry = Schema.Struct({
  epoch: Schema.Int,
  nodes: Schema.Record(Schema.String, RegisteredNode),
})
export type Registry = typeof Registry.Type

/** Who may plan. `term` grows with every change of holder and fences all that the holder writes. */
export const Lease = Schema.Struct({
  holder: Schema.String,
  incarnation: Schema.String,
  term: Schema.Int,
  durationMs: Schema.Int,
  released: Schema.Boolean,
})
export type Lease = typeof Lease.Type

/** The one restart that may be under way in the cluster (safety rule 14). */
export const RestartToken = Schema.Struct({ holder: Schema.NullOr(Schema.String), why: Schema.String })
export type RestartToken = typeof RestartToken.Type

/** Nodes that leave replication clusters now, with the members that each has to tell; see `leavingLock`. */
export const LeavingLock = Schema.Struct({
  held: Schema.Array(
    Schema.Struct({ node: Schema.String, group: Schema.String, members: Schema.Array(Schema.String) }),
  ),
})
export type LeavingLock = typeof LeavingLock.Type

/** Tables that a node holds and of which a DROP got no answer: it may still take effect; see `dropOnce`. */
export const UnansweredDrops = Schema.Struct({ tables: Schema.Array(Schema.String) })
export type UnansweredDrops = typeof UnansweredDrops.Type

/** What a node found amiss with shards that it is to hold, by physical name; see `tendInspection`. */
export const Inspection = Schema.Struct({
  amiss: Schema.Record(
    Schema.String,
    Schema.Struct({ what: Schema.Literals(["missing", "altered"]), detail: Schema.String }),
  ),
})
export type Inspection = typeof Inspection.Type

/** A sign of life; its row's version grows with every beat and serves as the node's barrier. */
export const Heartbeat = Schema.Struct({ incarnation: Schema.String })
export type Heartbeat = typeof Heartbeat.Type

/** A replication cluster as one node sees it. */
export const ObservedGroup = Schema.Struct({
  status: Schema.String,
  nodeState: Schema.String,
  size: Schema.Int,
  /** Number of the primary view, which grows with each change of members; -1 without primary. */
  viewNumber: Schema.Int,
  /** Addresses of the members in view, sorted; without primary, those of the last view that was. */
  members: Schema.Array(Schema.String),
  /** Addresses in the node's own list of peers, sorted. */
  nodesSet: Schema.Array(Schema.String),
  tables: Schema.Array(Schema.String),
  /** Why the daemon does not try any more to get into the group; only while that is so (semantics 1). */
  lastError: Schema.optionalKey(Schema.String),
  /** How far a copy has come that is being sent or received; changes as long as it moves. */
  transfer: Schema.optionalKey(Schema.String),
})
export type ObservedGroup = typeof ObservedGroup.Type

/** What a node last saw of itself; written when it changes. */
export const Observation = Schema.Struct({
  /** True if the daemon is started by the runner beside it (safety rule 14). */
  gated: Schema.optionalKey(Schema.Boolean),
  /** Clusters whose copies there went through a crash and have not been compared with others since. */
  unproven: Schema.optionalKey(Schema.Array(Schema.String)),
  groups: Schema.Record(Schema.String, ObservedGroup),
})
export type Observation = typeof Observation.Type

/** One shard and where its replicas live. `group` is null for RF 1. */
export const ShardPlacement = Schema.Struct({
  shard: Schema.Int,
  physical: Schema.String,
  group: Schema.NullOr(Schema.String),
  nodes: Schema.Array(Schema.String),
})
export type ShardPlacement = typeof ShardPlacement.Type

/** `balanced`: by the engine's own rules; `buddy`: the initial layout of the existing orchestrator, bit for bit. */
export const PlacementPolicy = Schema.Literals(["balanced", "buddy"])
export type PlacementPolicy = typeof PlacementPolicy.Type

export const TableStatus = Schema.Literals(["creating", "ready", "dropping", "dropped", "failed"])
export type TableStatus = typeof TableStatus.Type

/** Root row of a sharded table. `operation` names the live operation that holds it. */
export const Table = Schema.Struct({
  name: Schema.String,
  structure: Schema.String,
  options: Schema.Record(Schema.String, Schema.String),
  shards: Schema.Int,
  /** Copies of each shard, as asked for; never inferred from what is there. */
  rf: Schema.Int,
  /** How its shards were placed when it was made. Absent: `balanced`. */
  placement: Schema.optionalKey(PlacementPolicy),
  /** Grows each time a table of this name is made anew; part of the physical names. */
  generation: Schema.Int,
  status: TableStatus,
  /** The committed layout: what the wrappers show. */
  layout: Schema.Array(ShardPlacement),
  /** What every node's wrapper must show: mirrors per shard. Null: no wrapper. Version 0: never published. */
  wrapper: Schema.Struct({
    version: Schema.Int,
    mirrors: Schema.NullOr(Schema.Array(Schema.Array(Schema.String))),
  }),
  operation: Schema.NullOr(Schema.String),
})
export type Table = typeof Table.Type

/** Which shard of which table a group carries. */
export const GroupShard = Schema.Struct({ table: Schema.String, shard: Schema.Int, physical: Schema.String })
export type GroupShard = typeof GroupShard.Type

/** `dissolved` is a tombstone: whoever still has a cluster of that name may get rid of it. */
export const GroupStatus = Schema.Literals(["forming", "live", "temporary", "dissolved"])

/** A replica group. `inSync` are the members verified for every table of the group (safety rule 5). */
export const Group = Schema.Struct({
  name: Schema.String,
  rf: Schema.Int,
  status: GroupStatus,
  /** Who shall be a member, those who still join included. */
  members: Schema.Array(Schema.String),
  inSync: Schema.Array(Schema.String),
  /** Members that died, were given up, and have not been seen to leave: they may come back and walk in. */
  exiled: Schema.Array(Schema.String),
  /**
   * Those who leave or are exiled and may hold another history of the group: they were left out by an operator's word.
   * They never come back as they are: their copies are compared, reported and dropped.
   */
  estranged: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Who shall leave: copies of these nodes count for nothing, and are dropped in the end. */
  leaving: Schema.Array(Schema.String),
  /** The members of the last primary component that the engine has seen. */
  lastPrimary: Schema.Array(Schema.String),
  shards: Schema.Array(GroupShard),
  /**
   * Where the copies are that the group starts from, while its shards are not attached to it yet: tables of their own on
   * `node`, or shards of `group` that are still to be detached there. Whoever is the origin is in sync once they are
   * attached. Of shards that come from a group the other old members keep their copies until a second member of this one
   * is verified; they are as good as long as the wrappers have the versions that they had: nothing was written since.
   */
  origin: Schema.optionalKey(
    Schema.Struct({
      node: Schema.String,
      group: Schema.NullOr(Schema.String),
      attached: Schema.optionalKey(Schema.Boolean),
      versions: Schema.optionalKey(Schema.Record(Schema.String, Schema.Int)),
    }),
  ),
  epoch: Schema.Int,
  operation: Schema.NullOr(Schema.String),
})
export type Group = typeof Group.Type

export const OperationKind = Schema.Literals([
  "create",
  "drop",
  "rebalance",
  "repair",
  "set-rf",
  "split",
  "replace",
  "adopt",
])
export type OperationKind = typeof OperationKind.Type

export const OperationStatus = Schema.Literals([
  "idle",
  "awaiting_approval",
  "queued",
  "running",
  "paused",
  "stopping",
  "stopped",
  "completed",
  "failed",
  "critical_failure",
])
export type OperationStatus = typeof OperationStatus.Type

/** One change of an operation's status. The time is the writer's wall clock: for people, never compared. */
export const StatusChange = Schema.Struct({
  status: OperationStatus,
  atMs: Schema.Number,
  /** Who asked for it: an operator, or the engine on a node. */
  by: Schema.String,
  why: Schema.String,
})
export type StatusChange = typeof StatusChange.Type

/** Root row of an operation; it is live from the compare-and-set that makes it `running`. */
export const Operation = Schema.Struct({
  id: Schema.String,
  kind: OperationKind,
  table: Schema.NullOr(Schema.String),
  /** Written by `operation/transitions` alone. */
  status: OperationStatus,
  /** Term of the leader that answers for it; a new leader adopts it by writing its own. */
  term: Schema.Int,
  /** How it is being stopped: `now` does not wait for steps that have begun, `asked` is an operator's wish. */
  stop: Schema.NullOr(Schema.Struct({ now: Schema.Boolean, asked: Schema.Boolean })),
  /** True once its steps are being undone. */
  undoing: Schema.Boolean,
  /** Index of its first undo step, from the moment when all of them are written; null before. */
  undoFrom: Schema.NullOr(Schema.Int),
  /** Steps of the plan, and undo steps once all of them are written. */
  steps: Schema.Int,
  tables: Schema.Array(Schema.String),
  groups: Schema.Array(Schema.String),
  request: Schema.NullOr(Schema.String),
  /** What the plan does, in one sentence. */
  reason: Schema.String,
  /** What carrying it out takes, as far as sizes were known when it was planned. */
  cost: Schema.optionalKey(
    Schema.Struct({
      steps: Schema.Int,
      replicas: Schema.Int,
      rows: Schema.NullOr(Schema.Number),
      bytes: Schema.NullOr(Schema.Number),
      criticalPath: Schema.Int,
    }),
  ),
  /** Why each thing changes; of a long list the beginning. */
  explanation: Schema.optionalKey(Schema.Array(Schema.String)),
  /** What a wish has changed beside groups, as it was before: taken back with them when the operation is stopped. */
  before: Schema.optionalKey(
    Schema.Struct({
      /** Copies that tables asked for. */
      rf: Schema.Record(Schema.String, Schema.Int),
      /** What an operator wanted of nodes. */
      nodes: Schema.Record(Schema.String, NodeState),
    }),
  ),
  /** Digest of the plan, by which an approval finds out whether it would be planned in the same way again. */
  digest: Schema.String,
  /** Every change of its status, oldest first; of a long history the oldest changes but the first are left out. */
  history: Schema.Array(StatusChange),
  error: Schema.NullOr(Schema.String),
  /** What a rollback that failed has left to be done by hand. */
  left: Schema.Array(Schema.String),
})
export type Operation = typeof Operation.Type

/** An operation that has ended, for listings. `held`: an operator stopped it, and nothing goes on with it by itself. */
export const FinishedOperation = Schema.Struct({
  id: Schema.String,
  kind: OperationKind,
  table: Schema.NullOr(Schema.String),
  tables: Schema.Array(Schema.String),
  status: OperationStatus,
  reason: Schema.String,
  atMs: Schema.Number,
  by: Schema.String,
  held: Schema.Boolean,
})
export type FinishedOperation = typeof FinishedOperation.Type

/** The operations that ended last, oldest first. Their own rows stay; this names them. */
export const Finished = Schema.Struct({ operations: Schema.Array(FinishedOperation) })
export type Finished = typeof Finished.Type

/** Statuses in which an operation is carried on. */
export const isLive = (operation: Operation): boolean =>
  operation.status === "running" || operation.status === "stopping" || operation.status === "paused"

export const StepStatus = Schema.Literals(["pending", "processing", "done", "failed", "undone", "cancelled"])
export type StepStatus = typeof StepStatus.Type

/** What a step has been waiting for: it is written once that has lasted for some seconds. */
export const StepWaiting = Schema.Struct({ code: WaitCode, detail: Schema.String, sinceMs: Schema.Number })
export type StepWaiting = typeof StepWaiting.Type

/** One step of an operation, with who works on it. Undo steps are steps as well, with `undoes` set. */
export const StepRow = Schema.Struct({
  operation: Schema.String,
  index: Schema.Int,
  /** Address of the node that executes it, or null for the leader. */
  node: Schema.NullOr(Schema.String),
  step: Step,
  dependsOn: Schema.Array(Schema.Int),
  status: StepStatus,
  tries: Schema.Int,
  /** Incarnation of the agent that claimed it. */
  claimedBy: Schema.NullOr(Schema.String),
  undoes: Schema.NullOr(Schema.Int),
  error: Schema.NullOr(Schema.String),
  /** Absent or null: it waits for nothing. */
  waiting: Schema.optionalKey(Schema.NullOr(StepWaiting)),
  /** Rows that it copied, once it is done. */
  rows: Schema.optionalKey(Schema.Int),
  /** What it has to copy or to read, as its plan had it. Absent: nothing, or not known. */
  expects: Schema.optionalKey(Schema.Struct({ rows: Schema.Number, bytes: Schema.Number })),
})
export type StepRow = typeof StepRow.Type

/** Statuses in which a step is still to be done, or being done. */
export const isOpen = (row: StepRow): boolean => row.status === "pending" || row.status === "processing"

/** A wish from outside; the leader plans it. */
export const Request = Schema.Struct({
  id: Schema.String,
  /** Who asks, and why: for the history. */
  by: Schema.String,
  reason: Schema.String,
  /** The plan is drafted, and waits for `Approve`. */
  approval: Schema.Boolean,
  wish: Schema.Union([
    Schema.TaggedStruct("CreateTable", {
      table: Schema.String,
      structure: Schema.String,
      options: Schema.Record(Schema.String, Schema.String),
      shards: Schema.Int,
      rf: Schema.Int,
      placement: Schema.optionalKey(PlacementPolicy),
    }),
    Schema.TaggedStruct("DropTable", { table: Schema.String }),
    // What is asked of an operation that is there: `operation` is its id, or a table that it works on.
    Schema.TaggedStruct("Pause", { operation: Schema.String }),
    Schema.TaggedStruct("Resume", { operation: Schema.String }),
    /** `now`: steps that have begun are not waited for. What is half done is taken back either way. */
    Schema.TaggedStruct("Stop", { operation: Schema.String, now: Schema.Boolean }),
    Schema.TaggedStruct("Approve", { operation: Schema.String }),
    /** Lets an operation that has ended be forgotten; `start`: what it was asked for is planned again. */
    Schema.TaggedStruct("Reset", { operation: Schema.String, start: Schema.Boolean }),
    /** Null: all tables. */
    Schema.TaggedStruct("Rebalance", { tables: Schema.NullOr(Schema.Array(Schema.String)) }),
    /** Makes lost copies anew and finishes what was left half-way; nothing moves for balance. */
    Schema.TaggedStruct("Repair", {}),
    Schema.TaggedStruct("SetNodeState", { node: Schema.String, state: NodeState }),
    /** Changes the number of copies. RF belongs to groups: all tables on the groups concerned must be named. */
    Schema.TaggedStruct("SetRf", { tables: Schema.Array(Schema.String), rf: Schema.Int }),
    /** Gives half of a group's shards to a new group. */
    Schema.TaggedStruct("SplitGroup", { group: Schema.String }),
    /** Memberships of the old node go to the new one; the old one is drained. */
    Schema.TaggedStruct("ReplaceNode", { old: Schema.String, new: Schema.String }),
    /** Takes over all tables of the existing orchestrator; `rf` says by table what differing numbers of copies shall be. */
    Schema.TaggedStruct("Adopt", { rf: Schema.Record(Schema.String, Schema.Int) }),
    /** An operator's word that the others are gone: this member is made primary, whatever they may have acknowledged. */
    Schema.TaggedStruct("PromoteGroup", { group: Schema.String, node: Schema.String }),
    /** Of a group that has become two, the side of `keep` stays; the others leave, are compared, and join again. */
    Schema.TaggedStruct("ReuniteGroup", { group: Schema.String, keep: Schema.String }),
    /** An operator's word that a node that is away, and what it holds, will never start again. */
    Schema.TaggedStruct("ForgetNode", { node: Schema.String }),
  ]),
  status: Schema.Literals(["new", "accepted", "done", "refused"]),
  operation: Schema.NullOr(Schema.String),
  answer: Schema.NullOr(Schema.String),
})
export type Request = typeof Request.Type
export type Wish = Request["wish"]

/** Which wrapper versions a node has confirmed, by table. */
export const WrapperConfirmation = Schema.Struct({ versions: Schema.Record(Schema.String, Schema.Int) })
export type WrapperConfirmation = typeof WrapperConfirmation.Type

/** Keys of the records. The part before the first slash says what the record is. */
export const Key = {
  registry: "registry",
  lease: "lease",
  restart: "restart",
  leaving: "leaving",
  finished: "finished",
  heartbeat: (node: string) => `heartbeat/${node}`,
  observation: (node: string) => `observation/${node}`,
  wrapper: (node: string) => `wrapper/${node}`,
  drops: (node: string) => `drops/${node}`,
  inspection: (node: string) => `inspection/${node}`,
  table: (name: string) => `table/${name}`,
  group: (name: string) => `group/${name}`,
  operation: (id: string) => `operation/${id}`,
  step: (operation: string, index: number) => `step/${operation}/${index}`,
  listing: (table: string, node: string) => `listing/${table}/${node}`,
  request: (id: string) => `request/${id}`,
  /** What was in a table of another orchestrator; never listed. */
  archive: (table: string) => `archive/${table}`,
} as const
