/**
 * `sim minimize`: the smallest scenario that fails in the same way as a kept failure or a chaos seed, as a file that anyone
 * can read.
 */
import fs from "node:fs"
import { minimize, type Minimized } from "@shardwright/sim/minimize/minimize"
import type { Search } from "@shardwright/sim/minimize/Search"
import { showMs } from "@shardwright/sim/scenario/showDuration"
import { renderScenario } from "@shardwright/sim/scenario/ScenarioFile"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { badInput } from "../cli/CommandError.ts"
import { Screen, type ScreenShape } from "../cli/Screen.ts"
import { counted } from "../cli/text.ts"
import { findRerun, type Rerun, type RerunSource } from "./Rerun.ts"

/** What the command line asked for. */
export interface SimMinimizeOptions extends RerunSource {
  readonly output: string
  /** Real time after which the smallest so far is taken. */
  readonly budget: Duration.Duration
  readonly json: boolean
}

/** What `--json` prints. */
interface MinimizeDocument {
  readonly file: string
  readonly class: string
  readonly checker: string
  readonly message: string
  /** Of what is neither comment, name nor sentence: cluster, tables, clients, timeline, … */
  readonly bodyLines: number
  readonly bodyLinesBefore: number
  readonly runs: number
  readonly wallMs: number
  /** False: time was up before nothing more was found. */
  readonly complete: boolean
  readonly repro: string
}

export const simMinimize = Effect.fnUntraced(function* (options: SimMinimizeOptions) {
  const screen = yield* Screen
  const rerun = yield* findRerun(options)
  const startedMs = performance.now()
  const budgetMs = Duration.toMillis(options.budget)
  const elapsedMs = () => performance.now() - startedMs
  const told = progressOn(screen)
  const found = minimize(rerun, { isOver: () => elapsedMs() > budgetMs, ...told })
  if (found === undefined)
    return yield* badInput(
      `${options.what} passes: there is no failure to make smaller${rerun.kept === null ? "" : " (the engine or the simulator has changed since it was kept)"}`,
    )
  const text = fileText(found, rerun)
  yield* Effect.try({
    try: () => fs.writeFileSync(options.output, text),
    catch: (error) =>
      badInput(`-o ${options.output} cannot be written: ${error instanceof Error ? error.message : String(error)}`),
  })
  const document: MinimizeDocument = {
    file: options.output,
    class: found.failure.class,
    checker: found.failure.checker,
    message: found.failure.message,
    bodyLines: bodyOf(text).length,
    bodyLinesBefore: bodyOf(renderScenario(rerun.scenario)).length,
    runs: found.runs,
    wallMs: Math.round(elapsedMs()),
    complete: found.isComplete,
    repro: `shardwright sim run ${options.output}`,
  }
  if (options.json) return screen.print(JSON.stringify(document))
  for (const line of summary(document, text, found)) screen.print(line)
})

/** Lines that say what the scenario does. */
const bodyOf = (text: string): ReadonlyArray<string> =>
  text.split("\n").filter((line) => line !== "" && !/^(#|shardwright:|name:|about:|seed:)/.test(line))

/** Names of scenarios are unique: this one is named after what it shows. */
const fileText = ({ scenario, failure, mode }: Minimized, { repro }: Rerun): string => {
  const named = {
    ...scenario,
    name: `minimized-${scenario.name}`,
    about: `${failure.checker} fails.`,
    covers: [],
  }
  const comment = [
    `# Minimised from what \`${repro}\` shows. In the run, at ${showMs(failure.atMs)}:`,
    ...failure.message.split("\n").map((line) => `#   ${failure.checker}: ${line}`),
    ...(mode === "chaos" ? ["# It fails only as chaos runs it: faults wait until the budget allows them."] : []),
  ]
  const [modeline = "", ...rest] = renderScenario(named).split("\n")
  return [modeline, ...comment, ...rest].join("\n")
}

/** Which pass is under way, and how small the scenario is by now. */
const progressOn = (screen: ScreenShape) => {
  let where = ""
  let toldLines = Number.POSITIVE_INFINITY
  let search: Search | undefined
  const lines = () => (search === undefined ? 0 : bodyOf(renderScenario(search.current.scenario)).length)
  return {
    onPass: (pass: string, on: Search) => {
      search = on
      where = pass
      if (screen.isWatched || lines() >= toldLines) return
      toldLines = lines()
      screen.note(`${counted(toldLines, "line")} after ${counted(on.runs, "run")}; next: ${pass}`)
    },
    onRun: ({ runs }: { readonly runs: number }) =>
      screen.status(`${counted(lines(), "line")} after ${counted(runs, "run")}; ${where}`),
  }
}

const summary = (document: MinimizeDocument, text: string, { mode }: Minimized): ReadonlyArray<string> => [
  text.trimEnd(),
  "",
  `${document.file}: ${counted(document.bodyLines, "line")} of scenario, ${document.bodyLinesBefore} before; ` +
    `${counted(document.runs, "run")} in ${showMs(document.wallMs)}${document.complete ? "" : "; time was up before nothing more was found"}`,
  ...(mode === "chaos" ? [] : [`again: ${document.repro}`]),
]
