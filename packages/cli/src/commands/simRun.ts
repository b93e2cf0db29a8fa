/**
 * `sim run`: runs scenarios with seeds, tells what happened as it goes, and sums up.
 */
import { showMs } from "@shardwright/sim/scenario/showDuration"
import { renderSummary } from "@shardwright/sim/run/render"
import { gravestOf, type ScenarioResult } from "@shardwright/sim/run/ScenarioResult"
import {
  planRuns,
  reportJson,
  reportOf,
  reproduction,
  simRun as runScenarios,
  type SimRunReport,
} from "@shardwright/sim/run/SimRun"
import type { Scenario } from "@shardwright/sim/scenario/Scenario"
import { resolvePaths } from "@shardwright/sim/scenario/ScenarioFile"
import { printProblems } from "@shardwright/sim/scenario/ScenarioProblem"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { annotate } from "../cli/annotate.ts"
import { badInput } from "../cli/CommandError.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen, type ScreenShape } from "../cli/Screen.ts"
import { counted } from "../cli/text.ts"
import type { SeedRange } from "../cli/SimValues.ts"
import type { ScenarioTask, ScenarioWorkerData } from "./scenarioWorker.ts"
import { exitCodeOf, runBlock } from "./simResult.ts"
import { junitCase, openJunit } from "./JunitFile.ts"
import { keepBundle } from "./keepBundle.ts"
import { openOutputs } from "./RunOutputs.ts"
import { runOnWorkers } from "./Workers.ts"

/** What the command line asked for. */
export interface SimRunOptions {
  readonly paths: ReadonlyArray<string>
  readonly seed: Option.Option<number>
  readonly seeds: Option.Option<SeedRange>
  readonly until: Option.Option<Duration.Duration>
  readonly set: Option.Option<Readonly<Record<string, string>>>
  readonly checkDeterminism: boolean
  readonly jobs: Option.Option<number>
  readonly trace: Option.Option<string>
  readonly report: Option.Option<string>
  readonly junit: Option.Option<string>
  readonly bundles: Option.Option<string>
  readonly json: boolean
}

/** Above this number of runs, those that pass are told in the sum only. */
const toldRunsMax = 40

export const simRun = Effect.fnUntraced(function* (options: SimRunOptions) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  if (Option.isSome(options.seed) && Option.isSome(options.seeds)) {
    return yield* badInput("--seed and --seeds exclude each other: give one seed, or a range of them")
  }
  const { files } = resolvePaths(options.paths)
  const runs = files.length * Option.match(options.seeds, { onNone: () => 1, onSome: ({ from, to }) => to - from })
  for (const [flag, file] of [
    ["trace", options.trace],
    ["report", options.report],
  ] as const) {
    if (Option.isSome(file) && runs > 1)
      return yield* badInput(
        `--${flag} writes the ${flag} of one run, and these are ${runs}: name one scenario and one seed`,
      )
  }
  const outputs = yield* openOutputs(options)
  const junit = Option.isSome(options.junit) ? yield* openJunit(options.junit.value) : undefined
  const onResult = (result: ScenarioResult, scenario: Scenario): void => {
    outcome.add(exitCodeOf(result))
    tell(screen, result, options, runs)
    outputs.close(result, scenario.about, reproduction(result))
    junit?.add(junitCase(result, result.file, reproduction(result)))
    if (!result.passed) tellFailure(screen, result, scenario, options.bundles)
  }
  const chosen = {
    ...given("seed", options.seed),
    ...given("seeds", options.seeds),
    ...given(
      "set",
      Option.map(options.set, (values) => new Map(Object.entries(values))),
    ),
  }
  const jobs = Math.min(
    runs,
    Option.getOrElse(options.jobs, () => 1),
  )
  // A worker knows one file, and cannot tell whether a parameter is one of another.
  const inParallel = jobs > 1 && Option.isNone(options.set)
  const report = inParallel
    ? yield* Effect.promise(() => runInParallel(options, chosen, jobs, screen.status, onResult))
    : runScenarios(options.paths, {
        ...chosen,
        ...given("until", options.until),
        checkDeterminism: options.checkDeterminism,
        ...outputs.run,
        progress: ({ name, seed, atMs, done, total }) =>
          screen.status(`[${done + 1}/${total}] ${name}, seed ${seed}: ${showMs(atMs)} of virtual time`),
        onResult,
      })
  junit?.close("shardwright sim run")
  if (report.problems.length > 0) {
    const { problems, scenarios, passed, failed } = report
    return yield* badInput(printProblems(problems), { scenarios, passed, failed, problems })
  }
  screen.print(options.json ? JSON.stringify(reportJson(report)) : renderSummary(report, screen.paint))
})

