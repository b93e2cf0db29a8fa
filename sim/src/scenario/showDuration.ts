/** Lengths of time as people read them. */
import * as Duration from "effect/Duration"

/** A length of time as scenarios write it. */
export const showDuration = (duration: Duration.Duration): string => showMs(Duration.toMillis(duration))

/** Milliseconds as people read them: 250ms, 12s, 1m30s. */
export const showMs = (ms: number): string => {
  if (ms < 0) return `-${showMs(-ms)}`
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 60_000) return `${Math.round(ms / 100) / 10}s`
  const seconds = Math.round(ms / 1000)
  const rest = seconds % 60
  return `${Math.floor(seconds / 60)}m${rest === 0 ? "" : `${rest}s`}`
}
