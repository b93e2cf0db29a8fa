/**
 * A failure as a folder: the scenario with everything that a seed had drawn, the seed, what was decided in the course of
 * the run, its trace and report, and the line that shows it again. It needs nothing else: neither the chaos profile, which
 * may draw something else by then, nor the file that the scenario came from.
 *
 * | file | |
 * |---|---|
 * | `bundle.json` | `BundleFile`: what failed, with which seed, and how it is run |
 * | `scenario.yaml` | the scenario, complete |
 * | `decisions.ndjson` | each act of the timeline as it was carried out: moment, nodes, length |
 * | `trace.ndjson.gz` | the trace |
 * | `report.html` | the report |
 */
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import * as NodeZlib from "node:zlib"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type DrawnOptions, runDrawn } from "../chaos/RunChaos.ts"
import { runScenario } from "../run/RunScenario.ts"
import { gravestOf, type ScenarioResult } from "../run/ScenarioResult.ts"
import type { Decision } from "../run/TimelineRunner.ts"
import type { Scenario } from "../scenario/Scenario.ts"
import { loadScenario, renderScenario } from "../scenario/ScenarioFile.ts"
import { printProblems } from "../scenario/ScenarioProblem.ts"
import { asEntry } from "./resolve.ts"

/** What `bundle.json` says. */
const BundleFile = Schema.Struct({
  /** Version of this form. */
  shardwrightBundle: Schema.Literal(1),
  seed: Schema.Int,
  /** `chaos`: faults keep to the budget, and clients write until they have written enough. */
  mode: Schema.Literals(["scenario", "chaos"]),
  failure: Schema.Struct({
    class: Schema.Literals(["correctness", "liveness", "nondeterminism", "pass"]),
    checker: Schema.String,
    atMs: Schema.Number,
    message: Schema.String,
  }),
  traceHash: Schema.String,
  /** The command that showed it first. */
  found: Schema.String,
  /** The command that shows this bundle. */
  repro: Schema.String,
})
type BundleFile = typeof BundleFile.Type

/** A failure with everything that shows it again. */
export interface Bundle extends Pick<BundleFile, "seed" | "mode" | "failure" | "traceHash" | "found"> {
  readonly scenario: Scenario
}

/** A bundle, and what only its first run can tell. */
export interface FullBundle extends Bundle {
  readonly decisions: ReadonlyArray<Decision>
  readonly trace: string
  /** The page, or null: none. */
  readonly report: string | null
}

const names = {
  bundle: "bundle.json",
  scenario: "scenario.yaml",
  decisions: "decisions.ndjson",
  trace: "trace.ndjson.gz",
  report: "report.html",
} as const

/** How a bundle is run. */
export type BundleRunOptions = Omit<DrawnOptions, "witness">

/** Runs the scenario of a bundle as it was run when it failed. */
export const runBundle = (
  { scenario, seed, mode }: Pick<Bundle, "scenario" | "seed" | "mode">,
  options: BundleRunOptions = {},
): ScenarioResult =>
  mode === "chaos"
    ? runDrawn(scenario, seed, { stopAtViolation: true, ...options })
    : runScenario(scenario, { ...options, seed })

/** Runs what has failed once more, and keeps all that it tells. Undefined if it passes this time. */
export const gather = (
  run: Pick<Bundle, "scenario" | "seed" | "mode" | "found">,
  options: Pick<BundleRunOptions, "inspector"> & { readonly report?: (result: ScenarioResult) => string } = {},
): FullBundle | undefined => {
  const lines: Array<string> = []
  const decisions: Array<Decision> = []
  const { inspector = {}, report } = options
  const result = runBundle(run, {
    trace: (line) => lines.push(line),
    inspector: {
      ...inspector,
      onDecision: (decision) => {
        decisions.push(decision)
        inspector.onDecision?.(decision)
      },
    },
  })
  if (result.passed) return undefined
  return {
    scenario: run.scenario,
    seed: run.seed,
    mode: run.mode,
    failure: gravestOf(result),
    traceHash: result.traceHash,
    found: run.found,
    decisions,
    trace: `${lines.join("\n")}\n`,
    report: report?.(result) ?? null,
  }
}

/** The name of the folder of a bundle. */
export const bundleName = ({ scenario, seed }: Pick<Bundle, "scenario" | "seed">): string =>
  scenario.name.endsWith(`-${seed}`) ? scenario.name : `${scenario.name}-${seed}`

const showAgain = (folder: string): string => `shardwright sim replay ${folder}`

/** Writes the bundle into a folder below `under`, in place of one of the same name, and answers with the folder. */
export const writeBundle = (bundle: FullBundle, under: string): string => {
  const folder = NodePath.join(under, bundleName(bundle))
  NodeFs.mkdirSync(folder, { recursive: true })
  const write = (name: string, content: string | NodeJS.ArrayBufferView) =>
    NodeFs.writeFileSync(NodePath.join(folder, name), content)
  const { scenario, decisions, trace, report, ...rest } = bundle
  const file: BundleFile = { shardwrightBundle: 1, ...rest, repro: showAgain(folder) }
  write(names.bundle, `${JSON.stringify(file, undefined, 2)}\n`)
  write(names.scenario, renderScenario({ ...scenario, seed: bundle.seed }))
  write(
    names.decisions,
    decisions.map((it) => `${JSON.stringify({ entry: it.entry, ...asEntry(it).source })}\n`).join(""),
  )
  write(names.trace, NodeZlib.gzipSync(trace))
  if (report !== null) write(names.report, report)
  return folder
}

const decodeFile = Schema.decodeUnknownResult(Schema.fromJsonString(BundleFile))

/** Reads the bundle in a folder. On failure, what is wrong with it, for people. */
export const readBundle = (folder: string): Result.Result<Bundle, string> => {
  const read = (name: string): Result.Result<string, string> => {
    const file = NodePath.join(folder, name)
    return Result.try({
      try: () => NodeFs.readFileSync(file, "utf8"),
      catch: () => `${folder} is no bundle: ${name} cannot be read; a bundle is the folder that a failure was kept in`,
    })
  }
  return Result.flatMap(read(names.bundle), (text) =>
    Result.flatMap(
      Result.mapError(
        decodeFile(text),
        (error) => `${NodePath.join(folder, names.bundle)} is no bundle: ${error.message}`,
      ),
      ({ seed, mode, failure, traceHash, found }) =>
        Result.flatMap(read(names.scenario), (yaml) =>
          Result.mapBoth(loadScenario(yaml, NodePath.join(folder, names.scenario)), {
            onSuccess: (scenario): Bundle => ({ scenario, seed, mode, failure, traceHash, found }),
            onFailure: printProblems,
          }),
        ),
    ),
  )
}
