/**
 * `cluster …`: the cluster itself.
 */
import type { EngineConfig } from "@shardwright/core/EngineConfig"
import { Manticore } from "@shardwright/core/Manticore"
import { firstColumn, observedGroups } from "@shardwright/core/Observe"
import * as Operator from "@shardwright/core/Operator"
import * as Sql from "@shardwright/core/Sql"
import { askSettings } from "@shardwright/manticore/Listeners"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CommandError } from "../cli/CommandError.ts"
import { confirm } from "../cli/confirm.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Screen } from "../cli/Screen.ts"
import { addressOf, connected, nodeAt, operatorError } from "./Connection.ts"
import type { Confirmed, ConnectionOptions } from "./flags.ts"
import { lookAt, show } from "./showing.ts"

/** What a new node is registered with. */
export interface Traits {
  readonly zone: Option.Option<string>
  readonly weight: number
}

const traits = ({ weight, zone }: Traits) => ({ weight, ...(Option.isSome(zone) ? { zone: zone.value } : {}) })

/** Whether something is to be done, or only looked at. */
interface Trial {
  readonly dryRun: boolean
}

const bare = { bare: true } as const

/** What a daemon holds of records of ours: `owner` is the coordination cluster that it is in. */
const recordsAt = Effect.fnUntraced(function* ({ config, node }: Operator.OperatorOptions) {
  const manticore = yield* Manticore
  const groups = observedGroups(yield* manticore.query(node, Sql.showClusters, config.statementTimeout))
  const held = firstColumn(yield* manticore.query(node, Sql.showSystemTables, config.statementTimeout)) ?? []
  return {
    owner: groups?.get(config.coordination),
    tables: Sql.createSystemTables.map(({ physical }) => physical).filter((physical) => held.includes(physical)),
  }
})

const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?)$/
const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(":"))

/** What is wrong with the name of a node that is reached at `at`: a node on loopback is alone for ever. Undefined: nothing. */
export const nameProblem = (node: string, at: string): string | undefined =>
  loopback.test(hostOf(node)) && !loopback.test(hostOf(at))
    ? `the daemon at ${at} calls itself ${node}, where no other machine reaches it: give it listen = ${hostOf(at)}:${node.slice(node.lastIndexOf(":") + 1)} in place of that, and start it and its runner again`
    : undefined

const mustHaveName = Effect.fnUntraced(function* (node: string, options: ConnectionOptions) {
  const message = nameProblem(node, addressOf(options))
  if (message !== undefined) return yield* new CommandError({ exitCode: ExitCode.correctness, message })
})

/** `cluster init` */
export const clusterInit = Effect.fnUntraced(function* (options: ConnectionOptions & Traits & Trial) {
  const screen = yield* Screen
  const { dryRun, json } = options
  const { cluster, node, owner } = yield* connected(
    options,
    (operator) =>
      Effect.gen(function* () {
        yield* mustHaveName(operator.node, options)
        const found = yield* recordsAt(operator)
        if (!dryRun) yield* Operator.initCluster({ ...operator, ...traits(options) })
        return { node: operator.node, cluster: operator.config.coordination, owner: found.owner }
      }),
    bare,
  )
  if (dryRun) {
    const isThere = owner !== undefined
    const reason = isThere
      ? `${cluster} is there on ${node} already, with ${owner.size} members`
      : `${cluster} would be made on ${node}, with the tables of the records in it`
    return screen.print(json ? JSON.stringify({ result: isThere ? "nothing" : "plan", cluster, node, reason }) : reason)
  }
  if (json) return screen.print(JSON.stringify({ cluster, node }))
  screen.print(`${cluster} is there, with ${node} as its first node.`)
  screen.print(
    `Next: shardwright node add HOST:PORT --connect ${addressOf(options)}, with the MySQL listener of each other node`,
  )
}, operatorError)

const askPatience = Duration.seconds(3)

/** The binary listener of a node that is named by any of its listeners. */
const memberAt = Effect.fnUntraced(function* (address: string) {
  const asBinary = yield* askSettings(address, askPatience)
  return asBinary === undefined ? yield* nodeAt(address) : address
})

/** Where a newcomer joins. */
interface Entrance {
  readonly node: string
  readonly config: EngineConfig
}

const entrance = (options: ConnectionOptions) =>
  connected(options, ({ config, node }) => Effect.succeed<Entrance>({ config, node }))

