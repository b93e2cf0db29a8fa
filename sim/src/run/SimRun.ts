/**
 * The commands `sim run` and `sim chaos` as functions: plain data in, plain data out. What is printed, and where, is the
 * caller's business; the words for it are in `render`.
 */
import type { Mutation } from "@shardwright/core/Mutation"
import * as Duration from "effect/Duration"
import { loadScenarios } from "../scenario/ScenarioFile.ts"
import type { ScenarioProblem } from "../scenario/ScenarioProblem.ts"
import type { Scenario } from "../scenario/Scenario.ts"
import { type Inspector, runScenario } from "./RunScenario.ts"
import type { ResultClass, ScenarioResult } from "./ScenarioResult.ts"

/** Where a run is, for a line of progress. */
export interface SimProgress {
  readonly name: string
  readonly seed: number
  /** Virtual milliseconds so far. */
  readonly atMs: number
  /** Runs that have ended, and runs in all. */
  readonly done: number
  readonly total: number
}

/** Options of `simRun`. Without `seeds` and `seed`, each scenario's own seed is used. */
export interface SimRunOptions {
  readonly seed?: number
  /** Seeds from `from` up to, and without, `to`. */
  readonly seeds?: { readonly from: number; readonly to: number }
  readonly until?: Duration.Duration
  /** Values of parameters of the scenarios, as texts. */
  readonly set?: ReadonlyMap<string, string>
  readonly checkDeterminism?: boolean
  readonly mutations?: ReadonlyArray<Mutation>
  /** Called with every line of the trace (NDJSON). */
  readonly trace?: (line: string) => void
  readonly progress?: (progress: SimProgress) => void
  readonly inspector?: Inspector
  /** Called when a run has ended. */
  readonly onResult?: (result: ScenarioResult, scenario: Scenario) => void
}

/** What `simRun` answers: problems with the files (then nothing was run), or results. */
export interface SimRunReport {
  readonly problems: ReadonlyArray<ScenarioProblem>
  readonly scenarios: ReadonlyArray<ScenarioResult>
  readonly passed: number
  readonly failed: number
}

/** Exit codes of the outer contract. */
const exitCodes: Readonly<Record<ResultClass, number>> = { nondeterminism: 4, correctness: 1, liveness: 3, pass: 0 }
const precedence: ReadonlyArray<ResultClass> = ["nondeterminism", "correctness", "liveness", "pass"]

/** The exit code for some outcomes: the gravest decides. */
export const exitCodeOf = (classes: Iterable<ResultClass>): number => {
  const seen = new Set(classes)
  return exitCodes[precedence.find((it) => seen.has(it)) ?? "pass"]
}

/** The exit code of a report; 2 for files that cannot be used. */
export const exitCodeOfReport = (report: SimRunReport): number =>
  report.problems.length > 0 ? 2 : exitCodeOf(report.scenarios.map((result) => result.class))

/** One run that is to be made. */
export interface PlannedRun {
  readonly file: string
  readonly scenario: Scenario
  readonly seed: number
}

/** The runs of files and folders, in order; none if one of them has a mistake. */
export const planRuns = (
  paths: ReadonlyArray<string>,
  options: Pick<SimRunOptions, "seed" | "seeds" | "set"> = {},
): { readonly problems: ReadonlyArray<ScenarioProblem>; readonly runs: ReadonlyArray<PlannedRun> } => {
  const { scenarios, problems } = loadScenarios(paths, options.set === undefined ? {} : { set: options.set })
  if (problems.length > 0) return { problems, runs: [] }
  const runs = scenarios.flatMap(({ file, scenario }) =>
    seedsOf(options, scenario.seed).map((seed) => ({ file, scenario, seed })),
  )
  return { problems, runs }
}

/** Results as a report. */
export const reportOf = (scenarios: ReadonlyArray<ScenarioResult>): SimRunReport => {
  const passed = scenarios.filter((result) => result.passed).length
  return { problems: [], scenarios, passed, failed: scenarios.length - passed }
}

/** Runs all scenarios of files and folders, in order. Nothing is run if one of them has a mistake. */
export const simRun = (paths: ReadonlyArray<string>, options: SimRunOptions = {}): SimRunReport => {
  const { problems, runs } = planRuns(paths, options)
  if (problems.length > 0) return { problems, scenarios: [], passed: 0, failed: 0 }
  const results: Array<ScenarioResult> = []
  for (const { file, scenario, seed } of runs) {
    const progress = options.progress
    const result = runScenario(scenario, {
      seed,
      file,
      ...(options.until === undefined ? {} : { untilMicros: Duration.toMillis(options.until) * 1000 }),
      ...(options.checkDeterminism === undefined ? {} : { checkDeterminism: options.checkDeterminism }),
      ...(options.mutations === undefined ? {} : { mutations: options.mutations }),
      ...(options.trace === undefined ? {} : { trace: options.trace }),
      ...(options.inspector === undefined ? {} : { inspector: options.inspector }),
      ...(progress === undefined
        ? {}
        : { progress: (atMs, name) => progress({ name, seed, atMs, done: results.length, total: runs.length }) }),
    })
    results.push(result)
    options.onResult?.(result, scenario)
  }
  return reportOf(results)
}

const seedsOf = (options: Pick<SimRunOptions, "seed" | "seeds">, own: number): ReadonlyArray<number> => {
  if (options.seeds !== undefined) {
    const { from, to } = options.seeds
    return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
  }
  return [options.seed ?? own]
}

/** A result as `--json` prints it: the fields of the contract, without what is told to people only. */
export const resultJson = ({ timeline: _, ...result }: ScenarioResult): Omit<ScenarioResult, "timeline"> => result

/** A report as `--json` prints it. */
export const reportJson = (report: SimRunReport): unknown => ({
  scenarios: report.scenarios.map(resultJson),
  passed: report.passed,
  failed: report.failed,
})

/** The command that repeats a run. */
export const reproduction = (result: ScenarioResult): string =>
  `shardwright sim run ${result.file === "" ? result.name : result.file} --seed ${result.seed}`
