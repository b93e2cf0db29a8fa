/**
 * How the command that runs will end: commands add exit codes as they learn of them, and the worst one counts.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { ExitCode, worstOf } from "./ExitCode.ts"

/** Gathers exit codes. */
export class Outcome extends Context.Service<
  Outcome,
  {
    readonly add: (code: ExitCode) => void
    readonly exitCode: () => ExitCode
  }
>()("shardwright/cli/Outcome") {
  /** Nothing has gone wrong yet. */
  static readonly layer = Layer.sync(Outcome, () => {
    let worst: ExitCode = ExitCode.ok
    return {
      add: (code) => {
        worst = worstOf([worst, code])
      },
      exitCode: () => worst,
    }
  })
}
