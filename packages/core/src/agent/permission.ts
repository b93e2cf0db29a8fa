/**
 * Whether a step may be worked on, by what the records say (safety rule 2).
 */
import { isOff, type Moment } from "../operation/isOff.ts"
import { type Wait, wait } from "../operation/WaitCode.ts"
import { splitSides } from "../SplitBrain.ts"
import { isLive, type StepRow } from "../State.ts"
import { groupOfStep } from "../step/Step.ts"
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
  const isCurrent = operation.term === term && term >= state.seen.term
  if (!isCurrent && termsMatter)
    return wait("leader-changed", `operation ${row.operation} is of term ${operation.term}, the lease of term ${term}`)
  const split = splitRefusal(view, row, state.away)
  return split === undefined ? undefined : wait("split-brain", split)
}

/**
 * Why nothing is done to a group that has become two, or undefined. Who was left out by an operator's word goes: that
 * makes it one again.
 */
const splitRefusal = (view: View, { node, step }: StepRow, away: ReadonlySet<string>): string | undefined => {
  const group = view.groups.get(groupOfStep(step) ?? "")?.record
  if (group === undefined || (node !== null && group.estranged?.includes(node) === true)) return undefined
  const sides = splitSides(view, group, away)
  return sides.length === 0
    ? undefined
    : `${group.name} is primary as ${sides.map((side) => side.join(", ")).join(" and as ")}`
}
