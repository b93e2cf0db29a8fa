/**
 * How an agent does its node's steps: it claims what is due, runs the handler until it is over, and writes down how it
 * ended. Each step runs in a fiber of its own.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { journal } from "../Journal.ts"
import type { Manticore } from "../Manticore.ts"
import type { NodeFiles } from "../NodeFiles.ts"
import type { StepRow } from "../State.ts"
import { isLive } from "../State.ts"
import type { Entry } from "../StateStore.ts"
import { CurrentStep } from "../step/CurrentStep.ts"
import { handleStep } from "../step/handleStep.ts"
import { type Outcome, retry } from "../step/Outcome.ts"
import type { Stored, View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { restart } from "./daemon.ts"
import { holdsLease, leaderTerm } from "./lease.ts"
import { observe, publish } from "./presence.ts"

/** Steps by which a source gives up its copy: what the mutant does too early. */
const leavingKinds: ReadonlySet<string> = new Set(["ExitGroup", "CompareCopy", "DropShard"])

/** Steps of one node that run at once. */
const parallelStepsMax = 8
const retryPauseMsMin = 250
const retryPauseMsMax = 4000

/** True if a step of the operation may be worked on now, by what the records say after a barrier (safety rule 2). */
const mayWork = ({ state, termsMatter }: AgentContext, view: View, row: StepRow): boolean => {
  const operation = view.operations.get(row.operation)?.record
  if (operation === undefined || !isLive(operation) || operation.status === "paused") return false
  if (row.undoes === null && operation.status === "stopping") return false
  if (!termsMatter) return true
  const term = leaderTerm(view)
  return operation.term === term && term >= state.term
}

const isStopping = (view: View, row: StepRow): boolean =>
  view.operations.get(row.operation)?.record.status === "stopping"

/** Starts the steps of this node that are due; the leader's own ones too, if it is this agent. */
export const startSteps = Effect.fnUntraced(function* (agent: AgentContext, view: View) {
  const { node, mutations, state, store } = agent
  const leader = yield* holdsLease(agent)
  for (const rows of view.steps.values()) {
    for (const stored of rows) {
      const row = stored.record
      const isMine = row.node === null ? leader : row.node === node
      if (state.running.size >= parallelStepsMax) return
      if (!isMine || state.running.has(stored.key)) continue
      // Also one that this agent claimed and does not work on: the claim took effect and its answer was an error.
      const begun = row.status === "processing"
      if (row.status !== "pending" && !begun) continue
      if (begun && row.undoes === null && isStopping(view, row)) {
        // Whoever worked on it is gone, and nobody goes on with it: what it did is found by looking.
        const cancelled: StepRow = {
          ...row,
          status: "cancelled",
          error: "its agent was lost while the operation stopped",
        }
        yield* Effect.ignore(store.compareAndSet(stored, cancelled, { term: stored.term }))
        continue
      }
      if (!mayWork(agent, view, row)) continue
      const ready =
        (mutations.has("drop-source-before-verification") && leavingKinds.has(row.step._tag)) ||
        row.dependsOn.every((index) => {
          const status = rows.find(({ record }) => record.index === index)?.record.status
          return status === "done" || (row.undoes !== null && status === "cancelled")
        })
      if (!ready) continue
      const fiber = yield* Effect.forkChild(
        Effect.ensuring(
          runStep(agent, stored),
          Effect.sync(() => state.running.delete(stored.key)),
        ),
      )
      state.running.set(stored.key, fiber)
    }
  }
})

const sayStep = (
  { node }: AgentContext,
  row: StepRow,
  term: number,
  status: StepRow["status"] | "started" | "retry",
  detail: string,
) =>
  journal({
    kind: "step",
    node,
    operation: row.operation,
    step: row.index,
    stepKind: row.step._tag,
    status,
    term,
    undo: row.undoes !== null,
    detail,
  })

