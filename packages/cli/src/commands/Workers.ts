/**
 * Runs tasks on worker threads: each worker is handed one task at a time, so that a long one holds up nobody. Simulations
 * keep their thread and close its clocks; this thread stays free for progress, the budget and Ctrl-C.
 */
import { parentPort, Worker } from "node:worker_threads"

/** What a worker answers to a task: its result, or what the run threw: a bug of the simulator, not a finding. */
export type Reply<Task, Result> =
  | { readonly task: Task; readonly result: Result }
  | { readonly task: Task; readonly crash: string }

interface RunOptions<Task, Result> {
  /** The module that the workers run; it calls `serveTasks`. */
  readonly module: URL
  /** What each worker is started with. */
  readonly workerData: unknown
  readonly tasks: ReadonlyArray<Task>
  readonly jobs: number
  /** No task is begun after this time; those that run end in peace. */
  readonly budgetMs: number
  readonly onReply: (reply: Reply<Task, Result>) => void
}

/** Runs all tasks, or as many as the budget allows. Tasks and results must survive being cloned. */
export const runOnWorkers = async <Task, Result>(
  options: RunOptions<Task, Result>,
): Promise<{ readonly replies: ReadonlyArray<Reply<Task, Result>>; readonly wallMs: number }> => {
  const startedMs = performance.now()
  const elapsedMs = () => performance.now() - startedMs
  const queue = options.tasks.values()
  const replies: Array<Reply<Task, Result>> = []

  const runWorker = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(options.module, { workerData: options.workerData })
      let current: Task | undefined
      const next = () => {
        const task = elapsedMs() < options.budgetMs ? queue.next() : { done: true as const }
        if (task.done === true) {
          current = undefined
          worker.postMessage(null)
        } else {
          current = task.value
          worker.postMessage(task.value)
        }
      }
      worker.on("message", (reply: Reply<Task, Result>) => {
        replies.push(reply)
        options.onReply(reply)
        next()
      })
      const about = () => `the worker that ran ${JSON.stringify(current)}`
      worker.on("error", (error) => reject(new Error(`${about()} died: ${error.message}`, { cause: error })))
      worker.on("exit", () => (current === undefined ? resolve() : reject(new Error(`${about()} ended`))))
      next()
    })

  await Promise.all(Array.from({ length: options.jobs }, runWorker))
  return { replies, wallMs: Math.round(elapsedMs()) }
}

/** What the module of a worker does: is sent tasks one at a time, answers each, and ends when it is sent none. */
export const serveTasks = <Task, Result>(run: (task: Task) => Result): void => {
  const attempt = (task: Task): Reply<Task, Result> => {
    try {
      return { task, result: run(task) }
    } catch (error) {
      return { task, crash: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }
  const port = parentPort
  port?.on("message", (task: Task | null) => {
    if (task === null) port.close()
    else port.postMessage(attempt(task))
  })
}
