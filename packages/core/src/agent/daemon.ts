/**
 * Restarts of the own daemon: when one is needed, when it is allowed, and the token of which the cluster has one.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { restartRefusal } from "../Health.ts"
import { journal } from "../Journal.ts"
import { monotonicMs } from "../Monotonic.ts"
import { hasGivenUp, isPrimary, observedGroups } from "../Observe.ts"
import { percentAllowanceMs } from "../operation/allowance.ts"
import { isToCome } from "../operation/isOff.ts"
import * as Sql from "../Sql.ts"
import { Key, type LeavingLock, type Observation } from "../State.ts"
import { standsInTheWay } from "../Promotion.ts"
import type { View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { isNewcomer, restartNewcomer } from "./newcomer.ts"
import { noteRestart } from "./restarted.ts"
import { restartAlone, shutOutOf, shutOutPatienceMs } from "./shutOut.ts"

/**
 * A member that joins for ever, or that was thrown out, is cured by nothing but a restart of its daemon, and until
 * then no cluster statement on this node is answered (semantics 20, 48, 49, 59). One that is behind is restarted so that
 * the others can be made primary without it; one that was started closed, once somebody else serves the group: behind the
 * gate it finds its way back.
 */
export const tendDaemon = Effect.fnUntraced(function* (agent: AgentContext, observation: Observation, nowMs: number) {
  const { config, state } = agent
  noteTransfers(agent, observation, nowMs)
  for (const name of state.stuckSinceMs.keys())
    if (observation.groups[name] === undefined) state.stuckSinceMs.delete(name)
  for (const [name, group] of Object.entries(observation.groups)) {
    // The records may be those of before a restart.
    const inTheWay =
      group.status !== "primary" && state.view !== undefined && standsInTheWay(state.view, name, agent.node)
    if (isPrimary(group)) state.closedStarts.delete(name)
    const shutOut = shutOutOf(agent, name, group)
    const stuck = inTheWay || shutOut !== undefined || group.nodeState === "joining" || group.nodeState === "destroyed"
    const patienceMs = inTheWay
      ? Duration.toMillis(config.awayAfter)
      : shutOut !== undefined
        ? yield* shutOutPatienceMs(agent, name, shutOut)
        : Duration.toMillis(config.joinTimeout) * 1.25 + percentAllowanceMs(state.view, name, config)
    const sinceMs = state.stuckSinceMs.get(name)
    if (!stuck) state.stuckSinceMs.delete(name)
    else if (sinceMs === undefined) state.stuckSinceMs.set(name, nowMs)
    else if (nowMs - Math.max(sinceMs, state.transfers.get(name)?.sinceMs ?? 0) > patienceMs) {
      state.stuckSinceMs.set(name, nowMs)
      const why = inTheWay ? `it keeps ${name} from a new primary` : `${name} was ${group.nodeState} for too long`
      const isNew = isNewcomer(agent, observation)
      // Nobody can be asked for the token from outside the coordination cluster. While that has no majority, who is on its
      // way in waits for those who are missing.
      const isPassedBy = shutOut !== undefined || (!isNew && group.status === "primary")
      if (name === config.coordination && isPassedBy) return yield* restartAlone(agent, observation, why)
      const refusal = yield* isNew ? restartNewcomer(agent, observation, why) : restart(agent, why)
      if (shutOut === "closed" && refusal === undefined)
        state.closedStarts.set(name, (state.closedStarts.get(name) ?? 0) + 1)
      return refusal === undefined
    }
  }
  return false
})

/** Notes how far copies have come: one that moves is not stuck, however long it takes. */
const noteTransfers = ({ state }: AgentContext, { groups }: Observation, nowMs: number): void => {
  for (const name of state.transfers.keys()) if (groups[name]?.transfer === undefined) state.transfers.delete(name)
  for (const [name, { transfer }] of Object.entries(groups)) {
    if (transfer !== undefined && state.transfers.get(name)?.progress !== transfer)
      state.transfers.set(name, { progress: transfer, sinceMs: nowMs })
  }
}

/** Why a copy that is on its way forbids a restart, or undefined. */
const transferUnderWay = Effect.fnUntraced(function* ({ config, state }: AgentContext) {
  const nowMs = yield* monotonicMs
  for (const [name, { progress, sinceMs }] of state.transfers) {
    const patienceMs = Duration.toMillis(config.joinTimeout) + percentAllowanceMs(state.view, name, config)
    if (nowMs - sinceMs < patienceMs) return `a copy of ${name} is on its way: ${progress}`
  }
  return undefined
})

