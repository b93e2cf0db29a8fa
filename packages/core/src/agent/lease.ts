/**
 * The lease of the leader, as one agent takes, renews, watches and loses it. Timed by the own monotonic clock alone.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { journal } from "../Journal.ts"
import { LeaderMemory } from "../leader/LeaderContext.ts"
import type { Lease } from "../State.ts"
import { Key } from "../State.ts"
import type { Stored, View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { monotonicMs } from "../Monotonic.ts"

/** True while this agent may act as leader. */
export const holdsLease = ({ state, termsMatter }: AgentContext) =>
  Effect.map(monotonicMs, (nowMs) => state.leaderUntilMs !== undefined && (nowMs < state.leaderUntilMs || !termsMatter))

/** Term of the lease, by the records. */
export const leaderTerm = (view: View): number => view.lease?.record.term ?? 0

/** Notes whether the lease was renewed since the last look; when it is too long ago, anybody may take it. */
export const watchLease = ({ state }: AgentContext, view: View, nowMs: number): void => {
  if (view.lease === undefined || view.lease.version === state.leaseVersion) return
  state.leaseVersion = view.lease.version
  state.leaseSeenMs = nowMs
}

/** Takes, renews or watches the lease. */
export const tendLease = Effect.fnUntraced(function* (agent: AgentContext, view: View) {
  const { node, incarnation, config, state, termsMatter } = agent
  const beforeMs = yield* monotonicMs
  const durationMs = Duration.toMillis(config.leaseDuration)
  const stored = view.lease
  const mine = stored?.record.holder === node && stored.record.incarnation === incarnation && !stored.record.released
  watchLease(agent, view, beforeMs)
  if (mine && stored !== undefined) {
    const renewAtMs = (state.leaderUntilMs ?? 0) - (durationMs * 2) / 3
    if (state.leaderUntilMs !== undefined && beforeMs < renewAtMs) return
    yield* writeLease(agent, stored, stored.record.term, beforeMs)
    return
  }
  // Without the term check a leader goes on as if it had not been replaced: a mutant, see Mutation.
  if (stored !== undefined && termsMatter) yield* loseLease(agent, stored.record.term)
  if (!termsMatter && state.leaderUntilMs !== undefined) return
  const free = stored === undefined || stored.record.released || beforeMs - state.leaseSeenMs > durationMs * 1.5
  if (!free) return
  const known = Math.max(stored?.record.term ?? 0, state.seen.term)
  const last = agent.mutations.has("d09-terms-of-its-own") ? state.ownTerm : known
  yield* writeLease(agent, stored, last + 1, beforeMs)
})

/** True while this agent leads. Renews the lease when a third of it is over: for work that takes longer than a look. */
export const keepLease = Effect.fnUntraced(function* (agent: AgentContext) {
  if (!(yield* holdsLease(agent))) return false
  const { config, state, termsMatter } = agent
  if (!termsMatter) return true
  const nowMs = yield* monotonicMs
  const renewAtMs = (state.leaderUntilMs ?? 0) - (Duration.toMillis(config.leaseDuration) * 2) / 3
  if (state.lease === undefined || nowMs < renewAtMs) return true
  yield* writeLease(agent, state.lease, state.lease.record.term, nowMs)
  return true
})

/**
 * Gives the lease back before its time, if this agent has it: the next one need not wait until it runs out. That ends the term:
 * of one term, only the time of the lease ever changes.
 */
export const releaseLease = Effect.fnUntraced(function* (agent: AgentContext) {
  const { node, state, store } = agent
  const { lease } = state
  if (lease === undefined || !(yield* holdsLease(agent))) return
  state.leaderUntilMs = undefined
  const term = lease.record.term + 1
  yield* store.compareAndSet(lease, { ...lease.record, term, released: true }, { term })
  yield* journal({ kind: "leader", node, event: "released", term: lease.record.term })
})

const loseLease = Effect.fnUntraced(function* ({ node, state }: AgentContext, term: number) {
  if (state.leaderUntilMs === undefined) return
  state.leaderUntilMs = undefined
  yield* journal({ kind: "leader", node, event: "lost", term })
})

const writeLease = Effect.fnUntraced(function* (
  { node, incarnation, config, state, store }: AgentContext,
  stored: Stored<Lease> | undefined,
  term: number,
  beforeMs: number,
) {
  const durationMs = Duration.toMillis(config.leaseDuration)
  const lease: Lease = { holder: node, incarnation, term, durationMs, released: false }
  const written =
    stored === undefined
      ? yield* store.create(Key.lease, lease, { term })
      : yield* store.compareAndSet(stored, lease, { term })
  const isNew = state.leaderUntilMs === undefined
  // Counted from before the write was sent: others count from when they see it.
  state.leaderUntilMs = beforeMs + durationMs
  state.leaseVersion = written.version
  state.leaseSeenMs = beforeMs
  state.lease = { ...written, record: lease }
  if (!isNew) return
  state.ownTerm = term
  state.memory = new LeaderMemory()
  yield* journal({ kind: "leader", node, event: "acquired", term })
})
