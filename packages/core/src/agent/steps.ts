/**
 * Which steps an agent begins: those of its node that are due, within the limits. The leader's own ones too, and those of
 * nodes whose agent is dead. Each step runs in a fiber of its own, see `runStep`.
 */
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import { isEnding } from "../operation/isOff.ts"
import type { StepRow } from "../State.ts"
import type { Stored, View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { holdsLease } from "./lease.ts"
import { beyondLimits, isReady, nextTransferMs } from "./limits.ts"
import { refusal } from "./permission.ts"
import { runStep } from "./runStep.ts"

/** Steps by which a source gives up its copy: what the mutant does too early. */
const leavingKinds: ReadonlySet<string> = new Set(["ExitGroup", "CompareCopy", "DropShard"])

/** A step that waits, as if its row had gone and that counted as done: a mutant. */
const purged = (stored: Stored<StepRow>): Stored<StepRow> =>
  stored.record.waiting ? { ...stored, record: { ...stored.record, status: "done" } } : stored

/** Steps that this agent has to begin, to take over, or to call off. */
export const dueSteps = (
  agent: AgentContext,
  view: View,
  leads: boolean,
  nowMs: number,
): { readonly begin: ReadonlyArray<Stored<StepRow>>; readonly cancel: ReadonlyArray<Stored<StepRow>> } => {
  const { node, config, mutations, state } = agent
  const begin: Array<Stored<StepRow>> = []
  const cancel: Array<Stored<StepRow>> = []
  const open = [...view.steps.values()].flat().filter(({ key, record }) => {
    const isMine = record.node === null ? leads : record.node === node || (leads && state.runnerless.has(record.node))
    // Also one that this agent claimed and does not work on: the claim took effect and its answer was an error.
    return isMine && !state.running.has(key) && (record.status === "pending" || record.status === "processing")
  })
  if (open.length === 0) return { begin, cancel }
  const beyond = beyondLimits(view, state.away, config)
  for (const stored of open) {
    const row = stored.record
    const operation = view.operations.get(row.operation)?.record
    if (row.status === "processing" && row.undoes === null && operation !== undefined && isEnding(operation)) {
      // Whoever worked on it is gone, and nobody goes on with it: what it did is found by looking.
      cancel.push(stored)
      continue
    }
    if (row.step._tag === "JoinGroup" && row.status === "pending" && nowMs < state.nextTransferMs) continue
    if (beyond.has(stored.key) || refusal(agent, view, row, "begin") !== undefined) continue
    const early =
      (mutations.has("drop-source-before-verification") && leavingKinds.has(row.step._tag)) ||
      (mutations.has("publish-before-verification") && row.step._tag === "PublishWrapper") ||
      (mutations.has("leave-without-asking") && row.step._tag === "ConfirmWrappers")
    const rows = view.steps.get(row.operation) ?? []
    const known = mutations.has("d06-purged-is-done") ? rows.map(purged) : rows
    if (early || isReady(known, row)) begin.push(stored)
  }
  return { begin, cancel }
}

/** Begins the steps that are due. */
export const startSteps = Effect.fnUntraced(function* (agent: AgentContext, view: View) {
  const { state, store } = agent
  const { begin, cancel } = dueSteps(agent, view, yield* holdsLease(agent), yield* monotonicMs)
  for (const stored of cancel) {
    const cancelled: StepRow = {
      ...stored.record,
      status: "cancelled",
      error: "its agent was lost while the operation stopped",
    }
    yield* Effect.ignore(store.compareAndSet(stored, cancelled, { term: stored.term }))
  }
  for (const stored of begin) {
    const { expects, step } = stored.record
    if (state.running.size - state.waiting.size >= Math.floor(state.places)) return
    if (agent.mutations.has("d08-blocked-by-the-first") && state.waiting.size > 0) return
    if (step._tag === "JoinGroup" && expects !== undefined) {
      const nowMs = yield* monotonicMs
      if (nowMs < state.nextTransferMs) continue
      state.nextTransferMs = nextTransferMs(nowMs, expects.bytes, state.places, agent.config)
    }
    const fiber = yield* Effect.forkChild(
      Effect.ensuring(
        // A bug in a step must not pass unseen: the agent ends with it, see `runAgent`.
        Effect.catchDefect(runStep(agent, stored), (defect) => Effect.sync(() => void state.defects.push(defect))),
        Effect.sync(() => {
          state.running.delete(stored.key)
          state.waiting.delete(stored.key)
        }),
      ),
    )
    state.running.set(stored.key, fiber)
  }
})
