/**
 * The way to a cluster: any node's MySQL listener, or the configuration file of a runner. Everything else is found out there.
 */
import { defaultEngineConfig, type EngineConfig } from "@shardwright/core/EngineConfig"
import { Manticore } from "@shardwright/core/Manticore"
import { observedGroups } from "@shardwright/core/Observe"
import { OperatorError, type OperatorOptions } from "@shardwright/core/Operator"
import * as Sql from "@shardwright/core/Sql"
import { stateTable } from "@shardwright/core/Sql"
import type { Endpoint } from "@shardwright/manticore/ConnectionPool"
import { binaryListener, endpoints, settingsOf } from "@shardwright/manticore/Listeners"
import * as MysqlManticore from "@shardwright/manticore/MysqlManticore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CommandError } from "../cli/CommandError.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import type { ConnectionOptions } from "./flags.ts"

const askPatience = Duration.seconds(5)

/** Where `HOST:PORT` is. */
export const endpointOf = (address: string): Endpoint => {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}

const unreachable = (message: string) => new CommandError({ exitCode: ExitCode.unreachable, message })

/** What is refused, or cannot be done in the state that the cluster is in, is a failure that a person is told of. */
export const operatorError = <A, E, R>(
  effect: Effect.Effect<A, E | OperatorError, R>,
): Effect.Effect<A, Exclude<E, OperatorError> | CommandError, R> =>
  Effect.mapError(effect, (error) =>
    error instanceof OperatorError
      ? new CommandError({ exitCode: ExitCode.correctness, message: error.message })
      : // The class was looked for just now, which the type does not follow.
        (error as Exclude<E, OperatorError>),
  )

/** Names the node behind a MySQL listener. */
export const nodeAt = Effect.fnUntraced(function* (address: string) {
  const manticore = yield* Manticore
  const answer = yield* manticore.query(address, Sql.showSettings, askPatience)
  const settings = settingsOf(answer)
  if (settings === undefined) {
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

/** Runs what an operator does, on the node that the flags lead to. */
export const connected = <A, E, R>(
  options: ConnectionOptions,
  use: (operator: OperatorOptions) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | CommandError, Exclude<R, Manticore>> =>
  Effect.gen(function* () {
    const { connect, user } = options
    const known = new Map([[connect, endpointOf(connect)]])
    const credentials = Option.match(user, {
      onNone: () => ({}),
      onSome: (name) => ({ user: name, password: process.env["SHARDWRIGHT_PASSWORD"] ?? "" }),
    })
    const manticore = yield* MysqlManticore.make({ ...endpoints({ known }), credentials })
    return yield* Effect.gen(function* () {
      const node = yield* nodeAt(connect)
      known.set(node, endpointOf(connect))
      const coordination = Option.isSome(options.cluster) ? options.cluster.value : yield* findCoordination(connect)
      const config: EngineConfig = { ...defaultEngineConfig, coordination }
      return yield* use({ node, config })
    }).pipe(Effect.provideService(Manticore, manticore))
  }).pipe(Effect.scoped) as Effect.Effect<A, E | CommandError, Exclude<R, Manticore>>

/** The cluster that the records are in. */
const findCoordination = Effect.fnUntraced(function* (address: string) {
  const manticore = yield* Manticore
  const groups = observedGroups(yield* manticore.query(address, Sql.showClusters, askPatience))
  const found = [...(groups ?? [])].find(([, { tables }]) => tables.includes(stateTable))
  return found?.[0] ?? defaultEngineConfig.coordination
})
