/**
 * Chaos: many seeds, each a scenario of its own, all checkers on. Says which seeds failed and how to see them again, and
 * how often the interesting states were reached.
 */
import type { Mutation } from "@shardwright/core/Mutation"
import { type Inspector, runScenario } from "../run/RunScenario.ts"
import { gravestOf, type ResultClass, type ScenarioResult } from "../run/ScenarioResult.ts"
import type { Scenario } from "../scenario/Scenario.ts"
import { drawScenario } from "./drawScenario.ts"
import { allProfiles, dealtTo, type Profile, profiles } from "./Profile.ts"
import { noSometimes, sometimesOf } from "./sometimes.ts"
import { Witness } from "./Witness.ts"

/** What each seed is to show, or it proves little. */
export const wanted = { writes: 1000, operations: 3, overlaps: 1 } as const

/** Share of the seeds that go on with a random core before everything is healed: it costs as much again as the rest. */
const coreShare = 0.25

/** How long after the timeline clients go on, if they have not written enough. */
const writeOnMs = 120_000

/** A seed that failed. */
export interface ChaosFailure {
  readonly seed: number
  readonly profile: string
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
  readonly profile: string
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

/** Names of all profiles, and the one that stands for all of them. */
export const profileNames: ReadonlyArray<string> = [...Object.keys(profiles), allProfiles]

/** The profile that a seed has under a name: that of the name, or the one to which the seed is dealt. */
export const profileOfSeed = (seed: number, name: string): Profile => {
  const profile = name === allProfiles ? dealtTo(seed) : profiles[name]
  if (profile === undefined)
    throw new Error(`there is no chaos profile '${name}'; there are: ${profileNames.join(", ")}`)
  return profile
}

/** How a drawn scenario is run. */
export interface DrawnOptions {
  readonly mutations?: ReadonlyArray<Mutation>
  readonly trace?: (line: string) => void
  readonly untilMicros?: number
  readonly stopAtViolation?: boolean
  readonly checkDeterminism?: boolean
  readonly untraced?: boolean
  readonly branch?: { readonly atMicros: number; readonly seed: number }
  readonly witness?: Witness
  /** Looks on as well. */
  readonly inspector?: Inspector
}

/** The scenario of one seed. */
export const scenarioOfSeed = (seed: number, profile: string): Scenario =>
  drawScenario(seed, profileOfSeed(seed, profile))

/** Runs a drawn scenario as chaos does: within the budget of faults, and until clients have written enough. */
export const runDrawn = (
  scenario: Scenario,
  seed: number,
  { witness = new Witness(), inspector, ...options }: DrawnOptions = {},
): ScenarioResult =>
  runScenario(scenario, { ...options, seed, withinBudget: true, coreShare, inspector: inspectorOf(witness, inspector) })

/** Runs the scenario of one seed. */
export const replaySeed = (seed: number, profileName: string, options: DrawnOptions = {}): ScenarioResult =>
  runDrawn(scenarioOfSeed(seed, profileName), seed, options)

/** Lets a witness look on, and clients write until they have written enough. */
const inspectorOf = (witness: Witness, other: Inspector = {}): Inspector => {
  let endedMs: number | undefined
  return {
    ...other,
    atZero: (inside) => {
      witness.begin(inside)
      other.atZero?.(inside)
    },
    isEnough: ({ simulation }) => {
      endedMs ??= simulation.nowMs
      return witness.acknowledged >= wanted.writes || simulation.nowMs - endedMs > writeOnMs
    },
  }
}

/** The command that shows a seed again. */
export const replayCommand = (seed: number, profile: string, mutations: ReadonlyArray<Mutation> = []): string =>
  [
    `shardwright sim replay ${seed} --profile ${profileOfSeed(seed, profile).name}`,
    ...mutations.map((it) => `--without ${it}`),
  ].join(" ")

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
    const profile = profileOfSeed(seed, options.profile).name
    const witness = new Witness()
    const result = replaySeed(seed, profile, {
      stopAtViolation: true,
      untraced: true,
      witness,
      ...(options.mutations === undefined ? {} : { mutations: options.mutations }),
    })
    last = result
    seeds++
    virtualMs += result.virtualMs
    wallMs += result.wallMs
    commands += result.commands
    acknowledged += result.stats.acknowledged
    const { faults, overlaps } = witness.faults(result)
    perSeed.push({ seed, profile, writes: result.stats.acknowledged, operations: witness.operations, faults, overlaps })
    for (const [name, count] of Object.entries(sometimesOf(result, witness, overlaps)))
      sometimes[name] = (sometimes[name] ?? 0) + count
    // What it comes down to: its gravest finding.
    if (!result.passed)
      failed.push({ seed, profile, ...gravestOf(result), repro: replayCommand(seed, profile, options.mutations) })
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
