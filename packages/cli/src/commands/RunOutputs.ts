/**
 * Files that one run is written to: its trace, as lines of JSON or as trace events, and its report. They are opened before
 * the run, so that a name that cannot be written costs no time.
 */
import fs from "node:fs"
import { page } from "@shardwright/sim/report/page"
import { Recorder } from "@shardwright/sim/report/Recorder"
import { traceEvents } from "@shardwright/sim/report/traceEvents"
import type { Inspector } from "@shardwright/sim/run/RunScenario"
import type { ScenarioResult } from "@shardwright/sim/run/ScenarioResult"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput, type CommandError } from "../cli/CommandError.ts"
import { openTrace } from "./TraceFile.ts"

/** What the command line asked for. */
export interface OutputOptions {
  readonly trace: Option.Option<string>
  readonly report: Option.Option<string>
}

/** What to hand to the run, and what to do when it has ended. */
export interface RunOutputs {
  readonly run: { readonly trace?: (line: string) => void; readonly inspector?: Inspector }
  /** `about`: the scenario in a sentence; `repro`: the command that shows it again. */
  readonly close: (result: ScenarioResult, about: string, repro: string) => void
}

/** A trace with such a name is for Perfetto and chrome://tracing. */
const isTraceEvents = (file: string): boolean => file.endsWith(".json")

export const openOutputs = Effect.fnUntraced(function* ({ trace, report }: OutputOptions) {
  const lines = Option.isSome(trace) && !isTraceEvents(trace.value) ? yield* openTrace(trace.value) : undefined
  const eventsFile = Option.filter(trace, isTraceEvents)
  if (Option.isSome(eventsFile)) yield* writable("--trace", eventsFile.value)
  if (Option.isSome(report)) yield* writable("--report", report.value)
  const recorder = Option.isSome(eventsFile) || Option.isSome(report) ? new Recorder() : undefined
  const outputs: RunOutputs = {
    run: {
      ...(lines === undefined ? {} : { trace: lines.write }),
      ...(recorder === undefined ? {} : { inspector: recorder.inspector }),
    },
    close: (result, about, repro) => {
      lines?.close()
      if (recorder === undefined) return
      const recording = recorder.recording(result, about, repro)
      if (Option.isSome(eventsFile)) fs.writeFileSync(eventsFile.value, JSON.stringify(traceEvents(recording)))
      if (Option.isSome(report)) fs.writeFileSync(report.value, page(recording))
    },
  }
  return outputs
})

const writable = (flag: string, file: string): Effect.Effect<void, CommandError> =>
  Effect.try({
    try: () => fs.writeFileSync(file, ""),
    catch: (error) =>
      badInput(`${flag} ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`),
  })
