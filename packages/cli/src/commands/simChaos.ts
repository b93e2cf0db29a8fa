/**
 * `sim chaos`: many seeds on all cores. Says at once which seed failed and how to see it again, and at the end how often
 * the interesting states were reached.
 */
import os from "node:os"
import {
  type ChaosFailure,
  type ChaosResult,
  profileNames,
  profileOfSeed,
  isShort,
  replayCommand,
  scenarioOfSeed,
  type SeedFigures,
  shortOf,
  wanted,
} from "@shardwright/sim/chaos/RunChaos"
import { allProfiles } from "@shardwright/sim/chaos/Profile"
import { addToCorpus, type CorpusSeed, readCorpus } from "@shardwright/sim/bundle/Corpus"
import type { Mutation } from "@shardwright/core/Mutation"
import type { JunitCase } from "@shardwright/sim/run/junit"
import { few } from "@shardwright/sim/check/Checker"
import { showMs } from "@shardwright/sim/scenario/showDuration"
import { renderColumns } from "@shardwright/core/Columns"
import { exitCodeOf } from "@shardwright/sim/run/SimRun"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { annotate } from "../cli/annotate.ts"
import { badInput, type CommandError } from "../cli/CommandError.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen, type ScreenShape } from "../cli/Screen.ts"
import { counted, countText } from "../cli/text.ts"
import { type SeedRange, seedsOf, type ShardOf } from "../cli/SimValues.ts"
import type { ChaosTask, ChaosWorkerData } from "./chaosWorker.ts"
import { openJunit } from "./JunitFile.ts"
import { keepBundle } from "./keepBundle.ts"
import { noProfile } from "./Rerun.ts"
import { type Reply, runOnWorkers } from "./Workers.ts"

/** What the command line asked for. */
export interface SimChaosOptions {
  readonly seeds: SeedRange
  readonly profile: string
  readonly shard: Option.Option<ShardOf>
  readonly jobs: Option.Option<number>
  readonly budget: Option.Option<Duration.Duration>
  readonly corpus: Option.Option<string>
  /** Folder in which failures are kept. */
  readonly bundles: string
  readonly without: ReadonlyArray<Mutation>
  readonly junit: Option.Option<string>
  readonly json: boolean
}

/** A seed whose run threw: a bug of the simulator, not a finding about the engine. */
interface ChaosCrash {
  readonly seed: number
  readonly profile: string
  readonly message: string
}

const figureNames = ["writes", "operations", "faults", "overlaps"] as const
type Figure = (typeof figureNames)[number]

type ChaosReply = Reply<ChaosTask, ChaosResult>

/** The outcome over all seeds, and the seeds whose run ended by a bug of ours. */
interface ChaosDocument extends Omit<ChaosResult, "perSeed"> {
  /** Seeds of each profile. */
  readonly profiles: Readonly<Record<string, number>>
  /** What single seeds have shown: the least of any, and all together. */
  readonly figures: Readonly<Record<Figure, { readonly least: number; readonly total: number }>>
  /** Seeds that have shown less than they should. */
  readonly shortSeeds: ReadonlyArray<number>
  readonly crashed: ReadonlyArray<ChaosCrash>
  /** Seeds that were asked for and not run, because the budget was spent. */
  readonly notRun: number
}

/** Failures that are kept; where more fail, more of them say little. */
const bundlesMax = 10

/** How often a log that nobody watches hears that all is well. */
const signOfLifeMs = 30_000

