/**
 * Copies of the own node that went through a crash. The server may have lost what was written to a table then, and the number
 * of its cluster does not show it, so such a copy counts only once it has been compared with another one.
 */
import * as Effect from "effect/Effect"
import { recallDoubts, rememberDoubts } from "../gate/RunnerMemory.ts"
import { journal } from "../Journal.ts"
import type { AgentContext } from "./AgentContext.ts"
import { restart } from "./daemon.ts"

/** A copy was found to equal another one. */
export const noteProven = Effect.fnUntraced(function* ({ files, state }: AgentContext, group: string) {
  if (!state.unproven.has(group)) return
  const { anew, unproven } = yield* recallDoubts(files)
  const without = (names: ReadonlyArray<string>) => names.filter((name) => name !== group)
  yield* Effect.ignore(rememberDoubts(files, { unproven: without(unproven), anew: without(anew) }))
  state.unproven = new Set(without(unproven))
})

/** Notes for the next start that a copy is to be made anew; answers why that is of no use. */
export const noteAnew = Effect.fnUntraced(function* ({ control, files }: AgentContext, group: string) {
  if (!control.isGated) return "nothing starts this daemon but its own unit"
  const doubts = yield* recallDoubts(files)
  const noted = { ...doubts, anew: [...new Set([...doubts.anew, group])] }
  const remembered = yield* Effect.result(rememberDoubts(files, noted))
  return remembered._tag === "Failure" ? remembered.failure.message : undefined
})

/** Has a copy that lacks rows made anew by a restart of the daemon through its gate; answers why it is not. */
export const makeAnew = Effect.fnUntraced(function* (agent: AgentContext, group: string, why: string) {
  const refusal = (yield* noteAnew(agent, group)) ?? (yield* restart(agent, why))
  if (refusal === undefined) yield* journal({ kind: "finding", node: agent.node, code: "copy-made-anew", detail: why })
  return refusal
})
