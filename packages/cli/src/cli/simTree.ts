/**
 * The commands of the simulator: names, arguments and help. What they do is imported when one runs.
 */
import type { Mutation } from "@shardwright/core/Mutation"
import * as Duration from "effect/Duration"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "./lazily.ts"
import { parseMutations, parseSeed, parseSeedRange, parseShardOf, parseSpeed, parseWay } from "./SimValues.ts"
import { jsonFlag, lazilyParsedFlag, parsedFlag, parseJobs, parseLength, parsePort, pathsArgument } from "./Values.ts"

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
  Flag.withDescription(
    "Write every statement, answer and decision to FILE: one JSON object a line, or, if it is called *.json, trace events for Perfetto",
  ),
  Flag.optional,
)
const report = Flag.String("report").pipe(
  Flag.withMetavar("FILE.html"),
  Flag.withDescription("Write a page with timelines, plans and the cluster at any moment; it opens offline"),
  Flag.optional,
)
const junit = Flag.String("junit").pipe(
  Flag.withMetavar("FILE.xml"),
  Flag.withDescription("Write the results as JUnit XML"),
  Flag.optional,
)
const without = parsedFlag(
  "without",
  "MECHANISM,…",
  "Switch off safety mechanisms of the engine, to see that it shows",
  parseMutations,
).pipe(Flag.withDefault<ReadonlyArray<Mutation>>([]))
const profile = Flag.String("profile").pipe(
  Flag.withMetavar("NAME"),
  Flag.withDescription(
    "What a seed may draw: kinds of faults, sizes, operations; all: seeds are dealt over all profiles",
  ),
  Flag.withDefault("default"),
)

const simRun = Command.make(
  "run",
  {
    paths: pathsArgument("Scenario files, or folders that are searched for them"),
    seed: Flag.optional(parsedFlag("seed", "N", "Seed of the run; the same seed gives the same run", parseSeed)),
    seeds: Flag.optional(
      parsedFlag("seeds", "A..B", "Run each scenario with every seed from A up to, but without, B", parseSeedRange),
    ),
    until,
    set: Flag.KeyValuePair("set").pipe(
      Flag.withMetavar("NAME=VALUE"),
      Flag.withDescription("Value of a parameter of the scenarios; may be given several times"),
      Flag.optional,
    ),
    checkDeterminism,
    jobs: Flag.optional(parsedFlag("jobs", "N", "Runs at the same time; 1 by default", parseJobs)),
    trace,
    report,
    junit,
    bundles: Flag.String("bundles").pipe(
      Flag.withMetavar("FOLDER"),
      Flag.withDescription("Keep each failure in FOLDER, with all that shows it again"),
      Flag.optional,
    ),
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
    corpus: Flag.String("corpus").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Run the seeds of this profile (all: of any) in FILE first, and add those that fail"),
      Flag.optional,
    ),
    bundles: Flag.String("bundles").pipe(
      Flag.withMetavar("FOLDER"),
      Flag.withDescription("Folder in which failures are kept, with all that shows them again; out/bundles by default"),
      Flag.withDefault("out/bundles"),
    ),
    without,
    junit,
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

const failure = Argument.String("seed|bundle").pipe(
  Argument.withDescription("A seed of `sim chaos`, or the folder in which a failure was kept"),
)

const simReplay = Command.make(
  "replay",
  {
    what: failure,
    profile,
    without,
    until,
    checkDeterminism,
    trace,
    report,
    json: jsonFlag,
  },
  lazily(async () => (await import("../commands/simReplay.ts")).simReplay),
).pipe(Command.withDescription("Run a chaos seed or a kept failure again and show all that happened"))

const simMinimize = Command.make(
  "minimize",
  {
    what: failure,
    profile,
    without,
    output: Flag.String("output").pipe(
      Flag.withAlias("o"),
      Flag.withMetavar("FILE.yaml"),
      Flag.withDescription("Scenario file to write"),
    ),
    budget: parsedFlag(
      "budget",
      "TIME",
      "Real time after which the smallest so far is taken; 1m by default",
      parseLength,
    ).pipe(Flag.withDefault(Duration.minutes(1))),
    json: jsonFlag,
  },
  lazily(async () => (await import("../commands/simMinimize.ts")).simMinimize),
).pipe(
  Command.withDescription(
    "Make a failure as small as it can be: the fewest faults, nodes and tables that still fail alike",
  ),
  Command.withExamples([
    {
      command: "shardwright sim minimize out/bundles/chaos-default-42 -o small.yaml",
      description: "Write the smallest scenario that fails like the kept one",
    },
  ]),
)

const simBranch = Command.make(
  "branch",
  {
    what: failure,
    profile,
    without,
    at: Flag.optional(
      parsedFlag(
        "at",
        "TIME",
        "Virtual time from which on seeds are fresh; by default eight times up to the failure",
        parseLength,
      ),
    ),
    branches: parsedFlag("branches", "N", "Fresh seeds for each time; 10 by default", parseJobs).pipe(
      Flag.withDefault(10),
    ),
    jobs: Flag.optional(parsedFlag("jobs", "N", "Runs at the same time; by default one for each core", parseJobs)),
    json: jsonFlag,
  },
  lazily(async () => (await import("../commands/simBranch.ts")).simBranch),
).pipe(
  Command.withDescription(
    "Show when a failure became likely: the same run up to some time, and fresh seeds from there on",
  ),
)

const simExhaust = Command.make(
  "exhaust",
  {
    scenario: Argument.String("scenario").pipe(Argument.withDescription("Scenario file with the operation to try")),
    seed: Flag.optional(parsedFlag("seed", "N", "Seed of every run; by default the scenario's own", parseSeed)),
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("Fail every read and every sign of life as well, not just a few of them"),
      Flag.withDefault(false),
      Flag.withoutNegation,
    ),
    sample: parsedFlag("sample", "K", "Try every K-th point only", parseJobs).pipe(Flag.withDefault(1)),
    point: Flag.optional(parsedFlag("point", "N", "Fail only the N-th statement that agents send", parseSeed)),
    way: Flag.optional(
      lazilyParsedFlag("way", "WAY", "Fail in one way only: refused, error, timeout, crash, full or away", async () =>
        parseWay((await import("@shardwright/sim/exhaust/Way")).ways),
      ),
    ),
    jobs: Flag.optional(
      parsedFlag("jobs", "N", "Points that run at the same time; by default one for each core", parseJobs),
    ),
    trace,
    json: jsonFlag,
  },
  lazily(async () => (await import("../commands/simExhaust.ts")).simExhaust),
).pipe(
  Command.withDescription("Fail each statement of an operation in turn, in six ways, and check how each run ends"),
  Command.withExamples([
    { command: "shardwright sim exhaust scenarios/exhaust/create.yaml", description: "Try every point" },
    {
      command: "shardwright sim exhaust scenarios/exhaust/create.yaml --point 42 --way crash --trace t.ndjson",
      description: "Run one point again and see all that happened",
    },
  ]),
)

