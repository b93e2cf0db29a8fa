/**
 * `conformance`: holds the simulated server against recordings of a real one, statement by statement.
 */
import fs from "node:fs"
import { conformance as replay, transcriptFiles } from "@shardwright/sim/conformance/Conformance"
import { TranscriptError } from "@shardwright/sim/conformance/Transcript"
import { renderColumns } from "@shardwright/core/Columns"
import * as Effect from "effect/Effect"
import { badInput } from "../cli/CommandError.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen } from "../cli/Screen.ts"
import { countText, cutText } from "../cli/text.ts"

/** Differences that are shown; `--json` has them all. */
const differencesMax = 20

export const conformance = Effect.fnUntraced(function* (options: {
  readonly paths: ReadonlyArray<string>
  readonly json: boolean
}) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  for (const path of options.paths) {
    if (!fs.existsSync(path))
      return yield* badInput(`${path}: there is no such file or folder; expected recordings (.jsonl)`)
  }
  if (transcriptFiles(options.paths).length === 0) {
    return yield* badInput(`no recordings (.jsonl) in ${options.paths.join(", ")}`)
  }
  const report = yield* Effect.try({
    try: () => replay(options.paths),
    catch: (error) => error,
  }).pipe(Effect.catch((error) => (error instanceof TranscriptError ? badInput(error.message) : Effect.die(error))))
  if (report.agree < report.statements) outcome.add(ExitCode.correctness)
  if (options.json) return screen.print(JSON.stringify(report))

  const families = Object.entries(report.families).map(([family, { statements, agree }]) => [
    family,
    countText(statements),
    countText(agree),
    statements === 0 ? "" : `${((100 * agree) / statements).toFixed(1)} %`,
  ])
  const table = renderColumns([["family", "statements", "agree", ""], ...families], new Set([1, 2, 3]))
  for (const line of table) screen.print(line)
  for (const { transcript, line, sql, expected, actual } of report.differences.slice(0, differencesMax)) {
    screen.print("")
    screen.print(`${transcript}:${line} ${cutText(sql, 200)}`)
    screen.print(`  recorded:  ${cutText(JSON.stringify(expected), 300)}`)
    screen.print(`  simulated: ${cutText(JSON.stringify(actual), 300)}`)
  }
  const left = report.differences.length - differencesMax
  if (left > 0) screen.print(`… and ${left} more differences (--json has them all)`)
  screen.print("")
  screen.print(
    `${countText(report.agree)} of ${countText(report.statements)} statements agree, in ${countText(report.transcripts)} recordings`,
  )
})
