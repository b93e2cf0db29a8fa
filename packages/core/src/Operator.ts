/**
 * What an operator does from outside: make the coordination cluster, bring nodes into it, and ask for things. A
 * request is only written down; agents plan and execute.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type { EngineConfig } from "./EngineConfig.ts"
import { failureOf } from "./ErrorClass.ts"
import { Manticore } from "./Manticore.ts"
import { Mutations } from "./Mutation.ts"
import { firstColumn, isPrimary, observedGroups } from "./Observe.ts"
import { type Progress, progressOf } from "./operation/progress.ts"
import { measure } from "./leader/sizes.ts"
import { readOldTables } from "./leader/oldLayout.ts"
import { type AdoptWish, planAdoption } from "./plan/adopt.ts"
import type { ShardSize } from "./plan/cost.ts"
import { dryRun, type NodeWish, planNodeState } from "./plan/dryRun.ts"
import type { Presence } from "./plan/Plan.ts"
import { answered, type PlannedWish, planWish } from "./plan/planWish.ts"
import { groupOf, groupRecords, registeredNodes } from "./plan/records.ts"
import * as Sql from "./Sql.ts"
import { Finished, Key, Operation, Registry, Request, type Wish } from "./State.ts"
import * as StateStore from "./StateStore.ts"
import { unconfirmed } from "./step/wrappers.ts"
import { makeView, type View } from "./View.ts"

/** An operator's command could not be carried out; `message` says what was expected and what was found. */
export class OperatorError extends Schema.TaggedError<OperatorError>()("OperatorError", {
  message: Schema.String,
  /** True if the records could not be read or written on the node that was asked. */
  isUnavailable: Schema.optionalKey(Schema.Boolean),
}) {}

/** Where a command goes. */
export interface OperatorOptions {
  /** Address of the node whose daemon is used. */
  readonly node: string
  readonly config: EngineConfig
}

/** What is registered of a node that is new; one that is registered keeps what it has. */
export interface NodeTraits {
  /** Default: none. */
  readonly zone?: string | null
  /** Share of the load, relative to other nodes. Default: 1. */
  readonly weight?: number
  /** The most shard replicas that it may carry. Default: no limit. */
  readonly capacity?: number
}

/** The records, as whoever asks from outside reads and writes them. */
export const operatorStore = Effect.fnUntraced(function* ({ node, config }: OperatorOptions) {
  const incarnation = `operator-${yield* Random.nextIntBetween(0, 0x7fffffff)}`
  return yield* StateStore.make({ node, incarnation, config })
})

const mustSucceed = Effect.fnUntraced(function* (node: string, sql: string, config: EngineConfig) {
  const manticore = yield* Manticore
  const answer = yield* manticore.query(node, sql, config.joinTimeout)
  const failure = failureOf(answer)
  if (failure === undefined) return
  const message = `${node}: ${failure.message} (${sql.slice(0, 60)})`
  // Behind a cluster statement that never ends the daemon answers no other (semantics 18-21).
  const cure = ": repeat this; if that gets no answer either, restart the daemon of this node first"
  const isLate = answer._tag === "NoAnswer" && answer.reason === "timeout"
  return yield* new OperatorError({ message: isLate ? `${message}${cure}` : message })
})

const ownCoordination = Effect.fnUntraced(function* ({ node, config }: OperatorOptions) {
  const manticore = yield* Manticore
  const groups = observedGroups(yield* manticore.query(node, Sql.showClusters, config.statementTimeout))
  if (groups === undefined) return yield* new OperatorError({ message: `${node} does not answer` })
  return groups.get(config.coordination)
})

/** Why records could not be read or written, as a person is told: a node that is in no coordination cluster has none. */
export const told = Effect.fnUntraced(function* (
  error: { readonly _tag: string; readonly message?: string },
  options: OperatorOptions,
) {
  const { config, node } = options
  const isOutside = (yield* ownCoordination(options)) === undefined
  const message = isOutside
    ? `${node} is in no cluster ${config.coordination}, so it has no records: make one with cluster init, or bring it into one with cluster join`
    : (error.message ?? error._tag)
  return yield* new OperatorError({
    message,
    ...(!isOutside && error._tag === "StoreUnavailable" ? { isUnavailable: true } : {}),
  })
})

