/**
 * Runs of scenarios as text: a block for each with what happened at which virtual time, and a table of all.
 */
import type { Happening, ScenarioResult } from "@shardwright/sim/run/ScenarioResult"
import type { ScreenShape } from "../cli/Screen.ts"
import { clockText, counted, countText, cutText, lengthText, tableText } from "../cli/text.ts"

/** Lines of what happened that a block shows when there are other blocks. */
const happeningsMax = 10
/** Violations and failed expectations that a block shows. */
const failuresMax = 10

type Look = Pick<ScreenShape, "paint" | "columns">

/** What is left out first where not all fits: the more often a kind comes, the less it says. */
const rank: Readonly<Record<Happening["kind"], number>> = {
  violation: 0,
  fault: 1,
  act: 1,
  operation: 2,
  expectation: 3,
  leader: 3,
  finding: 4,
  daemon: 4,
  phase: 5,
  move: 6,
}

/** One run: its verdict, what happened, and what failed. `whole` shows all that happened. */
export const blockOf = (
  result: ScenarioResult,
  look: Look,
  { whole }: { readonly whole: boolean },
): ReadonlyArray<string> => {
  const { paint } = look
  const { stats } = result
  const verdict = result.passed ? paint.good("passed") : paint.bad(`FAILED (${result.class})`)
  const figures = [
    `${clockText(result.virtualMs)} of virtual time in ${lengthText(result.wallMs)}`,
    `${countText(stats.acknowledged)} writes acknowledged, ${countText(stats.lost)} lost`,
    counted(stats.moves, "move"),
    ...(stats.rollbacks > 0 ? [counted(stats.rollbacks, "rollback")] : []),
  ]
  return [
    `${verdict} ${paint.strong(result.name)} ${paint.dim(`(seed ${result.seed})`)}`,
    `  ${paint.dim(figures.join(" · "))}`,
    ...happeningLines(result.timeline, look, whole),
    ...failureLines(result, look),
    ...(result.passed ? [] : [`  again: shardwright sim run ${shellWord(result.file)} --seed ${result.seed}`]),
    "",
  ]
}

/** A path as it is typed at a shell. */
const shellWord = (text: string): string => (/^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

const happeningLines = (timeline: ReadonlyArray<Happening>, look: Look, whole: boolean): ReadonlyArray<string> => {
  // Time zero is when the cluster and its tables are ready; what made them ready is the same in every scenario.
  const zero = Math.max(
    0,
    timeline.findIndex(({ kind }) => kind === "phase"),
  )
  if (whole) return timeline.map((happening, index) => happeningLine(happening, look, index < zero))
  const ours = timeline.slice(zero)
  const shown = ours.length <= happeningsMax ? ours : mostTelling(ours)
  const left = ours.length - shown.length
  return [
    ...shown.map((happening) => happeningLine(happening, look, false)),
    ...(left > 0
      ? [look.paint.dim(`  ${"".padStart(9)}  … and ${left} more; run this scenario alone to see all`)]
      : []),
  ]
}

/** The most telling ones, in the order in which they happened. */
const mostTelling = (timeline: ReadonlyArray<Happening>): ReadonlyArray<Happening> => {
  const chosen = new Set(timeline.toSorted((a, b) => rank[a.kind] - rank[b.kind]).slice(0, happeningsMax))
  return timeline.filter((happening) => chosen.has(happening))
}

const happeningLine = ({ atMs, kind, node, text }: Happening, { paint, columns }: Look, isSetUp: boolean): string => {
  const where = node === null || text.includes(node) ? "" : `${node}: `
  const said = cutText(`${where}${text.replaceAll(/\s+/g, " ")}`, Math.max(40, columns - 26))
  const when = isSetUp ? paint.dim("set-up".padStart(9)) : clockText(atMs).padStart(9)
  return `  ${when}  ${paint.dim(kind.padEnd(11))}  ${kind === "violation" ? paint.bad(said) : said}`
}

const failureLines = ({ violations, expectations }: ScenarioResult, { paint }: Look): ReadonlyArray<string> => {
  const failures = [
    ...violations.map(({ atMs, checker, message }) => `${checker} at ${clockText(atMs)}: ${message}`),
    ...expectations.filter(({ held }) => !held).map(({ name, detail }) => `expected ${name}: ${detail}`),
  ]
  const left = failures.length - failuresMax
  return [
    ...failures.slice(0, failuresMax).map((failure) => `  ${paint.bad("✗")} ${failure}`),
    ...(left > 0 ? [`  … and ${left} more (--json has them all)`] : []),
  ]
}

/** All runs: a row for each scenario, and how many passed. */
export const sumUp = (results: ReadonlyArray<ScenarioResult>, { paint }: Look): ReadonlyArray<string> => {
  const byFile = Map.groupBy(results, (result) => result.file)
  const rows = [...byFile.values()].map((runs) => {
    const sum = (of: (result: ScenarioResult) => number) => runs.reduce((total, run) => total + of(run), 0)
    const failed = runs.filter((run) => !run.passed)
    return [
      failed.length === 0 ? "passed" : "FAILED",
      runs[0]?.name ?? "",
      runs.length === 1 ? `seed ${runs[0]?.seed}` : `${runs.length - failed.length}/${runs.length} seeds`,
      clockText(sum((run) => run.virtualMs)),
      lengthText(sum((run) => run.wallMs)),
      countText(sum((run) => run.commands)),
      countText(sum((run) => run.stats.acknowledged)),
      countText(sum((run) => run.stats.lost)),
      countText(sum((run) => run.stats.moves)),
      countText(sum((run) => run.stats.rollbacks)),
    ]
  })
  const right = (title: string) => ({ title, align: "right" as const })
  const columns = [
    { title: "result" },
    { title: "scenario" },
    { title: "run" },
    ...["virtual", "real", "commands", "acknowledged", "lost", "moves", "rollbacks"].map(right),
  ]
  const failed = results.filter((result) => !result.passed).length
  const [header = "", ...body] = tableText(columns, rows)
  const verdict = `${counted(results.length - failed, "run")} passed, ${failed} failed`
  return [
    ...(rows.length > 1 || results.length > 1
      ? [paint.dim(header), ...body.map((line) => (line.startsWith("FAILED") ? paint.bad(line) : line)), ""]
      : []),
    failed === 0 ? paint.good(verdict) : paint.bad(verdict),
  ]
}
