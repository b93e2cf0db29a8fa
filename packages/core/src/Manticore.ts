/**
 * The connection to Manticore daemons. Production implements it on MySQL connections, the simulator on its world; the
 * engine sees no difference. It reports what came back and never interprets it.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Answer } from "./Answer.ts"

/** Runs SQL statements on nodes. */
export class Manticore extends Context.Service<
  Manticore,
  {
    /**
     * Sends one statement to the daemon of `node` (its binary listener, `host:port`, as the engine knows nodes) and
     * waits at most `timeout` for the answer. Never fails: an expired timeout or a lost connection is a `NoAnswer`,
     * after which the statement may still take effect.
     */
    readonly query: (node: string, sql: string, timeout: Duration.Duration) => Effect.Effect<Answer>
  }
>()("shardwright/core/Manticore") {}
