/**
 * A worker thread of `sim chaos`: is sent seeds one at a time, answers each, and ends when it is sent none.
 */
import { parentPort, workerData } from "node:worker_threads"
import { runChaos } from "@shardwright/sim/chaos/RunChaos"
import type { ChaosReply, ChaosWorkerData } from "./ChaosWorkers.ts"

// The thread that started this one passed it; nobody else does.
const { profile } = workerData as ChaosWorkerData

const run = (seed: number): ChaosReply => {
  try {
    return { seed, result: runChaos({ seeds: [seed], profile }) }
  } catch (error) {
    return { seed, crash: { seed, message: error instanceof Error ? (error.stack ?? error.message) : String(error) } }
  }
}

const port = parentPort
port?.on("message", (seed: number | null) => {
  if (seed === null) port.close()
  else port.postMessage(run(seed))
})