/** Brings the node that `newcomer` leads to into the cluster of another one. */
const join = Effect.fnUntraced(function* (newcomer: ConnectionOptions & Traits & Trial, at: Entrance) {
  const screen = yield* Screen
  const { dryRun, json } = newcomer
  const cluster = at.config.coordination
  const { found, node } = yield* connected(
    newcomer,
    (operator) =>
      Effect.gen(function* () {
        yield* mustHaveName(operator.node, newcomer)
        const there = { node: operator.node, config: at.config }
        const records = yield* recordsAt(there)
        if (!dryRun) yield* Operator.joinCluster({ ...there, at: at.node, ...traits(newcomer) })
        return { node: operator.node, found: records }
      }),
    bare,
  )
  if (dryRun) {
    const isMember = found.owner?.members.includes(at.node) === true
    const drops = found.owner === undefined ? found.tables : []
    const reason = isMember
      ? `${node} is in ${cluster} already`
      : found.owner === undefined
        ? `${node} would join ${cluster} at ${at.node}${drops.length === 0 ? "" : `; what it has of old records goes first: ${drops.join(", ")}`}`
        : `${node} has a cluster ${cluster} of its own, which it would have to leave first`
    const result = isMember ? "nothing" : found.owner === undefined ? "plan" : "refused"
    return screen.print(json ? JSON.stringify({ result, cluster, node, at: at.node, drops, reason }) : reason)
  }
  if (json) return screen.print(JSON.stringify({ cluster, node, at: at.node }))
  screen.print(`${node} is in ${cluster}.`)
  screen.print("Shards come to it once its runner runs beside it; see: shardwright node list")
})

/** `cluster join AT` */
export const clusterJoin = Effect.fnUntraced(function* (
  options: ConnectionOptions & Traits & Trial & { readonly at: string },
) {
  const at = yield* entrance({ ...options, connect: Option.some(options.at) }).pipe(
    Effect.catch((error) =>
      error instanceof CommandError && error.exitCode !== ExitCode.unreachable
        ? Effect.fail(error)
        : connected(options, ({ config }) => Effect.map(memberAt(options.at), (node) => ({ config, node })), bare),
    ),
  )
  yield* join(options, at)
}, operatorError)

/** `node add HOST:PORT`: the same, asked of the cluster. */
export const nodeAdd = Effect.fnUntraced(function* (
  options: ConnectionOptions & Traits & Trial & { readonly address: string },
) {
  const at = yield* entrance(options)
  yield* join({ ...options, connect: Option.some(options.address) }, at)
}, operatorError)

/** `cluster leave` */
export const clusterLeave = Effect.fnUntraced(function* (options: ConnectionOptions & Confirmed & Trial) {
  const screen = yield* Screen
  const { dryRun, json } = options
  if (!dryRun) yield* confirm(options, `The node at ${addressOf(options)} leaves the cluster`)
  const { node, refusal } = yield* connected(options, (operator) =>
    Effect.gen(function* () {
      const reason = dryRun ? Operator.leaveRefusal(yield* Operator.look(operator), operator) : undefined
      if (!dryRun) yield* Operator.leaveCluster(operator)
      return { node: operator.node, refusal: reason }
    }),
  )
  if (dryRun) {
    const reason = refusal ?? `${node} would leave; nothing is on it`
    return screen.print(
      json ? JSON.stringify({ result: refusal === undefined ? "plan" : "refused", node, reason }) : reason,
    )
  }
  screen.print(json ? JSON.stringify({ node }) : `${node} has left.`)
}, operatorError)

/** `cluster status` */
export const clusterStatus = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const { cluster, looked, node } = yield* connected(options, (operator) =>
    Effect.map(lookAt(operator), (it) => ({
      looked: it,
      node: operator.node,
      cluster: operator.config.coordination,
    })),
  )
  const { away, seen, view } = looked
  const lease = view.lease?.record
  const leader = lease === undefined || lease.released ? null : lease.holder
  const registered = Object.keys(view.registry?.record.nodes ?? {})
  const document = {
    cluster,
    node,
    registered,
    seen,
    away: [...away],
    leader,
    term: lease?.term ?? 0,
    epoch: view.registry?.record.epoch ?? 0,
    tables: [...view.tables.values()].filter(({ record }) => record.status !== "dropped").length,
    groups: [...view.groups.values()].filter(({ record }) => record.status !== "dissolved").length,
    operations: view.operations.size,
  }
  yield* show(options, document, [
    ["cluster", cluster],
    ["nodes", `${seen.length} of ${registered.length} registered are seen by ${node}`],
    ["away", [...away].join(", ") || "none"],
    ["leader", `${leader ?? "none"} (term ${document.term})`],
    ["tables", String(document.tables)],
    ["groups", String(document.groups)],
    ["operations", String(document.operations)],
  ])
}, operatorError)
