/**
 * What a handler may use beside its step, and how it looks at daemons: statements to the own node and to others.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import type { EngineConfig } from "../EngineConfig.ts"
import { Manticore } from "../Manticore.ts"
import { Mutations } from "../Mutation.ts"
import { allowanceMs } from "../operation/allowance.ts"
import { firstColumn, observedGroups } from "../Observe.ts"
import * as Sql from "../Sql.ts"
import type { StepRow } from "../State.ts"
import { type Conflict, type StateStore, StoreUnavailable } from "../StateStore.ts"
import type { View } from "../View.ts"
import { retry } from "./Outcome.ts"

/** What a handler may use beside its step. */
export interface StepContext {
  readonly node: string
  readonly config: EngineConfig
  readonly store: StateStore["Service"]
  readonly term: number
  /** The records after a barrier. */
  readonly refresh: Effect.Effect<View, StoreUnavailable>
  /** True while the agent may send destructive statements for this step. */
  readonly permitted: Effect.Effect<boolean, StoreUnavailable>
  /** When this agent began to work on the step, by its own clock. */
  readonly startedMs: number
  readonly away: () => ReadonlySet<string>
  readonly row: StepRow
  /**
   * True while nobody else can have taken this step over: asked before each statement, it looks at the records only when
   * the last look is some time ago.
   */
  readonly holdsClaim: Effect.Effect<boolean, StoreUnavailable>
  /** Publishes what the daemon shows at this moment, for those who hold it against what others show. */
  readonly publish: Effect.Effect<void, HandlerError>
  /** Restarts the own daemon if that endangers nothing; answers why it does not. */
  readonly restart: (why: string) => Effect.Effect<string | undefined>
  /** The own copies of a group were found to equal another member's. */
  readonly noteProven: (group: string) => Effect.Effect<void>
  /** Has the own copies of a group made anew, by a restart of the daemon; answers why they are not. */
  readonly makeAnew: (group: string, why: string) => Effect.Effect<string | undefined>
  /** What earlier runs of the handler for this claim have done: sent a JOIN, restarted the daemon. */
  readonly sent: { join: boolean; restart: boolean }
  /** When the agent last restarted the daemon, for whatever reason. */
  readonly restartedMs: () => number
  /** Groups that the daemon was leaving when its agent restarted it; see `settleLeaving`. */
  readonly endedLeaving: Set<string>
}

/** The context of the step that is being executed. */
export class CurrentStep extends Context.Service<CurrentStep, StepContext>()("shardwright/core/CurrentStep") {}

/** What a handler may fail with; the executor runs it again. */
export type HandlerError = StoreUnavailable | Conflict

/** A statement to the own node, or to another one. */
export const query = Effect.fnUntraced(function* (sql: string, timeout?: Duration.Duration, node?: string) {
  const { node: own, config, holdsClaim } = yield* CurrentStep
  const manticore = yield* Manticore
  if (!(yield* holdsClaim)) return yield* new StoreUnavailable({ message: "somebody else works on this step" })
  return yield* manticore.query(node ?? own, sql, timeout ?? config.statementTimeout)
})

/** For how long the step has been tried; since a restart of the daemon, if there was one: what came back has its own time. */
export const triedForMs = Effect.gen(function* () {
  const { restartedMs, startedMs } = yield* CurrentStep
  return (yield* monotonicMs) - Math.max(startedMs, restartedMs())
})

/**
 * A statement about a replication cluster on the own node. The daemon works on one at a time: behind one that never
 * ends (semantics 18-21), none is answered, and only a restart of the daemon helps.
 */
export const clusterStatement = Effect.fnUntraced(function* (sql: string, timeout?: Duration.Duration) {
  const { config, row } = yield* CurrentStep
  const answer = yield* query(sql, timeout)
  if (answer._tag === "NoAnswer" && answer.reason === "timeout") {
    if ((yield* triedForMs) > Duration.toMillis(config.joinTimeout) + allowanceMs(row, config))
      yield* restartDaemon(`no answer to ${sql.slice(0, 60)}`)
  }
  return answer
})

/** Restarts the own daemon if that is allowed now; the step is tried again either way. */
export const restartDaemon = Effect.fnUntraced(function* (why: string) {
  const { restart, sent } = yield* CurrentStep
  const refusal = yield* restart(why)
  if (refusal === undefined) sent.restart = true
  return refusal === undefined
    ? retry("daemon-restarting", `restarted the daemon: ${why}`)
    : retry("restart-needed", `the daemon must be restarted (${why}), but ${refusal}`)
})

/** The replication clusters that the own daemon shows, by name. */
export const ownGroups = Effect.gen(function* () {
  const groups = observedGroups(yield* query(Sql.showClusters))
  if (groups === undefined) return yield* new StoreUnavailable({ message: "the own daemon does not answer" })
  return groups
})

/** One of them; undefined if the daemon does not have it. */
export const ownGroup = (name: string) => Effect.map(ownGroups, (groups) => groups.get(name))

/** The same after a statement about it, to see whether that took effect. A mutant never finds it. */
export const groupAfter = Effect.fnUntraced(function* (name: string) {
  return (yield* Mutations).has("d02-blind-checks") ? undefined : yield* ownGroup(name)
})

/** Names of the system tables that a node holds. */
export const systemTablesOf = Effect.fnUntraced(function* (node: string) {
  const tables = firstColumn(yield* query(Sql.showSystemTables, undefined, node))
  if (tables === undefined) return yield* new StoreUnavailable({ message: `${node} does not answer` })
  return new Set(tables)
})
