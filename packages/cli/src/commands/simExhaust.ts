/**
 * `sim exhaust`: fails each statement that agents send for an operation, one a run, in each of six ways, and says which
 * runs did not end as they must.
 */
import os from "node:os"
import {
  choosePoints,
  type Point,
  type PointOutcome,
  record,
  type Recording,
  runPoint,
} from "@shardwright/sim/exhaust/Exhaust"
import type { Way } from "@shardwright/sim/exhaust/Way"
import { showMs } from "@shardwright/sim/scenario/showDuration"
import { exitCodeOf } from "@shardwright/sim/run/SimRun"
import { loadScenarios } from "@shardwright/sim/scenario/ScenarioFile"
import { printProblems } from "@shardwright/sim/scenario/ScenarioProblem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen, type ScreenShape } from "../cli/Screen.ts"
import { counted, countText } from "../cli/text.ts"
import type { ExhaustWorkerData } from "./exhaustWorker.ts"
import { openTrace } from "./TraceFile.ts"
import { type Reply, runOnWorkers } from "./Workers.ts"

/** What the command line asked for. */
export interface SimExhaustOptions {
  readonly scenario: string
  readonly seed: Option.Option<number>
  readonly all: boolean
  readonly sample: number
  readonly point: Option.Option<number>
  readonly way: Option.Option<Way>
  readonly jobs: Option.Option<number>
  readonly trace: Option.Option<string>
  readonly json: boolean
}

/** A point that did not end as it must, with the command that shows it again. */
interface ExhaustFailure extends Omit<PointOutcome, "passed"> {
  readonly repro: string
}

/** The outcome over all points. */
interface ExhaustDocument {
  readonly scenario: string
  readonly file: string
  readonly seed: number
  readonly points: number
  readonly passed: number
  readonly failed: ReadonlyArray<ExhaustFailure>
  readonly completed: number
  readonly rolledBack: number
  /** Points whose run threw: bugs of the simulator. */
  readonly crashed: ReadonlyArray<{ readonly point: number; readonly way: Way; readonly message: string }>
  readonly commands: number
  readonly wallMs: number
}

export const simExhaust = Effect.fnUntraced(function* (options: SimExhaustOptions) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  const { scenarios, problems } = loadScenarios([options.scenario])
  if (problems.length > 0) return yield* badInput(printProblems(problems), { problems })
  const [loaded, ...others] = scenarios
  if (loaded === undefined || others.length > 0)
    return yield* badInput(`${options.scenario} has ${scenarios.length} scenarios; name the file of one`)
  const { scenario, file } = loaded
  if (scenario.engine === "none")
    return yield* badInput(`${file} runs without the engine: there are no statements of agents to fail`)
  const seed = Option.getOrElse(options.seed, () => scenario.seed)
  const recording = record(scenario, seed, file)
  if (!recording.result.passed)
    return yield* badInput(`${file} does not pass undisturbed (${recording.result.class}): mend it first, see sim run`)
  const points = chosen(recording, options)
  if (points.length === 0)
    return yield* badInput(`no statement is to be tried: agents sent ${recording.commands.length}, counted from 1`)
  if (Option.isSome(options.trace) && points.length > 1)
    return yield* badInput(
      `--trace writes the trace of one run, and these are ${points.length}: name one with --point and --way`,
    )
  const trace = Option.isSome(options.trace) ? yield* openTrace(options.trace.value) : undefined
  const tell = progressOn(screen, scenario.name, points.length, (point) => reproduction(file, seed, point))
  const { replies, wallMs } =
    trace === undefined
      ? yield* Effect.promise(() =>
          runOnWorkers<Point, PointOutcome>({
            module: new URL("./exhaustWorker.ts", import.meta.url),
            workerData: { file, seed } satisfies ExhaustWorkerData,
            tasks: points,
            jobs: Math.min(
              points.length,
              Option.getOrElse(options.jobs, () => os.availableParallelism()),
            ),
            budgetMs: Number.POSITIVE_INFINITY,
            onReply: tell,
          }),
        )
      : {
          replies: points.map((task) => ({
            task,
            result: runPoint(scenario, seed, task, { file, trace: trace.write }),
          })),
          wallMs: 0,
        }
  trace?.close()
  const document = merge(replies, { scenario: scenario.name, file, seed, wallMs })
  outcome.add(codeOf(document))
  if (options.json) return screen.print(JSON.stringify(document))
  for (const line of summary(document, recording)) screen.print(line)
})

