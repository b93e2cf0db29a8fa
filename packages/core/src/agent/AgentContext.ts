/**
 * What one agent is: how it was started, its ports, and what it knows from one look to the next.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"
import { DaemonControl } from "../DaemonControl.ts"
import type { EngineConfig } from "../EngineConfig.ts"
import { nothingSeen, recallDoubts, recallSeen, rememberSeen, type Seen } from "../gate/RunnerMemory.ts"
import { LeaderMemory } from "../leader/LeaderContext.ts"
import { Manticore } from "../Manticore.ts"
import { type Mutation, Mutations } from "../Mutation.ts"
import { monotonicMs } from "../Monotonic.ts"
import { NodeFiles } from "../NodeFiles.ts"
import * as StateStore from "../StateStore.ts"
import { fencedStore } from "./fencedStore.ts"
import { adaptPlaces, placesAtFirst } from "./limits.ts"
import type { Answer } from "../Answer.ts"
import type { Lease, Observation } from "../State.ts"
import { makeView, type Stored, type View } from "../View.ts"

/** What an agent is. `incarnation` differs at each start of the process. */
export interface AgentOptions {
  /** Address of the own node's binary listener. */
  readonly node: string
  readonly incarnation: string
  readonly config: EngineConfig
}

/** An answer of a daemon, and the observation made of it. */
export interface Shown {
  readonly answer: Answer
  readonly unproven: ReadonlySet<string>
  readonly groups: View["groups"] | undefined
  readonly observation: Observation
}

/** The mutable state of one agent. */
export interface AgentState {
  view: View | undefined
  records: ReadonlyMap<string, StateStore.Entry> | undefined
  away: ReadonlySet<string>
  /** Version of what a node had said of itself when it was found to be away, and for how long it has been back. */
  readonly saidBefore: Map<string, { readonly version: number; backMs: number }>
  lost: ReadonlySet<string>
  /** Nodes whose agent is silent while their daemon is alive; the leader acts for them. */
  runnerless: ReadonlySet<string>
  leaseVersion: number
  leaseSeenMs: number
  /** The lease as this agent wrote it last. */
  lease: Stored<Lease> | undefined
  /** Until when this agent may act as leader, by its own clock; undefined if it is not the leader. */
  leaderUntilMs: number | undefined
  /** Term in which this agent took the lease last. */
  ownTerm: number
  /** What the own disk remembers. */
  seen: Seen
  readonly heartbeats: Map<string, { readonly version: number; readonly silentMs: number }>
  /** When nodes that were away came back lately, by the own clock. */
  readonly returnsMs: Map<string, ReadonlyArray<number>>
  /** Nodes that came and went again and again: their return is not trusted for moves until they are quiet. */
  damped: ReadonlySet<string>
  lookedMs: number | undefined
  readonly running: Map<string, Fiber.Fiber<void, never>>
  /** What steps threw that no step may throw. */
  readonly defects: Array<unknown>
  /** How many steps this agent works on at once; a fraction counts towards the next one. */
  places: number
  /** When this agent may begin another state transfer, by its own clock. */
  nextTransferMs: number
  /** When this agent last looked at everything, by its own clock. */
  fullLookMs: number
  /** Looks in a row that found nothing new. */
  quietLooks: number
  /** Those of them that will try again after a pause. */
  readonly waiting: Set<string>
  memory: LeaderMemory
  /** What was published last for a node. */
  readonly observed: Map<string, Observation>
  /** What a node showed last, and what was made of it with the groups that were known. */
  readonly shown: Map<string, Shown>
  /** Clusters of the own daemon whose copies went through a crash and have not been compared since. */
  unproven: ReadonlySet<string>
  /** The records cannot be compared with any: nobody else is a member of the coordination cluster. */
  recordsStandAlone: boolean
  /** Since when the records, after a crash, have been others than those of all other members. */
  recordsDifferSinceMs: number | undefined
  /** When the wrappers of a node were looked at last, and what its daemon showed then. */
  readonly wrapperChecks: Map<string, { readonly atMs: number; readonly shown: Observation | undefined }>
  /** When the shards of a node were looked at last, and how often. */
  readonly inspections: Map<string, { readonly number: number; readonly atMs: number }>
  /** When the barrier was begun on which `view` was read, or an earlier one. */
  refreshedMs: number
  /** Since when groups of the own daemon have been on their way in without arriving, or out for good. */
  readonly stuckSinceMs: Map<string, number>
  /** How often this agent restarted the own daemon for a group that was closed, and still is. */
  readonly closedStarts: Map<string, number>
  /** When this agent last restarted the own daemon. */
  restartedMs: number
  /** Groups that the own daemon was leaving when this agent restarted it, and that the lock of those who leave still names. */
  readonly endedLeaving: Set<string>
  /** How far copies to or from the own daemon have come, and since when that has not changed. */
  readonly transfers: Map<string, { readonly progress: string; readonly sinceMs: number }>
  state: "waiting" | "acting"
}

