/**
 * The way to a cluster: any node's MySQL listener, or the configuration file of a runner. Everything else is found out there.
 */
import { defaultEngineConfig, type EngineConfig } from "@shardwright/core/EngineConfig"
import { Manticore } from "@shardwright/core/Manticore"
import { firstColumn, observedGroups } from "@shardwright/core/Observe"
import { OperatorError, type OperatorOptions } from "@shardwright/core/Operator"
import * as Sql from "@shardwright/core/Sql"
import { stateTable } from "@shardwright/core/Sql"
import type { Endpoint } from "@shardwright/manticore/ConnectionPool"
import { binaryListener, endpoints, settingsOf } from "@shardwright/manticore/Listeners"
import * as MysqlManticore from "@shardwright/manticore/MysqlManticore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput, CommandError } from "../cli/CommandError.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import type { ConnectionOptions } from "./flags.ts"

/** Where nothing says otherwise. */
const connectDefault = "127.0.0.1:9306"

const askPatience = Duration.seconds(5)

/** Where `HOST:PORT` is. */
export const endpointOf = (address: string): Endpoint => {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(address.slice(colon + 1)) }
}

const refuse = (message: string) => new CommandError({ exitCode: ExitCode.correctness, message })
const unreachable = (message: string) => new CommandError({ exitCode: ExitCode.unreachable, message })

const withCure = ({ isUnavailable, message }: OperatorError): string =>
  isUnavailable === true
    ? [
        `the records cannot be used here now: ${message}`,
        "  start the nodes that are missing; who is there says: shardwright cluster status",
        "  if they are gone for good, on a node that has survived: shardwright recover --config FILE --dry-run",
      ].join("\n")
    : message

/** What is refused, or cannot be done in the state that the cluster is in, is a failure that a person is told of. */
export const operatorError = <A, E, R>(
  effect: Effect.Effect<A, E | OperatorError, R>,
): Effect.Effect<A, Exclude<E, OperatorError> | CommandError, R> =>
  Effect.mapError(effect, (error) =>
    error instanceof OperatorError
      ? new CommandError({ exitCode: ExitCode.correctness, message: withCure(error) })
      : // The class was looked for just now, which the type does not follow.
        (error as Exclude<E, OperatorError>),
  )

/** True if a host has an address. */
const isHost = (host: string) =>
  Effect.promise(async () => {
    const { lookup } = await import("node:dns/promises")
    return lookup(host).then(
      () => true,
      () => false,
    )
  })

/** Names the node behind a MySQL listener. */
export const nodeAt = Effect.fnUntraced(function* (address: string) {
  const manticore = yield* Manticore
  const answer = yield* manticore.query(address, Sql.showSettings, askPatience)
  const settings = settingsOf(answer)
  if (settings === undefined) {
    const { host } = endpointOf(address)
    if (answer._tag === "NoAnswer" && answer.reason === "connection refused" && !(yield* isHost(host)))
      return yield* unreachable(`no machine is known by the name ${host}, so nobody answers at ${address}`)
    const why = answer._tag === "NoAnswer" ? answer.reason : answer._tag === "Refused" ? answer.message : answer._tag
    return yield* unreachable(
      `no Manticore daemon answers at ${address} (${why}); name a MySQL listener, as in its listen = HOST:PORT:mysql`,
    )
  }
  const listener = binaryListener(settings)
  if (listener === undefined)
    return yield* unreachable(`the daemon at ${address} has no binary listener, so it cannot be a node`)
  return `${listener.host ?? endpointOf(address).host}:${listener.port}`
})

/** Where the flags lead, and as whom. */
interface Way {
  /** A MySQL listener. */
  readonly address: string
  /** The coordination cluster, if it was named. */
  readonly cluster: string | undefined
  readonly engine: EngineConfig
  /** MySQL listeners by node, where they were named. */
  readonly known: Map<string, Endpoint>
  readonly credentials: NonNullable<MysqlManticore.MysqlManticoreOptions["credentials"]>
}

const passwordOf = (): string => process.env["SHARDWRIGHT_PASSWORD"] ?? ""

