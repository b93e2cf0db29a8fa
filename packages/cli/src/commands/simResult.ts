/**
 * One run of the simulator as the command line tells it: its exit code, and what happened as text.
 */
import { showMs } from "@shardwright/sim/scenario/showDuration"
import { renderFailure, renderTimeline } from "@shardwright/sim/run/render"
import type { ScenarioResult } from "@shardwright/sim/run/ScenarioResult"
import { ExitCode } from "../cli/ExitCode.ts"
import type { Paint } from "../cli/Screen.ts"
import { counted, countText } from "../cli/text.ts"

/** Lines of what happened: of a run among others, and of one that was asked for alone. */
const linesMax = { among: 14, alone: 2000 }

const exitCodes: Readonly<Record<ScenarioResult["class"], ExitCode>> = {
  pass: ExitCode.ok,
  correctness: ExitCode.correctness,
  liveness: ExitCode.liveness,
  nondeterminism: ExitCode.nondeterminism,
}

/** The code that a run asks the process to end with. */
export const exitCodeOf = (result: ScenarioResult): ExitCode => exitCodes[result.class]

/**
 * The run as lines: verdict and figures, what happened at which virtual time, and what failed. `repro`: what shows it
 * again, if that is not `sim run`.
 */
export const runBlock = (
  result: ScenarioResult,
  paint: Paint,
  { isWhole, repro }: { readonly isWhole: boolean; readonly repro?: string },
): string => {
  const { stats } = result
  const figures = [
    `${showMs(result.virtualMs)} of virtual time in ${showMs(result.wallMs)}`,
    `${countText(stats.acknowledged)} writes acknowledged, ${countText(stats.lost)} lost`,
    counted(stats.moves, "move"),
    ...(stats.rollbacks > 0 ? [counted(stats.rollbacks, "rollback")] : []),
  ]
  const verdict = result.passed ? paint.good("✓") : paint.bad("✗")
  // What came before the cluster and its tables were ready is the same in every scenario, and counted from another zero.
  const zero = result.timeline.findIndex(({ kind }) => kind === "phase")
  const since = { ...result, timeline: result.timeline.slice(Math.max(0, zero)) }
  const timeline = renderTimeline(since, { linesMax: isWhole ? linesMax.alone : linesMax.among, setUp: true }, paint)
  return [
    `${verdict} ${paint.strong(result.name)}, seed ${result.seed}: ${figures.join("; ")}`,
    ...timeline.split("\n").map((line) => `  ${line}`),
    ...(result.passed ? [] : [renderFailure(result, paint, repro)]),
  ].join("\n")
}
