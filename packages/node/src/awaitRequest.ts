/**
 * Hands a wish in, and waits until the leader has answered it or the patience is over. What was handed in goes on all the same.
 */
import * as Operator from "@shardwright/core/Operator"
import type { Request } from "@shardwright/core/State"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Between two looks at a request: short, since a person waits. */
const lookPause = Duration.millis(200)

/** What became of a request; `isOver` is false if it was only not answered in time, or waits for approval. */
export interface Awaited {
  readonly id: string
  readonly isOver: boolean
  readonly request: Request | undefined
}

/** Hands in and waits. Fails if the wish could not be written down. */
export const submitAndWait = Effect.fnUntraced(function* (
  options: Operator.SubmitOptions,
  patience: Duration.Duration,
) {
  const id = yield* Operator.submit(options)
  const untilMs = (yield* Clock.currentTimeMillis) + Duration.toMillis(patience)
  let request: Request | undefined
  for (;;) {
    // A node may be between two primaries: what was handed in stays.
    const looked = yield* Effect.option(Operator.requestOf({ ...options, id }))
    request = Option.getOrUndefined(looked) ?? request
    const isOver = request?.status === "done" || request?.status === "refused"
    const isDrafted = options.approval === true && request?.operation !== null && request !== undefined
    if (isOver || isDrafted || (yield* Clock.currentTimeMillis) >= untilMs) {
      const awaited: Awaited = { id, isOver, request }
      return awaited
    }
    yield* Effect.sleep(lookPause)
  }
})