/** Reads the flags, and the configuration file that they name. */
const wayOf = Effect.fnUntraced(function* ({ cluster, config: file, connect, user }: ConnectionOptions) {
  const named = Option.getOrUndefined(cluster)
  const login = Option.map(user, (name) => ({ user: name, password: passwordOf() }))
  if (Option.isNone(file)) {
    const way: Way = {
      address: Option.getOrElse(connect, () => connectDefault),
      cluster: named,
      engine: defaultEngineConfig,
      known: new Map(),
      credentials: Option.getOrElse(login, () => ({})),
    }
    return way
  }
  const [{ readConfig }, { credentialsOf, endpointsOf }] = yield* Effect.promise(() =>
    Promise.all([import("@shardwright/node/Config"), import("@shardwright/node/openManticore")]),
  )
  const config = yield* Effect.mapError(readConfig(file.value, process.env), ({ message }) => badInput(message))
  const way: Way = {
    address: Option.getOrElse(connect, () => config.mysql),
    cluster: named ?? config.cluster,
    engine: config.engine,
    known: endpointsOf(config),
    credentials: { ...credentialsOf(config), ...Option.getOrElse(login, () => ({})) },
  }
  return way
})

/** The listener that the flags lead to, as people are told of it. */
export const addressOf = ({ config, connect }: ConnectionOptions): string =>
  Option.getOrElse(connect, () => (Option.isSome(config) ? `the daemon of ${config.value}` : connectDefault))

/**
 * Runs what an operator does, on the node that the flags lead to. It must be in a cluster of ours, unless `bare`: then it may
 * be about to make or join one.
 */
export const connected = <A, E, R>(
  options: ConnectionOptions,
  use: (operator: OperatorOptions) => Effect.Effect<A, E, R>,
  { bare = false }: { readonly bare?: boolean } = {},
): Effect.Effect<A, E | CommandError, Exclude<R, Manticore>> =>
  Effect.gen(function* () {
    const { address, cluster, credentials, engine, known } = yield* wayOf(options)
    known.set(address, endpointOf(address))
    const manticore = yield* MysqlManticore.make({ ...endpoints({ known, credentials }), credentials })
    return yield* Effect.gen(function* () {
      const node = yield* nodeAt(address)
      known.set(node, endpointOf(address))
      const coordination = yield* findCoordination({ address, cluster, node, bare })
      return yield* use({ node, config: { ...engine, coordination } })
    }).pipe(Effect.provideService(Manticore, manticore))
    // What `use` needs beside the connection is what is left.
  }).pipe(Effect.scoped) as Effect.Effect<A, E | CommandError, Exclude<R, Manticore>>

/** The cluster that the records are in. Fails if there is none, and says what makes one. */
const findCoordination = Effect.fnUntraced(function* ({
  address,
  bare,
  cluster,
  node,
}: Pick<Way, "address" | "cluster"> & { readonly node: string; readonly bare: boolean }) {
  const manticore = yield* Manticore
  const groups = observedGroups(yield* manticore.query(address, Sql.showClusters, askPatience))
  if (groups === undefined) return yield* unreachable(`${address} does not say in which clusters it is`)
  const holds = [...groups].find(([, { tables }]) => tables.includes(stateTable))?.[0]
  if (cluster !== undefined && holds !== undefined && cluster !== holds) {
    return yield* refuse(
      `${node} (${address}) has its records in the cluster '${holds}', not in '${cluster}': leave --cluster, or what is before the colon, out`,
    )
  }
  if (holds !== undefined) return holds
  if (bare) return cluster ?? defaultEngineConfig.coordination
  // A cluster that is closed shows no tables; its records are there all the same.
  const name = cluster ?? defaultEngineConfig.coordination
  const tables = firstColumn(yield* manticore.query(address, Sql.showSystemTables, askPatience))
  if (groups.has(name) && tables?.includes(stateTable) === true) return name
  const others = [...groups.keys()]
  const found =
    others.length === 0
      ? `${node} (${address}) is in no cluster`
      : `${node} (${address}) is in no cluster of ours; it is in ${others.join(", ")}`
  return yield* refuse(
    [
      found,
      `  to make one here: shardwright cluster init --connect ${address}`,
      `  to join one: shardwright cluster join HOST:PORT --connect ${address}, with a listener of a node that is in it`,
    ].join("\n"),
  )
})
