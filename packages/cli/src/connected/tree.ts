/**
 * The commands for a real cluster: names, arguments and help. What they do is imported when one runs.
 */
import * as Duration from "effect/Duration"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../cli/lazily.ts"
import { parsedFlag, parseLength, parseRf, parseShards } from "../cli/Values.ts"
import { asking, confirming, connectionFlags, nodeArgument, requestFlags, yesFlag } from "./flags.ts"
import { cluster, nodes } from "./nodeTree.ts"

const tableCommands = () => import("./tableCommands.ts")
const groupCommands = () => import("./groupCommands.ts")
const operationCommands = () => import("./operationCommands.ts")
const upkeepCommands = () => import("./upkeepCommands.ts")

const tableName = Argument.String("[cluster:]name").pipe(Argument.withDescription("The sharded table"))
const tableNames = Argument.String("table").pipe(
  Argument.withDescription("Sharded tables; none: all"),
  Argument.variadic({ min: 0 }),
)
const operation = Argument.String("operation").pipe(
  Argument.withDescription("Id of an operation, or a table that it works on"),
)
/** Where only one can be meant, it need not be named. */
const anyOperation = Argument.String("operation").pipe(
  Argument.withDescription(
    "Id of an operation, or a table that it works on; by default the only one that is under way",
  ),
  Argument.optional,
)

const rf = parsedFlag("rf", "M", "Copies of each shard", parseRf)
const tables = Command.make("table").pipe(
  Command.withDescription("Sharded tables"),
  Command.withSubcommands([
    Command.make(
      "create",
      {
        name: tableName,
        structure: Argument.String("structure").pipe(
          Argument.withDescription("Columns as in CREATE TABLE, without the brackets around them"),
        ),
        shards: parsedFlag("shards", "N", "Number of shards", parseShards),
        rf,
        option: Flag.KeyValuePair("option").pipe(
          Flag.withMetavar("NAME=VALUE"),
          Flag.withDescription("Option of the tables; may be given several times"),
          Flag.optional,
        ),
        ...asking,
      },
      lazily(async () => (await tableCommands()).tableCreate),
    ).pipe(
      Command.withDescription("Make a sharded table"),
      Command.withExamples([
        {
          command: "shardwright table create products 'title text, price float' --shards 6 --rf 2",
          description: "Six shards, two copies of each",
        },
      ]),
    ),
    Command.make(
      "drop",
      { name: tableName, ...confirming },
      lazily(async () => (await tableCommands()).tableDrop),
    ).pipe(Command.withDescription("Drop a sharded table")),
    Command.make(
      "set-rf",
      { names: tableNames, rf, ...asking },
      lazily(async () => (await tableCommands()).tableSetRf),
    ).pipe(Command.withDescription("Change the number of copies")),
    Command.make(
      "list",
      connectionFlags,
      lazily(async () => (await tableCommands()).tableList),
    ).pipe(Command.withDescription("Show all sharded tables")),
    ...(["show", "status"] as const).map((name) =>
      Command.make(
        name,
        { name: tableName, ...connectionFlags },
        lazily(async () => (await tableCommands()).tableShow),
      ).pipe(Command.withDescription("Show the shards of a table with their copies")),
    ),
  ]),
)

const rebalance = Command.make("rebalance").pipe(
  Command.withDescription("Balance shards over the nodes"),
  Command.withSubcommands([
    Command.make(
      "start",
      { names: tableNames, ...asking },
      lazily(async () => (await operationCommands()).rebalanceStart),
    ).pipe(Command.withDescription("Move what is needed for balance, and no more")),
    Command.make(
      "status",
      connectionFlags,
      lazily(async () => (await operationCommands()).operationList),
    ).pipe(Command.withDescription("Show operations and how far they have come")),
    Command.make(
      "pause",
      { operation: anyOperation, ...asking },
      lazily(async () => (await operationCommands()).operationChange("Pause")),
    ).pipe(Command.withDescription("Begin no further step")),
    Command.make(
      "resume",
      { operation: anyOperation, ...asking },
      lazily(async () => (await operationCommands()).operationChange("Resume")),
    ).pipe(Command.withDescription("Go on")),
    Command.make(
      "stop",
      {
        operation: anyOperation,
        now: Flag.Boolean("now").pipe(
          Flag.withDescription("Do not wait for steps that have begun"),
          Flag.withDefault(false),
          Flag.withoutNegation,
        ),
        ...asking,
      },
      lazily(async () => (await operationCommands()).operationStop),
    ).pipe(Command.withDescription("Stop, and take back what is half done")),
  ]),
)

const operations = Command.make("operation").pipe(
  Command.withDescription("Operations: under way, waiting and over"),
  Command.withSubcommands([
    Command.make(
      "list",
      connectionFlags,
      lazily(async () => (await operationCommands()).operationList),
    ).pipe(Command.withDescription("Show operations, those that ended last included")),
    Command.make(
      "show",
      { id: Argument.String("id").pipe(Argument.withDescription("Id of the operation")), ...connectionFlags },
      lazily(async () => (await operationCommands()).operationShow),
    ).pipe(Command.withDescription("Show one operation with its history")),
    Command.make(
      "approve",
      { operation: anyOperation, ...asking },
      lazily(async () => (await operationCommands()).operationChange("Approve")),
    ).pipe(Command.withDescription("Let a draft be carried out")),
    Command.make(
      "reset",
      {
        operation,
        start: Flag.Boolean("start").pipe(
          Flag.withDescription("Ask for the same again"),
          Flag.withDefault(false),
          Flag.withoutNegation,
        ),
        ...asking,
      },
      lazily(async () => (await operationCommands()).operationReset),
    ).pipe(Command.withDescription("Forget an operation that has ended")),
  ]),
)

