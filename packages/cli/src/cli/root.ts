/**
 * The tree of commands: names, arguments and what `--help` says. What they do is in `commands/` and `connected/`, imported when
 * a command runs, so that none loads what only another needs.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { connectedCommands, planCommands } from "../connected/tree.ts"
import { lazily } from "./lazily.ts"
import { sim } from "./simTree.ts"
import { jsonFlag, pathsArgument } from "./Values.ts"

const planPlace = Command.make(
  "place",
  {
    input: Flag.String("input").pipe(
      Flag.withMetavar("FILE|-"),
      Flag.withDescription("The cluster as a JSON document; - reads standard input"),
    ),
    json: jsonFlag,
  },
  lazily(async () => (await import("../commands/planPlaceCommand.ts")).planPlace),
).pipe(
  Command.withDescription("Place the shards of a cluster that a document describes, with the fewest moves"),
  Command.withExamples([
    { command: "shardwright plan place --input cluster.json", description: "Show where everything would go, and why" },
  ]),
)

const plan = Command.make("plan").pipe(
  Command.withDescription("Plans: of operations, and of layouts"),
  Command.withSubcommands([...planCommands, planPlace]),
)

const conformance = Command.make(
  "conformance",
  { paths: pathsArgument("Recordings (.jsonl), or folders that are searched for them"), json: jsonFlag },
  lazily(async () => (await import("../commands/conformance.ts")).conformance),
).pipe(Command.withDescription("Replay recordings of a real server against the simulated one"))

/** `shardwright` */
export const root = Command.make("shardwright").pipe(
  Command.withDescription("Automatic sharding for Manticore Search that never loses an acknowledged write"),
  Command.withSubcommands([...connectedCommands, sim, plan, conformance]),
)
