/**
 * How an agent works on one step: it claims it, runs its handler until it is over, and writes down how it ended.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { lookAgain, pauseMsOf } from "../ErrorClass.ts"
import { journal } from "../Journal.ts"
import type { Manticore } from "../Manticore.ts"
import { NodeFiles, NodeFilesError } from "../NodeFiles.ts"
import type { Wait } from "../operation/WaitCode.ts"
import { isOff } from "../operation/isOff.ts"
import type { StepRow } from "../State.ts"
import type { Entry } from "../StateStore.ts"
import { CurrentStep, type StepContext } from "../step/CurrentStep.ts"
import { handleStep } from "../step/handleStep.ts"
import { done, failed, type Outcome, retry, retryFor } from "../step/Outcome.ts"
import { needsRunner, subjectOfStep } from "../step/Step.ts"
import type { Stored } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { monotonicMs } from "../Monotonic.ts"
import { fencedStore } from "./fencedStore.ts"
import { restart } from "./daemon.ts"
import { makeAnew, noteProven } from "./doubts.ts"
import { observe, publish } from "./presence.ts"
import { refusal } from "./permission.ts"

/** A step that waits says so in its record once it has waited for so long: most waits are over sooner. */
const sayWaitingAfterMs = 2000

/** How a run of a handler ended, or why there was none. */
type Attempt =
  | Outcome
  /** Nobody is to work on it any more. */
  | "cancelled"
  /** It may not begin; the claim is given back. */
  | "not-begun"
  /** Somebody else has decided about it. */
  | "taken"

/** What this agent knows of the step that it works on. */
interface Work {
  /** The row as this agent wrote it last. */
  entry: Entry
  readonly claimed: StepRow
  readonly startedMs: number
  /** What runs of the handler have sent, see `StepContext`. */
  readonly sent: StepContext["sent"]
  begun: boolean
  /** What it waits for, by the own clock; `said`: as the record has it. */
  waiting: { readonly wait: Wait; readonly sinceMs: number; said: boolean } | undefined
}

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
    subject: subjectOfStep(row.step),
    status,
    term,
    undo: row.undoes !== null,
    detail,
  })

/** Columns of the row for people who read the queue. */
const columns = (row: StepRow) => ({ status: row.status, tries: row.tries })

/** Claims a step, runs its handler until it is done, and writes down how it ended. */
export const runStep = Effect.fnUntraced(function* (
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
    waiting: null,
  }
  const claim = yield* Effect.result(store.compareAndSet(before, claimed, { term, columns: columns(claimed) }))
  if (claim._tag === "Failure") return
  const startedMs = yield* monotonicMs
  const work: Work = {
    entry: claim.success,
    claimed,
    startedMs,
    sent: { join: false, restart: false },
    begun: false,
    waiting: undefined,
  }
  // The claim was a write of one's own: what is read after it is current.
  let look = agent.reread
  for (let tries = 0; ; tries++) {
    const triedMs = yield* monotonicMs
    const outcome = afterTries(agent, yield* attempt(agent, work, look), tries)
    look = agent.refresh
    if (outcome === "taken") return
    if (outcome === "not-begun") {
      // Whoever may begin later finds the step as it was.
      const { record } = before
      return yield* Effect.ignore(store.compareAndSet(work.entry, record, { term, columns: columns(record) }))
    }
    if (outcome === "cancelled" || outcome._tag !== "Retry") {
      const ended = endedRow(claimed, outcome)
      const written = yield* Effect.result(store.compareAndSet(work.entry, ended, { term, columns: columns(ended) }))
      if (written._tag === "Success") return yield* sayStep(agent, ended, term, ended.status, detailOf(ended, outcome))
      if (written.failure._tag === "Conflict") return
      // The store does not answer: the outcome is looked at again, not remembered.
    } else {
      yield* sayStep(agent, claimed, term, "retry", `${outcome.wait.code}: ${outcome.wait.detail}`)
      if (!(yield* sayWaiting(agent, work, outcome.wait, triedMs, term))) return
    }
    // Whoever waits takes no place: what it waits for may be a step of this node that has not begun.
    state.waiting.add(before.key)
    const policy = typeof outcome !== "string" && outcome._tag === "Retry" ? outcome.policy : lookAgain
    yield* Effect.sleep(Duration.millis(pauseMsOf(policy, tries, yield* Random.next)))
    state.waiting.delete(before.key)
  }
})

/** What mutants make of a step that was tried ten times; see `Mutation`. */
const afterTries = ({ mutations }: AgentContext, attempted: Attempt, tries: number): Attempt => {
  if (tries < 9 || typeof attempted === "string" || attempted._tag !== "Retry") return attempted
  if (mutations.has("d03-skipped-after-ten-tries")) return done("skipped")
  return mutations.has("d07-fails-after-ten-tries") ? failed("tried ten times") : attempted
}

const endedRow = (claimed: StepRow, outcome: "cancelled" | Exclude<Outcome, { readonly _tag: "Retry" }>): StepRow => {
  if (outcome === "cancelled") return { ...claimed, status: "cancelled", error: "operation stops" }
  if (outcome._tag === "Failed") return { ...claimed, status: "failed", error: outcome.error }
  return { ...claimed, status: "done", error: null, ...(outcome.rows === undefined ? {} : { rows: outcome.rows }) }
}

