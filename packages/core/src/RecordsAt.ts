/**
 * All records as the daemon of some node has them, for whoever decides something about a node that is not, or may not be, in
 * step with the others. Nothing is written, and no barrier is waited for.
 */
import * as Effect from "effect/Effect"
import type { EngineConfig } from "./EngineConfig.ts"
import * as StateStore from "./StateStore.ts"

/** Records by key; undefined if the daemon does not tell. `purpose` is what the statements say that they are for. */
export const recordsAt = Effect.fnUntraced(function* (node: string, config: EngineConfig, purpose: string) {
  const store = yield* StateStore.make({ node, incarnation: purpose, config })
  const synced = yield* Effect.result(store.sync)
  return synced._tag === "Success" ? synced.success.records : undefined
})
