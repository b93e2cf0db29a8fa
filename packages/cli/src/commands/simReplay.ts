/**
 * `sim replay`: the run of one chaos seed or of one bundle again, with all that happened in it.
 */
import fs from "node:fs"
import { type Bundle, readBundle, runBundle } from "@shardwright/sim/bundle/Bundle"
import { replayCommand, scenarioOfSeed } from "@shardwright/sim/chaos/RunChaos"
import { resultJson } from "@shardwright/sim/run/SimRun"
import type { Mutation } from "@shardwright/core/Mutation"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { badInput } from "../cli/CommandError.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen } from "../cli/Screen.ts"
import { parseSeed } from "../cli/Values.ts"
import { openOutputs } from "./RunOutputs.ts"
import { checkProfile } from "./simChaos.ts"
import { exitCodeOf, runBlock } from "./simResult.ts"

/** What the command line asked for. */
export interface SimReplayOptions extends FailureSource {
  readonly until: Option.Option<Duration.Duration>
  readonly checkDeterminism: boolean
  readonly trace: Option.Option<string>
  readonly report: Option.Option<string>
  readonly json: boolean
}

/** How a failure is named. */
export interface FailureSource {
  /** A seed of chaos, or the folder of a bundle. */
  readonly what: string
  readonly profile: string
  readonly without: ReadonlyArray<Mutation>
}

/** What can be run again. */
export type Rerun = Pick<Bundle, "scenario" | "seed" | "mode"> & {
  /** The command that shows it again. */
  readonly repro: string
  /** As it was when it was kept; null for a seed. */
  readonly kept: Pick<Bundle, "failure" | "traceHash"> | null
}

export const simReplay = Effect.fnUntraced(function* (options: SimReplayOptions) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  const rerun = yield* findRerun(options)
  const outputs = yield* openOutputs(options)
  screen.status(`${rerun.scenario.name}, seed ${rerun.seed}`)
  const result = runBundle(rerun, {
    checkDeterminism: options.checkDeterminism,
    ...outputs.run,
    ...(Option.isSome(options.until) ? { untilMicros: Duration.toMillis(options.until.value) * 1000 } : {}),
  })
  outputs.close(result, rerun.scenario.about, rerun.repro)
  outcome.add(exitCodeOf(result))
  screen.print(options.json ? JSON.stringify(resultJson(result)) : runBlock(result, screen.paint, { isWhole: true }))
  if (rerun.kept !== null && Option.isNone(options.until) && result.traceHash !== rerun.kept.traceHash)
    screen.note(
      `This is not the run that was kept (trace ${result.traceHash}, and ${rerun.kept.traceHash} then): the engine or the simulator has changed since.`,
    )
})

/** The seed or the bundle that is meant. */
export const findRerun = Effect.fnUntraced(function* ({ what, profile, without }: FailureSource) {
  const seed = parseSeed(what)
  if (Result.isSuccess(seed)) {
    yield* checkProfile(profile)
    const drawn = { ...scenarioOfSeed(seed.success, profile), without }
    const repro = replayCommand(seed.success, profile, without)
    const rerun: Rerun = { scenario: drawn, seed: seed.success, mode: "chaos", repro, kept: null }
    return rerun
  }
  if (!fs.existsSync(what))
    return yield* badInput(
      `"${what}" is neither a seed (${seed.failure}) nor the folder of a bundle, as sim chaos keeps it`,
    )
  const read = readBundle(what)
  if (Result.isFailure(read)) return yield* badInput(read.failure)
  const { scenario, failure, traceHash, mode } = read.success
  const rerun: Rerun = {
    scenario,
    seed: read.success.seed,
    mode,
    repro: `shardwright sim replay ${what}`,
    kept: { failure, traceHash },
  }
  return rerun
})
