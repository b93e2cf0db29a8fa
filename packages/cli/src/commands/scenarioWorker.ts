/** A worker thread of `sim run`: its tasks are single runs of scenarios. */
import { workerData } from "node:worker_threads"
import type { ScenarioResult } from "@shardwright/sim/run/ScenarioResult"
import { simRun } from "@shardwright/sim/run/SimRun"
import * as Duration from "effect/Duration"
import { serveTasks } from "./Workers.ts"

/** What a worker is started with. */
export interface ScenarioWorkerData {
  /** Null: to the end. */
  readonly untilMs: number | null
  readonly checkDeterminism: boolean
}

/** One run. */
export interface ScenarioTask {
  /** Place among all runs. */
  readonly index: number
  readonly file: string
  readonly seed: number
}

// The thread that started this one passed it; nobody else does.
const { untilMs, checkDeterminism } = workerData as ScenarioWorkerData

serveTasks(({ file, seed }: ScenarioTask): ScenarioResult => {
  const until = untilMs === null ? {} : { until: Duration.millis(untilMs) }
  const [result] = simRun([file], { ...until, checkDeterminism, seed }).scenarios
  if (result === undefined) throw new Error(`${file} holds no scenario any more`)
  return result
})
