/**
 * Who is there, and whether this agent may act: heartbeats, the coordination cluster, what the own daemon shows.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { EngineConfig } from "../EngineConfig.ts"
import { groupPrefix } from "../Identifier.ts"
import { isPrimary, observedGroups, showTheSame } from "../Observe.ts"
import { registeredNodes } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import type { Observation } from "../State.ts"
import { Key } from "../State.ts"
import type { View } from "../View.ts"
import type { AgentContext, AgentState } from "./AgentContext.ts"

/**
 * Notes which heartbeats moved, by the own clock. Time in which this agent itself could not look counts for little:
 * when writes were blocked for it, they were blocked for the others too. Whoever the coordination cluster goes on without
 * is away at once: it was stopped, or evicted.
 */
export const noteHeartbeats = (
  { config, mutations, state }: AgentContext,
  view: View,
  observation: Observation,
  nowMs: number,
) => {
  const coordination = observation.groups[config.coordination]
  const elapsedMs = Math.min(nowMs - (state.lookedMs ?? nowMs), 2 * Duration.toMillis(config.idleTick))
  state.lookedMs = nowMs
  const away = new Set<string>()
  const lost = new Set<string>()
  const runnerless = new Set<string>()
  for (const name of registeredNodes(view)) {
    const version = view.heartbeats.get(name) ?? 0
    const known = state.heartbeats.get(name)
    const silentMs = known === undefined || known.version !== version ? 0 : known.silentMs + elapsedMs
    state.heartbeats.set(name, { version, silentMs })
    const isOutside = isPrimary(coordination) && coordination?.members.includes(name) === false
    const isSilent = isOutside || silentMs > Duration.toMillis(config.awayAfter)
    if (isSilent || isUnheard(state, view, name, silentMs === 0 ? elapsedMs : 0, config)) away.add(name)
    // Who is in maintenance is expected back: what it holds is waited for.
    const isExpected = view.registry?.record.nodes[name]?.state === "maintenance"
    const isHasty = mutations.has("d26-no-grace-period") && away.has(name)
    if ((silentMs > Duration.toMillis(config.gracePeriod) || isHasty) && !isExpected) lost.add(name)
    // An agent that cannot beat for this long has stopped by its own clock; see `holdsClaim`.
    if (silentMs <= Duration.toMillis(config.leaseDuration) * 1.5) continue
    if (coordination?.members.includes(name) !== true) continue
    runnerless.add(name)
    away.delete(name)
    lost.delete(name)
  }
  for (const name of away) {
    if (!state.away.has(name))
      state.saidBefore.set(name, { version: view.observations.get(name)?.version ?? 0, backMs: 0 })
  }
  state.damped = asBefore(state.damped, dampedNodes(state.returnsMs, state.away, away, nowMs))
  state.away = asBefore(state.away, away)
  state.lost = asBefore(state.lost, lost)
  state.runnerless = asBefore(state.runnerless, runnerless)
}

/** The same object while nothing changes: whoever decided on it need not decide again. */
const asBefore = (before: ReadonlySet<string>, now: ReadonlySet<string>): ReadonlySet<string> =>
  before.size === now.size && [...now].every((name) => before.has(name)) ? before : now

/**
 * True for a node that was away and has not said since how its daemon is: what it said before may be wrong by now. It shows
 * signs of life before it says so, and an operator's command on its daemon is one, too. Who goes on showing them (`beatMs`
 * more) has nothing new to say.
 */
const isUnheard = (state: AgentState, view: View, name: string, beatMs: number, config: EngineConfig): boolean => {
  const said = state.saidBefore.get(name)
  if (said === undefined || !state.away.has(name)) return false
  said.backMs += beatMs
  const isSame = (view.observations.get(name)?.version ?? 0) === said.version
  return isSame && said.backMs < Duration.toMillis(config.awayAfter)
}

/** So many returns within the window are a pattern, and not the restarts of one afternoon. */
const flapReturnsMin = 3
const flapWindow = Duration.minutes(5)
/** Longer than most causes take to show again, shorter than people wait for balance. */
const quietAfterFlaps = Duration.minutes(2)