const detailOf = (ended: StepRow, outcome: Attempt): string =>
  ended.error ?? (typeof outcome !== "string" && outcome._tag === "Done" ? outcome.detail : "")

/**
 * Writes into the record what the step waits for, if that has lasted since it was tried: a statement without an answer
 * takes long to come to nothing. False if somebody else changed the record.
 */
const sayWaiting = Effect.fnUntraced(function* (
  { store }: AgentContext,
  work: Work,
  wait: Wait,
  triedMs: number,
  term: number,
) {
  const nowMs = yield* monotonicMs
  const isOther = work.waiting?.wait.code !== wait.code
  const isOtherSaid = isOther && work.waiting?.said === true
  if (work.waiting === undefined || isOther) work.waiting = { wait, sinceMs: triedMs, said: false }
  if (work.waiting.said || (!isOtherSaid && nowMs - work.waiting.sinceMs < sayWaitingAfterMs)) return true
  const sinceMs = (yield* Clock.currentTimeMillis) - (nowMs - work.waiting.sinceMs)
  const row: StepRow = { ...work.claimed, waiting: { ...wait, sinceMs } }
  const written = yield* Effect.result(store.compareAndSet(work.entry, row, { term, columns: columns(row) }))
  if (written._tag === "Failure") return written.failure._tag !== "Conflict"
  work.entry = written.success
  work.waiting.said = true
  return true
})

/** Publishes what a node's daemon shows now. */
const publishNow = Effect.fnUntraced(function* (agent: AgentContext, node: string) {
  const observation = yield* observe(agent, node)
  if (observation !== undefined) yield* publish(agent, yield* agent.refresh, node, observation)
})

/**
 * True while this agent has the claim on a step. The leader takes over the claims of an agent that has been silent for
 * longer than the lease (safety rule 16); an agent that could not look at the records for nearly as long asks them first,
 * and whoever acts for another node asks each time. What a look has shown counts at once, whoever looked.
 */
const holdsClaim = Effect.fnUntraced(function* (
  { node, config, mutations, state, refresh }: AgentContext,
  { claimed: { index, node: wanted, operation }, entry }: Work,
) {
  if (mutations.has("ignore-takeover")) return true
  const isOwn = wanted === null || wanted === node
  const isRecent = isOwn && (yield* monotonicMs) - state.refreshedMs < Duration.toMillis(config.awayAfter)
  const view = isRecent ? state.view : yield* refresh
  const current = view?.steps.get(operation)?.find(({ record }) => record.index === index)
  return current !== undefined && current.version <= entry.version
})

/** Files of a node whose runner is dead: nobody reaches its disk. */
const noFiles = (node: string) => {
  const unreachable = Effect.fail(new NodeFilesError({ message: `the runner of ${node} is dead` }))
  return NodeFiles.of({
    makeClusterDirectory: () => unreachable,
    recall: () => unreachable,
    remember: () => unreachable,
  })
}

/** One run of the handler, if the records allow it. */
const attempt = Effect.fnUntraced(function* (
  agent: AgentContext,
  work: Work,
  look: AgentContext["refresh"],
): Effect.fn.Return<Attempt, never, Manticore | NodeFiles> {
  const { config, state, store, refresh, wrapperPermit } = agent
  const { claimed: row, sent, startedMs } = work
  const node = row.node ?? agent.node
  const looked = yield* Effect.result(look)
  if (looked._tag === "Failure") return retry("store-unavailable", looked.failure.message)
  const view = looked.success
  const current = view.steps.get(row.operation)?.find(({ record }) => record.index === row.index)
  if (current !== undefined && current.version > work.entry.version) return "taken"
  const operation = view.operations.get(row.operation)?.record
  const moment = work.begun ? "go-on" : "begin"
  if (operation === undefined || isOff(operation, row, moment)) return "cancelled"
  const refused = refusal(agent, view, row, moment)
  if (refused !== undefined) return refused.code === "paused" ? "not-begun" : retryFor(refused)
  if (node !== agent.node && needsRunner(row.step)) return retry("runner-dead", `the runner of ${node} is dead`)
  if (!work.begun) yield* sayStep(agent, row, operation.term, "started", "")
  work.begun = true
  const handle =
    row.step._tag === "SwapWrapper" ? wrapperPermit(node).withPermits(1)(handleStep(row.step)) : handleStep(row.step)
  const held = Effect.suspend(() => holdsClaim(agent, work))
  return yield* handle.pipe(
    Effect.provideService(CurrentStep, {
      node,
      config,
      store: fencedStore(store, held, "somebody else works on this step"),
      term: operation.term,
      refresh,
      permitted: Effect.map(refresh, (latest) => refusal(agent, latest, row, "go-on") === undefined),
      startedMs,
      away: () => state.away,
      row,
      holdsClaim: held,
      publish: publishNow(agent, node),
      sent,
      restartedMs: () => (node === agent.node ? state.restartedMs : Number.NEGATIVE_INFINITY),
      endedLeaving: node === agent.node ? state.endedLeaving : new Set<string>(),
      noteProven: (group) => (node === agent.node ? noteProven(agent, group) : Effect.void),
      makeAnew: (group, why) =>
        node === agent.node ? makeAnew(agent, group, why) : Effect.succeed(`the runner of ${node} is dead`),
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
