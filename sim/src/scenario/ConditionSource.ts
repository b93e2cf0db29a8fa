/**
 * Conditions and sightings as they are written: what the world, the records and the clients can be asked, and what the
 * engine and the daemons can be heard to say.
 */
import { OperationKind, OperationStatus } from "@shardwright/core/State"
import { Step } from "@shardwright/core/step/Step"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { clusterNodeStates, clusterStatuses, countables, nodeConditions, tableStates } from "./Condition.ts"
import { flag, Length, oneOf, Selector, ServerTable, TableName, whole, Word } from "./ScalarSchemas.ts"
import { leaderMoments, stepMoments, transferKinds, transferMoments, transferOutcomes } from "./Scenario.ts"
import { bounds, BoundsSource, described, id, limits, listOf, optional, someBound, StreamName } from "./SourceParts.ts"

/** Kinds of steps, as the engine has them. */
const stepKinds = Step.members.map((member) => member.fields._tag.schema.literal)

const someOfCluster = Schema.makeFilter<{
  readonly status?: unknown
  readonly nodeState?: unknown
  readonly size?: unknown
}>(
  ({ status, nodeState, size }) =>
    status !== undefined ||
    nodeState !== undefined ||
    size !== undefined ||
    new SchemaIssue.InvalidValue({
      message: "nothing is said of the cluster",
      expected: "`status`, `nodeState`, `size`, or several of them",
      cure: "add `status: primary`, for example",
    }),
  { toJsonSchema: () => ({ anyOf: [{ required: ["status"] }, { required: ["nodeState"] }, { required: ["size"] }] }) },
)

const IdsSource = Schema.Union([oneOf(["absent"]), listOf(id, "ids")]).annotate({
  expected: "a list of ids, or absent",
})
const RowsOnSource = Schema.Struct({ on: described(Selector, "The node where they are looked for."), ...bounds }).check(
  someBound,
)

/** The kinds of conditions, each with the further keys that its place allows. */
export const conditionsWith = <const Extra extends Schema.Struct.Fields>(extra: Extra) =>
  [
    Schema.Struct({
      table: described(TableName, "A table."),
      is: described(
        oneOf(tableStates),
        "ready: complete wrapper on every node that is up. absent: no wrapper anywhere. fully-replicated: every shard has RF replicas, in sync and on nodes that are up. balanced: shards per node differ by no more than those of one group.",
      ),
      ...extra,
    }),
    Schema.Struct({
      node: described(Selector, "A node, leader or victim."),
      is: described(
        oneOf(nodeConditions),
        "up, down: its daemon. crashed: down by its own fault. member: registered and not away. away: registered, but the engine waits for it or has given it up.",
      ),
      ...extra,
    }),
    Schema.Struct({
      node: described(Selector, "A node, leader or victim."),
      holds: described(BoundsSource, "How many shards the committed layout has on it."),
      table: optional(TableName, "Shards of this table only. Default: of all tables."),
      ...extra,
    }),
    Schema.Struct({
      node: described(Selector, "A node, leader or victim."),
      cluster: described(Word, "A replication cluster, as this node sees it."),
      status: optional(oneOf(clusterStatuses), "Its status. absent: the node does not know the cluster."),
      nodeState: optional(oneOf(clusterNodeStates), "How far the node is."),
      size: optional(whole(0, limits.nodes), "How many members the node sees."),
      ...extra,
    }).check(someOfCluster),
    Schema.Struct({
      node: described(Selector, "A node, leader or victim."),
      table: described(ServerTable, "A table of the server."),
      ids: described(IdsSource, "The ids that are on the node's disk: exactly these. absent: there is no such table."),
      ...extra,
    }),
    Schema.Struct({
      node: described(Selector, "A node, leader or victim."),
      table: described(ServerTable, "A table of the server."),
      rows: described(BoundsSource, "How many rows it has on the node's disk."),
      ...extra,
    }),
    Schema.Struct({
      stream: described(StreamName, "A stream of the timeline."),
      acknowledged: described(BoundsSource, "Statements that succeeded, and affected or returned a row."),
      ...extra,
    }),
    Schema.Struct({
      stream: described(StreamName, "A stream of the timeline."),
      refused: described(BoundsSource, "Statements that were answered with an error, or without any row."),
      ...extra,
    }),
    Schema.Struct({
      stream: described(StreamName, "A stream of the timeline."),
      unknown: described(BoundsSource, "Statements without an answer."),
      ...extra,
    }),
    Schema.Struct({
      stream: described(StreamName, "A stream of the timeline."),
      missing: described(RowsOnSource, "Acknowledged rows that are not on the disk of a node."),
      ...extra,
    }),
    Schema.Struct({
      stream: described(StreamName, "A stream of the timeline."),
      refusedButStored: described(RowsOnSource, "Refused rows that are on the disk of a node all the same."),
      ...extra,
    }),
    Schema.Struct({
      count: described(
        Schema.Literals(["moves"]).annotate({ expected: "moves: nothing else has a minimum" }),
        "Replicas that were moved.",
      ),
      is: described(
        Schema.Literals(["minimum"]).annotate({ expected: "minimum, or a number" }),
        "minimum: exactly as many as any plan had to move.",
      ),
      ...extra,
    }),
    Schema.Struct({
      count: described(oneOf(countables), "What is counted, from time zero; see docs/SCENARIOS.md."),
      ...bounds,
      table: optional(
        TableName,
        "Of this table only; for acknowledged, refused, unknown, lost and copies. Default: of all tables.",
      ),
      ...extra,
    }).check(someBound),
    Schema.Struct({
      longest: described(
        Schema.Literals(["write-gap"]).annotate({ expected: "write-gap" }),
        "write-gap: the longest time in which no writer of the table was acknowledged.",
      ),
      table: described(TableName, "The table that is written."),
      atMost: described(Length, "The longest gap that is allowed."),
      ...extra,
    }),
  ] as const

