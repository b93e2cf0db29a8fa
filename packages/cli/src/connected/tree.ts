/**
 * The commands for a real cluster: names, arguments and help. What they do is imported when one runs.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../cli/lazily.ts"
import { parsedFlag, parseJobs } from "../cli/Values.ts"
import { connectionFlags, requestFlags, yesFlag } from "./flags.ts"

const commands = () => import("./commands.ts")

const asking = { ...connectionFlags, ...requestFlags }
/** What cannot be taken back. */
const confirming = { ...asking, yes: yesFlag }
const traitFlags = {
  zone: Flag.String("zone").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Copies of a shard go to different zones"),
    Flag.optional,
  ),
  weight: parsedFlag("weight", "N", "Share of the load, relative to other nodes; 1 by default", parseJobs).pipe(
    Flag.withDefault(1),
  ),
}
const tableName = Argument.String("[cluster:]name").pipe(Argument.withDescription("The sharded table"))
const tableNames = Argument.String("table").pipe(
  Argument.withDescription("Sharded tables; none: all"),
  Argument.variadic({ min: 0 }),
)
const operation = Argument.String("operation").pipe(
  Argument.withDescription("Id of an operation, or a table that it works on"),
)
const node = Argument.String("node").pipe(Argument.withDescription("A node: the address of its binary listener"))

const cluster = Command.make("cluster").pipe(
  Command.withDescription("The cluster itself: make it, let nodes join and leave"),
  Command.withSubcommands([
    Command.make(
      "init",
      { ...connectionFlags, ...traitFlags },
      lazily(async () => (await commands()).clusterInit),
    ).pipe(Command.withDescription("Make the coordination cluster on the node that --connect names")),
    Command.make(
      "join",
      {
        at: Argument.String("at").pipe(Argument.withDescription("A listener of a node that is in the cluster")),
        ...connectionFlags,
        ...traitFlags,
      },
      lazily(async () => (await commands()).clusterJoin),
    ).pipe(Command.withDescription("Bring the node that --connect names into the cluster of another one")),
    Command.make(
      "leave",
      { ...connectionFlags, yes: yesFlag },
      lazily(async () => (await commands()).clusterLeave),
    ).pipe(Command.withDescription("Take the node that --connect names out of the cluster; it must have been drained")),
    Command.make(
      "status",
      connectionFlags,
      lazily(async () => (await commands()).clusterStatus),
    ).pipe(Command.withDescription("Show who is there and who leads")),
  ]),
)

const runNode = Command.make(
  "run",
  {
    config: Flag.String("config").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("The runner's configuration; see docs/OPERATIONS.md"),
    ),
  },
  lazily(async () => (await import("../commands/nodeRun.ts")).nodeRun),
).pipe(Command.withDescription("Run the process beside a daemon in the foreground, as shardwright-node does"))

const change = (name: "drain" | "undrain" | "maintenance", about: string) =>
  Command.make(
    name,
    { node, ...asking },
    lazily(async () => (await commands()).nodeChange(name)),
  ).pipe(Command.withDescription(about))

const nodes = Command.make("node").pipe(
  Command.withDescription("Nodes, and the process beside each of them"),
  Command.withSubcommands([
    Command.make(
      "list",
      connectionFlags,
      lazily(async () => (await commands()).nodeList),
    ).pipe(Command.withDescription("Show all nodes with what they carry")),
    change("drain", "Move everything away from a node"),
    change("undrain", "Let a node be given shards again"),
    change("maintenance", "Expect a node to come back, however long it is away"),
    Command.make(
      "forget",
      { node, ...confirming },
      lazily(async () => (await commands()).nodeForget),
    ).pipe(Command.withDescription("Say that a node which is away, and what it holds, will never start again")),
    Command.make(
      "replace",
      {
        old: Argument.String("old").pipe(Argument.withDescription("The node that goes")),
        new: Argument.String("new").pipe(Argument.withDescription("The node that takes its place; it has joined")),
        ...asking,
      },
      lazily(async () => (await commands()).nodeReplace),
    ).pipe(Command.withDescription("Give all that a node carries to another one")),
    runNode,
  ]),
)

