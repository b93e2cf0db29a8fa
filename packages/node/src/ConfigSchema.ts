/**
 * The schema of the runner's configuration file. Each value says what is expected of it; `Config` turns that into messages
 * with their place in the file.
 */
import { defaultEngineConfig, type EngineConfig } from "@shardwright/core/EngineConfig"
import { parseLength } from "@shardwright/core/Length"
import * as Schema from "effect/Schema"

/** Says what was expected; the message of whatever does not fit. */
const expecting = (what: string) => ({ message: `expected ${what}` })

const text = (what: string) => Schema.String.annotate(expecting(what)).check(Schema.isMinLength(1, expecting(what)))

const addressExpected = "an address host:port, such as 127.0.0.1:9306"
const Address = text(addressExpected).check(
  Schema.isPattern(/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}$/, expecting(addressExpected)),
)

const lengthExpected = "a length of time with its unit, such as 90s, 5m or 250ms"
const Length = text(lengthExpected).check(Schema.isPattern(/^\d+(\.\d+)?(ms|s|m|h|d)$/, expecting(lengthExpected)))

const flagExpected = expecting("true or false")
const numberExpected = expecting("a number above zero")
const Amount = Schema.Number.annotate(numberExpected).check(Schema.isGreaterThan(0, numberExpected))

/** The engine's own settings, by the kind of their defaults; the names are those of `EngineConfig`. */
const engineFields = Object.fromEntries(
  Object.entries(defaultEngineConfig)
    .filter(([name]) => name !== "coordination")
    .map(([name, value]) => [
      name,
      Schema.optionalKey<Schema.Codec<string | number | boolean>>(
        typeof value === "boolean"
          ? Schema.Boolean.annotate(flagExpected)
          : typeof value === "number"
            ? Amount
            : Length,
      ),
    ]),
)

const wordsExpected = "a list of a program and its arguments"
const Command = Schema.Array(text(wordsExpected))
  .annotate(expecting(wordsExpected))
  .check(Schema.isMinLength(1, expecting(wordsExpected)))

const urlExpected = "the address of a collector of traces, such as http://127.0.0.1:4318/v1/traces"
const clusterExpected = "the name of a replication cluster: letters, digits and underscores"

