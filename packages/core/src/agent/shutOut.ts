/**
 * Members that were started closed, because nobody could be asked or somebody was not heard of: behind the gate the next start
 * of their daemon brings them in.
 */
import * as Effect from "effect/Effect"
import { journal } from "../Journal.ts"
import { hasGivenUp, isPrimary } from "../Observe.ts"
import type { Observation, ObservedGroup } from "../State.ts"
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

/**
 * Restarts a daemon that is not in the coordination cluster, where nobody can be asked for the token. Not while a group
 * has nobody but this node.
 */
export const restartAlone = Effect.fnUntraced(function* (agent: AgentContext, observation: Observation, why: string) {
  const { control, node } = agent
  const needed = Object.entries(observation.groups).find(([, group]) => isPrimary(group) && group.size < 2)
  const detail = needed === undefined ? why : `${needed[0]} has no other member`
  const restarted = needed === undefined && (yield* control.restart)
  if (restarted) yield* noteRestart(agent)
  yield* journal({ kind: "finding", node, code: restarted ? "daemon-restarted" : "daemon-needs-restart", detail })
  return restarted
})