/** Claims a step, runs its handler until it is done, and writes down how it ended. */
const runStep = Effect.fnUntraced(function* (
  agent: AgentContext,
  before: Stored<StepRow>,
): Effect.fn.Return<void, never, Manticore | NodeFiles> {
  const { incarnation, state, store } = agent
  const term = state.view?.operations.get(before.record.operation)?.record.term ?? 0
  const claimed: StepRow = {
    ...before.record,
    status: "processing",
    claimedBy: incarnation,
    tries: before.record.tries + 1,
  }
  const columns = (row: StepRow) => ({ status: row.status, tries: row.tries })
  const claim = yield* Effect.result(store.compareAndSet(before, claimed, { term, columns: columns(claimed) }))
  if (claim._tag === "Failure") return
  let entry: Entry = claim.success
  const startedMs = yield* Clock.currentTimeMillis
  const sent = { join: false }
  yield* sayStep(agent, claimed, term, "started", "")
  let pauseMs = retryPauseMsMin
  for (;;) {
    const outcome = yield* attempt(agent, claimed, startedMs, sent)
    if (outcome === "cancelled" || outcome._tag !== "Retry") {
      const status = outcome === "cancelled" ? "cancelled" : outcome._tag === "Done" ? "done" : "failed"
      const error = outcome === "cancelled" ? "operation stops" : outcome._tag === "Failed" ? outcome.error : null
      const ended: StepRow = { ...claimed, status, error }
      const written = yield* Effect.result(store.compareAndSet(entry, ended, { term, columns: columns(ended) }))
      if (written._tag === "Success")
        return yield* sayStep(
          agent,
          ended,
          term,
          status,
          error ?? (outcome !== "cancelled" && outcome._tag === "Done" ? outcome.detail : ""),
        )
      if (written.failure._tag === "Conflict") return
      // The store does not answer: the outcome is looked at again, not remembered.
    } else {
      yield* sayStep(agent, claimed, term, "retry", `${outcome.wait.code}: ${outcome.wait.detail}`)
    }
    yield* Effect.sleep(Duration.millis(pauseMs))
    pauseMs = Math.min(pauseMs * 2, retryPauseMsMax)
    // Somebody else may have decided about this step meanwhile.
    const current = yield* Effect.result(store.get(before.key))
    if (current._tag === "Success" && current.success !== undefined) {
      if (current.success.version !== entry.version) return
      entry = current.success
    }
  }
})

/** Publishes what the own daemon shows now. */
const publishNow = Effect.fnUntraced(function* (agent: AgentContext) {
  const observation = yield* observe(agent)
  if (observation !== undefined) yield* publish(agent, yield* agent.refresh, observation)
})

/** One run of the handler, if the records allow it. */
const attempt = Effect.fnUntraced(function* (
  agent: AgentContext,
  row: StepRow,
  startedMs: number,
  sent: { join: boolean },
): Effect.fn.Return<Outcome | "cancelled", never, Manticore | NodeFiles> {
  const { node, config, state, store, refresh, wrapperPermit } = agent
  const looked = yield* Effect.result(refresh)
  if (looked._tag === "Failure") return retry("store-unavailable", looked.failure.message)
  const view = looked.success
  const operation = view.operations.get(row.operation)?.record
  if (operation === undefined || (operation.status === "stopping" && row.undoes === null)) return "cancelled"
  if (!mayWork(agent, view, row))
    return retry("leader-changed", `operation ${row.operation} is of term ${operation.term}`)
  const handle =
    row.step._tag === "SwapWrapper" ? wrapperPermit.withPermits(1)(handleStep(row.step)) : handleStep(row.step)
  return yield* handle.pipe(
    Effect.provideService(CurrentStep, {
      node,
      config,
      store,
      term: operation.term,
      refresh,
      permitted: Effect.map(refresh, (latest) => mayWork(agent, latest, row)),
      startedMs,
      away: () => state.away,
      row,
      publish: publishNow(agent),
      sent,
      restart: (why) => restart(agent, why),
    }),
    Effect.catchTag(["StoreUnavailable", "Conflict"], (error) =>
      Effect.succeed(
        error._tag === "Conflict"
          ? retry("state-conflict", `conflict on ${error.key}`)
          : retry("store-unavailable", error.message),
      ),
    ),
  )
})
