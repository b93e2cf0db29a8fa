/**
 * Restarts of the own daemon: when one is needed, when it is allowed, and the token of which the cluster has one.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { restartRefusal } from "../Health.ts"
import { journal } from "../Journal.ts"
import { isPrimary, observedGroups } from "../Observe.ts"
import * as Sql from "../Sql.ts"
import type { Observation } from "../State.ts"
import { Key } from "../State.ts"
import type { View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"

/**
 * A member that joins for ever, or that was thrown out, is cured by nothing but a restart of its daemon, and until
 * then no cluster statement on this node is answered (semantics 20, 48, 49, 59).
 */
export const tendDaemon = Effect.fnUntraced(function* (agent: AgentContext, observation: Observation, nowMs: number) {
  const { config, state } = agent
  for (const name of state.stuckSinceMs.keys())
    if (observation.groups[name] === undefined) state.stuckSinceMs.delete(name)
  for (const [name, group] of Object.entries(observation.groups)) {
    const stuck = group.nodeState === "joining" || group.nodeState === "destroyed"
    const sinceMs = state.stuckSinceMs.get(name)
    if (!stuck) state.stuckSinceMs.delete(name)
    else if (sinceMs === undefined) state.stuckSinceMs.set(name, nowMs)
    else if (nowMs - sinceMs > Duration.toMillis(config.joinTimeout) * 1.25) {
      state.stuckSinceMs.set(name, nowMs)
      return (yield* restart(agent, `${name} was ${group.nodeState} for too long`)) === undefined
    }
  }
  return false
})

/**
 * Restarts the own daemon, if no group depends on it and nobody else in the cluster is being restarted. Answers why it
 * did not.
 */
export const restart = Effect.fnUntraced(
  function* (agent: AgentContext, why: string) {
    const { node, config, manticore, control, state, store, refresh } = agent
    const view = yield* refresh
    const shown = observedGroups(yield* manticore.query(node, Sql.showClusters, config.statementTimeout))
    const refusal = restartRefusal(view, node, shown ?? new Map(), state.away)
    if (refusal !== undefined) return refusal
    const token = { holder: node, why }
    const held = view.restart
    if (held === undefined) yield* store.create(Key.restart, token, { term: 0 })
    else if (held.record.holder === null || held.record.holder === node)
      yield* store.compareAndSet(held, token, { term: 0 })
    else return `${held.record.holder} is being restarted`
    if (!(yield* control.restart)) return "this runner may not restart it"
    yield* journal({ kind: "finding", node, code: "daemon-restarted", detail: why })
    return undefined
  },
  Effect.catchTag(["StoreUnavailable", "Conflict"], (error) => Effect.succeed(error._tag)),
  (restarted, { node }) =>
    Effect.tap(restarted, (refusal) =>
      refusal === undefined
        ? Effect.void
        : journal({ kind: "finding", node, code: "daemon-needs-restart", detail: refusal }),
    ),
)

/** Gives the token back once every group of this node is whole again; the leader does it for a node that is lost. */
export const releaseToken = Effect.fnUntraced(function* (
  agent: AgentContext,
  view: View,
  observation: Observation,
  leads: boolean,
) {
  const { node, config, state, store } = agent
  const stored = view.restart
  const holder = stored?.record.holder
  if (stored === undefined || holder === undefined || holder === null) return
  const whole = Object.entries(observation.groups).every(([name, group]) => {
    const counts = name === config.coordination || view.groups.get(name)?.record.members.includes(node) === true
    return !counts || isPrimary(group)
  })
  if (holder === node ? !whole : !(leads && (state.lost.has(holder) || state.runnerless.has(holder)))) return
  yield* store.compareAndSet(stored, { holder: null, why: "" }, { term: 0 })
})