const group = Argument.String("group").pipe(Argument.withDescription("Name of a replica group"))
const groups = Command.make("group").pipe(
  Command.withDescription("Replica groups"),
  Command.withSubcommands([
    Command.make(
      "show",
      { group, ...connectionFlags },
      lazily(async () => (await groupCommands()).groupShow),
    ).pipe(Command.withDescription("Show one group as the records have it, and as each member sees it")),
    Command.make(
      "split",
      { group, ...asking },
      lazily(async () => (await groupCommands()).groupSplit),
    ).pipe(Command.withDescription("Give half of a group's shards to a new group")),
    Command.make(
      "promote",
      { group, node: nodeArgument, ...confirming },
      lazily(async () => (await groupCommands()).groupPromote),
    ).pipe(Command.withDescription("Say that the other members are gone: this node's copy goes on alone")),
    Command.make(
      "reunite",
      { group, keep: nodeArgument, ...confirming },
      lazily(async () => (await groupCommands()).groupReunite),
    ).pipe(Command.withDescription("Of a group that has become two, keep the side of this node")),
    Command.make(
      "list",
      connectionFlags,
      lazily(async () => (await groupCommands()).groupList),
    ).pipe(Command.withDescription("Show all replica groups with their members")),
  ]),
)

const health = Command.make(
  "health",
  connectionFlags,
  lazily(async () => (await upkeepCommands()).health),
).pipe(Command.withDescription("Show what is amiss and what helps; exit code 1 if anything is"))

const repair = Command.make(
  "repair",
  asking,
  lazily(async () => (await upkeepCommands()).repair),
).pipe(
  Command.withDescription(
    "Make lost copies anew and finish what was left half-way, now; then show what is still amiss",
  ),
)

const cleanup = Command.make(
  "cleanup",
  {
    ...connectionFlags,
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Show what would go, and delete nothing"),
      Flag.withDefault(false),
      Flag.withoutNegation,
    ),
    olderThan: Flag.optional(
      parsedFlag("older-than", "TIME", "Age of records of what is over, such as 7d; 30d by default", parseLength),
    ),
    yes: yesFlag,
  },
  lazily(async () => (await upkeepCommands()).cleanup),
).pipe(
  Command.withDescription(
    "Delete records that nobody needs any more, and show what else is left and what it waits for",
  ),
)

const watch = Command.make(
  "watch",
  {
    operation: Argument.String("operation").pipe(
      Argument.withDescription("Id of an operation, or a table that it works on; by default everything"),
      Argument.optional,
    ),
    idle: Flag.Boolean("idle").pipe(
      Flag.withDescription("End when nothing is under way; with an operation or --json it ends in any case"),
      Flag.withDefault(false),
      Flag.withoutNegation,
    ),
    interval: parsedFlag("interval", "TIME", "Between two looks; 1s by default", parseLength).pipe(
      Flag.withDefault(Duration.seconds(1)),
    ),
    timeout: Flag.optional(parsedFlag("timeout", "TIME", "How long to watch; by default without end", parseLength)),
    ...connectionFlags,
  },
  lazily(async () => (await import("./watch.ts")).watch),
).pipe(Command.withDescription("Show what goes on, as it goes on: operations with their progress, and findings"))

/** `plan show` and `plan explain`. */
export const planCommands = [
  Command.make(
    "show",
    { operation, ...connectionFlags },
    lazily(async () => (await import("./planCommands.ts")).planShow),
  ).pipe(Command.withDescription("Show the steps of an operation, what they depend on and how far they are")),
  Command.make(
    "explain",
    { operation, ...connectionFlags },
    lazily(async () => (await import("./planCommands.ts")).planExplain),
  ).pipe(Command.withDescription("Show why each thing changes, what it takes, and what it waits for")),
] as const

const adopt = Command.make(
  "adopt",
  {
    rf: Flag.KeyValuePair("rf").pipe(
      Flag.withMetavar("TABLE=M"),
      Flag.withDescription("Copies of a table whose shards have different numbers of them; may be given several times"),
      Flag.optional,
    ),
    ...asking,
  },
  lazily(async () => (await upkeepCommands()).adopt),
).pipe(
  Command.withDescription("Take over all tables of the existing orchestrator, once it has stopped; nothing is moved"),
)

const recover = Command.make(
  "recover",
  {
    config: Flag.String("config").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Configuration of the runner on a node that has survived"),
    ),
    dryRun: requestFlags.dryRun,
    yes: yesFlag,
    json: connectionFlags.json,
  },
  lazily(async () => (await import("../commands/recover.ts")).recover),
).pipe(
  Command.withDescription("Go on without nodes that are gone for good, when the coordination cluster has no majority"),
  Command.withExamples([
    {
      command: "shardwright recover --config /etc/shardwright/node.yaml --dry-run",
      description: "Show who is heard of and who would be declared gone",
    },
  ]),
)

/** All of them. */
export const connectedCommands = [
  cluster,
  nodes,
  tables,
  rebalance,
  operations,
  groups,
  health,
  repair,
  cleanup,
  watch,
  adopt,
  recover,
] as const
