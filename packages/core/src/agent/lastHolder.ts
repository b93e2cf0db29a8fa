/**
 * The target of a single copy's move that comes back when the source has left the temporary group: nobody can let it in, so
 * its copy, which is the only one that counts, would refuse writes for ever (semantics 27).
 */
import * as Effect from "effect/Effect"
import { failureOf } from "../ErrorClass.ts"
import { journal } from "../Journal.ts"
import * as Sql from "../Sql.ts"
import type { Group, Observation } from "../State.ts"
import type { View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"

/** True if this node alone is to keep the copies of a temporary group, and every other node is seen to be out of it. */
const isLastHolder = (view: View, group: Group, node: string, away: ReadonlySet<string>): boolean =>
  group.status === "temporary" &&
  group.members.join() === node &&
  group.inSync.includes(node) &&
  [...new Set([...group.lastPrimary, ...group.leaving, ...group.exiled])].every((other) => {
    const shown = view.observations.get(other)?.record.groups
    return other === node || (!away.has(other) && shown !== undefined && shown[group.name] === undefined)
  })

/** Ends the membership of the last holder: its copy becomes the plain table that it was to be at the end of the move. */
export const tendLastHolder = Effect.fnUntraced(function* (agent: AgentContext, view: View, observation: Observation) {
  const { node, config, manticore, state } = agent
  for (const [name, seen] of Object.entries(observation.groups)) {
    const group = view.groups.get(name)?.record
    if (seen.nodeState !== "closed" || group === undefined || !isLastHolder(view, group, node, state.away)) continue
    // Nobody else is in the group, so DELETE concerns this node alone; the rows stay.
    const answer = yield* manticore.query(node, Sql.deleteCluster(name), config.statementTimeout)
    if (failureOf(answer) === undefined)
      yield* journal({
        kind: "finding",
        node,
        code: "last-holder-freed",
        detail: `${name} ended: nobody else is in it`,
      })
  }
})
