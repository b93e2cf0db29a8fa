/**
 * The tree of commands: names, arguments and what `--help` says. What they do is in `commands/`, imported when a command
 * runs, so that `--help` and `--version` do not load the simulator.
 */
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { jsonFlag, parsedFlag, parseLength, parseSeed, parseSeedRange } from "./Values.ts"

/** Loads the module of a command. A module that does not load is a bug of ours, so it is no error to handle. */
const load = <A>(module: () => Promise<A>): Effect.Effect<A> => Effect.promise(module)

const seed = parsedFlag("seed", "N", "Seed of the run; the same seed gives the same run", parseSeed)
const until = parsedFlag("until", "TIME", "Virtual time at which the run ends, such as 90s or 5m", parseLength)
const paths = (name: string, what: string) =>
  Argument.String(name).pipe(Argument.withDescription(what), Argument.variadic({ min: 1 }))

const simRun = Command.make(
  "run",
  {
    paths: paths("path", "Scenario files, or folders that are searched for them"),
    seed,
    seeds: parsedFlag(
      "seeds",
      "A..B",
      "Run each scenario with every seed from A up to, but without, B",
      parseSeedRange,
    ),
    until,
    checkDeterminism: Flag.Boolean("check-determinism").pipe(
      Flag.withDescription("Run everything twice and compare the traces"),
      Flag.withDefault(false),
      Flag.withoutNegation,
    ),
    trace: Flag.String("trace").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Write every statement, answer and decision to FILE, one JSON object a line"),
      Flag.optional,
    ),
    json: jsonFlag,
  },
  (options) =>
    Effect.flatMap(
      load(() => import("../commands/simRun.ts")),
      (command) => command.simRun(options),
    ),
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

const simSchema = Command.make("schema", {}, () =>
  Effect.flatMap(
    load(() => import("../commands/simSchema.ts")),
    (command) => command.simSchema,
  ),
).pipe(Command.withDescription("Print the JSON Schema of scenario files"))

const sim = Command.make("sim").pipe(
  Command.withDescription("The deterministic simulator: the production engine in virtual time"),
  Command.withSubcommands([simRun, simSchema]),
)

const conformance = Command.make(
  "conformance",
  { paths: paths("path", "Recordings (.jsonl), or folders that are searched for them"), json: jsonFlag },
  (options) =>
    Effect.flatMap(
      load(() => import("../commands/conformance.ts")),
      (command) => command.conformance(options),
    ),
).pipe(Command.withDescription("Replay recordings of a real server against the simulated one"))

/** `shardwright` */
export const root = Command.make("shardwright").pipe(
  Command.withDescription("Automatic sharding for Manticore Search that never loses an acknowledged write"),
  Command.withSubcommands([sim, conformance]),
)