/** What the parts of an agent share. */
export interface AgentContext extends AgentOptions {
  /** Writes nothing between a crash of the daemon and the comparison of its records; see `proveRecords`. */
  readonly store: StateStore.StateStore["Service"]
  readonly manticore: Manticore["Service"]
  readonly files: NodeFiles["Service"]
  readonly control: DaemonControl["Service"]
  readonly mutations: ReadonlySet<Mutation>
  /** False if the check of terms is switched off: a mutant, see `Mutation`. */
  readonly termsMatter: boolean
  readonly state: AgentState
  /** All records as the own daemon has them: current only after a write of one's own. */
  readonly reread: Effect.Effect<View, StateStore.StoreUnavailable>
  /** All records after a barrier. */
  readonly refresh: Effect.Effect<View, StateStore.StoreUnavailable>
  /** By node: two wrappers at once would compete for the record of its confirmations. Nodes do not wait for each other. */
  readonly wrapperPermit: (node: string) => Semaphore.Semaphore
}

/** An agent that has not looked at anything yet, but recalls what its disk remembers. */
export const makeAgent = Effect.fnUntraced(function* (options: AgentOptions) {
  const manticore = yield* Manticore
  const files = yield* NodeFiles
  const control = yield* DaemonControl
  const mutations = yield* Mutations
  const store = yield* StateStore.make(options)
  const state: AgentState = {
    view: undefined,
    records: undefined,
    away: new Set(),
    saidBefore: new Map(),
    lost: new Set(),
    runnerless: new Set(),
    leaseVersion: -1,
    leaseSeenMs: 0,
    lease: undefined,
    leaderUntilMs: undefined,
    ownTerm: 0,
    seen: mutations.has("forget-the-disk") ? nothingSeen : yield* recallSeen(files),
    heartbeats: new Map(),
    returnsMs: new Map(),
    damped: new Set(),
    lookedMs: undefined,
    running: new Map(),
    defects: [],
    waiting: new Set(),
    places: placesAtFirst,
    nextTransferMs: 0,
    fullLookMs: Number.NEGATIVE_INFINITY,
    quietLooks: 0,
    memory: new LeaderMemory(),
    observed: new Map(),
    shown: new Map(),
    unproven: new Set(),
    recordsStandAlone: false,
    recordsDifferSinceMs: undefined,
    wrapperChecks: new Map(),
    inspections: new Map(),
    refreshedMs: 0,
    stuckSinceMs: new Map(),
    closedStarts: new Map(),
    restartedMs: Number.NEGATIVE_INFINITY,
    endedLeaving: new Set(),
    transfers: new Map(),
    state: "waiting",
  }
  const refreshPermit = yield* Semaphore.make(1)
  const wrapperPermits = new Map<string, Semaphore.Semaphore>()
  const wrapperPermit = (node: string): Semaphore.Semaphore => {
    const permit = wrapperPermits.get(node) ?? Semaphore.makeUnsafe(1)
    wrapperPermits.set(node, permit)
    return permit
  }

  const read = Effect.gen(function* () {
    const { records, heartbeats } = yield* store.sync
    // Records that did not change are not decoded and sorted again.
    if (state.view === undefined || state.records !== records) state.view = makeView(records.values(), state.view)
    state.records = records
    const view: View = { ...state.view, heartbeats }
    state.view = view
    return view
  })
  const reread = refreshPermit.withPermits(1)(read)
  const refresh = refreshPermit.withPermits(1)(
    Effect.gen(function* () {
      const beganMs = yield* monotonicMs
      yield* store.barrier
      state.places = adaptPlaces(state.places, (yield* monotonicMs) - beganMs)
      const view = yield* read
      // Not before: until then what is known is older than the barrier.
      state.refreshedMs = beganMs
      return view
    }),
  )
  const termsMatter = !mutations.has("skip-term-check")
  // Its daemon may have crashed since the last look, and have lost records: compare-and-set would find a condition not met here
  // that is met on all other members, or the other way round.
  const areProven = Effect.map(
    recallUnproven({ files, state }),
    () => !state.unproven.has(options.config.coordination) || state.recordsStandAlone,
  )
  const agent: AgentContext = {
    ...options,
    store: mutations.has("trust-crashed-copies")
      ? store
      : fencedStore(store, areProven, "the records went through a crash"),
    manticore,
    files,
    control,
    mutations,
    termsMatter,
    state,
    reread,
    refresh,
    wrapperPermit,
  }
  return agent
})

/** Reads what the gate has noted at the last start of the daemon. */
export const recallUnproven = Effect.fnUntraced(function* ({ files, state }: Pick<AgentContext, "files" | "state">) {
  const { unproven } = yield* recallDoubts(files)
  const isSame = unproven.length === state.unproven.size && unproven.every((name) => state.unproven.has(name))
  if (!isSame) state.unproven = new Set(unproven)
})

/** Writes what was seen of who counts to the own disk, when it has changed: an agent never acts on less (safety rule 1). */
export const remember = Effect.fnUntraced(function* ({ files, state }: AgentContext, seen: Partial<Seen>) {
  const next = { ...state.seen, ...seen }
  if (JSON.stringify(next) === JSON.stringify(state.seen)) return
  state.seen = next
  yield* Effect.ignore(rememberSeen(files, next))
})

/** Notes epoch, term and registered nodes of records that are acted on. */
export const rememberRecords = (agent: AgentContext, view: View) => {
  const { epoch, term, registered } = agent.state.seen
  const registry = view.registry?.record
  return remember(agent, {
    epoch: Math.max(epoch, registry?.epoch ?? 0),
    term: Math.max(term, view.lease?.record.term ?? 0),
    registered: registry === undefined || registry.epoch < epoch ? registered : Object.keys(registry.nodes),
  })
}
