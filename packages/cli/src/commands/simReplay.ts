/**
 * `sim replay`: the run of one chaos seed again, with all that happened in it.
 */
import { replaySeed } from "@shardwright/sim/chaos/RunChaos"
import { resultJson } from "@shardwright/sim/run/SimRun"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Outcome } from "../cli/Outcome.ts"
import { Screen } from "../cli/Screen.ts"
import { checkProfile } from "./simChaos.ts"
import { exitCodeOf, runBlock } from "./simResult.ts"
import { openTrace } from "./TraceFile.ts"

/** What the command line asked for. */
export interface SimReplayOptions {
  readonly seed: number
  readonly profile: string
  readonly until: Option.Option<Duration.Duration>
  readonly checkDeterminism: boolean
  readonly trace: Option.Option<string>
  readonly json: boolean
}

export const simReplay = Effect.fnUntraced(function* (options: SimReplayOptions) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  yield* checkProfile(options.profile)
  const trace = Option.isSome(options.trace) ? yield* openTrace(options.trace.value) : undefined
  screen.status(`seed ${options.seed} of chaos ${options.profile}`)
  const result = replaySeed(options.seed, options.profile, {
    checkDeterminism: options.checkDeterminism,
    // As in `sim chaos`, so that it ends where the failure was found.
    stopAtViolation: true,
    ...(trace === undefined ? {} : { trace: trace.write }),
    ...(Option.isSome(options.until) ? { untilMicros: Duration.toMillis(options.until.value) * 1000 } : {}),
  })
  trace?.close()
  outcome.add(exitCodeOf(result))
  screen.print(options.json ? JSON.stringify(resultJson(result)) : runBlock(result, screen.paint, { isWhole: true }))
})
