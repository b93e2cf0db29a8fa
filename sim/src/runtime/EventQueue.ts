/**
 * The one queue of events in virtual time. Everything that happens later in a simulation happens because of an entry
 * here: network deliveries, statement completions, timers of fibers, faults. It never reads a real clock.
 *
 * Time is an integer number of microseconds since the start of the run. Entries of the same instant run in the order
 * in which they were added, so a run is a function of its inputs alone.
 */

/** A scheduled event; pass it to `cancel` to take it back. */
export interface Scheduled {
  readonly atMicros: number
  readonly order: number
  run: (() => void) | undefined
}

const before = (a: Scheduled, b: Scheduled): boolean =>
  a.atMicros < b.atMicros || (a.atMicros === b.atMicros && a.order < b.order)

/** A binary heap of events with a virtual clock. */
export class EventQueue {
  #heap: Array<Scheduled> = []
  #order = 0
  #nowMicros = 0
  #cancelled = 0
  /** Events that have run so far. */
  executed = 0

  /** Virtual time, in microseconds since the start of the run. */
  get nowMicros(): number {
    return this.#nowMicros
  }

  /** Virtual time in milliseconds, with fractions. */
  get nowMs(): number {
    return this.#nowMicros / 1000
  }

  /** Number of events that wait. */
  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  /** Runs `run` after `delayMicros` (rounded up to whole microseconds, at least 0). */
  after(delayMicros: number, run: () => void): Scheduled {
    return this.at(this.#nowMicros + Math.max(0, Math.ceil(delayMicros)), run)
  }

  /** Runs `run` at the given instant, or now if that has passed. */
  at(atMicros: number, run: () => void): Scheduled {
    const entry: Scheduled = { atMicros: Math.max(this.#nowMicros, Math.ceil(atMicros)), order: this.#order++, run }
    this.#push(entry)
    return entry
  }

  /** Takes an event back; one that has run or was taken back already is left alone. */
  cancel(entry: Scheduled): void {
    if (entry.run === undefined) return
    entry.run = undefined
    this.#cancelled++
    if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#compact()
  }

  /** The instant of the next event, or undefined when nothing waits. */
  nextAtMicros(): number | undefined {
    this.#dropCancelled()
    return this.#heap[0]?.atMicros
  }

  /** Moves the clock to the next event and runs it. Answers false when nothing waits. */
  step(): boolean {
    this.#dropCancelled()
    const entry = this.#pop()
    if (entry === undefined) return false
    const run = entry.run
    entry.run = undefined
    this.#nowMicros = entry.atMicros
    this.executed++
    run?.()
    return true
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.run === undefined) {
      this.#pop()
      this.#cancelled--
    }
  }

  #compact(): void {
    const live = this.#heap.filter((entry) => entry.run !== undefined)
    this.#heap = []
    this.#cancelled = 0
    for (const entry of live) this.#push(entry)
  }

  #push(entry: Scheduled): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = heap[parentIndex]
      if (parent === undefined || !before(entry, parent)) break
      heap[index] = parent
      index = parentIndex
    }
    heap[index] = entry
  }

  #pop(): Scheduled | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let index = 0
    for (;;) {
      const leftIndex = 2 * index + 1
      const left = heap[leftIndex]
      if (left === undefined) break
      const right = heap[leftIndex + 1]
      const useRight = right !== undefined && before(right, left)
      const child = useRight ? right : left
      if (!before(child, last)) break
      heap[index] = child
      index = useRight ? leftIndex + 1 : leftIndex
    }
    heap[index] = last
    return top
  }
}
