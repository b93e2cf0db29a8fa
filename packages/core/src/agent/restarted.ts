/**
 * What an agent notes when it has restarted its own daemon.
 */
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import type { AgentContext } from "./AgentContext.ts"

/** Whatever the daemon worked on ended with its process, and while it starts its groups are closed one moment or another. */
export const noteRestart = Effect.fnUntraced(function* ({ node, state }: AgentContext) {
  state.restartedMs = yield* monotonicMs
  state.stuckSinceMs.clear()
  for (const entry of state.view?.leaving?.record.held ?? []) {
    if (entry.node === node) state.endedLeaving.add(entry.group)
  }
})
