/** Effects that a server starts one by one, as promises: all of them end with the scope, so that none keeps a process from ending. */
import * as Effect from "effect/Effect"

/** A way to run effects until the scope ends. */
export const runInScope = Effect.gen(function* () {
  const controller = new AbortController()
  yield* Effect.addFinalizer(() => Effect.sync(() => controller.abort()))
  return <A>(effect: Effect.Effect<A>): Promise<A> => Effect.runPromise(effect, { signal: controller.signal })
})
