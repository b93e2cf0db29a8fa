/**
 * `sim replay`: the run of one chaos seed or of one bundle again, with all that happened in it.
 */
import { runBundle } from "@shardwright/sim/bundle/Bundle"
import { resultJson } from "@shardwright/sim/run/SimRun"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Outcome } from "../cli/Outcome.ts"
import { Screen } from "../cli/Screen.ts"
import { findRerun, type RerunSource } from "./Rerun.ts"
import { openOutputs } from "./RunOutputs.ts"
import { exitCodeOf, runBlock } from "./simResult.ts"

/** What the command line asked for. */
export interface SimReplayOptions extends RerunSource {
  readonly until: Option.Option<Duration.Duration>
  readonly checkDeterminism: boolean
  readonly trace: Option.Option<string>
  readonly report: Option.Option<string>
  readonly json: boolean
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
  const { repro } = rerun
  screen.print(
    options.json ? JSON.stringify(resultJson(result)) : runBlock(result, screen.paint, { isWhole: true, repro }),
  )
  if (rerun.kept !== null && Option.isNone(options.until) && result.traceHash !== rerun.kept.traceHash)
    screen.note(
      `This is not the run that was kept (trace ${result.traceHash}, and ${rerun.kept.traceHash} then): the engine or the simulator has changed since.`,
    )
})