const codeOf = ({ crashed, failed }: ExhaustDocument): ExitCode =>
  crashed.length > 0
    ? ExitCode.bug
    : // The function answers one of the codes of the contract; its type says only that it is a number.
      (exitCodeOf(failed.map((failure) => failure.class)) as ExitCode)

const chosen = (recording: Recording, options: SimExhaustOptions): ReadonlyArray<Point> => {
  const isAll = options.all || Option.isSome(options.point)
  return choosePoints(recording.commands, { all: isAll, sample: options.sample }).filter(
    ({ command, way }) =>
      Option.getOrElse(options.point, () => command.number) === command.number &&
      Option.getOrElse(options.way, () => way) === way,
  )
}

const reproduction = (file: string, seed: number, { point, way }: Pick<PointOutcome, "point" | "way">): string =>
  `shardwright sim exhaust ${file} --seed ${seed} --point ${point} --way ${way}`

const failureText = (outcome: PointOutcome, repro: string): string =>
  [
    `✗ statement ${outcome.point} (${outcome.way}), ${outcome.node} to ${outcome.to} at ${showMs(outcome.atMs)}: ${outcome.class}`,
    `  ${outcome.statement.slice(0, statementShownMax)}`,
    ...outcome.violations.map(({ checker, message }) => `  ${checker}: ${message}`),
    `  again: ${repro}`,
  ].join("\n")

/** Characters of a statement that are shown to people. */
const statementShownMax = 200

/** Tells each failure as it comes, and in between how far it is. */
const progressOn = (
  screen: ScreenShape,
  name: string,
  total: number,
  repro: (outcome: PointOutcome) => string,
): ((reply: Reply<Point, PointOutcome>) => void) => {
  let done = 0
  let failed = 0
  return (reply) => {
    done++
    if ("crash" in reply)
      screen.note(`✗ statement ${reply.task.command.number}: the simulator itself failed: ${reply.crash}`)
    else if (!reply.result.passed) screen.note(failureText(reply.result, repro(reply.result)))
    if ("crash" in reply || !reply.result.passed) failed++
    screen.status(`${name}: ${countText(done)} of ${counted(total, "point")}, ${failed} failed`)
  }
}

/** Results of single points as one, in the order of statements whatever the order in which they came. */
const merge = (
  replies: ReadonlyArray<Reply<Point, PointOutcome>>,
  run: Pick<ExhaustDocument, "scenario" | "file" | "seed" | "wallMs">,
): ExhaustDocument => {
  const ordered = replies.toSorted((a, b) => a.task.command.number - b.task.command.number)
  const results = ordered.flatMap((reply) => ("result" in reply ? [reply.result] : []))
  const ended = (end: PointOutcome["end"]) => results.filter((result) => result.passed && result.end === end).length
  return {
    ...run,
    points: ordered.length,
    passed: results.filter((result) => result.passed).length,
    failed: results
      .filter((result) => !result.passed)
      .map(({ passed: _, ...result }) => ({ ...result, repro: reproduction(run.file, run.seed, result) })),
    completed: ended("completed"),
    rolledBack: ended("rolled back"),
    crashed: ordered.flatMap((reply) =>
      "crash" in reply ? [{ point: reply.task.command.number, way: reply.task.way, message: reply.crash }] : [],
    ),
    commands: results.reduce((total, result) => total + result.commands, 0),
  }
}

const summary = (document: ExhaustDocument, recording: Recording): ReadonlyArray<string> => {
  const { points, passed, failed, crashed, completed, rolledBack } = document
  return [
    ...failed.map(({ repro, class: kind }) => `  ${repro}  ${kind}`),
    ...crashed.map(
      ({ point, way, message }) => `  statement ${point} (${way}): the simulator itself failed: ${message}`,
    ),
    `${document.scenario}, seed ${document.seed}: agents sent ${counted(recording.commands.length, "statement")}; ` +
      `${countText(passed)} of ${counted(points, "point")} passed (${countText(completed)} completed, ` +
      `${countText(rolledBack)} rolled back), ${failed.length + crashed.length} failed; in ${showMs(document.wallMs)}`,
  ]
}
