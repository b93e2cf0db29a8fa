/** The clock by which the engine measures: wall clocks jump, and are for showing times to people only. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Milliseconds of the own monotonic clock; only differences mean anything. */
export const monotonicMs = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1000n) / 1000)
