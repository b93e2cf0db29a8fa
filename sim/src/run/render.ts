/**
 * Results in words: a table of runs, the timeline of one, and what went wrong with the way to see it again. Pure: text
 * out, nothing printed.
 */
import { renderColumns } from "@shardwright/core/Columns"
import { showMs } from "../scenario/showDuration.ts"
import type { Happening, ScenarioResult } from "./ScenarioResult.ts"
import { reproduction, type SimRunReport } from "./SimRun.ts"

/** How a text is adorned; both are the identity where colours are not wanted. */
export interface Paint {
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly dim: (text: string) => string
}

const plain: Paint = { good: (text) => text, bad: (text) => text, dim: (text) => text }

const thousands = (value: number): string => value.toString().replaceAll(/\B(?=(\d{3})+$)/g, " ")

const speed = (result: ScenarioResult): string =>
  `${thousands(Math.round(result.virtualMs / Math.max(1, result.wallMs)))}×`

/** The table of all runs: what passed, how long it took, what was written and moved. */
export const renderSummary = (report: SimRunReport, paint: Paint = plain): string => {
  const header = ["", "scenario", "seed", "virtual", "speed", "commands", "acknowledged", "lost", "moves", "trace"]
  const rows = report.scenarios.map((result) => [
    result.passed ? "✓" : "✗",
    result.name,
    String(result.seed),
    showMs(result.virtualMs),
    speed(result),
    thousands(result.commands),
    thousands(result.stats.acknowledged),
    thousands(result.stats.lost),
    thousands(result.stats.moves),
    result.traceHash.slice(0, 8),
  ])
  const lines = renderColumns([header, ...rows], new Set([2, 3, 4, 5, 6, 7, 8]))
  const painted = lines.map((line, index) =>
    index === 0 ? paint.dim(line) : report.scenarios[index - 1]?.passed === true ? paint.good(line) : paint.bad(line),
  )
  const wallMs = report.scenarios.reduce((sum, result) => sum + result.wallMs, 0)
  const virtualMs = report.scenarios.reduce((sum, result) => sum + result.virtualMs, 0)
  const total = `${report.passed} passed, ${report.failed} failed; ${showMs(virtualMs)} of virtual time in ${showMs(wallMs)}`
  return [...painted, "", report.failed === 0 ? paint.good(total) : paint.bad(total)].join("\n")
}

const time = (atMs: number): string => (atMs < 0 ? "-" : "") + showMs(Math.abs(atMs))

const mark: Readonly<Record<Happening["kind"], string>> = {
  fault: "!",
  act: ">",
  leader: "*",
  operation: "#",
  move: "→",
  finding: "?",
  violation: "✗",
  expectation: "✗",
  phase: "=",
  daemon: "·",
}

/** What happened in one run, a line each. */
export const renderTimeline = (
  result: ScenarioResult,
  options: { readonly linesMax?: number; readonly setUp?: boolean } = {},
  paint: Paint = plain,
): string => {
  const linesMax = options.linesMax ?? 200
  const happenings = result.timeline.filter(
    (happening) => options.setUp === true || happening.atMs > 0 || happening.kind === "phase",
  )
  const shown = happenings.slice(0, linesMax)
  const lines = renderColumns(
    shown.map((happening) => [time(happening.atMs), mark[happening.kind], happening.node ?? "", happening.text]),
    new Set([0]),
  )
  const painted = lines.map((line, index) => {
    const kind = shown[index]?.kind
    return kind === "violation" || kind === "expectation" ? paint.bad(line) : kind === "daemon" ? paint.dim(line) : line
  })
  const rest = happenings.length - shown.length
  return [...painted, ...(rest > 0 ? [paint.dim(`… and ${rest} lines more`)] : [])].join("\n")
}

/** What is wrong with a run, and how to see it again; empty for one that passed. */
export const renderFailure = (
  result: ScenarioResult,
  paint: Paint = plain,
  repro: string = reproduction(result),
): string => {
  if (result.passed) return ""
  const violations = result.violations.map(
    (violation) => `  ${paint.bad("✗")} ${violation.checker} at ${time(violation.atMs)}: ${violation.message}`,
  )
  const expectations = result.expectations
    .filter((expectation) => !expectation.held)
    .map((expectation) => `  ${paint.bad("✗")} ${expectation.name} (${expectation.detail})`)
  return [
    paint.bad(`${result.name}, seed ${result.seed}: ${result.class}`),
    ...violations.slice(0, 20),
    ...expectations.slice(0, 20),
    `  again: ${repro}`,
  ].join("\n")
}
