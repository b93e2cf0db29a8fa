/**
 * The clocks of one host: a monotonic one that may run too fast or too slow, and a wall clock that may be wrong on top of
 * that. Left alone, both are the time of the queue.
 */
import type { EventQueue } from "./EventQueue.ts"

/** Wall time at the start of every run: 2026-01-01T00:00:00Z. */
export const epochMs = 1_767_225_600_000

/** What the processes of a host take for the time. */
export class NodeClock {
  readonly #queue: EventQueue
  #rate = 1
  /** The instant of the queue at which the rate last changed, and what the monotonic clock showed then. */
  #sinceMicros = 0
  #shownMicros = 0
  #wallOffsetMs: number

  constructor(queue: EventQueue, wallOffsetMs = 0) {
    this.#queue = queue
    this.#wallOffsetMs = wallOffsetMs
  }

  /** What the monotonic clock shows. */
  get monotonicMicros(): number {
    return this.#shownMicros + Math.floor((this.#queue.nowMicros - this.#sinceMicros) * this.#rate)
  }

  /** What the wall clock shows, in microseconds since 1970. */
  get wallMicros(): number {
    return (epochMs + this.#wallOffsetMs) * 1000 + this.monotonicMicros
  }

  /** How far the wall clock is ahead of true time; negative: behind. */
  get aheadMs(): number {
    return this.#wallOffsetMs + (this.monotonicMicros - this.#queue.nowMicros) / 1000
  }

  /** Seconds that the clocks show go by in each second, from now on. Sleeps that are under way end when they would have. */
  run(rate: number): void {
    this.#shownMicros = this.monotonicMicros
    this.#sinceMicros = this.#queue.nowMicros
    this.#rate = rate
  }

  /** The wall clock jumps, forwards or (negative) backwards. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** How long a time that is measured by these clocks takes. */
  queueMicros(shownMicros: number): number {
    return shownMicros / this.#rate
  }
}
