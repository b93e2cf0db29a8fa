/** A worker thread of `sim exhaust`: its tasks are points of one scenario. */
import { workerData } from "node:worker_threads"
import { type Point, runPoint } from "@shardwright/sim/exhaust/Exhaust"
import type { Scenario } from "@shardwright/sim/scenario/Scenario"
import { loadScenarios } from "@shardwright/sim/scenario/ScenarioFile"
import { serveTasks } from "./Workers.ts"

/** What a worker is started with. */
export interface ExhaustWorkerData {
  readonly file: string
  readonly seed: number
}

// The thread that started this one passed it; nobody else does.
const { file, seed } = workerData as ExhaustWorkerData

const load = (): Scenario => {
  const loaded = loadScenarios([file]).scenarios[0]
  if (loaded === undefined) throw new Error(`${file} holds no scenario any more`)
  return loaded.scenario
}
const scenario = load()

serveTasks((point: Point) => runPoint(scenario, seed, point, { file }))