const rf = parsedFlag("rf", "M", "Copies of each shard", parseJobs)
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
        shards: parsedFlag("shards", "N", "Number of shards", parseJobs),
        rf,
        option: Flag.KeyValuePair("option").pipe(
          Flag.withMetavar("NAME=VALUE"),
          Flag.withDescription("Option of the tables; may be given several times"),
          Flag.optional,
        ),
        ...asking,
      },
      lazily(async () => (await commands()).tableCreate),
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
      lazily(async () => (await commands()).tableDrop),
    ).pipe(Command.withDescription("Drop a sharded table")),
    Command.make(
      "set-rf",
      { names: tableNames, rf, ...asking },
      lazily(async () => (await commands()).tableSetRf),
    ).pipe(Command.withDescription("Change the number of copies")),
    Command.make(
      "list",
      connectionFlags,
      lazily(async () => (await commands()).tableList),
    ).pipe(Command.withDescription("Show all sharded tables")),
    ...(["show", "status"] as const).map((name) =>
      Command.make(
        name,
        { name: tableName, ...connectionFlags },
        lazily(async () => (await commands()).tableShow),
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
      lazily(async () => (await commands()).rebalanceStart),
    ).pipe(Command.withDescription("Move what is needed for balance, and no more")),
    Command.make(
      "status",
      connectionFlags,
      lazily(async () => (await commands()).operationList),
    ).pipe(Command.withDescription("Show operations and how far they have come")),
    Command.make(
      "pause",
      { operation, ...asking },
      lazily(async () => (await commands()).operationChange("Pause")),
    ).pipe(Command.withDescription("Begin no further step")),
    Command.make(
      "resume",
      { operation, ...asking },
      lazily(async () => (await commands()).operationChange("Resume")),
    ).pipe(Command.withDescription("Go on")),
    Command.make(
      "stop",
      {
        operation,
        now: Flag.Boolean("now").pipe(
          Flag.withDescription("Do not wait for steps that have begun"),
          Flag.withDefault(false),
          Flag.withoutNegation,
        ),
        ...asking,
      },
      lazily(async () => (await commands()).operationStop),
    ).pipe(Command.withDescription("Stop, and take back what is half done")),
  ]),
)

const operations = Command.make("operation").pipe(
  Command.withDescription("Operations: under way, waiting and over"),
  Command.withSubcommands([
    Command.make(
      "list",
      connectionFlags,
      lazily(async () => (await commands()).operationList),
    ).pipe(Command.withDescription("Show operations, those that ended last included")),
    Command.make(
      "show",
      { id: Argument.String("id").pipe(Argument.withDescription("Id of the operation")), ...connectionFlags },
      lazily(async () => (await commands()).operationShow),
    ).pipe(Command.withDescription("Show one operation with its history")),
    Command.make(
      "approve",
      { operation, ...asking },
      lazily(async () => (await commands()).operationChange("Approve")),
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
      lazily(async () => (await commands()).operationReset),
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
      lazily(async () => (await commands()).groupShow),
    ).pipe(Command.withDescription("Show one group as the records have it, and as each member sees it")),
    Command.make(
      "split",
      { group, ...asking },
      lazily(async () => (await commands()).groupSplit),
    ).pipe(Command.withDescription("Give half of a group's shards to a new group")),
    Command.make(
      "promote",
      { group, node, ...confirming },
      lazily(async () => (await commands()).groupPromote),
    ).pipe(Command.withDescription("Say that the other members are gone: this node's copy goes on alone")),
    Command.make(
      "reunite",
      { group, keep: node, ...confirming },
      lazily(async () => (await commands()).groupReunite),
    ).pipe(Command.withDescription("Of a group that has become two, keep the side of this node")),
    Command.make(
      "list",
      connectionFlags,
      lazily(async () => (await commands()).groupList),
    ).pipe(Command.withDescription("Show all replica groups with their members")),
  ]),
)

const health = Command.make(
  "health",
  connectionFlags,
  lazily(async () => (await commands()).health),
).pipe(Command.withDescription("Show what is amiss and what helps; exit code 1 if anything is"))

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
  lazily(async () => (await commands()).adopt),
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
  adopt,
  recover,
] as const
