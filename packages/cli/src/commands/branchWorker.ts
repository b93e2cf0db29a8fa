/** A worker thread of `sim branch`: its tasks are moments with seeds. */
import { workerData } from "node:worker_threads"
import { type BranchOutcome, runBranch } from "@shardwright/sim/bundle/branch"
import type { Failure } from "@shardwright/sim/run/ScenarioResult"
import * as Result from "effect/Result"
import { readRerun, type RerunSource } from "./Rerun.ts"
import { serveTasks } from "./Workers.ts"

/** What a worker is started with. */
export interface BranchWorkerData {
  readonly source: RerunSource
  readonly failure: Pick<Failure, "class" | "checker">
}

/** From when on, and with which seed. */
export type BranchTask = Pick<BranchOutcome, "atMs" | "seed">

// The thread that started this one passed it; nobody else does.
const { source, failure } = workerData as BranchWorkerData
const rerun = Result.getOrThrow(readRerun(source))

serveTasks((task: BranchTask) => runBranch(rerun, failure, task))
