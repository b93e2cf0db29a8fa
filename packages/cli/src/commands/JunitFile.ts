/** A JUnit file that is written when all runs have ended. */
import fs from "node:fs"
import { type JunitCase, junitXml } from "@shardwright/sim/run/junit"
import { gravestOf, type ScenarioResult } from "@shardwright/sim/run/ScenarioResult"
import * as Effect from "effect/Effect"
import { badInput, type CommandError } from "../cli/CommandError.ts"

/** Gathers the runs of a file. */
export interface JunitFile {
  readonly add: (run: JunitCase) => void
  readonly close: (suite: string) => void
}

/** A run as a test of the group. */
export const junitCase = (result: ScenarioResult, group: string, repro: string): JunitCase => ({
  name: `${result.name}, seed ${result.seed}`,
  group,
  wallMs: result.wallMs,
  failure: result.passed ? null : { ...gravestOf(result), repro },
})

/** Opens the file anew. */
export const openJunit = (file: string): Effect.Effect<JunitFile, CommandError> =>
  Effect.try({
    try: () => fs.writeFileSync(file, ""),
    catch: (error) =>
      badInput(`--junit ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`),
  }).pipe(
    Effect.map(() => {
      const runs: Array<JunitCase> = []
      return {
        add: (run) => runs.push(run),
        close: (suite) => fs.writeFileSync(file, junitXml(suite, runs)),
      }
    }),
  )
