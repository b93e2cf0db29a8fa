/**
 * Members that were started closed, because nobody could be asked or somebody was not heard of: behind the gate the next start
 * of their daemon brings them in.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { journal } from "../Journal.ts"
import { Manticore } from "../Manticore.ts"
import { hasGivenUp, isPrimary, observedGroups } from "../Observe.ts"
import { recordsAt } from "../RecordsAt.ts"
import * as Sql from "../Sql.ts"
import type { Observation, ObservedGroup } from "../State.ts"
import { makeView } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { noteRestart } from "./restarted.ts"

/**
 * True for a member that is closed while its next start can change that: somebody serves the group, or it is to begin it. In
 * the coordination cluster it can always be hoped for.
 */
export const isShutOut = (
  { config, control, node, state }: AgentContext,
  name: string,
  group: ObservedGroup,
): boolean => {
  if (!control.isGated || !hasGivenUp(group)) return false
  if (name === config.coordination) return true
  const record = state.view?.groups.get(name)?.record
  if (record === undefined || !record.members.includes(node)) return false
  if (record.inSync.join() === node) return true
  return [...(state.view?.observations ?? [])].some(
    ([other, { record }]) => other !== node && !state.away.has(other) && isPrimary(record.groups[name]),
  )
}

/** What the daemon of a node shows of its groups; undefined if it does not answer. */
const shownBy = ({ config, manticore }: AgentContext, node: string) =>
  Effect.map(manticore.query(node, Sql.showClusters, config.statementTimeout), observedGroups)

/**
 * Of groups that nobody else serves at present, one that the next start might not begin again. Behind the gate a node begins
 * those in which it is in sync once every other member in sync was heard of; who these are is asked of the coordination cluster,
 * as the own records may be old. Without an answer from there a restart would not help either.
 */
const endangered = Effect.fnUntraced(function* (agent: AgentContext, names: ReadonlyArray<string>) {
  const { config, manticore, node, state } = agent
  const others = state.seen.registered.filter((other) => other !== node)
  const donor = yield* Effect.findFirst(others, (other) =>
    Effect.map(shownBy(agent, other), (shown) => isPrimary(shown?.get(config.coordination))),
  )
  if (Option.isNone(donor)) return names[0]
  const told = yield* Effect.provideService(recordsAt(donor.value, config, "way back"), Manticore, manticore)
  const { groups } = makeView(told?.values() ?? [])
  for (const name of names) {
    const inSync = groups.get(name)?.record.inSync ?? []
    const needed = inSync.filter((member) => member !== node)
    const shown = yield* Effect.forEach(needed, (member) => shownBy(agent, member))
    if (!inSync.includes(node) || shown.includes(undefined)) return name
  }
  return undefined
})

/**
 * Restarts a daemon that is not in the coordination cluster, where nobody can be asked for the token. Not while a group
 * has nobody but this node, unless the gate begins it again.
 */
export const restartAlone = Effect.fnUntraced(function* (agent: AgentContext, observation: Observation, why: string) {
  const { control, node } = agent
  const alone = Object.entries(observation.groups).flatMap(([name, group]) =>
    isPrimary(group) && group.size < 2 ? [name] : [],
  )
  const needed = control.isGated && alone.length > 0 ? yield* endangered(agent, alone) : alone[0]
  const detail = needed === undefined ? why : `${needed} has no other member`
  const restarted = needed === undefined && (yield* control.restart)
  if (restarted) yield* noteRestart(agent)
  yield* journal({ kind: "finding", node, code: restarted ? "daemon-restarted" : "daemon-needs-restart", detail })
  return restarted
})
