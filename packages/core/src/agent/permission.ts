/**
 * Whether a step may be worked on, by what the records say (safety rule 2).
 */
import { isOff, type Moment } from "../operation/isOff.ts"
import { type Wait, wait } from "../operation/WaitCode.ts"
import { isLive, type StepRow } from "../State.ts"
import type { View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { leaderTerm } from "./lease.ts"

/** Why a step may not be worked on now, by what the records say (safety rule 2); undefined if it may. */
export const refusal = (agent: AgentContext, view: View, row: StepRow, moment: Moment): Wait | undefined => {
  const { state, termsMatter, mutations } = agent
  const operation = view.operations.get(row.operation)?.record
  const isDraft = (operation?.status === "idle" || operation?.status === "queued") && mutations.has("run-drafts")
  if (operation === undefined || !(isLive(operation) || isDraft)) {
    return wait("not-permitted", `operation ${row.operation} is ${operation?.status ?? "over"}`)
  }
  if (isOff(operation, row, moment)) return wait("not-permitted", `operation ${row.operation} is ${operation.status}`)
  // What has begun is brought to its end during a pause; nothing begins.
  if (operation.status === "paused" && moment === "begin" && !mutations.has("ignore-pause")) {
    return wait("paused", `operation ${row.operation} is paused`)
  }
  const term = leaderTerm(view)
  const isCurrent = operation.term === term && term >= state.term
  return isCurrent || !termsMatter
    ? undefined
    : wait("leader-changed", `operation ${row.operation} is of term ${operation.term}, the lease of term ${term}`)
}
