/** A worker thread of `sim chaos`: its tasks are seeds, each with its profile. */
import { workerData } from "node:worker_threads"
import type { Mutation } from "@shardwright/core/Mutation"
import { runChaos } from "@shardwright/sim/chaos/RunChaos"
import { serveTasks } from "./Workers.ts"

/** What a worker is started with. */
export interface ChaosWorkerData {
  readonly mutations: ReadonlyArray<Mutation>
}

/** A seed that is to be run. */
export interface ChaosTask {
  readonly seed: number
  readonly profile: string
}

// The thread that started this one passed it; nobody else does.
const { mutations } = workerData as ChaosWorkerData

serveTasks(({ seed, profile }: ChaosTask) => runChaos({ seeds: [seed], profile, mutations }))