/** Notes who came back, and answers who does so too often to be given anything. */
export const dampedNodes = (
  returnsMs: Map<string, ReadonlyArray<number>>,
  before: ReadonlySet<string>,
  away: ReadonlySet<string>,
  nowMs: number,
): ReadonlySet<string> => {
  for (const name of before) {
    if (!away.has(name)) returnsMs.set(name, [...(returnsMs.get(name) ?? []), nowMs])
  }
  const damped = new Set<string>()
  for (const [name, times] of returnsMs) {
    const recent = times.filter((ms) => nowMs - ms < Duration.toMillis(flapWindow))
    if (recent.length === 0) returnsMs.delete(name)
    else returnsMs.set(name, recent)
    const last = recent.at(-1)
    const isQuiet = last === undefined || nowMs - last > Duration.toMillis(quietAfterFlaps)
    if (recent.length >= flapReturnsMin && !isQuiet) damped.add(name)
  }
  return damped
}

/** Why this agent must not act, or undefined (safety rule 1). */
export const refusalToAct = (agent: AgentContext, view: View, observation: Observation): string | undefined => {
  const { node, config, state, termsMatter } = agent
  const registry = view.registry?.record
  if (registry === undefined) return "no registry"
  if (registry.nodes[node] === undefined) return "not registered"
  if (registry.nodes[node].fenced === true) return "fenced: it must join again"
  if (registry.epoch < state.seen.epoch) return `epoch ${registry.epoch} is older than ${state.seen.epoch} on disk`
  if (agent.mutations.has("act-without-majority")) return undefined
  if ((view.lease?.record.term ?? 0) < state.seen.term && termsMatter)
    return `term ${view.lease?.record.term} is older than ${state.seen.term} on disk`
  const coordination = observation.groups[config.coordination]
  if (!isPrimary(coordination)) return `the coordination cluster is ${coordination?.status ?? "absent"}`
  const registered = Object.keys(registry.nodes).filter((name) => registry.nodes[name]?.fenced !== true)
  const seen = registered.filter((name) => coordination?.members.includes(name)).length
  return seen * 2 > registered.length ? undefined : `only ${seen} of ${registered.length} registered nodes are seen`
}

const nothing: ReadonlySet<string> = new Set()

/** What a node's daemon shows of our groups and of the coordination cluster; undefined if it does not answer. */
export const observe = Effect.fnUntraced(function* (
  agent: AgentContext,
  node: string,
  timeout: Duration.Duration = agent.config.statementTimeout,
) {
  const { config, control, manticore, state } = agent
  const answer = yield* manticore.query(node, Sql.showClusters, timeout)
  const before = state.shown.get(node)
  const unproven = node === agent.node ? state.unproven : nothing
  const isAsBefore = before?.groups === state.view?.groups && before?.unproven === unproven
  if (before !== undefined && isAsBefore && showTheSame(before.answer, answer)) return before.observation
  const groups = observedGroups(answer)
  if (groups === undefined) return undefined
  const observation: Observation = {
    ...(control.isGated && node === agent.node ? { gated: true } : {}),
    ...(unproven.size > 0 ? { unproven: [...unproven].toSorted() } : {}),
    groups: Object.fromEntries(
      [...groups].filter(
        ([name]) =>
          name === config.coordination ||
          name.startsWith(`${groupPrefix}_`) ||
          // Groups that were adopted keep their names.
          state.view?.groups.has(name) === true,
      ),
    ),
  }
  state.shown.set(node, { answer, unproven, groups: state.view?.groups, observation })
  return observation
})

/** Publishes what a node shows of itself, when it changed. */
export const publish = Effect.fnUntraced(function* (
  { state, store }: AgentContext,
  view: View,
  node: string,
  observation: Observation,
) {
  const stored = view.observations.get(node)
  const before = state.observed.get(node)
  if (stored !== undefined && before !== undefined) {
    if (before === observation || JSON.stringify(before) === JSON.stringify(observation)) return
  }
  if (stored === undefined) yield* store.create(Key.observation(node), observation, { term: 0 })
  else yield* store.compareAndSet(stored, observation, { term: 0 })
  state.observed.set(node, observation)
})
