/**
 * The restart of a daemon that never arrived in the coordination cluster.
 */
import * as Effect from "effect/Effect"
import { journal } from "../Journal.ts"
import { isPrimary, observedGroups } from "../Observe.ts"
import * as Sql from "../Sql.ts"
import type { Observation } from "../State.ts"
import type { AgentContext } from "./AgentContext.ts"
import { noteRestart } from "./restarted.ts"

/** True for a daemon that knows of no cluster but the coordination cluster, which it has not reached. */
export const isNewcomer = ({ config }: AgentContext, { groups }: Observation): boolean =>
  groups[config.coordination]?.nodeState === "joining" && Object.keys(groups).length === 1

/**
 * Restarts the own daemon, whose way into the coordination cluster never ends (semantics 20). It has no records, so it
 * cannot hold the token, and carries nothing that anybody needs; but it counts for the quorum, though it has not a row. So
 * somebody who has the records must see a majority without it. Answers why it did not.
 */
export const restartNewcomer = Effect.fnUntraced(
  function* (agent: AgentContext, { groups }: Observation, why: string) {
    const { node, config, manticore, control } = agent
    const { members = [], nodesSet = [] } = groups[config.coordination] ?? {}
    for (const other of new Set([...members, ...nodesSet])) {
      if (other === node) continue
      const answer = yield* manticore.query(other, Sql.showClusters, config.statementTimeout)
      const seen = observedGroups(answer)?.get(config.coordination)
      if (seen === undefined || !isPrimary(seen) || (seen.members.includes(node) && seen.size <= 2)) continue
      if (!(yield* control.restart)) return "this runner may not restart it"
      yield* noteRestart(agent)
      yield* journal({ kind: "finding", node, code: "daemon-restarted", detail: why })
      return undefined
    }
    return `nobody is seen to have a majority of ${config.coordination} without this node`
  },
  (restarted, { node }) =>
    Effect.tap(restarted, (refusal) =>
      refusal === undefined
        ? Effect.void
        : journal({ kind: "finding", node, code: "daemon-needs-restart", detail: refusal }),
    ),
)