const simSchema = Command.make(
  "schema",
  {},
  lazily(async () => (await import("../commands/simSchema.ts")).simSchema),
).pipe(Command.withDescription("Print the JSON Schema of scenario files"))

const simServe = Command.make(
  "serve",
  {
    scenario: Argument.String("scenario").pipe(Argument.withDescription("Scenario file whose cluster is served")),
    basePort: parsedFlag(
      "base-port",
      "N",
      "Port of the first node, the others follow; 0: free ones; 19306 by default",
      parsePort,
    ).pipe(Flag.withDefault(19_306)),
    controlPort: parsedFlag(
      "control-port",
      "N",
      "Port of the HTTP control that injects faults; by default one that is free",
      parsePort,
    ).pipe(Flag.withDefault(0)),
    speed: parsedFlag(
      "speed",
      "FACTOR",
      "How fast virtual time passes: 1x (the default), 10x, or max: nothing takes time",
      parseSpeed,
    ).pipe(Flag.withDefault<number | "max">(1)),
    seed: Flag.optional(parsedFlag("seed", "N", "Seed of delays; by default the scenario's own", parseSeed)),
    json: jsonFlag,
  },
  lazily(async () => (await import("../commands/simServe.ts")).simServe),
).pipe(
  Command.withDescription("Serve the nodes of a scenario's cluster as MySQL servers on loopback, with faults by HTTP"),
  Command.withExamples([
    {
      command: "shardwright sim serve scenarios/smoke/create-rf2.yaml --base-port 0",
      description: "Serve on free ports; a table says which",
    },
  ]),
)

/** `shardwright sim` */
export const sim = Command.make("sim").pipe(
  Command.withDescription("The deterministic simulator: the production engine in virtual time"),
  Command.withSubcommands([simRun, simChaos, simReplay, simMinimize, simBranch, simExhaust, simServe, simSchema]),
)
