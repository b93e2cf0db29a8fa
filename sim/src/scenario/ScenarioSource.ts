/**
 * The scenario language as it is written: one schema that decodes the values of a YAML document, says what each key
 * means (the JSON Schema is generated from it), and knows what to answer to mistakes. Its shape is the file's; what
 * the simulator works with is `Scenario`, and `ScenarioCodec` is the way between the two.
 */
import { defaultEngineConfig } from "@shardwright/core/EngineConfig"
import { mutations } from "@shardwright/core/Mutation"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { ConditionSource, conditionExpected, conditionsWith, SeenSource } from "./ConditionSource.ts"
import {
  decimal,
  durationText,
  flag,
  Length,
  NodeName,
  oneOf,
  pattern,
  ScenarioName,
  Selector,
  TableName,
  Text,
  Time,
  whole,
  Word,
} from "./ScalarSchemas.ts"
import { parameterTypes } from "./Parameters.ts"
import { engineKinds, type Settings } from "./Scenario.ts"
import { described, limits, listOf, optional, someOf, TableSource } from "./SourceParts.ts"
import { ThresholdsSource } from "./ThresholdSource.ts"
import { EntrySource } from "./TimelineSource.ts"

/** Version of the language. */
export const languageVersion = 1

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
    capacity: optional(whole(1, 1_000_000), "The most shard replicas that it may carry. Default: no limit."),
  }),
]).annotate({ expected: "the name of a node, or a mapping with name, zone, weight and capacity" })

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
  gate: optional(
    flag,
    "Whether daemons are started by the runners beside them, which wait for whoever holds the most. Default: false.",
  ),
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
  maxParallelSteps: setting(
    "maxParallelSteps",
    whole(1, 10_000),
    "Steps that run at once in the whole cluster, those that wait left out.",
  ),
  transfersPerNode: setting("transfersPerNode", whole(1, 100), "State transfers that one node receives at once."),
  transfersMax: setting("transfersMax", whole(1, 10_000), "State transfers at once in the whole cluster."),
  transferBytesPerSecond: setting(
    "transferBytesPerSecond",
    whole(1, 1_000_000_000_000),
    "Bytes that one node begins to receive per second, on average.",
  ),
  transferBytesMax: setting(
    "transferBytesMax",
    whole(1, 1_000_000_000_000_000),
    "Bytes of state transfers under way in the whole cluster.",
  ),
  copyBytesPerSecondMin: setting(
    "copyBytesPerSecondMin",
    whole(1, 1_000_000_000_000),
    "Copies and comparisons slower than this count as stuck.",
  ),
  maxOperations: setting("maxOperations", whole(1, 1_000), "Operations that change the layout and run at once."),
  startPatience: setting(
    "startPatience",
    Time,
    "How long the start of a daemon waits for nodes without which one of its groups cannot be begun.",
  ),
  startPause: setting("startPause", Length, "Pause between two looks of a start that waits."),
  maxAwayShare: setting(
    "maxAwayShare",
    decimal(0, 1),
    "When more than this share of the registered nodes is away, nothing moves.",
  ),
  groupsPerNode: setting("groupsPerNode", whole(1, 32), "Replica groups per node when a table is made."),
  groupBudget: setting("groupBudget", whole(1, 1_000), "Replica groups that a node may have in all."),
  autoRebalance: setting("autoRebalance", flag, "Whether new and lost nodes lead to moves without a request."),
  cleanUpInterval: setting("cleanUpInterval", Length, "How often finished records that are old enough are deleted."),
  queueRetention: setting("queueRetention", Length, "How long steps of operations that have ended are kept."),
  stateRetention: setting("stateRetention", Length, "How long operations, requests and groups are kept."),
  compareRows: setting("compareRows", whole(1, 1_000_000), "Rows that are read at once when two copies are compared."),
})

// ----------------------------------------------------------------------------------------------- tables and workloads

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

// ---------------------------------------------------------------------------------------------------------- timeline

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
  thresholds: optional(ThresholdsSource, "Figures that are measured over the whole run."),
})

// ---------------------------------------------------------------------------------------------------------- the file

const ParameterName = pattern(
  /^[a-z][A-Za-z0-9]{0,63}$/u,
  "a name of letters and digits, such as nodes or writersPerTable",
  (found) => (typeof found === "string" ? "begin with a small letter, and leave out blanks and signs" : null),
)
const ParameterValue = Schema.Union([Schema.String, Schema.Number.check(Schema.isFinite()), Schema.Boolean]).annotate({
  expected: "a text, a number, true or false",
})

const ParameterSource = Schema.Struct({
  name: described(ParameterName, "Its name; `${name}` in values stands for its value."),
  type: described(oneOf(parameterTypes), "What it may be."),
  default: described(ParameterValue, "Its value where nobody gives another one."),
}).annotate({ expected: "{name: nodes, type: number, default: 3}" })

const IncludeSource = Schema.Union([
  Text,
  Schema.Struct({
    file: described(Text, "Path of the file, from the folder of this one."),
    with: optional(
      Schema.Record(Schema.String, ParameterValue).annotate({ expected: "values by name: {nodes: 5}" }),
      "Values of its parameters. Default: their defaults.",
    ),
  }),
]).annotate({ expected: "the path of a file, or {file: path, with: {parameter: value}}" })

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
  without: optional(
    listOf(oneOf(mutations), "safety mechanisms"),
    "Safety mechanisms of the engine that are switched off, to show what happens without them. Default: none.",
  ),
  parameters: optional(
    listOf(ParameterSource, "parameters"),
    "Values that may be given when the file is run (`--set name=value`) or included (`with`).",
  ),
  include: optional(
    listOf(IncludeSource, "files"),
    "Files whose settings, tables, workloads, timeline and expectations come before those of this one.",
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