const register = Effect.fnUntraced(function* (
  store: StateStore.StateStore["Service"],
  node: string,
  { capacity, weight = 1, zone = null }: NodeTraits,
) {
  const fresh: Registry["nodes"][string] = {
    state: "active",
    zone,
    weight,
    ...(capacity === undefined ? {} : { capacity }),
  }
  for (let attempt = 0; attempt < 10; attempt++) {
    yield* store.barrier
    const stored = yield* store.get(Key.registry)
    if (stored === undefined) {
      const made = yield* Effect.result(store.create(Key.registry, { epoch: 1, nodes: { [node]: fresh } }, { term: 0 }))
      if (made._tag === "Success") return
      continue
    }
    const registry = Schema.decodeUnknownSync(Registry)(stored.value)
    const { fenced, ...known } = registry.nodes[node] ?? fresh
    if (registry.nodes[node] !== undefined && fenced !== true) return
    const next = { epoch: registry.epoch + 1, nodes: { ...registry.nodes, [node]: known } }
    const written = yield* Effect.result(store.compareAndSet(stored, next, { term: stored.term }))
    if (written._tag === "Success") return
  }
  return yield* new OperatorError({ message: `${node} could not be registered: the registry kept changing` })
})

/**
 * Makes the coordination cluster on one node, with the system tables in it from their first row (safety rule 4).
 * Repeating it on the same node is harmless; on a node that is a member of a larger cluster it is refused.
 */
export const initCluster = Effect.fnUntraced(
  function* (options: OperatorOptions & NodeTraits) {
    const { node, config } = options
    const before = yield* ownCoordination(options)
    if (before !== undefined && before.size > 1) {
      return yield* new OperatorError({
        message: `${config.coordination} has ${before.size} members already: join instead`,
      })
    }
    if (before === undefined) yield* mustSucceed(node, Sql.createCluster(config.coordination, undefined), config)
    for (const { physical, sql } of Sql.createSystemTables) {
      if (before?.tables.includes(physical)) continue
      yield* mustSucceed(node, sql, config)
      if ((yield* Mutations).has("d32-records-in-no-cluster")) continue
      yield* mustSucceed(node, Sql.addTables(config.coordination, [physical]), config)
    }
    yield* register(yield* operatorStore(options), node, options)
  },
  (effect, options) => Effect.catchTag(effect, ["StoreUnavailable"], (error) => told(error, options)),
)

/** A node that was fenced holds records of its own, which the JOIN must not copy over (semantics 4). */
const dropOldRecords = Effect.fnUntraced(function* (node: string, config: EngineConfig) {
  const manticore = yield* Manticore
  const held = firstColumn(yield* manticore.query(node, Sql.showSystemTables, config.statementTimeout)) ?? []
  for (const { physical } of Sql.createSystemTables)
    if (held.includes(physical)) yield* mustSucceed(node, Sql.dropTable(physical), config)
})

/** Brings a node into the coordination cluster of another one, and registers it. Repeating it is harmless. */
export const joinCluster = Effect.fnUntraced(
  function* (options: OperatorOptions & NodeTraits & { readonly at: string }) {
    const { node, config } = options
    const before = yield* ownCoordination(options)
    if (isPrimary(before) && before?.members.join() === node && options.at !== node) {
      return yield* new OperatorError({
        message:
          `${config.coordination} on ${node} is an installation of its own and does not name ${options.at}: ` +
          `leave it first (EXIT CLUSTER ${config.coordination}); its records are dropped then`,
      })
    }
    if (before === undefined) yield* dropOldRecords(node, config)
    if (!isPrimary(before))
      yield* mustSucceed(node, Sql.joinCluster(config.coordination, options.at, undefined), config)
    if ((yield* Mutations).has("d32-records-in-no-cluster"))
      for (const { sql } of Sql.createSystemTables) yield* mustSucceed(node, sql, config)
    yield* register(yield* operatorStore(options), node, options)
  },
  (effect, options) => Effect.catchTag(effect, ["StoreUnavailable"], (error) => told(error, options)),
)

/** A wish, who has it and why. */
export interface SubmitOptions extends OperatorOptions {
  readonly wish: Wish
  /** Shown in the history; `operator` if it is not said. */
  readonly by?: string
  readonly reason?: string
  /** The plan waits for an `Approve`. */
  readonly approval?: boolean
}

/** Writes down a wish. Answers the id of the request, under which its outcome will be found. */
export const submit = Effect.fnUntraced(
  function* (options: SubmitOptions) {
    const store = yield* operatorStore(options)
    const nowMs = yield* Clock.currentTimeMillis
    const id = `${nowMs}-${yield* Random.nextIntBetween(0, 0x7fffffff)}`
    const request: Request = {
      id,
      by: options.by ?? "operator",
      reason: options.reason ?? "",
      approval: options.approval === true,
      wish: options.wish,
      status: "new",
      operation: null,
      answer: null,
    }
    yield* store.create(Key.request(id), request, { term: 0 })
    return id
  },
  (effect, options) => Effect.catchTag(effect, ["StoreUnavailable", "Conflict"], (error) => told(error, options)),
)

