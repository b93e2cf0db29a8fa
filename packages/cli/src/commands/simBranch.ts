/**
 * `sim branch`: when a failure became likely. Runs the same up to several moments, and from each on with fresh seeds, and
 * says how many of these fail.
 */
import os from "node:os"
import { type BranchOutcome } from "@shardwright/sim/bundle/branch"
import { runBundle } from "@shardwright/sim/bundle/Bundle"
import { renderColumns } from "@shardwright/core/Columns"
import { type Failure, gravestOf } from "@shardwright/sim/run/ScenarioResult"
import { showMs } from "@shardwright/sim/scenario/showDuration"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { Screen } from "../cli/Screen.ts"
import { counted } from "../cli/text.ts"
import type { BranchTask, BranchWorkerData } from "./branchWorker.ts"
import { findRerun, type RerunSource } from "./Rerun.ts"
import { type Reply, runOnWorkers } from "./Workers.ts"

/** What the command line asked for. */
export interface SimBranchOptions extends RerunSource {
  /** The moment to branch at; none: eight moments up to the failure. */
  readonly at: Option.Option<Duration.Duration>
  /** Branches at each moment. */
  readonly branches: number
  readonly jobs: Option.Option<number>
  readonly json: boolean
}

/** How the branches from one moment ended. */
interface BranchPoint {
  readonly atMs: number
  readonly branches: number
  /** With the same class and checker. */
  readonly failed: number
  readonly failedOtherwise: number
}

/** Moments that are tried where none is asked for. */
const momentsCount = 8

export const simBranch = Effect.fnUntraced(function* (options: SimBranchOptions) {
  const screen = yield* Screen
  const rerun = yield* findRerun(options)
  const { what, profile, without, branches } = options
  const result = runBundle(rerun, { stopAtViolation: true, untraced: true })
  if (result.passed) return yield* badInput(`${what} passes: there is no failure to branch from`)
  const failure = gravestOf(result)
  const moments = Option.match(options.at, {
    onSome: (at) => [Duration.toMillis(at)],
    onNone: () => Array.from({ length: momentsCount }, (_, index) => Math.floor((failure.atMs * index) / momentsCount)),
  })
  const tasks = moments.flatMap((atMs) => Array.from({ length: branches }, (_, index) => ({ atMs, seed: index + 1 })))
  let done = 0
  const { replies } = yield* Effect.promise(() =>
    runOnWorkers<BranchTask, BranchOutcome>({
      module: new URL("./branchWorker.ts", import.meta.url),
      workerData: { source: { what, profile, without }, failure } satisfies BranchWorkerData,
      tasks,
      jobs: Math.min(
        tasks.length,
        Option.getOrElse(options.jobs, () => os.availableParallelism()),
      ),
      budgetMs: Number.POSITIVE_INFINITY,
      onReply: () => screen.status(`${++done} of ${counted(tasks.length, "run")}`),
    }),
  )
  const crash = replies.find((reply) => "crash" in reply)
  if (crash !== undefined && "crash" in crash) return yield* Effect.die(new Error(crash.crash))
  const points = moments.map((atMs) => pointOf(atMs, replies))
  if (options.json) return screen.print(JSON.stringify({ class: failure.class, checker: failure.checker, points }))
  for (const line of table(points, failure)) screen.print(line)
})

const pointOf = (atMs: number, replies: ReadonlyArray<Reply<BranchTask, BranchOutcome>>): BranchPoint => {
  const ends = replies.flatMap((reply) => ("result" in reply && reply.task.atMs === atMs ? [reply.result.end] : []))
  const count = (end: BranchOutcome["end"]) => ends.filter((it) => it === end).length
  return { atMs, branches: ends.length, failed: count("same"), failedOtherwise: count("other") }
}

const barLength = 20

const table = (points: ReadonlyArray<BranchPoint>, { checker, atMs }: Failure): ReadonlyArray<string> => [
  `the run as it was, up to … and from there on by fresh seeds; it failed at ${showMs(atMs)} (${checker}):`,
  ...renderColumns(
    points.map((point) => [
      showMs(point.atMs),
      `${point.failed} of ${point.branches} fail`,
      "█".repeat(Math.round((barLength * point.failed) / Math.max(1, point.branches))),
      point.failedOtherwise > 0 ? `${point.failedOtherwise} fail otherwise` : "",
    ]),
    new Set([0]),
  ),
]
