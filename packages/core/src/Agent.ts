/**
 * The agent next to each node: heartbeat, lease, planning if it is the leader, its own node's steps always. One loop
 * looks at the records and starts what is due; each step runs in a fiber of its own. An agent may be killed at any
 * instruction: everything that counts is in the records and in the daemons.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { DaemonControl } from "./DaemonControl.ts"
import type { EngineConfig } from "./EngineConfig.ts"
import { groupPrefix } from "./Identifier.ts"
import { restartRefusal } from "./Health.ts"
import { journal } from "./Journal.ts"
import { lead } from "./leader/lead.ts"
import { LeaderMemory } from "./leader/LeaderContext.ts"
import { Manticore } from "./Manticore.ts"
import { Mutations } from "./Mutation.ts"
import { NodeFiles } from "./NodeFiles.ts"
import { isPrimary, observedGroups } from "./Observe.ts"
import type { Presence } from "./plan/Plan.ts"
import { registeredNodes } from "./plan/records.ts"
import * as Sql from "./Sql.ts"
import type { Lease, Observation, StepRow } from "./State.ts"
import { isLive, isOpen, Key } from "./State.ts"
import * as StateStore from "./StateStore.ts"
import { CurrentStep } from "./step/CurrentStep.ts"
import { handleStep } from "./step/handleStep.ts"
import type { Outcome } from "./step/Outcome.ts"
import { strayedWrappers, swapWrapper } from "./step/wrappers.ts"
import { makeView, type Stored, type View } from "./View.ts"

/** What an agent is. `incarnation` differs at each start of the process. */
export interface AgentOptions {
  /** Address of the own node's binary listener. */
  readonly node: string
  readonly incarnation: string
  readonly config: EngineConfig
}

/** Steps by which a source gives up its copy: what the mutant does too early. */
const leavingKinds: ReadonlySet<string> = new Set(["ExitGroup", "CompareCopy", "DropShard"])

/** Steps of one node that run at once. */
const parallelStepsMax = 8
const retryPauseMsMin = 250
const retryPauseMsMax = 4000

/** What survives on the node's own disk: an agent never acts on less than it has seen (safety rule 1). */
const Memory = Schema.fromJsonString(Schema.Struct({ epoch: Schema.Int, term: Schema.Int }))
const decodeMemory = Schema.decodeUnknownOption(Memory)
const encodeMemory = Schema.encodeSync(Memory)

/** Milliseconds of the own monotonic clock: wall clocks are never trusted for durations. */
const monotonicMs = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1000n) / 1000)

/** The mutable state of one agent. */
interface AgentState {
  view: View | undefined
  records: ReadonlyMap<string, StateStore.Entry> | undefined
  away: ReadonlySet<string>
  lost: ReadonlySet<string>
  leaseVersion: number
  leaseSeenMs: number
  /** Until when this agent may act as leader, by its own clock; undefined if it is not the leader. */
  leaderUntilMs: number | undefined
  /** Term in which this agent took the lease last. */
  ownTerm: number
  term: number
  epoch: number
  remembered: string
  readonly heartbeats: Map<string, { readonly version: number; readonly silentMs: number }>
  lookedMs: number | undefined
  readonly running: Map<string, Fiber.Fiber<void, never>>
  memory: LeaderMemory
  observed: string
  wrappersCheckedMs: number
  /** Since when groups of the own daemon have been on their way in without arriving, or out for good. */
  readonly stuckSinceMs: Map<string, number>
  state: "waiting" | "acting"
}

