/**
 * The commands for the cluster and its nodes: names, arguments and help. What they do is imported when one runs.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../cli/lazily.ts"
import { parseAddress, parsedArgument, parsedFlag, parseJobs } from "../cli/Values.ts"
import { asking, confirming, connectionFlags, nodeArgument, requestFlags, yesFlag } from "./flags.ts"

const clusterCommands = () => import("./clusterCommands.ts")
const nodeCommands = () => import("./nodeCommands.ts")

const { dryRun } = requestFlags
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

/** `shardwright cluster` */
export const cluster = Command.make("cluster").pipe(
  Command.withDescription("The cluster itself: make it, let nodes join and leave"),
  Command.withSubcommands([
    Command.make(
      "init",
      { ...connectionFlags, ...traitFlags, dryRun },
      lazily(async () => (await clusterCommands()).clusterInit),
    ).pipe(Command.withDescription("Make the coordination cluster on the node that --connect names")),
    Command.make(
      "join",
      {
        at: parsedArgument("at", "A listener of a node that is in the cluster", parseAddress),
        ...connectionFlags,
        ...traitFlags,
        dryRun,
      },
      lazily(async () => (await clusterCommands()).clusterJoin),
    ).pipe(Command.withDescription("Bring the node that --connect names into the cluster of another one")),
    Command.make(
      "leave",
      { ...connectionFlags, yes: yesFlag, dryRun },
      lazily(async () => (await clusterCommands()).clusterLeave),
    ).pipe(Command.withDescription("Take the node that --connect names out of the cluster; it must have been drained")),
    Command.make(
      "status",
      connectionFlags,
      lazily(async () => (await clusterCommands()).clusterStatus),
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

const change = (name: "drain" | "undrain", about: string) =>
  Command.make(
    name,
    { node: nodeArgument, ...asking },
    lazily(async () => (await nodeCommands()).nodeChange(name)),
  ).pipe(Command.withDescription(about))

/** `shardwright node` */
export const nodes = Command.make("node").pipe(
  Command.withDescription("Nodes, and the process beside each of them"),
  Command.withSubcommands([
    Command.make(
      "list",
      connectionFlags,
      lazily(async () => (await nodeCommands()).nodeList),
    ).pipe(Command.withDescription("Show all nodes with what they carry")),
    Command.make(
      "add",
      {
        address: parsedArgument("host:port", "MySQL listener of the daemon that is to be a node", parseAddress),
        ...connectionFlags,
        ...traitFlags,
        dryRun,
      },
      lazily(async () => (await clusterCommands()).nodeAdd),
    ).pipe(Command.withDescription("Bring a daemon into the cluster that --connect leads to")),
    Command.make(
      "remove",
      {
        node: nodeArgument,
        drain: Flag.Boolean("drain").pipe(
          Flag.withDescription("Move everything away from it first"),
          Flag.withDefault(false),
          Flag.withoutNegation,
        ),
        ...confirming,
      },
      lazily(async () => (await nodeCommands()).nodeRemove),
    ).pipe(Command.withDescription("Let a node that holds nothing leave the cluster for good")),
    change("drain", "Move everything away from a node"),
    change("undrain", "Let a node be given shards again"),
    Command.make(
      "maintenance",
      { node: nodeArgument, ...asking },
      lazily(async () => (await nodeCommands()).nodeMaintenance),
    ).pipe(
      Command.withDescription(
        "Expect a node to come back, however long it is away; returns when its daemon can be stopped",
      ),
    ),
    Command.make(
      "forget",
      { node: nodeArgument, ...confirming },
      lazily(async () => (await nodeCommands()).nodeForget),
    ).pipe(Command.withDescription("Say that a node which is away, and what it holds, will never start again")),
    Command.make(
      "replace",
      {
        old: Argument.String("old").pipe(Argument.withDescription("The node that goes")),
        new: Argument.String("new").pipe(Argument.withDescription("The node that takes its place; it has joined")),
        ...asking,
      },
      lazily(async () => (await nodeCommands()).nodeReplace),
    ).pipe(Command.withDescription("Give all that a node carries to another one")),
    runNode,
  ]),
)
