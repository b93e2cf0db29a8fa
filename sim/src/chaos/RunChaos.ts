/**
 * Chaos: many seeds, each a scenario of its own, all checkers on. Says which seeds failed and how to see them again, and
 * how often the interesting states were reached.
 */
import type { Mutation } from "@shardwright/core/Mutation"
import { type Inspector, runScenario } from "../run/RunScenario.ts"
import type { ResultClass, ScenarioResult } from "../run/ScenarioResult.ts"
import { drawScenario } from "./drawScenario.ts"
import { type Profile, profiles } from "./Profile.ts"
import { noSometimes, sometimesOf } from "./sometimes.ts"
import { Witness } from "./Witness.ts"

/** What each seed is to show, or it proves little. */
export const wanted = { writes: 1000, operations: 3, overlaps: 1 } as const

/** How long after the timeline clients go on, if they have not written enough. */
const writeOnMs = 120_000

/** A seed that failed. */
export interface ChaosFailure {
  readonly seed: number
  readonly class: ResultClass
  readonly checker: string
  readonly atMs: number
  readonly message: string
  /** The command that shows it again. */
  readonly repro: string
}

/** Figures of one seed: acknowledged writes, operations that ended, faults that were in force while a step was under way. */
export interface SeedFigures {
  readonly seed: number
  readonly writes: number
  readonly operations: number
  readonly faults: number
  readonly overlaps: number
}

/** How many seeds have shown less than they should. */
export interface Short {
  readonly writes: number
  readonly operations: number
  readonly overlaps: number
}

/** The outcome over all seeds. */
export interface ChaosResult {
  readonly seeds: number
  readonly passed: number
  readonly failed: ReadonlyArray<ChaosFailure>
  readonly sometimes: Readonly<Record<string, number>>
  readonly virtualMs: number
  readonly wallMs: number
  readonly commands: number
  readonly acknowledged: number
  readonly perSeed: ReadonlyArray<SeedFigures>
  readonly short: Short
}

/** Whether a seed has shown less than it should. */
export const isShort = ({ writes, operations, overlaps }: SeedFigures): boolean =>
  writes < wanted.writes || operations < wanted.operations || overlaps < wanted.overlaps

/** Counts the seeds that have shown less than they should. */
export const shortOf = (figures: ReadonlyArray<SeedFigures>): Short => ({
  writes: figures.filter(({ writes }) => writes < wanted.writes).length,
  operations: figures.filter(({ operations }) => operations < wanted.operations).length,
  overlaps: figures.filter(({ overlaps }) => overlaps < wanted.overlaps).length,
})

/** Options of `runChaos`. */
export interface ChaosOptions {
  readonly seeds: Iterable<number>
  readonly profile: string
  readonly mutations?: ReadonlyArray<Mutation>
  /** Called after each seed. */
  readonly onProgress?: (progress: {
    readonly done: number
    readonly seed: number
    readonly result: ScenarioResult
  }) => void
  /** End early: asked before each seed. */
  readonly stop?: (result: ScenarioResult | undefined) => boolean
}

/** The profile of this name, or undefined. */
export const profileNamed = (name: string): Profile | undefined => profiles[name]

/** Names of all profiles. */
export const profileNames: ReadonlyArray<string> = Object.keys(profiles)

/** Runs the scenario of one seed. */
export const replaySeed = (
  seed: number,
  profileName: string,
  options: {
    readonly mutations?: ReadonlyArray<Mutation>
    readonly trace?: (line: string) => void
    readonly untilMicros?: number
    readonly stopAtViolation?: boolean
    readonly checkDeterminism?: boolean
    readonly untraced?: boolean
    readonly inspector?: Inspector
  } = {},
): ScenarioResult => {
  const profile = profileNamed(profileName)
  if (profile === undefined)
    throw new Error(`there is no chaos profile '${profileName}'; there are: ${profileNames.join(", ")}`)
  return runScenario(drawScenario(seed, profile), {
    inspector: inspectorOf(new Witness()),
    ...options,
    seed,
    withinBudget: true,
  })
}

/** Lets a witness look on, and clients write until they have written enough. */
const inspectorOf = (witness: Witness): Inspector => {
  let endedMs: number | undefined
  return {
    atZero: (inside) => witness.begin(inside),
    isEnough: ({ simulation }) => {
      endedMs ??= simulation.nowMs
      return witness.acknowledged >= wanted.writes || simulation.nowMs - endedMs > writeOnMs
    },
  }
}

/** The command that shows a seed again. */
export const replayCommand = (seed: number, profile: string): string =>
  `shardwright sim replay ${seed} --profile ${profile}`

/** What a failed run comes down to: its gravest finding. */
export const failureOf = (result: ScenarioResult, profile: string): ChaosFailure => {
  const safety = result.violations.find((violation) => violation.checker !== "quiescence") ?? result.violations[0]
  const expectation = result.expectations.find((it) => !it.held)
  return {
    seed: result.seed,
    class: result.class,
    checker: safety?.checker ?? "expectation",
    atMs: safety?.atMs ?? result.virtualMs,
    message: safety?.message ?? (expectation === undefined ? "" : `${expectation.name}: ${expectation.detail}`),
    repro: replayCommand(result.seed, profile),
  }
}

/** Runs all seeds. */
export const runChaos = (options: ChaosOptions): ChaosResult => {
  const failed: Array<ChaosFailure> = []
  const sometimes: Record<string, number> = { ...noSometimes }
  let seeds = 0
  let virtualMs = 0
  let wallMs = 0
  let commands = 0
  let acknowledged = 0
  const perSeed: Array<SeedFigures> = []
  let last: ScenarioResult | undefined
  for (const seed of options.seeds) {
    if (options.stop?.(last) === true) break
    const witness = new Witness()
    const result = replaySeed(seed, options.profile, {
      stopAtViolation: true,
      untraced: true,
      inspector: inspectorOf(witness),
      ...(options.mutations === undefined ? {} : { mutations: options.mutations }),
    })
    last = result
    seeds++
    virtualMs += result.virtualMs
    wallMs += result.wallMs
    commands += result.commands
    acknowledged += result.stats.acknowledged
    const { faults, overlaps } = witness.faults(result)
    perSeed.push({ seed, writes: result.stats.acknowledged, operations: witness.operations, faults, overlaps })
    for (const [name, count] of Object.entries(sometimesOf(result, witness, overlaps)))
      sometimes[name] = (sometimes[name] ?? 0) + count
    if (!result.passed) failed.push(failureOf(result, options.profile))
    options.onProgress?.({ done: seeds, seed, result })
  }
  return {
    seeds,
    passed: seeds - failed.length,
    failed,
    sometimes,
    virtualMs,
    wallMs,
    commands,
    acknowledged,
    perSeed,
    short: shortOf(perSeed),
  }
}
