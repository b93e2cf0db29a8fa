/**
 * Whether a step may be worked on, by what the records say (safety rule 2).
 */
import { type Wait, wait } from "../operation/WaitCode.ts"
import { isLive, type Operation, type StepRow } from "../State.ts"
import type { View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { leaderTerm } from "./lease.ts"

/** Whether a step is to be begun, or to be gone on with. */
export type Moment = "begin" | "go-on"

/** Why a step may not be worked on now, by what the records say (safety rule 2); undefined if it may. */
export const refusal = (agent: AgentContext, view: View, row: StepRow, moment: Moment): Wait | undefined => {
  const { state, termsMatter, mutations } = agent
  const operation = view.operations.get(row.operation)?.record
  if (operation === undefined || !isLive(operation)) {
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

/** True if nobody is to work on the step any more, or not yet. */
export const isOff = (operation: Operation, row: StepRow, moment: Moment): boolean => {
  if (row.undoes !== null) return operation.undoFrom === null || row.index < operation.undoFrom
  if (operation.undoing) return true
  return operation.status === "stopping" && (moment === "begin" || operation.stop?.now === true)
}

/** True if what was planned is not worked on any more. */
export const isEnding = (operation: Operation): boolean => operation.undoing || operation.status === "stopping"