/** Runs on worker threads, and tells the results in the order of the runs. */
const runInParallel = async (
  { paths, until, checkDeterminism }: SimRunOptions,
  chosen: Parameters<typeof planRuns>[1],
  jobs: number,
  status: (line: string) => void,
  onResult: (result: ScenarioResult, scenario: Scenario) => void,
): Promise<SimRunReport> => {
  const { problems, runs } = planRuns(paths, chosen)
  if (problems.length > 0) return { problems, scenarios: [], passed: 0, failed: 0 }
  const results: Array<ScenarioResult | undefined> = []
  let told = 0
  const { replies } = await runOnWorkers<ScenarioTask, ScenarioResult>({
    module: new URL("./scenarioWorker.ts", import.meta.url),
    workerData: {
      untilMs: Option.getOrNull(Option.map(until, Duration.toMillis)),
      checkDeterminism,
    } satisfies ScenarioWorkerData,
    tasks: runs.map(({ file, seed }, index) => ({ index, file, seed })),
    jobs,
    budgetMs: Number.POSITIVE_INFINITY,
    onReply: (reply) => {
      if ("crash" in reply) return
      results[reply.task.index] = reply.result
      for (let next = results[told]; next !== undefined; next = results[++told]) {
        const run = runs[told]
        if (run !== undefined) onResult(next, run.scenario)
      }
      status(`${told} of ${runs.length} runs`)
    },
  })
  for (const reply of replies) if ("crash" in reply) throw new Error(`${reply.task.file}: ${reply.crash}`)
  return reportOf(results.filter((result) => result !== undefined))
}

/** A field for an option that was given, and none for one that was not. */
const given = <Name extends string, A>(name: Name, option: Option.Option<A>): { readonly [_ in Name]?: A } =>
  // The computed name widens to `string`; the signature says which one it is.
  (Option.isSome(option) ? { [name]: option.value } : {}) as { readonly [_ in Name]?: A }

/** A run that failed, for those who were not there: beside the change that it is about, and as a bundle. */
const tellFailure = (
  screen: ScreenShape,
  result: ScenarioResult,
  scenario: Scenario,
  bundles: Option.Option<string>,
): void => {
  const { checker, message } = gravestOf(result)
  const title = `${result.name}, seed ${result.seed}: ${result.class}, ${checker}`
  annotate(screen.note, { title, message: `${message}\nagain: ${reproduction(result)}`, file: result.file })
  if (Option.isNone(bundles)) return
  const found = reproduction(result)
  const folder = keepBundle({ scenario, seed: result.seed, mode: "scenario", found }, bundles.value)
  screen.note(folder === undefined ? "the failure did not come again: no bundle" : `kept in ${folder}`)
}

/** Says what came of a run: as a block of the result, or as a note where the result is one document. */
const tell = (screen: ScreenShape, result: ScenarioResult, options: SimRunOptions, runs: number): void => {
  if (options.json) {
    const verdict = result.passed ? "passed" : `FAILED (${result.class})`
    screen.note(`${verdict} ${result.name}, seed ${result.seed}, ${counted(result.commands, "command")}`)
  } else if (!result.passed || runs <= toldRunsMax) {
    screen.print(`${runBlock(result, screen.paint, { isWhole: runs === 1 })}\n`)
  }
}
