/**
 * The scenario language as it is written: one schema that decodes the values of a YAML document, says what each key
 * means (the JSON Schema is generated from it), and knows what to answer to mistakes. Its shape is the file's; what
 * the simulator works with is `Scenario`, and `ScenarioCodec` is the way between the two.
 */
import { defaultEngineConfig } from "@shardwright/core/EngineConfig"
import { OperationKind, OperationStatus } from "@shardwright/core/State"
import { Step } from "@shardwright/core/step/Step"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import {
  decimal,
  durationText,
  flag,
  Length,
  NodeName,
  oneOf,
  ScenarioName,
  Selector,
  ServerTable,
  TableName,
  Text,
  Time,
  whole,
  Word,
} from "./ScalarSchemas.ts"
import {
  clusterNodeStates,
  clusterStatuses,
  countables,
  engineKinds,
  leaderMoments,
  nodeConditions,
  parts,
  type Settings,
  startFlags,
  stepMoments,
  tableStates,
} from "./Scenario.ts"

/** Version of the language. */
export const languageVersion = 1
/** Bounds that keep a slip of the finger from filling the memory. */
export const limits = {
  nodes: 200,
  shards: 10_000,
  rf: 16,
  writers: 1_000,
  rows: 1_000,
  threads: 64,
  batch: 100_000,
  count: 1_000_000_000,
} as const

const ids = (letter: string, last: number): ReadonlyArray<string> =>
  Array.from({ length: last }, (_, index) => `${letter}${String(index + 1).padStart(2, "0")}`)

/** Ids of the failure catalogue: seen in the field, defects of the existing orchestrator, findings on the server. */
const catalogueIds: ReadonlyArray<string> = [...ids("U", 33), ...ids("D", 32), ...ids("S", 62)]

/** `U1` and `u01` are slips; an id with another number is no nearer than any other. */
const catalogueCure = (found: unknown): string => {
  const match = /^([UDS])0*([1-9][0-9]?)$/iu.exec(String(found))
  const id = `${match?.[1]?.toUpperCase() ?? ""}${(match?.[2] ?? "").padStart(2, "0")}`
  return catalogueIds.includes(id) ? `did you mean ${id}?` : ""
}

/** Kinds of steps, as the engine has them. */
const stepKinds = Step.members.map((member) => member.fields._tag.schema.literal)

const described = <S extends Schema.Top>(schema: S, description: string): S["Rebuild"] =>
  schema.annotateKey({ description })
const optional = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema).annotateKey({ description })
const asList = (found: unknown) =>
  Array.isArray(found)
    ? "write at least one item"
    : found === null
      ? "leave the key out, or write [] for none"
      : "write it as a list: [ … ], or one item a line, each after a dash"
const listOf = <S extends Schema.Constraint>(item: S, of: string) =>
  Schema.Array(item).annotate({ expected: `a list of ${of}`, cure: asList })
const someOf = <S extends Schema.Constraint>(item: S, of: string) =>
  Schema.Array(item).check(Schema.isMinLength(1, { expected: `a list of ${of}, at least one`, cure: asList }))

