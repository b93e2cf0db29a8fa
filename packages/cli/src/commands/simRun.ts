/**
 * `sim run`: runs scenarios with seeds, tells what happened as it goes, and sums up.
 */
import { runScenario } from "@shardwright/sim/run/RunScenario"
import type { ScenarioResult } from "@shardwright/sim/run/ScenarioResult"
import type { LoadedScenario } from "@shardwright/sim/scenario/ScenarioFile"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput, type CommandError } from "../cli/CommandError.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen, type ScreenShape } from "../cli/Screen.ts"
import { clockText, counted } from "../cli/text.ts"
import { type SeedRange, seedsOf } from "../cli/Values.ts"
import { loadAll } from "./loadScenarios.ts"
import { blockOf, sumUp } from "./simSummary.ts"
import { openTrace, type TraceFile } from "./TraceFile.ts"

/** What the command line asked for. */
export interface SimRunOptions {
  readonly paths: ReadonlyArray<string>
  readonly seed: Option.Option<number>
  readonly seeds: Option.Option<SeedRange>
  readonly until: Option.Option<Duration.Duration>
  readonly checkDeterminism: boolean
  readonly trace: Option.Option<string>
  readonly json: boolean
}

/** The document of `--json`, as the outer contract fixes it. */
interface SimRunDocument {
  readonly scenarios: ReadonlyArray<ScenarioResult>
  readonly passed: number
  readonly failed: number
}

interface Planned extends LoadedScenario {
  readonly seed: number
}

/** Above this number of runs, those that pass are told in the sum only. */
const toldRunsMax = 40

const exitCodes: Readonly<Record<ScenarioResult["class"], ExitCode>> = {
  pass: ExitCode.ok,
  correctness: ExitCode.correctness,
  liveness: ExitCode.liveness,
  nondeterminism: ExitCode.nondeterminism,
}

export const simRun = Effect.fnUntraced(function* (options: SimRunOptions) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  const runs = yield* plan(options)
  const trace = Option.isSome(options.trace) ? yield* openTrace(options.trace.value) : undefined
  const results: Array<ScenarioResult> = []
  for (const run of runs) {
    // Between runs the process gets to hear of a closed pipe or a signal.
    yield* Effect.sleep(0)
    const result = yield* Effect.sync(() => runOne(run, options, trace, screen, `${results.length + 1}/${runs.length}`))
    outcome.add(exitCodes[result.class])
    tell(screen, result, options, runs.length)
    results.push(result)
  }
  yield* Effect.sync(() => trace?.close())
  const passed = results.filter((result) => result.passed).length
  const document: SimRunDocument = { scenarios: results, passed, failed: results.length - passed }
  if (options.json) screen.print(JSON.stringify(document))
  else for (const line of sumUp(results, screen)) screen.print(line)
})

/** Everything that is to be run, or what is wrong with what was asked. */
const plan = Effect.fnUntraced(function* (
  options: SimRunOptions,
): Effect.fn.Return<ReadonlyArray<Planned>, CommandError> {
  if (Option.isSome(options.seed) && Option.isSome(options.seeds)) {
    return yield* badInput("--seed and --seeds exclude each other: give one seed, or a range of them")
  }
  const scenarios = yield* loadAll(options.paths)
  const runs = scenarios.flatMap((loaded) =>
    Option.match(options.seeds, {
      onNone: () => [{ ...loaded, seed: Option.getOrElse(options.seed, () => loaded.scenario.seed) }],
      onSome: (range) => seedsOf(range).map((seed) => ({ ...loaded, seed })),
    }),
  )
  if (Option.isSome(options.trace) && runs.length > 1) {
    return yield* badInput(
      `--trace writes the trace of one run, and these are ${runs.length}: name one scenario and one seed`,
    )
  }
  return runs
})

const runOne = (
  { file, scenario, seed }: Planned,
  options: SimRunOptions,
  trace: TraceFile | undefined,
  screen: ScreenShape,
  place: string,
): ScenarioResult => {
  const status = (atMs: number) =>
    screen.status(`[${place}] ${scenario.name}, seed ${seed}: ${clockText(atMs)} of virtual time`)
  status(0)
  return runScenario(scenario, {
    seed,
    file,
    checkDeterminism: options.checkDeterminism,
    progress: status,
    ...(Option.isSome(options.until) ? { untilMicros: Duration.toMillis(options.until.value) * 1000 } : {}),
    ...(trace === undefined ? {} : { trace: trace.write }),
  })
}

/** Says what came of a run: as a block of the result, or as a note where the result is one document. */
const tell = (screen: ScreenShape, result: ScenarioResult, options: SimRunOptions, runs: number): void => {
  if (options.json) {
    const verdict = result.passed ? "passed" : `FAILED (${result.class})`
    screen.note(`${verdict} ${result.name}, seed ${result.seed}, ${counted(result.commands, "command")}`)
    return
  }
  if (result.passed && runs > toldRunsMax) return
  for (const line of blockOf(result, screen, { whole: runs === 1 })) screen.print(line)
}
