/**
 * The agent next to each node: heartbeat, lease, planning if it is the leader, its own node's steps always. One loop
 * looks at the records and starts what is due; each step runs in a fiber of its own. An agent may be killed at any
 * instruction: everything that counts is in the records and in the daemons.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { DaemonControl } from "../DaemonControl.ts"
import type { Peers } from "../gate/Peers.ts"
import { recoverCoordination } from "../gate/recoverCoordination.ts"
import { journal } from "../Journal.ts"
import { lead } from "../leader/lead.ts"
import { initCluster } from "../Operator.ts"
import type { Manticore } from "../Manticore.ts"
import type { NodeFiles } from "../NodeFiles.ts"
import { isPrimary } from "../Observe.ts"
import type { Presence } from "../plan/Plan.ts"
import { isLive, isOpen } from "../State.ts"
import { isSameView, type View } from "../View.ts"
import {
  type AgentContext,
  type AgentOptions,
  makeAgent,
  recallUnproven,
  remember,
  rememberRecords,
} from "./AgentContext.ts"
import { tendLastHolder } from "./lastHolder.ts"
import { monotonicMs } from "../Monotonic.ts"
import { releaseToken, tendDaemon, tendLeaving } from "./daemon.ts"
import { tendInspection } from "./inspection.ts"
import { fencedStore } from "./fencedStore.ts"
import { holdsLease, keepLease, leaderTerm, releaseLease, tendLease, watchLease } from "./lease.ts"
import { noteHeartbeats, observe, publish, refusalToAct } from "./presence.ts"
import { areRecordsProven } from "./proveRecords.ts"
import { dueSteps, startSteps } from "./steps.ts"
import { staleWrappers, tendWrappers } from "./wrappers.ts"

/** What an agent works with. */
type Ports = Manticore | NodeFiles | DaemonControl | Peers

/** Runs an agent for ever. Interrupting it is what killing the process is: nothing is said goodbye to. */
export const runAgent = Effect.fnUntraced(function* (options: AgentOptions): Effect.fn.Return<never, never, Ports> {
  return yield* runLooks(yield* makeAgent(options))
})

/** How long the farewell of an agent may take: whoever stops it waits, and the lease runs out by itself. */
const farewellPatience = Duration.seconds(3)

/**
 * Runs an agent until `stopped` ends. What it works on is left to be found by its next incarnation, as after a crash; but the
 * lease is given back, so that nobody has to wait for it.
 */
export const runAgentUntil = Effect.fnUntraced(function* (
  options: AgentOptions,
  stopped: Effect.Effect<void>,
): Effect.fn.Return<void, never, Ports> {
  const agent = yield* makeAgent(options)
  yield* Effect.raceFirst(runLooks(agent), stopped)
  yield* Effect.ignore(Effect.timeout(releaseLease(agent), farewellPatience))
})

const runLooks = Effect.fnUntraced(function* (agent: AgentContext): Effect.fn.Return<never, never, Ports> {
  yield* journal({ kind: "agent", node: agent.node, event: "started", detail: agent.incarnation })
  for (;;) {
    yield* look(agent)
    const [defect] = agent.state.defects
    if (defect !== undefined) return yield* Effect.die(defect)
    yield* Effect.sleep(pause(agent))
  }
})

/**
 * While members are evicted a barrier takes six seconds (semantics 24), and a process may be stalled for any time: what its
 * daemon showed before that is over, and is neither acted on nor published as what it shows now.
 */
const observationAgeMs = 1000

/** One look at the records, and all that is due after it. */
const look = Effect.fnUntraced(
  function* (agent: AgentContext) {
    const { node, config, state, store, termsMatter } = agent
    if (!(yield* isFullLookDue(agent))) return
    state.fullLookMs = yield* monotonicMs
    yield* recallUnproven(agent)
    const first = yield* observe(agent, node)
    if (first === undefined) return
    const coordination = first.groups[config.coordination]
    if (coordination === undefined) yield* makeAbsentTables(agent)
    if (isPrimary(coordination)) yield* remember(agent, { view: coordination?.members ?? [] })
    else if (agent.mutations.has("recover-unasked")) yield* Effect.ignore(recoverCoordination(agent))
    // What records say that may have lost rows is no ground for anything, a restart least of all.
    const isDoubtful = isPrimary(coordination) && state.unproven.has(config.coordination)
    if (!isDoubtful && (yield* tendDaemon(agent, first, yield* monotonicMs))) return
    const view = yield* agent.refresh
    const isOld = (yield* monotonicMs) - state.fullLookMs > observationAgeMs
    const observation = isOld ? yield* observe(agent, node) : first
    if (observation === undefined) return
    noteHeartbeats(agent, view, observation, yield* monotonicMs)
    // First: records of before a crash may be a reason not to act, which nothing but their cure takes away.
    const isProven =
      !isPrimary(observation.groups[config.coordination]) || (yield* areRecordsProven(agent, observation))
    const refusal = isProven ? refusalToAct(agent, view, observation) : "the records went through a crash, and differ"
    if (refusal !== undefined) {
      if (state.state === "acting") yield* journal({ kind: "agent", node, event: "waiting", detail: refusal })
      state.state = "waiting"
      return
    }
    if (state.state === "waiting") {
      yield* journal({ kind: "agent", node, event: "acting", detail: "" })
      // Whoever took this node for away waits to hear how its daemon is.
      state.observed.delete(node)
    }
    state.state = "acting"
    yield* rememberRecords(agent, view)
    yield* publish(agent, view, node, observation)
    yield* tendLease(agent, view)
    yield* releaseToken(agent, view, observation, yield* holdsLease(agent))
    yield* tendLeaving(agent, view, observation, yield* holdsLease(agent))
    yield* tendLastHolder(agent, view, observation)
    yield* startSteps(agent, view)
    yield* tendWrappers(agent, view, node)
    yield* tendInspection(agent, view, node)
    if (!(yield* holdsLease(agent))) return
    yield* Effect.forEach(state.runnerless, (other) => actFor(agent, view, other), {
      concurrency: "unbounded",
      discard: true,
    })
    const term = state.ownTerm
    // Who took the lease in this look begins to lead with the next one, on records read after that.
    if (termsMatter && leaderTerm(view) !== term) return
    const presence: Presence = {
      away: state.away,
      lost: state.lost,
      runnerless: state.runnerless,
      damped: state.damped,
      mutations: agent.mutations,
    }
    yield* lead(
      {
        node,
        term,
        config,
        store: fencedStore(store, holdsLease(agent), "the lease may have run out"),
        memory: state.memory,
        presence,
        holdsLease: holdsLease(agent),
        keepLease: keepLease(agent),
      },
      view,
    )
  },
  (looked, { node, state }) =>
    Effect.catchTag(looked, "StoreUnavailable", (error) =>
      state.state === "acting"
        ? Effect.suspend(() => {
            state.state = "waiting"
            return journal({ kind: "agent", node, event: "waiting", detail: error.message })
          })
        : Effect.void,
    ),
  Effect.catchTag(["Conflict"], () => Effect.void),
)

