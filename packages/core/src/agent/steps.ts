/**
 * How an agent does its node's steps: it claims what is due, runs the handler until it is over, and writes down how it
 * ended. Each step runs in a fiber of its own.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { journal } from "../Journal.ts"
import type { Manticore } from "../Manticore.ts"
import { NodeFiles, NodeFilesError } from "../NodeFiles.ts"
import { type Wait, wait } from "../operation/WaitCode.ts"
import { isLive, type Operation, type StepRow } from "../State.ts"
import type { Entry } from "../StateStore.ts"
import { CurrentStep } from "../step/CurrentStep.ts"
import { handleStep } from "../step/handleStep.ts"
import { type Outcome, retry, retryFor } from "../step/Outcome.ts"
import { needsRunner } from "../step/Step.ts"
import type { Stored, View } from "../View.ts"
import { type AgentContext, monotonicMs } from "./AgentContext.ts"
import { restart } from "./daemon.ts"
import { holdsLease, leaderTerm } from "./lease.ts"
import { observe, publish } from "./presence.ts"

/** Steps by which a source gives up its copy: what the mutant does too early. */
const leavingKinds: ReadonlySet<string> = new Set(["ExitGroup", "CompareCopy", "DropShard"])

/** Steps of one node that run at once. */
const parallelStepsMax = 8
const retryPauseMsMin = 250
const retryPauseMsMax = 4000

/** Whether a step is to be begun, or to be gone on with. */
type Moment = "begin" | "go-on"

