/** The timeline as it is written: when something happens, and what. */
import * as Schema from "effect/Schema"
import { ConditionSource, sightingExpected, sightingsWith } from "./ConditionSource.ts"
import { chances, faultsWith, lasts } from "./FaultSource.ts"
import { askedWishes, controls } from "./Scenario.ts"
import {
  flag,
  Length,
  NodeName,
  oneOf,
  Selector,
  ServerTable,
  TableName,
  Text,
  Time,
  whole,
  Word,
} from "./ScalarSchemas.ts"
import {
  bound,
  described,
  exactlyOne,
  id,
  limits,
  MomentsSource,
  optional,
  someOf,
  StreamName,
  TableSource,
} from "./SourceParts.ts"

const AfterSource = Schema.Union([
  ...sightingsWith({
    plus: optional(Time, "How long after it was seen. Default: 0s."),
    count: optional(whole(1, 1_000_000), "Which sighting it is, counted from time zero. Default: 1."),
    atLatest: optional(
      Length,
      "When it comes due although it was not seen, counted from time zero. Default: never, and then the scenario fails.",
    ),
  }),
]).annotate({ identifier: "After", expected: sightingExpected })

/** When an entry comes due. */
const moments = {
  at: optional(Time, "When: this long after the cluster and its tables were ready."),
  between: optional(MomentsSource, "When: at a moment between these two, drawn from the seed."),
  after: optional(AfterSource, "When: after something has been said."),
}
const oneMoment = exactlyOne(
  ["at", "between", "after"],
  "say when: `at: 10s`, `between: [10s, 20s]`, or `after: {step: JoinGroup, is: started}`",
)

const entryWith = <const Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.Struct({ ...moments, ...fields }).check(oneMoment)

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

const ControlSource = Schema.Struct({
  ask: described(oneOf(controls), "stop waits for the steps that have begun, stop-now does not."),
  table: optional(TableName, "The operation that holds this table. Default: every one that it can be asked of now."),
}).annotate({ expected: "{ask: pause, table: t}" })

const SetRfSource = Schema.Struct({
  tables: described(
    Schema.Union([TableName, someOf(TableName, "tables")]).annotate({ expected: "the name of a table, or a list" }),
    "The tables. All that share a group must be named.",
  ),
  rf: described(whole(1, limits.rf), "Copies of each shard."),
  approval: optional(flag, "The plan waits to be approved. Default: false."),
}).annotate({ expected: "{tables: t, rf: 3}" })

const SplitSource = Schema.Struct({
  table: described(TableName, "A table."),
  shard: described(whole(0, limits.shards), "One of its shards: the group that carries it is split."),
}).annotate({ expected: "{table: t, shard: 0}" })

const ReplaceSource = Schema.Struct({
  node: described(Selector, "The node that goes."),
  by: described(NodeName, "The one that takes its place; it must be part of the cluster."),
}).annotate({ expected: "{node: n1, by: n4}" })
const AskSource = Schema.Struct({
  wish: described(
    oneOf(askedWishes),
    "pause, resume, stop, stop-now, approve, reset or start-again an operation; or rebalance, drop, adopt.",
  ),
  of: described(
    Text,
    "The operation, by its id or a table that it works on; the table of rebalance (or all) and drop; all for adopt.",
  ),
  reason: optional(Text, "Why, for the history. Default: none."),
  approval: optional(flag, "The plan waits to be approved. Default: false."),
  dryRun: optional(flag, "Only asks what would be done. Default: false."),
  answer: optional(
    Schema.Struct({
      is: optional(oneOf(["done", "refused"]), "What becomes of it. Default: anything."),
      containing: optional(Text, "Part of the answer's text. Default: anything."),
    }).annotate({ expected: '{is: refused, containing: "is held by"}' }),
    "What the engine must answer, looked at in the end. Default: anything.",
  ),
}).annotate({ expected: "{wish: pause, of: t}" })

const GroupWordSource = Schema.Struct({
  node: described(Selector, "A node, leader or victim."),
  group: described(Word, "Name of the replica group, such as sw_1_1_0."),
}).annotate({ expected: "{node: n1, group: sw_1_1_0}" })

export const EntrySource = Schema.Union([
  ...faultsWith({
    lasting: { ...moments, ...chances, ...lasts },
    momentary: { ...moments, ...chances },
    check: oneMoment,
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
  entryWith({ undrain: described(Selector, "The node is to be used again.") }),
  entryWith({ control: described(ControlSource, "Something is asked of operations that are under way.") }),
  entryWith({ setRf: described(SetRfSource, "Tables are to have another number of copies.") }),
  entryWith({ split: described(SplitSource, "Half of the shards of a group get a group of their own.") }),
  entryWith({
    adopt: described(
      someOf(TableName, "tables"),
      "The tables of the existing orchestrator are to be taken over: which these are, for what the scenario says of them.",
    ),
  }),
  entryWith({ replace: described(ReplaceSource, "A node takes over what another one has.") }),
  entryWith({ ask: described(AskSource, "Something is asked of the engine, besides what has a verb of its own.") }),
  entryWith({ maintain: described(Selector, "The node is to be away for a while: nothing moves because of it.") }),
  entryWith({ forget: described(Selector, "The word that a node which is away will never start again.") }),
  entryWith({
    recover: described(
      Selector,
      "The word that nodes which are not heard of are gone: the coordination cluster goes on here.",
    ),
  }),
  entryWith({ promote: described(GroupWordSource, "The word that a member is promoted whatever the others hold.") }),
  entryWith({ reunite: described(GroupWordSource, "Of a group that has become two, the side of the node stays.") }),
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
    "an entry {at | between | after, and one of: kill, stop, restart, pause, resume, partition, cut, flap, ring, swizzle, link, heal, slow, error, disconnect, loseReply, diskFull, slowDisk, slowTransfer, failTransfer, keepWrite, replicationPorts, unlistLog, serverId, clockJump, clockSkew, create, drop, addNode, rebalance, drain, undrain, control, ask, setRf, split, adopt, replace, maintain, forget, recover, promote, reunite, mkdir, fill, stream, sql, check}",
})

export type EntrySource = typeof EntrySource.Type
