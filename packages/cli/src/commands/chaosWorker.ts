/** A worker thread of `sim chaos`: its tasks are seeds. */
import { workerData } from "node:worker_threads"
import type { Mutation } from "@shardwright/core/Mutation"
import { runChaos } from "@shardwright/sim/chaos/RunChaos"
import { serveTasks } from "./Workers.ts"

/** What a worker is started with. */
export interface ChaosWorkerData {
  readonly profile: string
  readonly mutations: ReadonlyArray<Mutation>
}

// The thread that started this one passed it; nobody else does.
const { profile, mutations } = workerData as ChaosWorkerData

serveTasks((seed: number) => runChaos({ seeds: [seed], profile, mutations }))
