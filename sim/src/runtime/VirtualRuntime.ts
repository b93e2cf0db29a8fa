/**
 * Effect in virtual time. Fibers run on one dispatcher that we drain ourselves, sleep on the `EventQueue`, and draw from
 * seeded streams, so a run is a function of its inputs. There are no timers, promises or microtasks here: whatever
 * would need one throws while a run is on the stack (see `ForbiddenGlobals`).
 *
 * The loop is: run fibers until none can go on, then let one event of the queue happen, and again.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import type { EventQueue } from "./EventQueue.ts"
import { insideSimulation } from "./ForbiddenGlobals.ts"
import { Gate } from "./Gate.ts"
import { NodeClock } from "./NodeClock.ts"
import type { RandomStream } from "./RandomStream.ts"

/** Tasks that fibers may run at one instant. More means that two of them keep waking each other for ever. */
const tasksPerInstantMax = 20_000_000

/** Tasks of one priority, first in, first out. */
class Bucket {
  readonly priority: number
  #tasks: Array<() => void> = []
  #head = 0

  constructor(priority: number) {
    this.priority = priority
  }

  get empty(): boolean {
    return this.#head >= this.#tasks.length
  }

  push(task: () => void): void {
    this.#tasks.push(task)
  }

  /** The oldest task; the caller has checked that there is one. */
  shift(): (() => void) | undefined {
    const task = this.#tasks[this.#head++]
    if (this.#head >= this.#tasks.length) {
      this.#tasks.length = 0
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#tasks.length) {
      this.#tasks = this.#tasks.slice(this.#head)
      this.#head = 0
    }
    return task
  }
}

/** The one dispatcher of all fibers of a run: lowest priority number first, then in order of arrival. */
class VirtualDispatcher implements Scheduler.SchedulerDispatcher {
  readonly #normal = new Bucket(0)
  readonly #others: Array<Bucket> = []

  scheduleTask(task: () => void, priority: number): void {
    if (priority === 0) this.#normal.push(task)
    else this.#bucket(priority).push(task)
  }

  /** Only `run` drains: a flush from inside of a fiber would run others on its stack. */
  flush(): void {
    throw new Error("a fiber of a simulation cannot flush the dispatcher: Effect.runSync leaves the simulation")
  }

  /** Runs tasks until none is left, and answers how many. */
  drain(isStopped: () => boolean): number {
    let count = 0
    for (;;) {
      const task = this.#next()
      if (task === undefined) return count
      task()
      if (++count > tasksPerInstantMax) {
        throw new Error(`fibers ran ${tasksPerInstantMax} tasks without any virtual time passing: they wake each other`)
      }
      if (isStopped()) return count
    }
  }

  #next(): (() => void) | undefined {
    if (this.#others.length > 0) {
      for (const bucket of this.#others) {
        if (bucket.priority > 0) break
        if (!bucket.empty) return bucket.shift()
      }
    }
    if (!this.#normal.empty) return this.#normal.shift()
    for (const bucket of this.#others) if (!bucket.empty) return bucket.shift()
    return undefined
  }

  #bucket(priority: number): Bucket {
    const known = this.#others.find((bucket) => bucket.priority === priority)
    if (known !== undefined) return known
    const bucket = new Bucket(priority)
    this.#others.push(bucket)
    this.#others.sort((a, b) => a.priority - b.priority)
    return bucket
  }
}

/** Wall and monotonic time by the clocks of the node that the fibers run on. */
class VirtualClock implements Clock.Clock {
  readonly #queue: EventQueue
  readonly #gate: Gate
  readonly #clock: NodeClock

  constructor(queue: EventQueue, gate: Gate, clock: NodeClock) {
    this.#queue = queue
    this.#gate = gate
    this.#clock = clock
  }

  currentTimeMillisUnsafe(): number {
    return Math.floor(this.#clock.wallMicros / 1000)
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.#clock.wallMicros) * 1000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(this.#clock.monotonicMicros) * 1000n
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    const queue = this.#queue
    const gate = this.#gate
    const clock = this.#clock
    return Effect.callback<void>((resume) => {
      const entry = queue.after(clock.queueMicros(millis * 1000), () => gate.pass(() => resume(Effect.void)))
      return Effect.sync(() => queue.cancel(entry))
    })
  }
}

const randomService = (stream: RandomStream): (typeof Random.Random)["Service"] => ({
  nextDoubleUnsafe: () => stream.float(),
  nextIntUnsafe: () => stream.int(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
})

/** What differs between trees of fibers. */
export interface ForkOptions<R> {
  /** Services of the effect. */
  readonly context: Context.Context<R>
  /** What `Random` draws from in this tree of fibers. */
  readonly random: RandomStream
  /** The clocks of the node that the tree runs on; true ones by default. */
  readonly clock?: NodeClock
  /** The process that the tree belongs to; timers wake it through this gate. Always open by default. */
  readonly gate?: Gate
}

/** When `run` ends. */
export interface RunOptions {
  /** Events later than this instant are left for a later `run`. */
  readonly untilMicros: number
  /** Asked after each event and each task; true ends the run at once. */
  readonly stop?: () => boolean
}

/** Why `run` ended: nothing waits any more, the next event is too late, or `stop` said so. */
export type RunEnd = "idle" | "until" | "stopped"

const never = (): boolean => false

/** Runs effects in the virtual time of one queue. */
export class VirtualRuntime {
  readonly queue: EventQueue
  readonly #dispatcher = new VirtualDispatcher()
  readonly #base: Context.Context<never>
  #running = false
  /** Tasks of fibers that have run so far. */
  tasks = 0

  constructor(queue: EventQueue) {
    this.queue = queue
    const dispatcher = this.#dispatcher
    const scheduler: Scheduler.Scheduler = {
      executionMode: "sync",
      shouldYield: (fiber) => fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield,
      makeDispatcher: () => dispatcher,
    }
    // Spans would draw ids that no seed decides, and log lines would go to the console in real time.
    this.#base = Context.make(Scheduler.Scheduler, scheduler).pipe(
      Context.add(References.TracerEnabled, false),
      Context.add(References.CurrentLoggers, new Set()),
    )
  }

  /** Starts an effect at the present instant; it runs once `run` gets to it. */
  fork<A, E, R>(effect: Effect.Effect<A, E, R>, options: ForkOptions<R>): Fiber.Fiber<A, E> {
    const context = Context.merge(this.#base, options.context).pipe(
      Context.add(
        Clock.Clock,
        new VirtualClock(this.queue, options.gate ?? new Gate(), options.clock ?? new NodeClock(this.queue)),
      ),
      Context.add(Random.Random, randomService(options.random)),
    )
    return Effect.runForkWith(context)(Effect.andThen(Effect.yieldNow, effect))
  }

  /** Runs fibers and events. Global sources of time and chance throw meanwhile. */
  run(options: RunOptions): RunEnd {
    if (this.#running) throw new Error("a simulation cannot run inside of itself")
    this.#running = true
    try {
      return insideSimulation(() => this.#loop(options.untilMicros, options.stop ?? never))
    } finally {
      this.#running = false
    }
  }

  #loop(untilMicros: number, stop: () => boolean): RunEnd {
    for (;;) {
      this.tasks += this.#dispatcher.drain(stop)
      if (stop()) return "stopped"
      const next = this.queue.nextAtMicros()
      if (next === undefined) return "idle"
      if (next > untilMicros) return "until"
      this.queue.step()
      if (stop()) return "stopped"
    }
  }
}
