/**
 * Which node this runner is for: its name, its daemon's data folder and process. From the configuration, from the daemon's own
 * configuration file, or from the daemon, which is waited for.
 */
import path from "node:path"
import type { Manticore } from "@shardwright/core/Manticore"
import * as Sql from "@shardwright/core/Sql"
import { type DaemonConfig, readDaemonConfig } from "@shardwright/manticore/DaemonProcess"
import { binaryListener, type Listener, parseListener, setting, settingsOf } from "@shardwright/manticore/Listeners"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Config, ConfigError } from "./Config.ts"
import type { Log } from "./Log.ts"

/** A node, as its runner must know it before anything else. */
export interface Identity {
  /** Its name: the address of its binary listener. */
  readonly node: string
  readonly dataFolder: string
  readonly pidFile: string | undefined
  readonly stateFolder: string
}

const askPatience = Duration.seconds(5)
const askPause = Duration.seconds(1)

/** Finds out; waits for the daemon if it must be asked. */
export const findIdentity = Effect.fnUntraced(function* (
  config: Config,
  manticore: Manticore["Service"],
  log: Log,
): Effect.fn.Return<Identity, ConfigError> {
  const written = config.daemon === undefined ? undefined : yield* readDaemonFile(config.daemon.config)
  const known = partsOf(config, written)
  const asked =
    known.node !== undefined && known.dataFolder !== undefined
      ? known
      : { ...(yield* askDaemon(config, manticore, log)), ...known }
  const { dataFolder, node, pidFile } = asked
  if (node === undefined) {
    return yield* new ConfigError({
      message:
        "the daemon listens on all interfaces, so its name does not follow; add address: HOST:PORT, as other nodes reach it",
    })
  }
  if (dataFolder === undefined)
    return yield* new ConfigError({
      message: "the daemon has no data_dir: it needs one for replication (or add dataFolder)",
    })
  const stateFolder = config.stateFolder ?? path.join(path.dirname(dataFolder), "shardwright")
  return { node, dataFolder, pidFile, stateFolder }
})

interface Parts {
  readonly node?: string
  readonly dataFolder?: string
  readonly pidFile?: string
}

const defined = (parts: { readonly [Key in keyof Parts]: Parts[Key] | undefined }): Parts =>
  // What is undefined is left out, so that it hides nothing that is known from elsewhere.
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Parts

const nameOf = (listener: Listener | undefined): string | undefined =>
  listener === undefined || listener.host === null ? undefined : `${listener.host}:${listener.port}`

const partsOf = (config: Config, written: DaemonConfig | undefined): Parts => {
  const listener = written?.listeners.map(parseListener).find((it) => it?.protocol === "")
  return defined({
    node: config.address ?? nameOf(listener),
    dataFolder: config.dataFolder ?? written?.dataFolder,
    pidFile: written?.pidFile,
  })
}

const readDaemonFile = (file: string): Effect.Effect<DaemonConfig, ConfigError> =>
  Effect.try({
    try: () => readDaemonConfig(file),
    catch: (error) =>
      new ConfigError({
        message: `daemon.config: ${file} cannot be read (${error instanceof Error ? error.message : String(error)})`,
      }),
  })

/** Waits until the daemon tells. */
const askDaemon = Effect.fnUntraced(function* (config: Config, manticore: Manticore["Service"], log: Log) {
  let told = ""
  for (;;) {
    const answer = yield* manticore.query(config.mysql, Sql.showSettings, askPatience)
    const settings = settingsOf(answer)
    if (settings !== undefined) {
      return defined({
        node: nameOf(binaryListener(settings)),
        dataFolder: setting(settings, "searchd.data_dir"),
        pidFile: setting(settings, "searchd.pid_file"),
      })
    }
    const why = answer._tag === "NoAnswer" ? answer.reason : answer._tag === "Refused" ? answer.message : answer._tag
    if (why !== told) log("warn", "daemon.awaited", { mysql: config.mysql, why })
    told = why
    yield* Effect.sleep(askPause)
  }
})
