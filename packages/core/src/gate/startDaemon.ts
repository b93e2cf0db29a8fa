/**
 * Starts the daemon of a node through its gate: decide, wait, decide. It waits for as long as one of its copies of the
 * coordination cluster may be needed, and for the other groups for a while: an operator can end either.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type ClusterOnDisk, DaemonControl } from "../DaemonControl.ts"
import type { EngineConfig } from "../EngineConfig.ts"
import { journal } from "../Journal.ts"
import { Manticore } from "../Manticore.ts"
import { monotonicMs } from "../Monotonic.ts"
import { Mutations } from "../Mutation.ts"
import { NodeFiles } from "../NodeFiles.ts"
import { recordsAt } from "../RecordsAt.ts"
import {
  copiesThatCount,
  decideGroup,
  decideStart,
  type EntryChange,
  type GatedGroup,
  type Patience,
  type PeerReport,
  type StartDecision,
} from "../StartGate.ts"
import { makeView, type View } from "../View.ts"
import { type NodeReport, Peers, type ReportedCluster } from "./Peers.ts"
import {
  type Doubts,
  recallDoubts,
  recallGate,
  recallSeen,
  rememberDoubts,
  rememberGate,
  type Seen,
} from "./RunnerMemory.ts"

/** Whose daemon is to start. */
export interface StartOptions {
  readonly node: string
  readonly config: EngineConfig
}

/** What was heard, by node. */
type Reports = ReadonlyMap<string, NodeReport>

/** Starts the daemon when that is safe. Returns before it is up. */
export const startDaemon = Effect.fnUntraced(function* ({ node, config }: StartOptions) {
  const control = yield* DaemonControl
  const files = yield* NodeFiles
  if ((yield* Mutations).has("start-without-gate")) return yield* control.start(new Map())
  const beganMs = yield* monotonicMs
  /** Since when the coordination cluster does not hold the start up any more. */
  let settledMs: number | undefined
  let inspected: View | undefined
  let told = ""
  for (;;) {
    const nowMs = yield* monotonicMs
    const isLeft = (sinceMs: number) => nowMs - sinceMs < Duration.toMillis(config.startPatience)
    const patience = { silent: isLeft(beganMs), beginners: isLeft(settledMs ?? nowMs) }
    const looked = yield* look({ node, config }, inspected, patience)
    inspected = looked.inspected
    settledMs = looked.isSettled ? (settledMs ?? nowMs) : undefined
    const { decision } = looked
    if (decision._tag === "Start") {
      const disk = yield* control.clusters
      const closed = disk.flatMap(({ name, history, seqno }) => {
        const entry = decision.entries.get(name)
        if (entry?._tag !== "Close") return []
        return [[name, { history, seqno, ...(entry.yields === true ? { yields: true } : {}) }] as const]
      })
      const { unproven, anew } = yield* recallDoubts(files)
      const isMade = (name: string) => {
        const entry = decision.entries.get(name)
        return entry?._tag === "Rejoin" && entry.anew === true
      }
      if (anew.some(isMade))
        yield* Effect.ignore(rememberDoubts(files, { unproven, anew: anew.filter((name) => !isMade(name)) }))
      yield* Effect.ignore(rememberGate(files, { closed: Object.fromEntries(closed), overruled: false }))
      for (const [name, change] of decision.entries) {
        const why = "reason" in change ? `: ${change.reason}` : ""
        const how = change._tag === "Rejoin" && change.anew === true ? "anew" : change._tag.toLowerCase()
        yield* journal({ kind: "finding", node, code: `start-${how}`, detail: `${name}${why}` })
      }
      return yield* control.start(decision.entries)
    }
    if (decision.reason !== told)
      yield* journal({ kind: "finding", node, code: "start-waits", detail: decision.reason })
    told = decision.reason
    yield* Effect.sleep(config.startPause)
  }
})

interface Looked {
  readonly decision: StartDecision
  /** The records on the own disk, once they were needed. */
  readonly inspected: View | undefined
  /** False while the coordination cluster holds the start up. */
  readonly isSettled: boolean
}

const start = (entries: ReadonlyMap<string, EntryChange>): StartDecision => ({ _tag: "Start", entries })

const wait = (reason: string, inspected: View | undefined): Looked => ({
  decision: { _tag: "Wait", reason },
  inspected,
  isSettled: false,
})

