/**
 * `helper`: the process that a daemon starts by its `buddy_path`. It says where it listens in its first line, within the three seconds
 * that the daemon waits for it and before the daemon itself can be asked anything; who the node is, is found out after that. It has no
 * part in what the runner does: what is asked goes through the records.
 */
import { Manticore } from "@shardwright/core/Manticore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { Config } from "../Config.ts"
import { findIdentity } from "../Identity.ts"
import type { Log } from "../Log.ts"
import { runInScope } from "../runInScope.ts"
import { openManticore } from "../openManticore.ts"
import { addressLine } from "./HelperProtocol.ts"
import { listenForDaemon } from "./SqlServer.ts"
import { startUpstreamHelper } from "./UpstreamHelper.ts"

/** What the helper needs of its process. */
export interface HelperOptions {
  readonly config: Config
  readonly log: Log
  /** What the daemon adds to its command. */
  readonly daemonArguments: ReadonlyArray<string>
  readonly print: (text: string) => void
  readonly stopped: Effect.Effect<void>
}

/** Shown in the daemon's log and in its version. */
const helperVersion = "shardwright"
const host = "127.0.0.1"
/** How often it is looked whether the daemon is still there: one that was killed says goodbye to nobody. */
const parentInterval = Duration.seconds(1)

/** Serves until `stopped` ends, or the daemon is gone. */
export const runHelper = Effect.fnUntraced(function* (options: HelperOptions) {
  const { config, daemonArguments, log, print, stopped } = options
  const parent = process.ppid
  const { upstream: original, users } = config.sql ?? {}
  const identity = yield* Effect.cached(
    Effect.gen(function* () {
      return yield* findIdentity(config, yield* openManticore(config, config.mysql), log)
    }).pipe(Effect.scoped),
  )
  const scope = yield* Effect.scope
  const manticore = yield* Effect.cached(
    Effect.flatMap(identity, ({ node }) => openManticore(config, node)).pipe(Effect.provideService(Scope.Scope, scope)),
  )
  const upstream =
    typeof original === "string"
      ? () => original
      : original === undefined
        ? () => undefined
        : yield* startUpstreamHelper({ command: original, daemonArguments, say: print })
  // The daemon waits for its helper when it stops.
  const inScope = yield* runInScope
  const port = yield* listenForDaemon({
    host,
    port: 0,
    upstream,
    // A daemon that knows its users gives its helper a token: then somebody has to say who may change things.
    users: users ?? (process.env["BUDDY_TOKEN"] === undefined ? undefined : []),
    operator: Effect.map(Effect.orDie(identity), ({ node }) => ({ node, config: config.engine })),
    run: (effect) => inScope(Effect.provideServiceEffect(effect, Manticore, Effect.orDie(manticore))),
    failed: (error) => log("error", "helper.failed", { error: String(error) }),
  })
  print(`${addressLine(helperVersion, `${host}:${port}`)}\n`)
  const orphaned = Effect.gen(function* () {
    while (process.ppid === parent) yield* Effect.sleep(parentInterval)
  })
  yield* Effect.raceFirst(stopped, orphaned)
}, Effect.scoped)