export const simChaos = Effect.fnUntraced(function* (options: SimChaosOptions) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  yield* checkProfile(options.profile)
  const { without, bundles } = options
  const known = Option.isSome(options.corpus) ? readCorpus(options.corpus.value) : Result.succeed([])
  if (Result.isFailure(known)) return yield* badInput(known.failure)
  const junit = Option.isSome(options.junit) ? yield* openJunit(options.junit.value) : undefined
  const asked = seedsOf(options.seeds, Option.getOrUndefined(options.shard))
  const tasks = tasksOf(known.success, asked, options.profile)
  const jobs = Math.min(
    tasks.length,
    Option.getOrElse(options.jobs, () => os.availableParallelism()),
  )
  const progress = progressOn(screen, options.profile, tasks.length)
  const { replies, wallMs } = yield* Effect.promise(() =>
    runOnWorkers<ChaosTask, ChaosResult>({
      module: new URL("./chaosWorker.ts", import.meta.url),
      workerData: { mutations: without } satisfies ChaosWorkerData,
      tasks,
      jobs,
      budgetMs: Option.match(options.budget, { onNone: () => Number.POSITIVE_INFINITY, onSome: Duration.toMillis }),
      onReply: progress,
    }),
  )
  const document = merge(replies, tasks.length, wallMs)
  outcome.add(codeOf(document))
  for (const { seed, profile, class: kind, checker, message, repro } of document.failed)
    annotate(screen.note, {
      title: `chaos ${profile}, seed ${seed}: ${kind}, ${checker}`,
      message: `${message}\nagain: ${repro}`,
      file: null,
    })
  if (Option.isSome(options.corpus) && without.length === 0)
    addToCorpus(
      options.corpus.value,
      known.success,
      document.failed.map(({ seed, profile, class: kind, checker }) => ({ profile, seed, class: kind, checker })),
    )
  for (const reply of replies) junit?.add(caseOf(reply))
  junit?.close("shardwright sim chaos")
  for (const { seed, profile, repro } of document.failed.slice(0, bundlesMax)) {
    screen.status(`keeping seed ${seed}`)
    const scenario = { ...scenarioOfSeed(seed, profile), without }
    const folder = keepBundle({ scenario, seed, mode: "chaos", found: repro }, bundles)
    if (folder !== undefined) screen.note(`seed ${seed} is kept in ${folder}`)
  }
  if (options.json) return screen.print(JSON.stringify(document))
  for (const line of summary(document)) screen.print(line)
})

/** The seeds that are to be run, each once; those of the profile that have failed before come first. */
const tasksOf = (known: ReadonlyArray<CorpusSeed>, asked: ReadonlyArray<number>, profile: string) => {
  const before = known.filter((it) => profile === allProfiles || it.profile === profile)
  const tasks = [...before, ...asked.map((seed) => ({ seed, profile: profileOfSeed(seed, profile).name }))]
  return [
    ...new Map(
      tasks.map((it): [string, ChaosTask] => [`${it.profile} ${it.seed}`, { seed: it.seed, profile: it.profile }]),
    ).values(),
  ]
}

/** A seed as a test. */
const caseOf = (reply: ChaosReply): JunitCase => {
  const { seed, profile } = reply.task
  const [failure] = "result" in reply ? reply.result.failed : []
  const crash = "crash" in reply ? crashText(crashOf(reply)) : undefined
  return {
    name: `seed ${seed}`,
    group: `chaos.${profile}`,
    wallMs: "result" in reply ? reply.result.wallMs : 0,
    failure:
      crash === undefined
        ? (failure ?? null)
        : {
            class: "correctness",
            checker: "simulator",
            atMs: 0,
            message: crash,
            repro: replayCommand(seed, profile),
          },
  }
}

/** Fails with the names that there are. */
const checkProfile = (profile: string): Effect.Effect<void, CommandError> =>
  profileNames.includes(profile) ? Effect.void : badInput(noProfile(profile))

const codeOf = ({ crashed, failed }: ChaosDocument): ExitCode =>
  crashed.length > 0
    ? ExitCode.bug
    : // The function answers one of the codes of the contract; its type says only that it is a number.
      (exitCodeOf(failed.map((failure) => failure.class)) as ExitCode)

const failureText = ({ seed, class: kind, checker, atMs, message, repro }: ChaosFailure): string =>
  `✗ seed ${seed}: ${kind}, ${checker} at ${showMs(atMs)}: ${message}\n  again: ${repro}`

const crashText = ({ seed, profile, message }: ChaosCrash): string =>
  `✗ seed ${seed} of ${profile}: the simulator itself failed: ${message}`

const crashOf = ({ task, crash }: Extract<ChaosReply, { readonly crash: string }>): ChaosCrash => ({
  ...task,
  message: crash,
})

/** Tells each failure once as it comes, and in between how far it is. */
const progressOn = (screen: ScreenShape, profile: string, total: number): ((reply: ChaosReply) => void) => {
  let done = 0
  let failed = 0
  let toldAt = Date.now()
  return (reply) => {
    done++
    const trouble = "crash" in reply ? crashText(crashOf(reply)) : reply.result.failed.map(failureText).join("\n")
    if (trouble !== "") {
      failed++
      screen.note(trouble)
    }
    const where = `chaos ${profile}: ${countText(done)} of ${counted(total, "seed")}, ${failed} failed`
    screen.status(where)
    if (!screen.isWatched && Date.now() - toldAt > signOfLifeMs) {
      toldAt = Date.now()
      screen.note(where)
    }
  }
}