/** The operation of a plan that is never carried out. */
const dryOperation = "dry_run"

const tryAdoption = Effect.fnUntraced(function* (
  view: View,
  presence: Presence,
  { config, node }: OperatorOptions,
  store: StateStore.StateStore["Service"],
  wish: AdoptWish,
) {
  const old = yield* readOldTables(view, node, config, store)
  return "layout" in old ? planAdoption(view, presence, config, dryOperation, old.layout, wish) : old
})

/**
 * What a wish would lead to; nothing is written but the barrier of the node that is asked. Registered nodes that the
 * coordination cluster does not see count as away. Holders of shards are asked how big they are; an adoption is planned
 * as if the existing orchestrator had stopped.
 */
export const tryOut = Effect.fnUntraced(
  function* (options: OperatorOptions & { readonly wish: PlannedWish | NodeWish }) {
    const store = yield* operatorStore(options)
    yield* store.barrier
    const { records } = yield* store.sync
    const view = makeView(records.values())
    const seen = (yield* ownCoordination(options))?.members ?? []
    const away = new Set(registeredNodes(view).filter((node) => !seen.includes(node)))
    const { config, node, wish } = options
    const presence: Presence = { away, lost: new Set() }
    const planned =
      wish._tag === "Adopt"
        ? answered(yield* tryAdoption(view, presence, options, store, wish))
        : wish._tag === "SetNodeState"
          ? planNodeState(view, presence, config, dryOperation, wish)
          : planWish(view, presence, config, dryOperation, wish)
    const sizes =
      planned._tag === "Plan"
        ? yield* measure(view, planned.plan, { node, away, goOn: Effect.succeed(true) })
        : new Map<string, ShardSize>()
    return dryRun(view, planned, sizes)
  },
  (effect, options) => Effect.catchTag(effect, ["StoreUnavailable"], (error) => told(error, options)),
)

/** The operations that ended last, the latest first, each with who did what with it, when and why. At most 50. */
export const history = Effect.fnUntraced(
  function* (options: OperatorOptions) {
    const store = yield* operatorStore(options)
    // Also where no majority is left: what ended does not change any more.
    yield* Effect.ignore(store.barrier)
    const finished = yield* store.get(Key.finished)
    const listed = finished === undefined ? [] : Schema.decodeUnknownSync(Finished)(finished.value).operations
    const operations: Array<Operation> = []
    for (const { id } of listed.toReversed()) {
      const entry = yield* store.get(Key.operation(id))
      if (entry !== undefined) operations.push(Schema.decodeUnknownSync(Operation)(entry.value))
    }
    return operations
  },
  (effect, options) => Effect.catchTag(effect, ["StoreUnavailable"], (error) => told(error, options)),
)

/** The records as they are now, and which registered nodes the coordination cluster does not see. */
export interface Looked {
  readonly view: View
  readonly away: ReadonlySet<string>
  /** Nodes that the coordination cluster shows; none if the node that was asked is not in it. */
  readonly seen: ReadonlyArray<string>
  /** False if the coordination cluster takes no writes: the records are those that the node had last. */
  readonly isCurrent: boolean
}

/** Looks at the records, also where no majority is left; nothing is written but the barrier of the node that is asked. */
export const look = Effect.fnUntraced(
  function* (options: OperatorOptions) {
    const store = yield* operatorStore(options)
    const barrier = yield* Effect.result(store.barrier)
    const { records } = yield* store.sync
    const view = makeView(records.values())
    const own = yield* ownCoordination(options)
    // Without primary it shows the members of the last view that was: only the node itself is known to be there.
    const seen = own === undefined ? [] : own.status === "primary" ? own.members : [options.node]
    const looked: Looked = {
      view,
      away: new Set(registeredNodes(view).filter((node) => !seen.includes(node))),
      seen,
      isCurrent: barrier._tag === "Success",
    }
    return looked
  },
  (effect, options) => Effect.catchTag(effect, ["StoreUnavailable"], (error) => told(error, options)),
)

/** An operation, and how far it has come; null once it is over: its steps have left the listing. */
export interface OperationStanding {
  readonly operation: Operation
  readonly progress: Progress | null
}

/** The operations that are under way or wait for approval, each with how far it has come. */
export const operations = Effect.fnUntraced(function* (options: OperatorOptions) {
  const { view, away } = yield* look(options)
  const nowMs = yield* Clock.currentTimeMillis
  return [...view.operations.values()].map(({ record: operation }) => ({
    operation,
    progress: progressOf(view, operation, nowMs, away),
  }))
})

