/**
 * The tree of commands: names, arguments and what `--help` says. What they do is in `commands/`, imported when a command
 * runs, so that `--help` and `--version` do not load the simulator.
 */
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import {
  jsonFlag,
  parsedArgument,
  parsedFlag,
  parseJobs,
  parseLength,
  parseSeed,
  parseSeedRange,
  parseShardOf,
} from "./Values.ts"

/** A handler whose module is loaded when it is called. A module that does not load is a bug of ours, and no error to handle. */
const lazily =
  <Options, A, E, R>(module: () => Promise<(options: Options) => Effect.Effect<A, E, R>>) =>
  (options: Options): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.promise(module), (handler) => handler(options))

const paths = (what: string) =>
  Argument.String("path").pipe(Argument.withDescription(what), Argument.variadic({ min: 1 }))
const until = Flag.optional(
  parsedFlag("until", "TIME", "Virtual time at which the run ends, such as 90s or 5m", parseLength),
)
const checkDeterminism = Flag.Boolean("check-determinism").pipe(
  Flag.withDescription("Run everything twice and compare the traces"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)
const trace = Flag.String("trace").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("Write every statement, answer and decision to FILE, one JSON object a line"),
  Flag.optional,
)
const profile = Flag.String("profile").pipe(
  Flag.withMetavar("NAME"),
  Flag.withDescription("What a seed may draw: kinds of faults, sizes, operations"),
  Flag.withDefault("default"),
)

const simRun = Command.make(
  "run",
  {
    paths: paths("Scenario files, or folders that are searched for them"),
    seed: Flag.optional(parsedFlag("seed", "N", "Seed of the run; the same seed gives the same run", parseSeed)),
    seeds: Flag.optional(
      parsedFlag("seeds", "A..B", "Run each scenario with every seed from A up to, but without, B", parseSeedRange),
    ),
    until,
    checkDeterminism,
    trace,
    json: jsonFlag,
  },
  lazily(async () => (await import("../commands/simRun.ts")).simRun),
).pipe(
  Command.withDescription("Run scenarios in the simulator and check what they expect"),
  Command.withExamples([
    { command: "shardwright sim run scenarios/smoke", description: "Run all scenarios of a folder" },
    {
      command: "shardwright sim run scenarios/smoke/node-dies-rf2.yaml --seed 42",
      description: "Run one scenario with a seed and see what happened when",
    },
    { command: "shardwright sim run scenarios/smoke --seeds 1..100 --json", description: "Run with 99 seeds each" },
  ]),
)

const simChaos = Command.make(
  "chaos",
  {
    seeds: parsedFlag(
      "seeds",
      "A..B",
      "Seeds from A up to, but without, B; each is a scenario of its own",
      parseSeedRange,
    ),
    profile,
    shard: Flag.optional(parsedFlag("shard", "I/N", "Run part I of N of the seeds; parts count from 1", parseShardOf)),
    jobs: Flag.optional(
      parsedFlag("jobs", "N", "Seeds that run at the same time; by default one for each core", parseJobs),
    ),
    budget: Flag.optional(
      parsedFlag("budget", "TIME", "Real time after which no seed is begun, such as 5m", parseLength),
    ),
    json: jsonFlag,
  },
  lazily(async () => (await import("../commands/simChaos.ts")).simChaos),
).pipe(
  Command.withDescription("Run scenarios drawn from seeds: random clusters, work and faults, with every checker on"),
  Command.withExamples([
    { command: "shardwright sim chaos --seeds 1..500", description: "Run 499 seeds on all cores" },
    {
      command: "shardwright sim chaos --seeds 1..100000 --shard 2/8 --budget 5m --json",
      description: "Run the second of eight parts for five minutes, as CI does",
    },
  ]),
)

const simReplay = Command.make(
  "replay",
  {
    seed: parsedArgument("seed", "Seed of `sim chaos` to run again", parseSeed),
    profile,
    until,
    checkDeterminism,
    trace,
    json: jsonFlag,
  },
  lazily(async () => (await import("../commands/simReplay.ts")).simReplay),
).pipe(Command.withDescription("Run a chaos seed again and show all that happened"))

const simSchema = Command.make(
  "schema",
  {},
  lazily(async () => (await import("../commands/simSchema.ts")).simSchema),
).pipe(Command.withDescription("Print the JSON Schema of scenario files"))

const sim = Command.make("sim").pipe(
  Command.withDescription("The deterministic simulator: the production engine in virtual time"),
  Command.withSubcommands([simRun, simChaos, simReplay, simSchema]),
)

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

const plan = Command.make("plan").pipe(Command.withDescription("The planner"), Command.withSubcommands([planPlace]))

const conformance = Command.make(
  "conformance",
  { paths: paths("Recordings (.jsonl), or folders that are searched for them"), json: jsonFlag },
  lazily(async () => (await import("../commands/conformance.ts")).conformance),
).pipe(Command.withDescription("Replay recordings of a real server against the simulated one"))

/** `shardwright` */
export const root = Command.make("shardwright").pipe(
  Command.withDescription("Automatic sharding for Manticore Search that never loses an acknowledged write"),
  Command.withSubcommands([sim, plan, conformance]),
)
