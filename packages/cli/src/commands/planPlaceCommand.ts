/**
 * `plan place` at the command line: reads the document, prints the placement. Shards that cannot be placed are part of
 * the answer, not a failure: the planner did what it was asked.
 */
import fs from "node:fs"
import * as Effect from "effect/Effect"
import { badInput } from "../cli/CommandError.ts"
import { Screen } from "../cli/Screen.ts"
import { planPlaceText, runPlanPlace } from "./planPlace.ts"

const standardInput = 0

export const planPlace = Effect.fnUntraced(function* (options: { readonly input: string; readonly json: boolean }) {
  const screen = yield* Screen
  const isPiped = options.input === "-"
  const name = isPiped ? "standard input" : options.input
  const text = yield* Effect.try({
    try: () => fs.readFileSync(isPiped ? standardInput : options.input, "utf8"),
    catch: (error) =>
      badInput(
        `${name} cannot be read: ${error instanceof Error ? error.message : String(error)}; expected a JSON document with nodes and tables`,
      ),
  })
  const result = runPlanPlace(text, name)
  if ("error" in result) return yield* badInput(result.error)
  if (options.json) screen.print(JSON.stringify(result.output))
  else for (const line of planPlaceText(result.output)) screen.print(line)
})
