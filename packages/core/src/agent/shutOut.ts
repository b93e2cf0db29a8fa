/**
 * Members that were started closed, because nobody could be asked or somebody was not heard of: behind the gate the next start
 * of their daemon brings them in.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { recallGate } from "../gate/RunnerMemory.ts"
import { journal } from "../Journal.ts"
import { Manticore } from "../Manticore.ts"
import { hasGivenUp, isPrimary, observedGroups } from "../Observe.ts"
import { union } from "../plan/records.ts"
import { recordsAt } from "../RecordsAt.ts"
import * as Sql from "../Sql.ts"
import { copiesThatCount } from "../StartGate.ts"
import type { Observation, ObservedGroup } from "../State.ts"
import { makeView } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { noteRestart } from "./restarted.ts"

/** Restarts in a row after which a group that all members have closed still is: then it is for a person to look at. */
const closedStartsMax = 3

/**
 * What the next start of a member that is closed can change. `served`: somebody serves the group, or this node is to begin it; in
 * the coordination cluster that can always be hoped for. `closed`: all who are in sync are there and closed, and have not
 * tried often yet: the gate that sent one of them to another that was just leaving, or waited in vain for the number of a copy,
 * finds them all now.
 */
export const shutOutOf = (
  { config, control, node, state }: AgentContext,
  name: string,
  group: ObservedGroup,
): "served" | "closed" | undefined => {
  if (!control.isGated || !hasGivenUp(group)) return undefined
  if (name === config.coordination) return "served"
  const record = state.view?.groups.get(name)?.record
  // Who is to leave has to be in, too: nobody joins beside a member that is missing.
  if (record === undefined || !union(record.members, record.leaving).includes(node)) return undefined
  if (record.inSync.join() === node) return "served"
  const shown = [...(state.view?.observations ?? [])].flatMap(([other, { record: seen }]) =>
    other === node || state.away.has(other) ? [] : [{ other, group: seen.groups[name] }],
  )
  if (shown.some((seen) => isPrimary(seen.group))) return "served"
  const closed = shown.filter((seen) => hasGivenUp(seen.group)).map(({ other }) => other)
  const isAnyoneMissing = record.inSync.some((member) => member !== node && !closed.includes(member))
  if (!record.inSync.includes(node) || isAnyoneMissing) return undefined
  return (state.closedStarts.get(name) ?? 0) < closedStartsMax ? "closed" : undefined
}

/**
 * How long a member stays closed before its daemon is restarted. Whose number nobody has looked at goes first, as the others
 * would wait for it in their gates; who was found to lack what another one has does not go at all.
 */
export const shutOutPatienceMs = Effect.fnUntraced(function* (
  { config, files }: AgentContext,
  name: string,
  shutOut: "served" | "closed",
) {
  const patienceMs = Duration.toMillis(config.statementTimeout)
  if (shutOut === "served") return patienceMs
  const told = (yield* recallGate(files)).closed[name]
  if (told === undefined) return patienceMs
  return told.yields === true ? Number.POSITIVE_INFINITY : 2 * patienceMs
})

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
    const record = groups.get(name)?.record
    // What has ended is needed by nobody.
    if (record?.status === "dissolved") continue
    const counted = copiesThatCount(record) ?? []
    const needed = counted.filter((member) => member !== node)
    const shown = yield* Effect.forEach(needed, (member) => shownBy(agent, member))
    if (!counted.includes(node) || shown.includes(undefined)) return name
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