/** One look at the own disk and at the others. */
const look = Effect.fnUntraced(function* (
  { node, config }: StartOptions,
  before: View | undefined,
  patience: Patience,
): Effect.fn.Return<Looked, never, Manticore | NodeFiles | DaemonControl | Peers> {
  const control = yield* DaemonControl
  const files = yield* NodeFiles
  const disk = yield* control.clusters
  const coordination = disk.find(({ name }) => name === config.coordination)
  // A node without the coordination cluster has no group either.
  if (coordination === undefined) return { decision: start(new Map()), inspected: undefined, isSettled: true }
  const seen = yield* recallSeen(files)
  const { closed, overruled } = yield* recallGate(files)
  const doubts = yield* noteCrashes(
    files,
    disk.flatMap(({ name, history, seqno }) =>
      seqno === null && history !== null && closed[name] === undefined ? [name] : [],
    ),
  )
  const reports = yield* askOthers(node, disk, seen)
  const current = yield* readRecords({ node, config }, reports)
  let inspected = before
  const needsNumbers = disk.some(
    ({ name, seqno, history }) => seqno === null && history !== null && !isHeld(reports, name),
  )
  if (inspected === undefined && (current === undefined || needsNumbers)) {
    inspected = yield* inspect({ node, config })
    if (inspected === undefined) return wait("the daemon cannot be asked for its records", undefined)
  }
  const own = (yield* control.clusters).find(({ name }) => name === config.coordination) ?? coordination
  const view = current ?? inspected
  if (view === undefined) return wait("no records are known", inspected)
  const registry = view.registry?.record
  const electorate = overruled ? [node, ...reports.keys()] : electorateOf(node, seen, reports)
  const isDoubtful = doubts.unproven.includes(own.name)
  const decision = decideGroup(node, {
    name: own.name,
    own: { ...own, unproven: isDoubtful },
    anew: doubts.anew.includes(own.name) || (isDoubtful && areWhole(reports, own.name)),
    inSync: electorate,
    estranged: current !== undefined && registry?.nodes[node]?.fenced === true,
    reports: reportsOn(reports, own.name),
  })
  // Without the coordination cluster nothing can be done about the groups: no start is better than one of them alone.
  if (decision._tag !== "Begin" && decision._tag !== "Rejoin" && decision._tag !== "SetAside")
    return wait(`${own.name}: ${"reason" in decision ? decision.reason : "nobody is known"}`, inspected)
  const groups = (yield* control.clusters)
    .filter(({ name }) => name !== own.name)
    .map((cluster) => gatedGroup(node, cluster, view, reports, doubts))
  const rest = decideStart(node, groups, { begins: decision._tag === "Begin", patience })
  if (rest._tag === "Wait") return { decision: rest, inspected, isSettled: true }
  const entries = new Map<string, EntryChange>([[own.name, decision], ...rest.entries])
  const heard = (yield* Mutations).has("rejoin-through-who-leaves") ? onlyHeard(entries, reports) : entries
  return { decision: start(heard), inspected, isSettled: true }
})

/**
 * Notes copies that went through a crash before anything else is done with them. The server may lose what was written to a
 * table then, and the number of the cluster does not show it.
 */
const noteCrashes = Effect.fnUntraced(function* (files: NodeFiles["Service"], crashed: ReadonlyArray<string>) {
  const doubts = yield* recallDoubts(files)
  const added = crashed.filter((name) => !doubts.unproven.includes(name))
  if (added.length === 0 || (yield* Mutations).has("trust-crashed-copies")) return doubts
  const noted: Doubts = { ...doubts, unproven: [...doubts.unproven, ...added] }
  yield* Effect.ignore(rememberDoubts(files, noted))
  return noted
})

/** A mutant: see `Mutation`. */
const onlyHeard = (entries: ReadonlyMap<string, EntryChange>, reports: Reports) =>
  new Map(
    [...entries].map(([name, entry]): [string, EntryChange] => [
      name,
      entry._tag === "Rejoin" ? { ...entry, peers: entry.peers.filter((peer) => reports.has(peer)) } : entry,
    ]),
  )