/** Why a step may not be worked on now, by what the records say (safety rule 2); undefined if it may. */
const refusal = (agent: AgentContext, view: View, row: StepRow, moment: Moment): Wait | undefined => {
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
const isOff = (operation: Operation, row: StepRow, moment: Moment): boolean => {
  if (row.undoes !== null) return operation.undoFrom === null || row.index < operation.undoFrom
  if (operation.undoing) return true
  return operation.status === "stopping" && (moment === "begin" || operation.stop?.now === true)
}

const isEnding = (operation: Operation): boolean => operation.undoing || operation.status === "stopping"

/** Starts the steps of this node that are due; the leader's own ones too, if it is this agent. */
export const startSteps = Effect.fnUntraced(function* (agent: AgentContext, view: View) {
  const { node, mutations, state, store } = agent
  const leader = yield* holdsLease(agent)
  for (const rows of view.steps.values()) {
    for (const stored of rows) {
      const row = stored.record
      const isMine = row.node === null ? leader : row.node === node || (leader && state.runnerless.has(row.node))
      if (state.running.size - state.waiting.size >= parallelStepsMax) return
      if (!isMine || state.running.has(stored.key)) continue
      // Also one that this agent claimed and does not work on: the claim took effect and its answer was an error.
      const begun = row.status === "processing"
      if (row.status !== "pending" && !begun) continue
      const operation = view.operations.get(row.operation)?.record
      if (begun && row.undoes === null && operation !== undefined && isEnding(operation)) {
        // Whoever worked on it is gone, and nobody goes on with it: what it did is found by looking.
        const cancelled: StepRow = {
          ...row,
          status: "cancelled",
          error: "its agent was lost while the operation stopped",
        }
        yield* Effect.ignore(store.compareAndSet(stored, cancelled, { term: stored.term }))
        continue
      }
      if (refusal(agent, view, row, "begin") !== undefined) continue
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
          Effect.sync(() => {
            state.running.delete(stored.key)
            state.waiting.delete(stored.key)
          }),
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
  const sent = { join: false, anything: false }
  let pauseMs = retryPauseMsMin
  for (;;) {
    const outcome = yield* attempt(agent, claimed, startedMs, sent)
    if (outcome === "not-begun") {
      // The claim is given back: whoever may begin later finds the step as it was.
      return yield* Effect.ignore(store.compareAndSet(entry, before.record, { term, columns: columns(before.record) }))
    }
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
    // Whoever waits takes no place: what it waits for may be a step of this node that has not begun.
    state.waiting.add(before.key)
    yield* Effect.sleep(Duration.millis(pauseMs))
    state.waiting.delete(before.key)
    pauseMs = Math.min(pauseMs * 2, retryPauseMsMax)
    // Somebody else may have decided about this step meanwhile.
    const current = yield* Effect.result(store.get(before.key))
    if (current._tag === "Success" && current.success !== undefined) {
      if (current.success.version !== entry.version) return
      entry = current.success
    }
  }
})

/** Publishes what a node's daemon shows now. */
const publishNow = Effect.fnUntraced(function* (agent: AgentContext, node: string) {
  const observation = yield* observe(agent, node)
  if (observation !== undefined) yield* publish(agent, yield* agent.refresh, node, observation)
})

/**
 * True while this agent has the claim on a step. The leader takes over the claims of an agent that has been silent for
 * longer than the lease (safety rule 16); an agent that could not look at the records for nearly as long asks them first,
 * and whoever acts for another node asks each time.
 */
const holdsClaim = Effect.fnUntraced(function* (
  { node, incarnation, config, state, refresh }: AgentContext,
  row: StepRow,
) {
  const isOwn = row.node === null || row.node === node
  if (isOwn && (yield* monotonicMs) - state.refreshedMs < Duration.toMillis(config.awayAfter)) return true
  const rows = (yield* refresh).steps.get(row.operation) ?? []
  const current = rows.find(({ record }) => record.index === row.index)?.record
  return current?.status === "processing" && current.claimedBy === incarnation
})

/** Files of a node whose runner is dead: nobody reaches its disk. */
const noFiles = (node: string) => {
  const unreachable = Effect.fail(new NodeFilesError({ message: `the runner of ${node} is dead` }))
  return NodeFiles.of({ makeClusterDirectory: () => unreachable, recall: unreachable, remember: () => unreachable })
}

/** One run of the handler, if the records allow it. */
const attempt = Effect.fnUntraced(function* (
  agent: AgentContext,
  row: StepRow,
  startedMs: number,
  sent: { join: boolean; anything: boolean },
): Effect.fn.Return<Outcome | "cancelled" | "not-begun", never, Manticore | NodeFiles> {
  const { config, state, store, refresh, wrapperPermit } = agent
  const node = row.node ?? agent.node
  const looked = yield* Effect.result(refresh)
  if (looked._tag === "Failure") return retry("store-unavailable", looked.failure.message)
  const view = looked.success
  const operation = view.operations.get(row.operation)?.record
  const moment = sent.anything ? "go-on" : "begin"
  if (operation === undefined || (row.undoes === null && isOff(operation, row, moment))) return "cancelled"
  const refused = refusal(agent, view, row, moment)
  if (refused !== undefined) return refused.code === "paused" ? "not-begun" : retryFor(refused)
  if (node !== agent.node && needsRunner(row.step)) return retry("runner-dead", `the runner of ${node} is dead`)
  if (!sent.anything) yield* sayStep(agent, row, operation.term, "started", "")
  sent.anything = true
  const handle =
    row.step._tag === "SwapWrapper" ? wrapperPermit.withPermits(1)(handleStep(row.step)) : handleStep(row.step)
  return yield* handle.pipe(
    Effect.provideService(CurrentStep, {
      node,
      config,
      store,
      term: operation.term,
      refresh,
      permitted: Effect.map(refresh, (latest) => refusal(agent, latest, row, "go-on") === undefined),
      startedMs,
      away: () => state.away,
      row,
      holdsClaim: holdsClaim(agent, row),
      publish: publishNow(agent, node),
      sent,
      restart: (why) => (node === agent.node ? restart(agent, why) : Effect.succeed(`the runner of ${node} is dead`)),
    }),
    (handled) => (node === agent.node ? handled : Effect.provideService(handled, NodeFiles, noFiles(node))),
    Effect.catchTag(["StoreUnavailable", "Conflict"], (error) =>
      Effect.succeed(
        error._tag === "Conflict"
          ? retry("state-conflict", `conflict on ${error.key}`)
          : retry("store-unavailable", error.message),
      ),
    ),
  )
})
