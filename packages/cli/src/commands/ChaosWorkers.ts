/**
 * Runs seeds on worker threads: each worker is handed one seed at a time, so that a long one holds up nobody. Simulations
 * keep their thread and close its clocks; this thread stays free for progress, the budget and Ctrl-C.
 */
import { Worker } from "node:worker_threads"
import type { ChaosResult } from "@shardwright/sim/chaos/RunChaos"

/** A seed whose run threw: a bug of the simulator, not a finding about the engine. */
export interface ChaosCrash {
  readonly seed: number
  readonly message: string
}

/** What a worker answers to a seed. */
export type ChaosReply =
  | { readonly seed: number; readonly result: ChaosResult }
  | { readonly seed: number; readonly crash: ChaosCrash }

/** What a worker is started with. */
export interface ChaosWorkerData {
  readonly profile: string
}

interface RunOptions {
  readonly seeds: ReadonlyArray<number>
  readonly jobs: number
  readonly profile: string
  /** No seed is begun after this time; those that run end in peace. */
  readonly budgetMs: number
  readonly onReply: (reply: ChaosReply) => void
}

/** Runs all seeds, or as many as the budget allows. */
export const runOnWorkers = async (
  options: RunOptions,
): Promise<{ readonly replies: ReadonlyArray<ChaosReply>; readonly wallMs: number }> => {
  const startedMs = performance.now()
  const elapsedMs = () => Math.round(performance.now() - startedMs)
  const queue = options.seeds.values()
  const replies: Array<ChaosReply> = []
  const workerData: ChaosWorkerData = { profile: options.profile }

  const runWorker = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL("./chaosWorker.ts", import.meta.url), { workerData })
      let current: number | undefined
      const next = () => {
        const seed = elapsedMs() < options.budgetMs ? queue.next() : { done: true as const }
        if (seed.done === true) {
          current = undefined
          worker.postMessage(null)
        } else {
          current = seed.value
          worker.postMessage(seed.value)
        }
      }
      worker.on("message", (reply: ChaosReply) => {
        replies.push(reply)
        options.onReply(reply)
        next()
      })
      worker.on("error", (error) =>
        reject(new Error(`the worker that ran seed ${current} died: ${error.message}`, { cause: error })),
      )
      worker.on("exit", () =>
        current === undefined ? resolve() : reject(new Error(`the worker that ran seed ${current} ended`)),
      )
      next()
    })

  await Promise.all(Array.from({ length: options.jobs }, runWorker))
  return { replies, wallMs: elapsedMs() }
}
