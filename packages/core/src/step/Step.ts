/**
 * Steps as data: one idempotent act each, on one node. What a step means in SQL, how its postcondition is observed and
 * which gate guards it is in the handlers of this folder; which steps an operation has, and in which order, is in `plan/`.
 */
import * as Schema from "effect/Schema"

const names = Schema.Array(Schema.String)

/** Every kind of step. `node` is the address of the node that the step acts on. */
export const Step = Schema.Union([
  /** Makes a replication cluster of one on `node`, with its probe table. */
  Schema.TaggedStruct("CreateGroup", { group: Schema.String }),
  /** Joins the group; state transfer copies its tables. */
  Schema.TaggedStruct("JoinGroup", { group: Schema.String }),
  /** Makes the empty rt table of one shard. */
  Schema.TaggedStruct("CreateShard", {
    physical: Schema.String,
    structure: Schema.String,
    options: Schema.Record(Schema.String, Schema.String),
  }),
  /** Adds tables that this node holds to the group. */
  Schema.TaggedStruct("AttachShard", { group: Schema.String, tables: names }),
  /**
   * Enters shards into the record of a group and takes them out of that of another, of which `node` is a member: from
   * then on they belong to the new group, whatever becomes of the operation. Their wrappers must be gone everywhere.
   */
  Schema.TaggedStruct("MoveShards", {
    from: Schema.String,
    to: Schema.String,
    node: Schema.String,
    shards: Schema.Array(Schema.Struct({ table: Schema.String, shard: Schema.Int, physical: Schema.String })),
  }),
  /** Takes tables out of the group; they stay as local ones on every member. */
  Schema.TaggedStruct("DetachShard", { group: Schema.String, tables: names }),
  /** Proves that this node's copies equal another member's, and enters it into the in-sync set. */
  Schema.TaggedStruct("VerifyReplica", { group: Schema.String }),
  /** Publishes what the wrappers of a table must show. `mirrors` null: no wrapper. */
  Schema.TaggedStruct("PublishWrapper", { table: Schema.String, mirrors: Schema.NullOr(Schema.Array(names)) }),
  /** This node shows the published wrapper. */
  Schema.TaggedStruct("SwapWrapper", { table: Schema.String }),
  /** Every registered node has confirmed the wrapper (`all`), or every node that is not away. */
  Schema.TaggedStruct("ConfirmWrappers", { tables: names, all: Schema.Boolean }),
  /** Leaves the group; the copy stays on disk as local tables. */
  Schema.TaggedStruct("ExitGroup", { group: Schema.String, redundancy: Schema.Int }),
  /** Proves that nobody writes any more to the copy left behind. */
  Schema.TaggedStruct("CompareCopy", { group: Schema.String, tables: names }),
  /** Drops local copies that are ours and in no group; `group` is the group that they were in, if any. */
  Schema.TaggedStruct("DropShard", { group: Schema.NullOr(Schema.String), tables: names }),
  /** Makes this node the primary component of a group whose other members are gone. `forced`: an operator says so. */
  Schema.TaggedStruct("PromoteGroup", { group: Schema.String, forced: Schema.optionalKey(Schema.Boolean) }),
  /** Clears members that are gone from the group's list of peers. */
  Schema.TaggedStruct("RefreshPeers", { group: Schema.String }),
  /** Keeps the rows of another orchestrator's tables in records, and drops the tables everywhere. */
  Schema.TaggedStruct("RetireTables", { tables: names }),
  /** Writes the new layout of tables and members of groups. */
  Schema.TaggedStruct("CommitLayout", {}),
])
export type Step = typeof Step.Type

/** The group that a step is about, or null. */
export const groupOfStep = (step: Step): string | null => ("group" in step ? step.group : null)

/** The group or the table that a step is about; null: neither, or more than one. */
export const subjectOfStep = (step: Step): string | null => groupOfStep(step) ?? ("table" in step ? step.table : null)

/** True for steps that need the disk of their node: nobody but its runner can make a cluster's directory. */
export const needsRunner = (step: Step): boolean => step._tag === "CreateGroup" || step._tag === "JoinGroup"

/** Names of the kinds of steps. */
export type StepKind = Step["_tag"]