export const conditionExpected =
  "a condition: {table, is}, {node, is}, {node, holds}, {node, cluster, status | nodeState | size}, {node, table, ids | rows}, {stream, acknowledged | refused | unknown | missing | refusedButStored}, {count, is | atLeast | atMost} or {longest: write-gap, table, atMost}"

export const ConditionSource = Schema.Union([...conditionsWith({})]).annotate({
  identifier: "Condition",
  expected: conditionExpected,
})

export const sightingsWith = <const Extra extends Schema.Struct.Fields>(extra: Extra) =>
  [
    Schema.Struct({
      step: described(oneOf(stepKinds), "Kind of step."),
      is: optional(oneOf(stepMoments), "What became of the step. Default: started."),
      node: optional(Selector, "The node whose agent works on it. Default: any."),
      undo: optional(flag, "true: only steps that undo; false: only steps that do not. Default: both."),
      ...extra,
    }),
    Schema.Struct({
      operation: described(oneOf([...OperationKind.literals, "any"]), "Kind of operation."),
      is: optional(
        oneOf([...OperationStatus.literals, "rolling-back"]),
        "What became of the operation. Default: running.",
      ),
      node: optional(Selector, "The node whose agent says so. Default: any."),
      ...extra,
    }),
    Schema.Struct({
      leader: described(oneOf(leaderMoments), "What became of the lease."),
      node: optional(Selector, "The node of the agent. Default: any."),
      ...extra,
    }),
    Schema.Struct({
      finding: described(Word, "Code of a finding that the engine reports."),
      node: optional(Selector, "The node of the agent that reports it. Default: any."),
      ...extra,
    }),
    Schema.Struct({
      transfer: described(oneOf(transferMoments), "A state transfer between two nodes begins or ends."),
      what: optional(oneOf(transferKinds), "Full copies, or what a member has missed. Default: both."),
      outcome: optional(oneOf(transferOutcomes), "How it ended. Default: anyhow."),
      cluster: optional(Word, "The replication cluster. Default: any."),
      node: optional(Selector, "The donor or the joiner. Default: any."),
      ...extra,
    }),
  ] as const

export const sightingExpected = "something that is said: {step}, {operation}, {leader}, {finding} or {transfer}"

export const SightingSource = Schema.Union([...sightingsWith({})]).annotate({
  identifier: "Sighting",
  expected: sightingExpected,
})

export const SeenSource = Schema.Union([...sightingsWith({}), ...conditionsWith({})]).annotate({
  identifier: "Seen",
  expected: `${sightingExpected}; or ${conditionExpected}`,
})

export type ConditionSource = typeof ConditionSource.Type
export type SightingSource = typeof SightingSource.Type
export type SeenSource = typeof SeenSource.Type
