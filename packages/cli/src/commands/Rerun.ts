/** A run that is to be looked at again: a seed of chaos, or a failure that was kept. */
import fs from "node:fs"
import type { Mutation } from "@shardwright/core/Mutation"
import { type Bundle, readBundle } from "@shardwright/sim/bundle/Bundle"
import { profileNames, replayCommand, scenarioOfSeed } from "@shardwright/sim/chaos/RunChaos"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { badInput, type CommandError } from "../cli/CommandError.ts"
import { parseSeed } from "../cli/SimValues.ts"

/** How it is named. */
export interface RerunSource {
  /** A seed of chaos, or the folder of a bundle. */
  readonly what: string
  /** For seeds. */
  readonly profile: string
  /** For seeds; a bundle has its own. */
  readonly without: ReadonlyArray<Mutation>
}

/** What can be run again. */
export type Rerun = Pick<Bundle, "scenario" | "seed" | "mode"> & {
  /** The command that shows it again. */
  readonly repro: string
  /** As it was when it was kept; null for a seed. */
  readonly kept: Pick<Bundle, "failure" | "traceHash"> | null
}

/** The run that is meant, or what was expected instead. */
export const readRerun = ({ what, profile, without }: RerunSource): Result.Result<Rerun, string> => {
  const seed = parseSeed(what)
  if (Result.isSuccess(seed)) {
    if (!profileNames.includes(profile)) return Result.fail(noProfile(profile))
    const scenario = { ...scenarioOfSeed(seed.success, profile), without }
    const repro = replayCommand(seed.success, profile, without)
    return Result.succeed({ scenario, seed: seed.success, mode: "chaos", repro, kept: null })
  }
  if (!fs.existsSync(what))
    return Result.fail(
      `"${what}" is neither a seed (${seed.failure}) nor the folder of a bundle, as sim chaos keeps it`,
    )
  return Result.map(readBundle(what), ({ scenario, seed: kept, mode, failure, traceHash }) => ({
    scenario,
    seed: kept,
    mode,
    repro: `shardwright sim replay ${what}`,
    kept: { failure, traceHash },
  }))
}

/** The same for commands. */
export const findRerun = (source: RerunSource): Effect.Effect<Rerun, CommandError> =>
  Effect.mapError(Effect.fromResult(readRerun(source)), (message) => badInput(message))

/** What there is instead of a profile that is not. */
export const noProfile = (profile: string): string =>
  `there is no chaos profile "${profile}"; there are: ${profileNames.join(", ")}`
