/**
 * Scenarios for a command: all that the paths name, or every mistake in them.
 */
import { type LoadedScenario, loadScenarios } from "@shardwright/sim/scenario/ScenarioFile"
import { printProblems } from "@shardwright/sim/scenario/ScenarioProblem"
import * as Effect from "effect/Effect"
import { badInput, type CommandError } from "../cli/CommandError.ts"

/** Reads the scenarios. With a mistake in any of them none is run, and `--json` lists the mistakes. */
export const loadAll = (paths: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<LoadedScenario>, CommandError> =>
  Effect.suspend(() => {
    const { scenarios, problems } = loadScenarios(paths)
    if (problems.length === 0) return Effect.succeed(scenarios)
    return badInput(printProblems(problems), { scenarios: [], passed: 0, failed: 0, problems })
  })