/**
 * Restarts the own daemon, if no copy is on its way, no group depends on it, and nobody else in the cluster is being
 * restarted. Answers why it did not.
 */
export const restart = Effect.fnUntraced(function* (agent: AgentContext, why: string) {
  // A copy that moves needs no cure.
  return (yield* transferUnderWay(agent)) ?? (yield* restartNow(agent, why))
})

const restartNow = Effect.fnUntraced(
  function* (agent: AgentContext, why: string) {
    const { node, config, manticore, control, state, store, refresh } = agent
    const view = yield* refresh
    const shown = observedGroups(yield* manticore.query(node, Sql.showClusters, config.statementTimeout))
    const refusal = restartRefusal(view, node, shown ?? new Map(), state.away, control.isGated)
    if (refusal !== undefined) return refusal
    const token = { holder: node, why }
    const held = view.restart
    if (held === undefined) yield* store.create(Key.restart, token, { term: 0 })
    else if (held.record.holder === null || held.record.holder === node)
      yield* store.compareAndSet(held, token, { term: 0 })
    else return `${held.record.holder} is being restarted`
    if (!(yield* control.restart)) return "this runner may not restart it"
    yield* noteRestart(agent)
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

/** Takes entries out of the lock of those who leave. */
const releaseLeaving = Effect.fnUntraced(function* (
  { store }: AgentContext,
  view: View,
  isOver: (entry: LeavingLock["held"][number]) => boolean,
) {
  const stored = view.leaving
  const held = stored?.record.held.filter((entry) => !isOver(entry)) ?? []
  if (stored === undefined || held.length === stored.record.held.length) return
  yield* store.compareAndSet(stored, { held }, { term: 0 })
})

/**
 * Ends what is left of the lock of those who leave: the leader, for nodes that are gone; each node, for a statement of an
 * earlier life of its agent or its daemon, once its daemon has answered a later one about the group. It works on one at a
 * time, in the order in which they came.
 */
export const tendLeaving = Effect.fnUntraced(function* (
  agent: AgentContext,
  view: View,
  observation: Observation,
  leads: boolean,
) {
  const { node, manticore, state } = agent
  const held = view.leaving?.record.held ?? []
  if (held.length === 0) return
  const isGone = (name: string) => state.lost.has(name) || view.registry?.record.nodes[name] === undefined
  if (leads && held.some((entry) => isGone(entry.node))) {
    return yield* releaseLeaving(agent, view, (entry) => isGone(entry.node))
  }
  const rows = [...view.steps.values()].flat()
  // A step may have been cancelled, or its operation be over, while its handler is still at work here.
  if ([...state.running.keys()].some((key) => !rows.some((row) => row.key === key))) return
  const isWorkedOn = (group: string) =>
    rows.some(
      ({ key, record }) =>
        record.node === node &&
        (isToCome(view, record) || state.running.has(key)) &&
        (record.step._tag === "ExitGroup" || record.step._tag === "JoinGroup") &&
        record.step.group === group,
    )
  const own = held.filter((entry) => entry.node === node && !isWorkedOn(entry.group))
  const ended = own.filter(({ group }) => state.endedLeaving.has(group))
  if (ended.length > 0) {
    yield* releaseLeaving(agent, view, (entry) => ended.includes(entry))
    for (const { group } of ended) state.endedLeaving.delete(group)
    return
  }
  const [left] = own
  if (left === undefined) return
  // A daemon that died as it left is a member again when it is back; a member says what it says of itself anyway.
  const isMember = observation.groups[left.group] !== undefined
  const later = isMember ? Sql.updatePeers(left.group) : Sql.exitCluster(left.group)
  const answer = yield* manticore.query(node, later, Duration.seconds(1))
  // A refusal need not have waited for its turn.
  if (answer._tag === "NoAnswer" || (isMember && answer._tag === "Refused")) return
  yield* releaseLeaving(agent, view, (entry) => entry.node === node && entry.group === left.group)
})

/** Gives the token back once every group of this node is whole again, or will not be before another start; the leader does it for a node that is lost. */
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
    // A closed copy may wait for another daemon to be restarted.
    return !counts || isPrimary(group) || hasGivenUp(group)
  })
  if (holder === node ? !whole : !(leads && (state.lost.has(holder) || state.runnerless.has(holder)))) return
  yield* store.compareAndSet(stored, { holder: null, why: "" }, { term: 0 })
})