/** Runs an agent for ever. Interrupting it is what killing the process is: nothing is said goodbye to. */
export const runAgent = Effect.fnUntraced(function* (
  options: AgentOptions,
): Effect.fn.Return<never, never, Manticore | NodeFiles | DaemonControl> {
  const { node, incarnation, config } = options
  const manticore = yield* Manticore
  const files = yield* NodeFiles
  const control = yield* DaemonControl
  const mutations = yield* Mutations
  const store = yield* StateStore.make(options)
  const state: AgentState = {
    view: undefined,
    records: undefined,
    away: new Set(),
    lost: new Set(),
    leaseVersion: -1,
    leaseSeenMs: 0,
    leaderUntilMs: undefined,
    ownTerm: 0,
    term: 0,
    epoch: 0,
    remembered: "",
    heartbeats: new Map(),
    lookedMs: undefined,
    running: new Map(),
    memory: new LeaderMemory(),
    observed: "",
    wrappersCheckedMs: 0,
    stuckSinceMs: new Map(),
    state: "waiting",
  }
  const refreshPermit = yield* Semaphore.make(1)
  // Two wrappers at once would compete for the record of this node's confirmations.
  const wrapperPermit = yield* Semaphore.make(1)
  const termsMatter = !mutations.has("skip-term-check")

  const recalled = yield* Effect.result(files.recall)
  if (recalled._tag === "Success" && recalled.success !== undefined) {
    const memory = decodeMemory(recalled.success)
    if (memory._tag === "Some") {
      state.epoch = memory.value.epoch
      state.term = memory.value.term
      state.remembered = recalled.success
    }
  }
  yield* journal({ kind: "agent", node, event: "started", detail: incarnation })

  /** All records after a barrier. */
  const refresh = refreshPermit.withPermits(1)(
    Effect.gen(function* () {
      yield* store.barrier
      const { records, heartbeats } = yield* store.sync
      // Records that did not change are not decoded and sorted again.
      if (state.view === undefined || state.records !== records) state.view = makeView(records.values())
      state.records = records
      const view: View = { ...state.view, heartbeats }
      state.view = view
      return view
    }),
  )

  // -------------------------------------------------------------- who is there

  /**
   * Notes which heartbeats moved, by the own clock. Time in which this agent itself could not look counts for little:
   * when writes were blocked for it, they were blocked for the others too.
   */
  const noteHeartbeats = (view: View, nowMs: number) => {
    const elapsedMs = Math.min(nowMs - (state.lookedMs ?? nowMs), 2 * Duration.toMillis(config.idleTick))
    state.lookedMs = nowMs
    const away = new Set<string>()
    const lost = new Set<string>()
    for (const name of registeredNodes(view)) {
      const version = view.heartbeats.get(name) ?? 0
      const known = state.heartbeats.get(name)
      const silentMs = known === undefined || known.version !== version ? 0 : known.silentMs + elapsedMs
      state.heartbeats.set(name, { version, silentMs })
      if (silentMs > Duration.toMillis(config.awayAfter)) away.add(name)
      if (silentMs > Duration.toMillis(config.gracePeriod)) lost.add(name)
    }
    state.away = away
    state.lost = lost
  }

  /** Why this agent must not act, or undefined (safety rule 1). */
  const refusalToAct = (view: View, observation: Observation): string | undefined => {
    const registry = view.registry?.record
    if (registry === undefined) return "no registry"
    if (registry.nodes[node] === undefined) return "not registered"
    if (registry.epoch < state.epoch) return `epoch ${registry.epoch} is older than ${state.epoch} on disk`
    if ((view.lease?.record.term ?? 0) < state.term && termsMatter)
      return `term ${view.lease?.record.term} is older than ${state.term} on disk`
    const coordination = observation.groups[config.coordination]
    if (!isPrimary(coordination)) return `the coordination cluster is ${coordination?.status ?? "absent"}`
    const registered = Object.keys(registry.nodes)
    const seen = registered.filter((name) => coordination?.members.includes(name)).length
    return seen * 2 > registered.length ? undefined : `only ${seen} of ${registered.length} registered nodes are seen`
  }

  const remember = Effect.fnUntraced(function* (view: View) {
    state.epoch = Math.max(state.epoch, view.registry?.record.epoch ?? 0)
    state.term = Math.max(state.term, view.lease?.record.term ?? 0)
    const text = encodeMemory({ epoch: state.epoch, term: state.term })
    if (text === state.remembered) return
    yield* Effect.ignore(files.remember(text))
    state.remembered = text
  })

  const observe = Effect.gen(function* () {
    const groups = observedGroups(yield* manticore.query(node, Sql.showClusters, config.statementTimeout))
    if (groups === undefined) return undefined
    const observation: Observation = {
      groups: Object.fromEntries(
        [...groups].filter(([name]) => name === config.coordination || name.startsWith(`${groupPrefix}_`)),
      ),
    }
    return observation
  })

  /**
   * A member that joins for ever, or that was thrown out, is cured by nothing but a restart of its daemon, and until
   * then no cluster statement on this node is answered (semantics 20, 48, 49, 59).
   */
  const tendDaemon = Effect.fnUntraced(function* (observation: Observation, nowMs: number) {
    for (const name of state.stuckSinceMs.keys())
      if (observation.groups[name] === undefined) state.stuckSinceMs.delete(name)
    for (const [name, group] of Object.entries(observation.groups)) {
      const stuck = group.nodeState === "joining" || group.nodeState === "destroyed"
      const sinceMs = state.stuckSinceMs.get(name)
      if (!stuck) state.stuckSinceMs.delete(name)
      else if (sinceMs === undefined) state.stuckSinceMs.set(name, nowMs)
      else if (nowMs - sinceMs > Duration.toMillis(config.joinTimeout) * 1.25) {
        state.stuckSinceMs.set(name, nowMs)
        return (yield* restart(`${name} was ${group.nodeState} for too long`)) === undefined
      }
    }
    return false
  })

  /**
   * Restarts the own daemon, if no group depends on it and nobody else in the cluster is being restarted. Answers why it
   * did not.
   */
  const restart = Effect.fnUntraced(
    function* (why: string) {
      const view = yield* refresh
      const shown = observedGroups(yield* manticore.query(node, Sql.showClusters, config.statementTimeout))
      const refusal = restartRefusal(view, node, shown ?? new Map(), state.away)
      if (refusal !== undefined) return refusal
      const token = { holder: node, why }
      const held = view.restart
      if (held === undefined) yield* store.create(Key.restart, token, { term: 0 })
      else if (held.record.holder === null || held.record.holder === node)
        yield* store.compareAndSet(held, token, { term: 0 })
      else return `${held.record.holder} is being restarted`
      if (!(yield* control.restart)) return "this runner may not restart it"
      yield* journal({ kind: "finding", node, code: "daemon-restarted", detail: why })
      return undefined
    },
    Effect.catchTag(["StoreUnavailable", "Conflict"], (error) => Effect.succeed(error._tag)),
    Effect.tap((refusal) =>
      refusal === undefined
        ? Effect.void
        : journal({ kind: "finding", node, code: "daemon-needs-restart", detail: refusal }),
    ),
  )

  /** Gives the token back once every group of this node is whole again; the leader does it for a node that is lost. */
  const releaseToken = Effect.fnUntraced(function* (view: View, observation: Observation, leads: boolean) {
    const stored = view.restart
    const holder = stored?.record.holder
    if (stored === undefined || holder === undefined || holder === null) return
    const whole = Object.entries(observation.groups).every(([name, group]) => {
      const counts = name === config.coordination || view.groups.get(name)?.record.members.includes(node) === true
      return !counts || isPrimary(group)
    })
    if (holder === node ? !whole : !(leads && state.lost.has(holder))) return
    yield* store.compareAndSet(stored, { holder: null, why: "" }, { term: 0 })
  })

  /** Publishes what this node sees of itself, when it changed. */
  const publish = Effect.fnUntraced(function* (view: View, observation: Observation) {
    const text = JSON.stringify(observation)
    const stored = view.observations.get(node)
    if (text === state.observed && stored !== undefined) return
    if (stored === undefined) yield* store.create(Key.observation(node), observation, { term: 0 })
    else yield* store.compareAndSet(stored, observation, { term: 0 })
    state.observed = text
  })

  // -------------------------------------------------------------- lease

  const holdsLease = Effect.map(
    monotonicMs,
    (nowMs) => state.leaderUntilMs !== undefined && (nowMs < state.leaderUntilMs || !termsMatter),
  )

  const loseLease = Effect.fnUntraced(function* (term: number) {
    if (state.leaderUntilMs === undefined) return
    state.leaderUntilMs = undefined
    yield* journal({ kind: "leader", node, event: "lost", term })
  })

  /** Takes, renews or watches the lease. */
  const tendLease = Effect.fnUntraced(function* (view: View) {
    const beforeMs = yield* monotonicMs
    const durationMs = Duration.toMillis(config.leaseDuration)
    const stored = view.lease
    const mine = stored?.record.holder === node && stored.record.incarnation === incarnation && !stored.record.released
    if (stored !== undefined && stored.version !== state.leaseVersion) {
      state.leaseVersion = stored.version
      state.leaseSeenMs = beforeMs
    }
    if (mine && stored !== undefined) {
      const renewAtMs = (state.leaderUntilMs ?? 0) - (durationMs * 2) / 3
      if (state.leaderUntilMs !== undefined && beforeMs < renewAtMs) return
      yield* writeLease(stored, stored.record.term, beforeMs)
      return
    }
    // Without the term check a leader goes on as if it had not been replaced: a mutant, see Mutation.
    if (stored !== undefined && termsMatter) yield* loseLease(stored.record.term)
    if (!termsMatter && state.leaderUntilMs !== undefined) return
    const free = stored === undefined || stored.record.released || beforeMs - state.leaseSeenMs > durationMs * 1.5
    if (!free) return
    yield* writeLease(stored, Math.max(stored?.record.term ?? 0, state.term) + 1, beforeMs)
  })

  const writeLease = Effect.fnUntraced(function* (stored: Stored<Lease> | undefined, term: number, beforeMs: number) {
    const durationMs = Duration.toMillis(config.leaseDuration)
    const lease: Lease = { holder: node, incarnation, term, durationMs, released: false }
    const written =
      stored === undefined
        ? yield* store.create(Key.lease, lease, { term })
        : yield* store.compareAndSet(stored, lease, { term })
    const isNew = state.leaderUntilMs === undefined
    // Counted from before the write was sent: others count from when they see it.
    state.leaderUntilMs = beforeMs + durationMs
    state.leaseVersion = written.version
    state.leaseSeenMs = beforeMs
    if (!isNew) return
    state.ownTerm = term
    state.memory = new LeaderMemory()
    yield* journal({ kind: "leader", node, event: "acquired", term })
  })

  const leaderTerm = (view: View) => view.lease?.record.term ?? 0

  // -------------------------------------------------------------- steps

  /** True if a step of the operation may be worked on now, by what the records say after a barrier (safety rule 2). */
  const mayWork = (view: View, row: StepRow): boolean => {
    const operation = view.operations.get(row.operation)?.record
    if (operation === undefined || !isLive(operation) || operation.status === "paused") return false
    if (row.undoes === null && operation.status === "stopping") return false
    if (!termsMatter) return true
    const term = leaderTerm(view)
    return operation.term === term && term >= state.term
  }

  const isStopping = (view: View, row: StepRow): boolean =>
    view.operations.get(row.operation)?.record.status === "stopping"

  const isMine = (row: StepRow, leader: boolean) => (row.node === null ? leader : row.node === node)

  const startSteps = Effect.fnUntraced(function* (view: View) {
    const leader = yield* holdsLease
    for (const rows of view.steps.values()) {
      for (const stored of rows) {
        const row = stored.record
        if (state.running.size >= parallelStepsMax) return
        if (!isMine(row, leader) || state.running.has(stored.key)) continue
        const begun = row.status === "processing" && row.claimedBy !== incarnation
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
        if (!mayWork(view, row)) continue
        const ready =
          (mutations.has("drop-source-before-verification") && leavingKinds.has(row.step._tag)) ||
          row.dependsOn.every((index) => {
            const status = rows.find(({ record }) => record.index === index)?.record.status
            return status === "done" || (row.undoes !== null && status === "cancelled")
          })
        if (!ready) continue
        const fiber = yield* Effect.forkChild(
          Effect.ensuring(
            runStep(stored),
            Effect.sync(() => state.running.delete(stored.key)),
          ),
        )
        state.running.set(stored.key, fiber)
      }
    }
  })

  const sayStep = (row: StepRow, term: number, status: StepRow["status"] | "started" | "retry", detail: string) =>
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
    before: Stored<StepRow>,
  ): Effect.fn.Return<void, never, Manticore | NodeFiles> {
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
    let entry: StateStore.Entry = claim.success
    const startedMs = yield* Clock.currentTimeMillis
    const sent = { join: false }
    yield* sayStep(claimed, term, "started", "")
    let pauseMs = retryPauseMsMin
    for (;;) {
      const outcome = yield* attempt(claimed, startedMs, sent)
      if (outcome === "cancelled" || outcome._tag !== "Retry") {
        const status = outcome === "cancelled" ? "cancelled" : outcome._tag === "Done" ? "done" : "failed"
        const error = outcome === "cancelled" ? "operation stops" : outcome._tag === "Failed" ? outcome.error : null
        const ended: StepRow = { ...claimed, status, error }
        const written = yield* Effect.result(store.compareAndSet(entry, ended, { term, columns: columns(ended) }))
        if (written._tag === "Success")
          return yield* sayStep(
            ended,
            term,
            status,
            error ?? (outcome !== "cancelled" && outcome._tag === "Done" ? outcome.detail : ""),
          )
        if (written.failure._tag === "Conflict") return
        // The store does not answer: the outcome is looked at again, not remembered.
      } else {
        yield* sayStep(claimed, term, "retry", outcome.reason)
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

  /** One run of the handler, if the records allow it. */
  const attempt = Effect.fnUntraced(function* (
    row: StepRow,
    startedMs: number,
    sent: { join: boolean },
  ): Effect.fn.Return<Outcome | "cancelled", never, Manticore | NodeFiles> {
    const looked = yield* Effect.result(refresh)
    if (looked._tag === "Failure") return { _tag: "Retry", reason: looked.failure.message }
    const view = looked.success
    const operation = view.operations.get(row.operation)?.record
    if (operation === undefined || (operation.status === "stopping" && row.undoes === null)) return "cancelled"
    if (!mayWork(view, row)) return { _tag: "Retry", reason: `operation ${row.operation} is of term ${operation.term}` }
    const handle =
      row.step._tag === "SwapWrapper" ? wrapperPermit.withPermits(1)(handleStep(row.step)) : handleStep(row.step)
    return yield* handle.pipe(
      Effect.provideService(CurrentStep, {
        node,
        config,
        store,
        term: operation.term,
        refresh,
        permitted: Effect.map(refresh, (latest) => mayWork(latest, row)),
        startedMs,
        away: () => state.away,
        row,
        sent,
        restart,
      }),
      Effect.catchTag(["StoreUnavailable", "Conflict"], (error) =>
        Effect.succeed<Outcome>({
          _tag: "Retry",
          reason: error._tag === "Conflict" ? `conflict on ${error.key}` : error.message,
        }),
      ),
    )
  })

  /** True if a step will show the wrapper here. */
  const hasSwapStep = (view: View, table: string): boolean =>
    [...view.steps.values()].some((rows) =>
      rows.some(({ record }) => {
        const open = record.status === "pending" || record.status === "processing"
        return open && record.node === node && record.step._tag === "SwapWrapper" && record.step.table === table
      }),
    )

  /** Shows wrappers that were published while this node was away, or that its daemon has lost or found again. */
  const tendWrappers = Effect.fnUntraced(function* (view: View) {
    const confirmed = view.wrappers.get(node)?.record.versions ?? {}
    const swap = (name: string, again: boolean) =>
      wrapperPermit.withPermits(1)(
        Effect.flatMap(refresh, (latest) => swapWrapper(node, config, store, latest, name, 0, { again })),
      )
    for (const { record: table } of view.tables.values()) {
      if (table.wrapper.version === 0 || (confirmed[table.name] ?? 0) >= table.wrapper.version) continue
      if (!hasSwapStep(view, table.name)) yield* swap(table.name, false)
    }
    const nowMs = yield* monotonicMs
    if (nowMs < state.wrappersCheckedMs + Duration.toMillis(config.wrapperCheckInterval)) return
    state.wrappersCheckedMs = nowMs
    for (const name of yield* strayedWrappers(node, config, view)) {
      yield* journal({ kind: "finding", node, code: "wrapper-strayed", detail: name })
      yield* swap(name, true)
    }
  })

  // -------------------------------------------------------------- the loop

  const look = Effect.gen(function* () {
    const observation = yield* observe
    if (observation === undefined || (yield* tendDaemon(observation, yield* monotonicMs))) return
    const view = yield* refresh
    noteHeartbeats(view, yield* monotonicMs)
    const refusal = refusalToAct(view, observation)
    if (refusal !== undefined) {
      if (state.state === "acting") yield* journal({ kind: "agent", node, event: "waiting", detail: refusal })
      state.state = "waiting"
      return
    }
    if (state.state === "waiting") yield* journal({ kind: "agent", node, event: "acting", detail: "" })
    state.state = "acting"
    yield* remember(view)
    yield* publish(view, observation)
    yield* tendLease(view)
    yield* releaseToken(view, observation, yield* holdsLease)
    yield* startSteps(view)
    yield* tendWrappers(view)
    if (!(yield* holdsLease)) return
    const term = state.ownTerm
    // Who took the lease in this look begins to lead with the next one, on records read after that.
    if (termsMatter && leaderTerm(view) !== term) return
    const presence: Presence = { away: state.away, lost: state.lost }
    yield* lead({ node, term, config, store, memory: state.memory, presence, holdsLease }, view)
  }).pipe(
    Effect.catchTag("StoreUnavailable", (error) =>
      state.state === "acting"
        ? Effect.suspend(() => {
            state.state = "waiting"
            return journal({ kind: "agent", node, event: "waiting", detail: error.message })
          })
        : Effect.void,
    ),
    Effect.catchTag("Conflict", () => Effect.void),
  )

  /** How long to wait for the next look: short while this agent has steps or leads, longer while others work. */
  const pause = () => {
    const view = state.view
    if (view === undefined || state.state === "waiting") return config.idleTick
    const asked = [...view.requests.values()].some(({ record }) => record.status === "new")
    const leads = state.leaderUntilMs !== undefined && (asked || view.operations.size > 0)
    const works = [...view.steps.values()].some((rows) =>
      rows.some(({ record }) => record.node === node && isOpen(record)),
    )
    if (leads || works || state.running.size > 0) return config.busyTick
    return view.operations.size > 0 ? Duration.times(config.idleTick, 0.5) : config.idleTick
  }

  for (;;) {
    yield* look
    yield* Effect.sleep(pause())
  }
})
