/** `node run`: the production runner, as `shardwright-node run` has it. */
import * as Effect from "effect/Effect"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { startRunner } from "./startRunner.ts"

export const nodeRun = Effect.fnUntraced(function* (options: { readonly config: string }) {
  const outcome = yield* Outcome
  const code = yield* Effect.promise(() => startRunner(options.config))
  const known = Object.values(ExitCode).find((candidate) => candidate === code)
  outcome.add(known ?? ExitCode.bug)
})