/** What became of a request; undefined if there is none. */
export const requestOf = Effect.fnUntraced(
  function* (options: OperatorOptions & { readonly id: string }) {
    const store = yield* operatorStore(options)
    yield* store.barrier
    const entry = yield* store.get(Key.request(options.id))
    return entry === undefined ? undefined : Schema.decodeUnknownSync(Request)(entry.value)
  },
  (effect, options) => Effect.catchTag(effect, ["StoreUnavailable"], (error) => told(error, options)),
)

/** An operation with its progress, also one that has ended; undefined if there is none. */
export const operationOf = Effect.fnUntraced(
  function* (options: OperatorOptions & { readonly id: string }) {
    const store = yield* operatorStore(options)
    const { view, away } = yield* look(options)
    const nowMs = yield* Clock.currentTimeMillis
    const entry = yield* store.get(Key.operation(options.id))
    if (entry === undefined) return undefined
    const operation = Schema.decodeUnknownSync(Operation)(entry.value)
    const isListed = view.operations.has(operation.id)
    const standing: OperationStanding = {
      operation,
      progress: isListed ? progressOf(view, operation, nowMs, away) : null,
    }
    return standing
  },
  (effect, options) => Effect.catchTag(effect, ["StoreUnavailable"], (error) => told(error, options)),
)

/** Why a node may not leave now, or undefined. */
export const leaveRefusal = ({ isCurrent, view }: Looked, { config, node }: OperatorOptions): string | undefined => {
  if (!isCurrent) return `${config.coordination} takes no writes on ${node}: most of its nodes must be there first`
  const holds = [...view.groups.values()].find(
    ({ record }) =>
      record.status !== "dissolved" && [...record.members, ...record.leaving, ...record.exiled].includes(node),
  )
  if (holds !== undefined) return `${node} is a member of ${holds.record.name}: drain it first`
  const keeps = [...view.tables.values()].find(({ record }) => record.layout.some(({ nodes }) => nodes.includes(node)))
  if (keeps !== undefined) return `${node} holds shards of ${keeps.record.name}: drain it first`
  const known = view.registry?.record.nodes[node]
  if (known === undefined) return undefined
  if (known.state !== "draining") return `${node} is ${known.state}, so it may be given shards: drain it first`
  return registeredNodes(view).length === 1 ? `${node} is the last node: the cluster ends with it` : undefined
}

/**
 * Why the daemon of a node in maintenance is not to be stopped yet, or undefined: writes may still be on their way through it.
 * What nobody else serves goes on being sent there.
 */
export const restRefusal = ({ away, view }: Looked, node: string): string | undefined => {
  if (view.registry?.record.nodes[node]?.state !== "maintenance") return `${node} is not in maintenance`
  const others = registeredNodes(view).filter((other) => !away.has(other))
  const names: Array<string> = []
  for (const { record: table } of view.tables.values()) {
    if (table.layout.some(({ nodes }) => nodes.includes(node))) names.push(table.name)
    const shown = table.layout.find(({ shard }) => {
      const inSync = groupOf(groupRecords(view), table.name, shard)?.inSync ?? []
      const isServed = inSync.some((member) => member !== node && !away.has(member))
      return isServed && table.wrapper.mirrors?.[shard]?.includes(node) === true
    })
    if (shown !== undefined) return `the wrapper of ${table.name} still lists ${node}`
  }
  return unconfirmed(view, names, others)?.detail
}

/**
 * Takes a node out of the coordination cluster for good. Refused while it holds anything: it is drained before. Its wrappers go
 * first, because nobody would tell it of later ones.
 */
export const leaveCluster = Effect.fnUntraced(
  function* (options: OperatorOptions) {
    const { node, config } = options
    const looked = yield* look(options)
    const { view } = looked
    const refusal = leaveRefusal(looked, options)
    if (refusal !== undefined) return yield* new OperatorError({ message: refusal })
    const store = yield* operatorStore(options)
    for (let attempt = 0; attempt < 10; attempt++) {
      yield* store.barrier
      const stored = yield* store.get(Key.registry)
      if (stored === undefined) break
      const registry = Schema.decodeUnknownSync(Registry)(stored.value)
      const { [node]: leaving, ...nodes } = registry.nodes
      if (leaving === undefined) break
      const written = yield* Effect.result(
        store.compareAndSet(stored, { epoch: registry.epoch + 1, nodes }, { term: stored.term }),
      )
      if (written._tag === "Success") break
    }
    for (const { record } of view.tables.values())
      if (record.wrapper.mirrors !== null) yield* mustSucceed(node, Sql.dropWrapper(record.name), config)
    yield* mustSucceed(node, Sql.exitCluster(config.coordination), config)
  },
  (effect, options) => Effect.catchTag(effect, ["StoreUnavailable"], (error) => told(error, options)),
)
