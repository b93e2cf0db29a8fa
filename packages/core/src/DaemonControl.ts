/**
 * Control over the daemon of the agent's own node, for the cures that need a restart (semantics: a stuck JOIN, a
 * `destroyed` member). Where the runner may not restart its daemon, `restart` answers false and the cure becomes a
 * finding for the operator.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** The own node's daemon process. */
export class DaemonControl extends Context.Service<
  DaemonControl,
  {
    /**
     * Stops the daemon, kills it if it does not end, and starts it again: a clean stop costs its groups no quorum. False
     * if this runner may not do that. Returns before it is up.
     */
    readonly restart: Effect.Effect<boolean>
  }
>()("shardwright/core/DaemonControl") {}
