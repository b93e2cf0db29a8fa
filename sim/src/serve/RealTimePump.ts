/**
 * Lets virtual time pass with real time: runs the events of the queue when their moment comes, on real timers.
 *
 * Timers are good to about a millisecond, so what is due within the next one is run at once: a statement of 200 µs is
 * answered without waiting. The virtual clock is never further ahead of real time than that, and catches up by itself when
 * the machine was busy.
 */
import type { EventQueue } from "../runtime/EventQueue.ts"

/** How much virtual time passes in a second of real time; `max`: every event happens as soon as it is scheduled. */
export type Speed = number | "max"

/** Events in one turn of the event loop; sockets are looked after between turns. */
const eventsPerTurnMax = 5_000
/** What is due within this real time is run at once: the precision of timers. */
const aheadMs = 1
/** The longest delay that a timer takes. */
const timerMsMax = 2 ** 31 - 1

/** Drives one queue. */
export class RealTimePump {
  readonly #queue: EventQueue
  readonly #speed: Speed
  readonly #failed: (error: unknown) => void
  readonly #beganMs = performance.now()
  readonly #beganMicros: number
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #isStopped = false

  /** `failed` is called when an event throws, which is a bug of the simulator; the pump has stopped then. */
  constructor(queue: EventQueue, speed: Speed, failed: (error: unknown) => void) {
    this.#queue = queue
    this.#speed = speed
    this.#failed = failed
    this.#beganMicros = queue.nowMicros
  }

  /** Does something to the world at the present instant, and sees to what follows from it. */
  act<A>(run: () => A): A {
    try {
      this.#advance(0)
      return run()
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      this.#arm()
    }
  }

  /** Virtual time at present, in milliseconds. */
  get presentMs(): number {
    return this.#presentMicros() / 1000
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
  }

  /** The virtual instant that belongs to the real present. */
  #presentMicros(): number {
    if (this.#speed === "max") return this.#queue.nowMicros
    const passedMs = performance.now() - this.#beganMs
    return Math.max(this.#queue.nowMicros, Math.floor(this.#beganMicros + passedMs * 1000 * this.#speed))
  }

  /** Runs what is due until `ahead` of real time from now, as far as one turn goes. */
  #advance(ahead: number): void {
    if (this.#isStopped) return
    const queue = this.#queue
    const present = this.#presentMicros()
    const until = this.#speed === "max" ? present : present + ahead * 1000 * this.#speed
    // The clock of a queue stands at its last event: this one brings it to the present.
    if (present > queue.nowMicros) queue.at(present, () => {})
    this.#run(until)
  }

  #run(untilMicros: number): void {
    for (let count = 0; count < eventsPerTurnMax; count++) {
      const next = this.#queue.nextAtMicros()
      if (next === undefined || next > untilMicros) return
      this.#queue.step()
    }
  }

  #arm(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    if (this.#isStopped) return
    const next = this.#queue.nextAtMicros()
    if (next === undefined) return
    const delayMs = this.#speed === "max" ? 0 : (next - this.#presentMicros()) / 1000 / this.#speed
    if (delayMs <= aheadMs) this.#immediate = setImmediate(() => this.#turn())
    else this.#timer = setTimeout(() => this.#turn(), Math.min(Math.floor(delayMs), timerMsMax))
  }

  #turn(): void {
    try {
      if (this.#speed === "max") this.#run(Number.POSITIVE_INFINITY)
      else this.#advance(aheadMs)
    } catch (error) {
      this.#fail(error)
    }
    this.#arm()
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return
    this.stop()
    this.#failed(error)
  }
}