/** Asks every node that may have a copy of anything that this one has. */
const askOthers = Effect.fnUntraced(function* (node: string, disk: ReadonlyArray<ClusterOnDisk>, seen: Seen) {
  const peers = yield* Peers
  const named = new Set([...seen.registered, ...seen.view, ...disk.flatMap(({ nodes }) => nodes)])
  named.delete(node)
  const answers = yield* Effect.forEach(
    [...named].toSorted(),
    (other) => Effect.map(peers.report(other), (report) => [other, report] as const),
    { concurrency: "unbounded" },
  )
  return new Map(answers.flatMap(([other, report]) => (report === undefined ? [] : [[other, report] as const])))
})

/**
 * True if all who serve a cluster have a copy that is not in doubt, whichever of them becomes the donor. Records in doubt are
 * made anew then at once: they are small, and their agent does nothing before they are proven.
 */
const areWhole = (reports: Reports, name: string): boolean => {
  const serving = [...reports.values()].flatMap(({ clusters }) => {
    const cluster = clusters.get(name)
    return cluster?.is === "serving" ? [cluster.copy] : []
  })
  return serving.length > 0 && serving.every(({ unproven }) => unproven !== true)
}

const isHeld = (reports: Reports, name: string): boolean =>
  [...reports.values()].some(({ clusters }) => {
    const is = clusters.get(name)?.is
    return is === "serving" || is === "open"
  })

/** The records as a daemon has them that is a member of the coordination cluster; undefined if none is. */
const readRecords = Effect.fnUntraced(function* ({ config }: StartOptions, reports: Reports) {
  const members = (is: ReportedCluster["is"]) =>
    [...reports].filter(([, { clusters }]) => clusters.get(config.coordination)?.is === is).map(([other]) => other)
  for (const other of [...members("serving"), ...members("open")]) {
    const view = yield* viewAt(other, config)
    if (view !== undefined) return view
  }
  return undefined
})

/** All records that the daemon of a node has. */
const viewAt = Effect.fnUntraced(function* (node: string, config: EngineConfig) {
  const records = yield* recordsAt(node, config, "gate")
  return records === undefined ? undefined : makeView(records.values())
})

/** The records on the own disk, read by a daemon that nobody else reaches; its files know the numbers after that. */
const inspect = Effect.fnUntraced(function* ({ node, config }: StartOptions) {
  const control = yield* DaemonControl
  return yield* control.inspect((manticore) => Effect.provideService(viewAt(node, config), Manticore, manticore))
})

/**
 * Who may have the most advanced copy of the coordination cluster: everybody in the last primary views that those who were
 * heard have seen, and who is still registered by the latest registry among them.
 */
const electorateOf = (node: string, seen: Seen, reports: Reports): ReadonlyArray<string> => {
  const known = [seen, ...reports.values()]
  const latest = known.toSorted((left, right) => right.epoch - left.epoch)[0] ?? seen
  const views = new Set(known.flatMap(({ view }) => view))
  return [...new Set([node, ...latest.registered.filter((other) => views.has(other))])]
}

const peerReport = (cluster: ReportedCluster | undefined): PeerReport => {
  switch (cluster?.is) {
    case undefined:
      return { _tag: "Waiting", copy: null }
    case "serving":
      return { _tag: "Serving", history: cluster.copy.history, members: cluster.members ?? [] }
    case "open":
      return { _tag: "Open" }
    case "waiting":
      return { _tag: "Waiting", copy: cluster.copy, ...(cluster.closed === true ? { closed: true } : {}) }
  }
}

const reportsOn = (reports: Reports, name: string): ReadonlyMap<string, PeerReport> =>
  new Map([...reports].map(([other, { clusters }]) => [other, peerReport(clusters.get(name))]))

/** A group as its record and the others have it. */
const gatedGroup = (
  node: string,
  { name, history, seqno }: ClusterOnDisk,
  view: View,
  reports: Reports,
  doubts: Doubts,
): GatedGroup => {
  const record = view.groups.get(name)?.record
  const isOurs = record !== undefined && record.status !== "dissolved"
  const known = isOurs ? [...record.members, ...record.leaving, ...record.exiled] : []
  return {
    name,
    own: { history, seqno, unproven: doubts.unproven.includes(name) },
    anew: doubts.anew.includes(name),
    inSync: copiesThatCount(record),
    estranged: isOurs && (record.estranged?.includes(node) === true || !known.includes(node)),
    reports: reportsOn(reports, name),
  }
}
