/**
 * The port `Manticore` on MySQL connections: a pool for each node, deadlines, and connections that are never used again once
 * a statement was given up on them.
 */
import { type Answer, noAnswer } from "@shardwright/core/Answer"
import { Manticore } from "@shardwright/core/Manticore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { ConnectionPool, type Credentials, type Endpoint } from "./ConnectionPool.ts"

/** How nodes are reached. */
export interface MysqlManticoreOptions {
  /** Where a node's MySQL listener is; undefined if nobody knows, which counts as refused. */
  readonly endpointOf: (node: string, timeout: Duration.Duration) => Effect.Effect<Endpoint | undefined>
  /** Called when an endpoint refuses connections: the daemon may come back elsewhere. */
  readonly unreachable?: (node: string) => void
  readonly credentials?: Credentials
  /** Connections to one node at once. Default: 32, below what a daemon takes by default, and above what an agent has steps. */
  readonly connectionsMax?: number
  /** Default: a minute. */
  readonly idleMax?: Duration.Duration
}

/** Opens the port; its connections are closed with the scope. */
export const make = Effect.fnUntraced(function* (
  options: MysqlManticoreOptions,
): Effect.fn.Return<Manticore["Service"], never, Scope.Scope> {
  const { connectionsMax = 32, credentials = {}, endpointOf, idleMax = Duration.minutes(1), unreachable } = options
  const pools = new Map<string, ConnectionPool>()
  const poolOf = (endpoint: Endpoint): ConnectionPool => {
    const key = `${endpoint.host} ${endpoint.port}`
    const known = pools.get(key)
    if (known !== undefined) return known
    const pool = new ConnectionPool({
      endpoint,
      credentials,
      connectionsMax,
      idleMsMax: Duration.toMillis(idleMax),
    })
    pools.set(key, pool)
    return pool
  }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const pool of pools.values()) pool.close()
    }),
  )
  return Manticore.of({
    query: Effect.fnUntraced(function* (node, sql, timeout) {
      const beganMs = performance.now()
      const endpoint = yield* endpointOf(node, timeout)
      if (endpoint === undefined) return noAnswer("connection refused")
      const leftMs = Math.max(1, Duration.toMillis(timeout) - (performance.now() - beganMs))
      const answer = yield* Effect.callback<Answer>((resume) => {
        const giveUp = poolOf(endpoint).query(sql, leftMs, (reply) => resume(Effect.succeed(reply)))
        return Effect.sync(giveUp)
      })
      if (answer._tag === "NoAnswer" && answer.reason === "connection refused") unreachable?.(node)
      return answer
    }),
  })
})