/** The file. */
export const ConfigFile = Schema.Struct({
  /** The MySQL listener of the own daemon. */
  mysql: Address,
  /** The coordination cluster. */
  cluster: text(clusterExpected).check(
    Schema.isPattern(/^[A-Za-z0-9_]*[A-Za-z_][A-Za-z0-9_]*$/, expecting(clusterExpected)),
  ),
  /** The own node's name, which is its binary listener. Default: what the daemon says. */
  address: Schema.optionalKey(Address),
  user: Schema.optionalKey(text("a user name")),
  password: Schema.optionalKey(text("a password")),
  /** A file that holds the password. */
  passwordFile: Schema.optionalKey(text("the path of a file")),
  tls: Schema.optionalKey(
    Schema.Struct({
      ca: Schema.optionalKey(text("the path of a file in PEM")),
      cert: Schema.optionalKey(text("the path of a file in PEM")),
      key: Schema.optionalKey(text("the path of a file in PEM")),
    }).annotate(expecting("a mapping with ca, cert and key")),
  ),
  /** The daemon's `data_dir`. Default: what the daemon or its configuration says. */
  dataFolder: Schema.optionalKey(text("the path of a folder")),
  /** What the runner remembers. Default: `shardwright` beside the data folder. */
  stateFolder: Schema.optionalKey(text("the path of a folder")),
  /** Where this runner answers other runners. Default: on loopback, 10000 above the port of the node. */
  listen: Schema.optionalKey(Address),
  /** Shared by all runners of a cluster; must be there if `listen` is not on loopback. */
  token: Schema.optionalKey(text("a secret text")),
  tokenFile: Schema.optionalKey(text("the path of a file")),
  /** Where other nodes are reached, by their names, if that does not follow from the name. */
  peers: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({ mysql: Schema.optionalKey(Address), runner: Schema.optionalKey(Address) }).annotate(
        expecting("a mapping with mysql and runner"),
      ),
    ).annotate(expecting("a mapping of nodes")),
  ),
  /** If it is there, this runner starts and stops the daemon, through its gate. */
  daemon: Schema.optionalKey(
    Schema.Struct({
      /** Starts the daemon: it stays in the foreground (`--nodetach`), or ends when the daemon is on its way. */
      start: Command,
      /** Default: SIGTERM to the process. */
      stop: Schema.optionalKey(Command),
      /** Default: SIGKILL to the process. */
      kill: Schema.optionalKey(Command),
      /** The daemon's configuration file. */
      config: text("the path of the daemon's configuration file"),
      /** Where its output goes. Default: nowhere, since it has a log of its own. */
      output: Schema.optionalKey(text("the path of a file")),
      /** The program that is started to look into a stopped node. Default: the first word of `start`. */
      program: Schema.optionalKey(text("the path of the server's program")),
      /** How long a stop may take before the daemon is killed. Default: 60s. */
      stopPatience: Schema.optionalKey(Length),
      /** How long it may answer nothing after it has answered, before it is ended and started again. Default: 2m. */
      silencePatience: Schema.optionalKey(Length),
      /** The same of one that has not answered since its start: it may be reading its logs. Default: 15m. */
      beginPatience: Schema.optionalKey(Length),
      /** Stops the daemon when the runner is stopped, as in a container. Default: false. */
      stopsWithRunner: Schema.optionalKey(Schema.Boolean.annotate(flagExpected)),
    }).annotate(expecting("a mapping with start and config")),
  ),
  /** The SQL endpoint, for statements that the daemon hands on. */
  sql: Schema.optionalKey(
    Schema.Struct({
      /** Where the runner answers the daemon; on loopback. Not needed if the daemon starts `shardwright-node helper`. */
      listen: Schema.optionalKey(Address),
      /** The daemon's original helper: its address, or its command if `shardwright-node helper` is to start it. */
      upstream: Schema.optionalKey(
        Schema.Union([Address, Command]).annotate(
          expecting("the address host:port of the original helper, or its command as a list"),
        ),
      ),
      /** The only users of the daemon who may use our statements. Default: all, if the daemon asks nobody to log in. */
      users: Schema.optionalKey(Schema.Array(text("a user name")).annotate(expecting("a list of user names"))),
    }).annotate(expecting("a mapping with listen, upstream and users")),
  ),
  /** Health, metrics, API and dashboard. */
  admin: Schema.optionalKey(
    Schema.Struct({
      /** Default: on loopback, 11000 above the port of the node. */
      listen: Schema.optionalKey(Address),
      /** Whoever shows it may change things. Without one everything can be read, and nothing changed. */
      token: Schema.optionalKey(text("a secret text")),
      tokenFile: Schema.optionalKey(text("the path of a file")),
    }).annotate(expecting("a mapping with listen, token and tokenFile")),
  ),
  /** Traces of steps and operations, over OTLP. */
  otlp: Schema.optionalKey(
    Schema.Struct({
      url: text(urlExpected).check(Schema.isPattern(/^https?:\/\/[^\s]+$/, expecting(urlExpected))),
    }).annotate(expecting("a mapping with url")),
  ),
  log: Schema.optionalKey(
    Schema.Struct({
      format: Schema.optionalKey(Schema.Literals(["json", "pretty"]).annotate(expecting("json or pretty"))),
      level: Schema.optionalKey(
        Schema.Literals(["debug", "info", "warn", "error"]).annotate(expecting("debug, info, warn or error")),
      ),
    }).annotate(expecting("a mapping with format and level")),
  ),
  /** Settings of the engine; the same on all nodes. */
  engine: Schema.optionalKey(Schema.Struct(engineFields).annotate(expecting("a mapping of the engine's settings"))),
}).annotate(expecting("a mapping with at least mysql and cluster"))

export type ConfigFile = typeof ConfigFile.Type

/** The engine's settings with what the file changes. */
export const engineConfig = ({ cluster, engine = {} }: ConfigFile): EngineConfig => {
  const changed = Object.entries(engine).map(([name, value]) => [
    name,
    typeof value === "string" ? parseLength(value) : value,
  ])
  // Each field has the kind of its default: the schema is made from the defaults.
  return { ...defaultEngineConfig, ...(Object.fromEntries(changed) as Partial<EngineConfig>), coordination: cluster }
}
