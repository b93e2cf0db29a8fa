/**
 * `gate`: what the runner does before it starts its daemon, for a daemon that somebody else starts. It answers other runners
 * meanwhile, waits until the start is safe, prepares the daemon's files, and leaves the start itself to its caller.
 */
import { DaemonControl } from "@shardwright/core/DaemonControl"
import { ownReport } from "@shardwright/core/gate/report"
import { startDaemon } from "@shardwright/core/gate/startDaemon"
import { changeEntries } from "@shardwright/manticore/DaemonFiles"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { type Config, ConfigError } from "./Config.ts"
import { listenForPeers, runnerAddress } from "./HttpPeers.ts"
import type { Log } from "./Log.ts"
import { openNode } from "./runNode.ts"

/** Waits for the decision to start. Fails if the configuration does not lead to a node. */
export const prepareStart = Effect.fnUntraced(function* ({
  config,
  log,
}: {
  readonly config: Config
  readonly log: Log
}) {
  if (config.daemon === undefined) {
    return yield* new ConfigError({
      message: "the gate needs to know the daemon's files before it runs; add daemon: with start and config",
    })
  }
  const { daemon, identity, ports } = yield* openNode({ config, log })
  const { dataFolder, node } = identity
  if (yield* daemon.control.isRunning) return log("info", "gate.runs-already", { node })
  yield* daemon.tidy
  const control: DaemonControl["Service"] = {
    ...daemon.control,
    start: (entries) => Effect.sync(() => changeEntries(dataFolder, node, entries)),
  }
  // The runner of this node, if there is one, has the address; it tells the same.
  const [host = "127.0.0.1", port = "0"] = (
    config.listen ?? `127.0.0.1:${runnerAddress(node).split(":").at(-1)}`
  ).split(":")
  yield* Effect.ignoreCause(
    listenForPeers({
      host,
      port: Number(port),
      token: config.token,
      report: () => Effect.runPromise(Effect.provideContext(ownReport(node), ports)),
      health: () => ({ ready: false, state: "gate" }),
    }),
  )
  yield* startDaemon({ node, config: config.engine }).pipe(
    Effect.provideContext(Context.add(ports, DaemonControl, control)),
  )
  log("info", "gate.open", { node })
}, Effect.scoped)
