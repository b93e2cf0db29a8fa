/** What faults leave to chance over time: whether they happen, how often, how long. */
import * as Duration from "effect/Duration"
import type { EventQueue } from "../runtime/EventQueue.ts"
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Course, Span } from "../scenario/Fault.ts"

const micros = (duration: Duration.Duration): number => Duration.toMillis(duration) * 1000

/** A length of time between two bounds, in microseconds; nothing is drawn where they are the same. */
export const drawMicros = ({ min, max }: Span, random: RandomStream): number => {
  const [from, to] = [micros(min), micros(max)]
  return from === to ? from : from + Math.round(random.float() * (to - from))
}

/** What is called as a course goes on; all of it at the moment when it is so. */
export interface Recurring {
  readonly happen: () => void
  /** Chance has decided against it this time. */
  readonly leftOut: () => void
  /** This was the last time; called before it happens, or does not. */
  readonly last: () => void
}

/** Lets something come due now, and again as its course says. */
export const recur = (
  course: Course | null,
  {
    queue,
    zeroMicros,
    random,
  }: { readonly queue: EventQueue; readonly zeroMicros: number; readonly random: RandomStream },
  { happen, leftOut, last }: Recurring,
): void => {
  const repeat = course?.repeat ?? null
  const probability = course?.probability ?? null
  let times = 0
  const due = (): void => {
    times++
    const againMicros = repeat === null ? 0 : queue.nowMicros + drawMicros(repeat.every, random)
    if (
      repeat === null ||
      (repeat.times !== null && times >= repeat.times) ||
      (repeat.until !== null && againMicros - zeroMicros > micros(repeat.until))
    )
      last()
    else queue.at(againMicros, due)
    if (probability !== null && !random.chance(probability)) leftOut()
    else happen()
  }
  due()
}