/** What agents never do: safety rule 4. A mutant, see `Mutation`. */
const makeAbsentTables = ({ node, config, mutations }: AgentContext) =>
  mutations.has("make-absent-tables") ? Effect.ignore(initCluster({ node, config })) : Effect.void

/** What the leader does for a daemon whose agent is gone, besides its steps: it looks at it, and shows its wrappers. */
const actFor = Effect.fnUntraced(function* (agent: AgentContext, view: View, node: string) {
  // A daemon that answers nobody must not take so long that the lease runs out.
  const observation = yield* observe(agent, node, Duration.times(agent.config.leaseDuration, 0.2))
  if (observation === undefined) return
  yield* publish(agent, view, node, observation)
  yield* tendWrappers(agent, view, node)
  yield* tendInspection(agent, view, node)
})

/**
 * Most looks of a busy agent find nothing to do. They read the records as the own daemon has them, without a barrier and
 * without asking the daemon for its groups; what they find is looked at again in full before anything is done.
 */
const isFullLookDue = Effect.fnUntraced(function* (agent: AgentContext) {
  const { config, state } = agent
  const before = state.view
  const leads = yield* holdsLease(agent)
  const sinceMs = (yield* monotonicMs) - state.fullLookMs
  const atLeastMs = Duration.toMillis(config.idleTick) * (isAtRest(agent) ? restFactor : leads ? 0.5 : 1)
  if (state.state === "waiting" || before === undefined || sinceMs >= atLeastMs) return true
  const view = yield* agent.reread
  watchLease(agent, view, yield* monotonicMs)
  const changed = !isSameView(before, view)
  state.quietLooks = changed ? 0 : state.quietLooks + 1
  if (leads) return changed || openRequests(view)
  const { begin, cancel } = dueSteps(agent, view, false, yield* monotonicMs)
  return begin.length + cancel.length > 0 || staleWrappers(view, agent.node).length > 0
})

/** At rest only each second look is a full one: a node says that it is alive, and asks its daemon, half as often. */
const restFactor = 2

/** True while nothing is to do and nothing is amiss: everybody is there, and the own daemon serves all of its groups. */
const isAtRest = ({ node, state }: AgentContext): boolean => {
  const { view } = state
  const shown = state.observed.get(node)
  if (view === undefined || shown === undefined || state.away.size + state.runnerless.size > 0) return false
  if (state.running.size > 0 || (view.restart?.record.holder ?? null) !== null || openRequests(view)) return false
  if ([...view.operations.values()].some(({ record }) => isLive(record))) return false
  return Object.values(shown.groups).every(isPrimary)
}

const openRequests = (view: View): boolean => [...view.requests.values()].some(({ record }) => record.status === "new")

/** How long to wait for the next look: short while this agent has steps or leads, longer while others work. */
const pause = ({ node, config, state }: AgentContext): Duration.Duration => {
  const view = state.view
  if (view === undefined || state.state === "waiting") return config.idleTick
  const live = [...view.operations.values()].some(({ record }) => isLive(record))
  const leads = state.leaderUntilMs !== undefined && (openRequests(view) || live)
  const works = [...view.steps.values()].some((rows) =>
    rows.some(({ record }) => record.node === node && isOpen(record)),
  )
  if (leads || works || state.running.size > 0) {
    // The longer nothing changes, the longer it will: up to half of an idle pause.
    const longestMs = Duration.toMillis(config.idleTick) / 2
    const pauseMs = Duration.toMillis(config.busyTick) * 1.25 ** Math.min(state.quietLooks, 20)
    return Duration.millis(Math.max(Duration.toMillis(config.busyTick), Math.min(longestMs, Math.round(pauseMs))))
  }
  return live ? Duration.times(config.idleTick, 0.5) : config.idleTick
}