/** Says that the keys of the set exclude each other, and that one of them is needed. */
const exactlyOne = <const Keys extends ReadonlyArray<string>>(keys: Keys, why: string) =>
  Schema.makeFilter<Readonly<Record<string, unknown>>>(
    (value) => {
      const present = keys.filter((key) => value[key] !== undefined)
      if (present.length === 1) return undefined
      const expected = `exactly one of ${keys.map((key) => `\`${key}\``).join(" and ")}`
      return new SchemaIssue.InvalidValue({
        message:
          present.length === 0
            ? `neither ${keys.map((key) => `\`${key}\``).join(" nor ")} is here`
            : `${present.map((key) => `\`${key}\``).join(" and ")} exclude each other`,
        expected,
        cure: why,
      })
    },
    { toJsonSchema: () => ({ oneOf: keys.map((key) => ({ required: [key] })) }) },
  )

// ---------------------------------------------------------------------------------------------------------- cluster

const NodeSource = Schema.Union([
  NodeName,
  Schema.Struct({
    name: described(NodeName, "Name of the node."),
    zone: optional(
      Word,
      "Zone of the node. Replicas of a group go to distinct zones where there are enough. Default: none.",
    ),
    weight: optional(decimal(0.01, 1_000), "Share of the load, relative to the other nodes. Default: 1."),
  }),
]).annotate({ expected: "the name of a node, or a mapping with name, zone and weight" })

const NodesSource = Schema.Union([whole(1, limits.nodes), someOf(NodeSource, "nodes")]).annotate({
  expected: `a number of nodes from 1 to ${limits.nodes}, or a list of nodes`,
})

const SparesSource = Schema.Union([whole(0, limits.nodes), listOf(NodeSource, "nodes")]).annotate({
  expected: `a number of nodes from 0 to ${limits.nodes}, or a list of nodes`,
})

const ClusterSource = Schema.Struct({
  nodes: described(
    NodesSource,
    "Nodes of the cluster from the beginning: a number (they are called n1, n2, …) or a list.",
  ),
  spares: optional(
    SparesSource,
    "Further nodes that run but are not part of the cluster until `addNode`: a number (the names go on counting) or a list. Default: 0.",
  ),
  coordination: optional(Word, "Name of the coordination cluster. Default: c."),
  threads: optional(
    whole(1, limits.threads),
    "Worker threads of each daemon. As many blocked writes keep everything else from being answered. Default: 2.",
  ),
})

// --------------------------------------------------------------------------------------------------------- settings

const setting = <S extends Schema.Top>(key: keyof Settings, schema: S, description: string) => {
  const value = defaultEngineConfig[key]
  return optional(
    schema,
    `${description} Default: ${Duration.isDuration(value) ? durationText(value) : String(value)}.`,
  )
}

const SettingsSource = Schema.Struct({
  gracePeriod: setting("gracePeriod", Time, "How long a node may be away before its replicas are made anew elsewhere."),
  promotionDelay: setting("promotionDelay", Time, "How long a group must be non-primary before it is promoted."),
  leaseDuration: setting("leaseDuration", Length, "How long the lease of the leader lasts."),
  idleTick: setting("idleTick", Length, "Pause between looks at the state while nothing is to do."),
  busyTick: setting("busyTick", Length, "Pause between looks at the state while an operation runs."),
  awayAfter: setting("awayAfter", Length, "A node whose heartbeat stood still for this long is away."),
  statementTimeout: setting("statementTimeout", Length, "Deadline of an ordinary statement of the engine."),
  joinTimeout: setting("joinTimeout", Length, "After this a JOIN counts as stuck."),
  drainDelay: setting("drainDelay", Time, "How long statements through an older wrapper may still be on their way."),
  stepPatience: setting(
    "stepPatience",
    Time,
    "How long an operation waits for a node that is away and has a step to do, before it stops.",
  ),
  wrapperCheckInterval: setting(
    "wrapperCheckInterval",
    Length,
    "How often a node looks whether its wrappers are still as it confirmed them.",
  ),
  convergePause: setting("convergePause", Length, "Pause between looks for changes that nobody asked for."),
  operationTimeout: setting(
    "operationTimeout",
    Length,
    "An operation that makes no progress for this long is rolled back, if it can be.",
  ),
  maxAwayShare: setting(
    "maxAwayShare",
    decimal(0, 1),
    "When more than this share of the registered nodes is away, nothing moves.",
  ),
  groupsPerNode: setting("groupsPerNode", whole(1, 32), "Replica groups per node when a table is made."),
  autoRebalance: setting("autoRebalance", flag, "Whether new and lost nodes lead to moves without a request."),
  compareRows: setting("compareRows", whole(1, 1_000_000), "Rows that are read at once when two copies are compared."),
})

// ----------------------------------------------------------------------------------------------- tables and workloads

const TableSource = Schema.Struct({
  name: described(TableName, "Name of the table."),
  shards: described(whole(1, limits.shards), "Number of shards."),
  rf: described(whole(1, limits.rf), "Replication factor: copies of each shard, on distinct nodes."),
  structure: optional(Text, "Columns as in CREATE TABLE. Default: title text, v bigint."),
}).annotate({ identifier: "Table", description: "A sharded table." })

const weight = whole(0, 1_000_000)
const MixSource = Schema.Struct({
  insert: optional(weight, "Weight of INSERT of new rows."),
  replace: optional(weight, "Weight of REPLACE of rows that were written before."),
  update: optional(weight, "Weight of UPDATE by id."),
  delete: optional(weight, "Weight of DELETE by id."),
}).check(
  Schema.makeFilter(
    (mix) =>
      (mix.insert ?? 0) > 0 ||
      new SchemaIssue.InvalidValue({
        message: "nothing would ever be inserted",
        expected: "a weight of insert above 0",
        cure: "there would be no rows to replace, update or delete: give insert a weight",
      }),
    { toJsonSchema: () => ({ required: ["insert"] }) },
  ),
)

const ReadsSource = Schema.Struct({
  readers: optional(whole(1, limits.writers), "Number of reading clients. Default: 1."),
  every: optional(Length, "Pause of each reader between an answer and its next statement. Default: 200ms."),
})

const WorkloadSource = Schema.Struct({
  table: described(TableName, "The table that is written through its wrapper."),
  writers: optional(whole(1, limits.writers), "Number of writing clients. Default: 1."),
  every: optional(Length, "Pause of each writer between an answer and its next statement. Default: 50ms."),
  from: optional(Time, "When the clients begin. Default: 0s."),
  until: optional(Length, "When the clients end. Default: with the timeline."),
  mix: optional(MixSource, "Relative weights of the statements. Default: insert 80, replace 10, delete 10."),
  rows: optional(whole(1, limits.rows), "Rows of one statement. Default: 1."),
  timeout: optional(Length, "How long a client waits for an answer; after that the outcome is unknown. Default: 15s."),
  through: optional(
    someOf(Selector, "nodes"),
    "Nodes that the clients connect to, in turns. Default: every node of the cluster that is up.",
  ),
  reads: optional(ReadsSource, "Clients that read what was acknowledged. Default: none."),
})

// -------------------------------------------------------------------------------------------------------- conditions

const bound = whole(0, limits.count)
const bounds = {
  is: optional(bound, "Exactly this many."),
  atLeast: optional(bound, "This many or more."),
  atMost: optional(bound, "This many or fewer."),
}
const someBound = Schema.makeFilter<{ readonly is?: unknown; readonly atLeast?: unknown; readonly atMost?: unknown }>(
  (value) => {
    const range = value.atLeast !== undefined || value.atMost !== undefined
    if ((value.is !== undefined) === range) {
      return new SchemaIssue.InvalidValue({
        message: range ? "`is` and a range exclude each other" : "no number is given to compare with",
        expected: "`is`, or `atLeast` or `atMost` or both",
        cure: range ? "leave out `is`, or the range" : "add `is: 4`, `atLeast: 1` or `atMost: 4`",
      })
    }
    const { atLeast, atMost } = value
    if (typeof atLeast === "number" && typeof atMost === "number" && atLeast > atMost) {
      return new SchemaIssue.InvalidValue({
        message: `no number is at least ${atLeast} and at most ${atMost}`,
        expected: "`atLeast` not above `atMost`",
        cure: "exchange the two",
      })
    }
    return undefined
  },
  {
    toJsonSchema: () => ({
      oneOf: [{ required: ["is"] }, { anyOf: [{ required: ["atLeast"] }, { required: ["atMost"] }] }],
    }),
  },
)
const BoundsSource = Schema.Struct(bounds).check(someBound)

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

const id = whole(0, Number.MAX_SAFE_INTEGER)
const IdsSource = Schema.Union([oneOf(["absent"]), listOf(id, "ids")]).annotate({
  expected: "a list of ids, or absent",
})
const RowsOnSource = Schema.Struct({ on: described(Selector, "The node where they are looked for."), ...bounds }).check(
  someBound,
)
const StreamName = Word

/** The kinds of conditions, each with the further keys that its place allows. */
const conditionsWith = <const Extra extends Schema.Struct.Fields>(extra: Extra) =>
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

const conditionExpected =
  "a condition: {table, is}, {node, is}, {node, holds}, {node, cluster, status | nodeState | size}, {node, table, ids | rows}, {stream, acknowledged | refused | unknown | missing | refusedButStored}, {count, is | atLeast | atMost} or {longest: write-gap, table, atMost}"

export const ConditionSource = Schema.Union([...conditionsWith({})]).annotate({
  identifier: "Condition",
  expected: conditionExpected,
})

const sightingsWith = <const Extra extends Schema.Struct.Fields>(extra: Extra) =>
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
  ] as const

const sightingExpected = "something that the engine says: {step}, {operation}, {leader} or {finding}"

export const SightingSource = Schema.Union([...sightingsWith({})]).annotate({
  identifier: "Sighting",
  expected: sightingExpected,
})

const SeenSource = Schema.Union([...sightingsWith({}), ...conditionsWith({})]).annotate({
  identifier: "Seen",
  expected: `${sightingExpected}; or ${conditionExpected}`,
})

// ---------------------------------------------------------------------------------------------------------- timeline

const AfterSource = Schema.Union([
  ...sightingsWith({
    plus: optional(Time, "How long after it was seen. Default: 0s."),
    count: optional(whole(1, 1_000_000), "Which sighting it is, counted from time zero. Default: 1."),
  }),
]).annotate({ identifier: "After", expected: sightingExpected })

const entryWith = <const Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.Struct({
    at: optional(Time, "When: this long after the cluster and its tables were ready."),
    after: optional(AfterSource, "When: after the engine has said something."),
    ...fields,
  }).check(exactlyOne(["at", "after"], "say when: `at: 10s`, or `after: {step: JoinGroup, is: started}`"))

const partOfNode = (what: string) =>
  Schema.Union([
    Selector,
    Schema.Struct({
      node: described(Selector, "A node, leader or victim."),
      what: optional(oneOf(parts), `What of it is ${what}. Default: host, which is daemon and agent.`),
    }),
  ]).annotate({ expected: "the name of a node, leader, victim, or {node, what: host | daemon | agent}" })

const restartExpected =
  "the name of a node, leader, victim, or {node, what: host | daemon | agent, flag: new-cluster | new-cluster-force}"
const RestartSource = Schema.Union([
  Selector,
  Schema.Struct({
    node: described(Selector, "A node, leader or victim."),
    what: optional(oneOf(parts), "What of it is started. Default: host, which is daemon and agent."),
    flag: optional(oneOf(startFlags), "Flag of the daemon's command line. Default: none."),
  }),
]).annotate({ expected: restartExpected })

const takes = optional(
  Schema.Struct({
    atLeast: optional(Length, "This long or longer."),
    atMost: optional(Length, "This long or shorter."),
  }).annotate({ expected: "{atLeast: 5s, atMost: 6.5s}, or one of them" }),
  "How long the answer takes. Default: any time.",
)
const answerWords = ["ok", "error", "no-answer", "disconnected"] as const
const CellSource = Schema.Union([Schema.String, Schema.Number.check(Schema.isFinite()), Schema.Null]).annotate({
  expected: "a text, a number or null",
})
const SqlExpectationSource = Schema.Union([
  oneOf(answerWords),
  Schema.Struct({
    answer: described(
      oneOf(answerWords),
      "ok: a success. error: any error. no-answer: nothing within the timeout. disconnected: the connection was refused or broke.",
    ),
    takes,
  }),
  Schema.Struct({
    error: described(Text, "A part of the text of the error."),
    errno: optional(whole(1, 65_535), "Number of the error. Default: any."),
    takes,
  }),
  Schema.Struct({
    message: described(Text, "The whole text of the error."),
    errno: optional(whole(1, 65_535), "Number of the error. Default: any."),
    takes,
  }),
  Schema.Struct({ affected: described(bound, "Number of affected rows."), takes }),
  Schema.Struct({
    rows: described(
      Schema.Union([bound, Schema.Array(Schema.Array(CellSource))]).annotate({
        expected: "a number of rows, or the rows as lists: [[1, a], [2, b]]",
      }),
      "Number of rows in the answer, or exactly these rows in this order, each a list of its values.",
    ),
    takes,
  }),
  Schema.Struct({ takes: described(takes, "How long any answer takes.") }),
]).annotate({
  expected:
    "ok, error, no-answer, disconnected, {error: part of its text}, {message: its whole text}, {affected: N}, {rows: N or lists}, each with {takes: {atLeast, atMost}} if wanted",
})

const SqlSource = Schema.Struct({
  node: described(Selector, "The node that is asked."),
  statement: described(
    Schema.Union([Text, someOf(Text, "statements")]).annotate({ expected: "a statement, or a list of statements" }),
    "The statement, or several that are sent one after the other. `{n1}` becomes the address of the node n1.",
  ),
  as: optional(
    Word,
    "Name of the connection. Statements on one connection of a node are sent in their order, each when the one before was answered. Default: the one connection of the node.",
  ),
  timeout: optional(Length, "How long the client waits for each answer. Default: 2m."),
  expect: optional(SqlExpectationSource, "What each must answer. Default: anything."),
}).annotate({ expected: '{node: n1, statement: "SHOW STATUS"}' })

const FillSource = Schema.Struct({
  node: described(Selector, "The node that is asked, over its one connection."),
  table: described(Text, "The table as INSERT names it: t, or c:t in a cluster."),
  from: optional(id, "The first id. Default: 1."),
  to: described(id, "The last id."),
  batch: optional(whole(1, limits.batch), "Rows of one statement. Default: 1000."),
}).annotate({ expected: "{node: n1, table: t, to: 1000}" })

const StreamSource = Schema.Struct({
  name: described(StreamName, "Its name, by which conditions ask for it."),
  node: described(Selector, "The node that is asked."),
  table: described(ServerTable, "The table that the rows go to; there conditions look for them."),
  statement: described(
    Text,
    "The statement. `{id}` is another number each time, `{round}` the number of the beat, `{n1}` the address of n1.",
  ),
  every: optional(Length, "Time between two beats. Default: 50ms."),
  connections: optional(
    whole(1, limits.writers),
    "At each beat, each of so many connections that waits for no answer sends a statement. Default: 1.",
  ),
  until: described(Length, "When it ends, counted from time zero."),
  from: optional(id, "The first id. Default: 1."),
  timeout: optional(Length, "How long a connection waits for an answer. Default: 15s."),
}).annotate({
  expected: '{name: w, node: n1, table: t, statement: "INSERT INTO c:t (id,v) VALUES ({id},1)", until: 10s}',
})

const EntrySource = Schema.Union([
  entryWith({ kill: described(partOfNode("killed"), "SIGKILL: the host, or its daemon or agent alone.") }),
  entryWith({ stop: described(partOfNode("stopped"), "SIGTERM: a clean stop.") }),
  entryWith({
    restart: described(RestartSource, "Starts what was killed or stopped; what still runs is killed first."),
  }),
  entryWith({ pause: described(partOfNode("stalled"), "SIGSTOP: the process stalls.") }),
  entryWith({ resume: described(partOfNode("woken"), "SIGCONT: a stalled process goes on.") }),
  entryWith({
    partition: described(
      someOf(someOf(Selector, "nodes"), "groups of nodes"),
      "Groups of nodes that do not see each other; replaces what was cut before. Nodes that are named in no group form one more.",
    ),
  }),
  entryWith({
    cut: described(
      Schema.Struct({
        from: described(Selector, "The node that sends."),
        to: described(Selector, "The node that no longer receives it."),
        symmetric: optional(flag, "Whether the other direction is cut as well. Default: true."),
      }).annotate({ expected: "{from: n1, to: n2}" }),
      "One link of the network is cut, besides what is cut already.",
    ),
  }),
  entryWith({
    heal: described(
      oneOf(["all", "network", "slow"]),
      "network: partitions and cuts end. slow: slow statements end. all: both.",
    ),
  }),
  entryWith({
    slow: described(
      Schema.Struct({
        statement: described(Text, "Statements that contain this text, in upper or lower case."),
        by: described(Length, "How much longer they take."),
        node: optional(Selector, "On this node only. Default: on every node."),
        times: optional(whole(1, 1_000_000), "How many statements are slow. Default: all until `heal`."),
      }).annotate({ expected: '{statement: "JOIN CLUSTER", by: 20s}' }),
      "Some statements become slow.",
    ),
  }),
  entryWith({ create: described(TableSource, "A table is created through the engine.") }),
  entryWith({ drop: described(TableName, "A table is dropped through the engine.") }),
  entryWith({ addNode: described(NodeName, "A spare node becomes part of the cluster.") }),
  entryWith({
    rebalance: described(
      Schema.Union([oneOf(["all"]), TableName]).annotate({ expected: "the name of a table, or all" }),
      "A rebalance is requested: of one table, or `all`.",
    ),
  }),
  entryWith({ drain: described(Selector, "The node is to be emptied.") }),
  entryWith({
    mkdir: described(
      Schema.Struct({
        node: described(Selector, "A node, leader or victim."),
        directory: described(Word, "Name of the directory, beside the node's data."),
      }).annotate({ expected: "{node: n1, directory: d}" }),
      "A directory is made, as a replication cluster with a path of its own needs one.",
    ),
  }),
  entryWith({
    fill: described(FillSource, "Rows with the ids from `from` to `to` are inserted; each INSERT must succeed."),
  }),
  entryWith({ stream: described(StreamSource, "A client begins to write, and remembers what became of each row.") }),
  entryWith({ sql: described(SqlSource, "Statements by somebody who does not ask the engine.") }),
  entryWith({
    check: described(ConditionSource, "Looks once, at this moment: the scenario fails if the condition does not hold."),
  }),
]).annotate({
  identifier: "Entry",
  expected:
    "an entry {at | after, and one of: kill, stop, restart, pause, resume, partition, cut, heal, slow, create, drop, addNode, rebalance, drain, mkdir, fill, stream, sql, check}",
})

// ------------------------------------------------------------------------------------------------------ expectations

const EventuallySource = Schema.Union([
  ...conditionsWith({
    within: described(Length, "How long it may take."),
    from: optional(Time, "From when that counts. Default: from when the timeline and the workloads have ended."),
  }),
]).annotate({ identifier: "Eventually", expected: `within, and ${conditionExpected}` })

const AlwaysSource = Schema.Union([
  ...conditionsWith({
    from: optional(Time, "From when it must hold. Default: 0s."),
    until: optional(Length, "Until when it must hold. Default: to the end of the run."),
  }),
]).annotate({ identifier: "Always", expected: conditionExpected })

const ExpectSource = Schema.Struct({
  violation: optional(
    Word,
    "Name of a checker that must fail: the scenario passes only then. Default: no checker may fail.",
  ),
  eventually: optional(listOf(EventuallySource, "conditions with `within`"), "Conditions that become true in time."),
  always: optional(listOf(AlwaysSource, "conditions"), "Conditions that hold all the time."),
  final: optional(listOf(ConditionSource, "conditions"), "Conditions that hold when nothing happens any more."),
  sometimes: optional(listOf(SeenSource, "sightings or conditions"), "What must be seen at least once."),
  never: optional(listOf(SeenSource, "sightings or conditions"), "What must not be seen."),
})

// ---------------------------------------------------------------------------------------------------------- the file

/** A whole file. */
export const ScenarioSource = Schema.Struct({
  shardwright: described(
    Schema.Literal(languageVersion).annotate({
      expected: `the version of the language: ${languageVersion}`,
      cure: () => `write shardwright: ${languageVersion}`,
    }),
    "Version of the language.",
  ),
  name: described(ScenarioName, "Unique name, in kebab case."),
  about: described(Text, "One sentence: what happens, and what is to come of it."),
  covers: optional(
    listOf(
      oneOf(catalogueIds).annotate({
        expected: "an id of the failure catalogue: U01 to U33, D01 to D32 or S01 to S62",
        cure: catalogueCure,
      }),
      "ids",
    ),
    "Entries of the failure catalogue that the scenario shows.",
  ),
  seed: optional(whole(0, 2_147_483_647), "The seed that is used when none is asked for. Default: 1."),
  engine: optional(
    oneOf(engineKinds),
    "none: the daemons run and nothing else, and only what is expected is judged. Default: shardwright.",
  ),
  cluster: described(ClusterSource, "The nodes."),
  settings: optional(SettingsSource, "Configuration of the engine, where it is to differ from the defaults."),
  tables: optional(
    listOf(TableSource, "tables"),
    "Tables that are made through the engine before time zero, without faults.",
  ),
  workloads: optional(listOf(WorkloadSource, "workloads"), "Clients that write and remember what was acknowledged."),
  timeline: optional(listOf(EntrySource, "entries"), "What happens, and when."),
  expect: optional(ExpectSource, "What must hold, besides the invariants, which always must."),
  quiesce: optional(
    Length,
    "After the timeline and the workloads: faults are healed, then this long at most until nothing more happens. Default: 60s.",
  ),
  until: optional(Length, "Upper bound of virtual time. Default: 10m."),
}).annotate({
  title: "Shardwright scenario",
  description: "A scenario for the simulator of Shardwright.",
  expected: "a scenario: a mapping with shardwright, name, about, cluster and more",
})

/** What a file says, decoded key by key. */
export type ScenarioSource = typeof ScenarioSource.Type
export type ConditionSource = typeof ConditionSource.Type
export type SightingSource = typeof SightingSource.Type