/** Results of single seeds as one, in the order of seeds whatever the order in which they came. */
const merge = (replies: ReadonlyArray<ChaosReply>, asked: number, wallMs: number): ChaosDocument => {
  const ordered = replies.toSorted((a, b) => a.task.seed - b.task.seed)
  const results = ordered.flatMap((reply) => ("result" in reply ? [reply.result] : []))
  const crashed = ordered.flatMap((reply) => ("crash" in reply ? [crashOf(reply)] : []))
  const sum = (of: (result: ChaosResult) => number) => results.reduce((total, result) => total + of(result), 0)
  const sometimes: Record<string, number> = {}
  for (const result of results) {
    for (const [name, count] of Object.entries(result.sometimes)) sometimes[name] = (sometimes[name] ?? 0) + count
  }
  const perSeed = results.flatMap((result) => result.perSeed)
  const ran: Record<string, number> = {}
  for (const { profile } of ordered.map((reply) => reply.task)) ran[profile] = (ran[profile] ?? 0) + 1
  return {
    profiles: ran,
    seeds: sum((result) => result.seeds) + crashed.length,
    passed: sum((result) => result.passed),
    failed: results.flatMap((result) => result.failed),
    sometimes,
    virtualMs: sum((result) => result.virtualMs),
    wallMs,
    commands: sum((result) => result.commands),
    acknowledged: sum((result) => result.acknowledged),
    figures: figuresOf(perSeed),
    short: shortOf(perSeed),
    shortSeeds: perSeed.filter(isShort).map(({ seed }) => seed),
    crashed,
    notRun: asked - replies.length,
  }
}

const figuresOf = (perSeed: ReadonlyArray<SeedFigures>): ChaosDocument["figures"] => {
  const of = (name: Figure) => {
    const values = perSeed.map((figures) => figures[name])
    return { least: values.length === 0 ? 0 : Math.min(...values), total: values.reduce((sum, it) => sum + it, 0) }
  }
  return { writes: of("writes"), operations: of("operations"), faults: of("faults"), overlaps: of("overlaps") }
}

const figureWords: Readonly<Record<Figure, string>> = {
  writes: "writes acknowledged",
  operations: "operations ended",
  faults: "faults",
  overlaps: "faults that met a step",
}

const summary = (document: ChaosDocument): ReadonlyArray<string> => {
  const { profiles, seeds, passed, failed, crashed, notRun, sometimes, virtualMs, wallMs, commands, acknowledged } =
    document
  const { figures, short, shortSeeds } = document
  const reached = Object.entries(sometimes)
  const never = reached.filter(([, count]) => count === 0).map(([name]) => name)
  const dealt = Object.entries(profiles)
  return [
    ...(dealt.length > 1
      ? [`seeds of each profile: ${dealt.map(([name, n]) => `${name} ${countText(n)}`).join(", ")}`, ""]
      : []),
    "reached in so many seeds:",
    ...renderColumns(
      reached.filter(([, count]) => count > 0).map(([name, count]) => [`  ${name}`, countText(count)]),
      new Set([1]),
    ),
    ...(never.length > 0 ? [`  never: ${never.join(", ")}`] : []),
    "",
    "in all seeds, and in the seed with the fewest:",
    ...renderColumns(
      figureNames.map((name) => [
        `  ${figureWords[name]}`,
        countText(figures[name].total),
        countText(figures[name].least),
      ]),
      new Set([1, 2]),
    ),
    `  below ${countText(wanted.writes)} writes: ${counted(short.writes, "seed")}; below ${wanted.operations} operations: ${counted(short.operations, "seed")}; ` +
      `without a fault that met a step: ${counted(short.overlaps, "seed")}${shortSeeds.length === 0 ? "" : ` (${few(shortSeeds)})`}`,
    "",
    ...(failed.length + crashed.length > 0 ? ["failed:"] : []),
    ...failed.map((failure) => `  ${failure.repro}  ${failure.class}, ${failure.checker} at ${showMs(failure.atMs)}`),
    ...crashed.map((crash) => `  ${crashText(crash)}`),
    ...(failed.length + crashed.length > 0 ? [""] : []),
    `${countText(passed)} of ${counted(seeds, "seed")} passed, ${failed.length + crashed.length} failed; ` +
      `${showMs(virtualMs)} of virtual time in ${showMs(wallMs)}, ${counted(commands, "command")}, ` +
      `${countText(acknowledged)} writes acknowledged${notRun > 0 ? `; ${counted(notRun, "seed")} not run, as the budget is spent` : ""}`,
  ]
}
