/**
 * `sim schema`: the JSON Schema of scenario files, for editors and for whoever writes scenarios with a program.
 */
import { scenarioJsonSchemaText } from "@shardwright/sim/scenario/ScenarioJsonSchema"
import * as Effect from "effect/Effect"
import { Screen } from "../cli/Screen.ts"

export const simSchema = Effect.fnUntraced(function* () {
  const screen = yield* Screen
  screen.print(scenarioJsonSchemaText().trimEnd())
})
