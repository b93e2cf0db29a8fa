/**
 * Decides how a daemon is started that has replication clusters on its disk (safety rule 14). After a stop of all nodes the
 * server itself lets whoever comes second become primary with whatever it has, and acknowledged rows vanish (semantics 1).
 * So a runner asks here before each start, tells the others what its disk holds, and asks again while the answer is to
 * wait. Whoever holds the most advanced copy of a cluster begins it; the others go to whoever serves it already.
 *
 * Only a decision: it reads nothing and starts nothing. `gate/` carries it out.
 */

import type { Group } from "./State.ts"

/** What the files of a node say of one replication cluster (`grastate.dat`). */
export interface CopyOnDisk {
  /** Identity of the history that the number counts in; null if the copy was given up, and only a full one helps. */
  readonly history: string | null
  /** Number of the last change; null if the file does not know it, as after a crash. */
  readonly seqno: number | null
  /**
   * True if it went through a crash and has not been compared with another one since: it may lack rows whatever its number
   * says, as the server keeps the two in different places.
   */
  readonly unproven?: boolean
}

/** What another node reports of a replication cluster. */
export type PeerReport =
  /** Its daemon is primary and synced in it. */
  | { readonly _tag: "Serving"; readonly history: string | null; readonly members: ReadonlyArray<string> }
  /** Its daemon is a member and waits for a majority, or is on its way in. */
  | { readonly _tag: "Open" }
  /** Its daemon is stopped, or, if `closed`, up and closed there; this is what its disk holds. Null: nothing. */
  | { readonly _tag: "Waiting"; readonly copy: CopyOnDisk | null; readonly closed?: boolean }

/** One replication cluster, as a node that is about to start sees it. */
export interface GatedGroup {
  readonly name: string
  readonly own: CopyOnDisk
  /**
   * Members in sync by the latest record; for the coordination cluster, those of the last primary views. Null: none of
   * the engine's clusters, or dissolved.
   */
  readonly inSync: ReadonlyArray<string> | null
  /** Out of the group for good, by the records: its copy may hold another history. */
  readonly estranged: boolean
  /** The copy was found to lack rows: it is to be made anew as soon as somebody serves the group. */
  readonly anew?: boolean
  /** What was heard, by node; nobody of whom nothing was heard. */
  readonly reports: ReadonlyMap<string, PeerReport>
}

/** What is done to the entry of a cluster in the daemon's files before it starts. An entry without a change stays. */
export type EntryChange =
  /** Its list of nodes is emptied: the daemon begins the cluster with what it has. */
  | { readonly _tag: "Begin" }
  /** Its list names these nodes and the own one; `anew`: nothing that its copy holds counts, and it receives a full one. */
  | { readonly _tag: "Rejoin"; readonly peers: ReadonlyArray<string>; readonly anew?: boolean }
  /** Its list names nobody who answers: the tables can be read, and refuse writes. `yields`: another copy is the one to begin. */
  | { readonly _tag: "Close"; readonly reason: string; readonly yields?: true }
  /** It is taken away: what was in the cluster becomes tables of the node's own. */
  | { readonly _tag: "SetAside"; readonly reason: string }

/**
 * Whose copies of a group count: those in sync; until something is attached to it nobody is, and whoever made it has it. Null: no
 * group of the engine, or one that has ended.
 */
export const copiesThatCount = (record: Group | undefined): ReadonlyArray<string> | null =>
  record === undefined || record.status === "dissolved"
    ? null
    : record.inSync.length > 0
      ? record.inSync
      : record.members

/** How to start. */
export type StartDecision =
  | { readonly _tag: "Start"; readonly entries: ReadonlyMap<string, EntryChange> }
  | { readonly _tag: "Wait"; readonly reason: string }

/** What is decided of one cluster. */
export type GroupDecision =
  | EntryChange
  /** Not the gate's concern. */
  | { readonly _tag: "Leave" }
  /** This copy may be needed: more must be known. */
  | { readonly _tag: "Wait"; readonly reason: string }
  /** Another node has to begin; `to` is null if it is not known which. `later`: not before the next start of its daemon. */
  | { readonly _tag: "Yield"; readonly to: string | null; readonly later: boolean; readonly reason: string }

/** Whether a node still waits: for nodes that are silent, and for others that are to begin something. */
export interface Patience {
  readonly silent: boolean
  readonly beginners: boolean
}

/**
 * The decision for a node and all that its disk holds, the coordination cluster left out: that one was decided before, and
 * `begins` says that this node begins it. While it may be needed somewhere, it waits, until its patience is over: then it
 * starts with those clusters closed. Who begins the coordination cluster waits for nobody to begin another
 * one, since all wait for it, and nobody waits for a daemon that is up and closed, as its runner starts it anew when all are
 * there. Of nodes that wait for each other to begin something, the first by name does so no longer.
 */
export const decideStart = (
  node: string,
  groups: ReadonlyArray<GatedGroup>,
  { begins, patience }: { readonly begins: boolean; readonly patience: Patience },
): StartDecision => {
  const decided = groups.map((group) => ({ name: group.name, decision: decideGroup(node, group) }))
  const beginsAny = decided.some(({ decision }) => decision._tag === "Begin")
  const entries = new Map<string, EntryChange>()
  for (const { name, decision } of decided) {
    if (decision._tag === "Leave") continue
    if (decision._tag !== "Wait" && decision._tag !== "Yield") {
      entries.set(name, decision)
      continue
    }
    const goesFirst =
      decision._tag === "Yield" &&
      (begins || decision.later || (beginsAny && (decision.to === null || node < decision.to)))
    if (decision._tag === "Wait" ? patience.silent : patience.beginners && !goesFirst)
      return { _tag: "Wait", reason: `${name}: ${decision.reason}` }
    const yields = decision._tag === "Yield" && decision.to !== null
    entries.set(name, { _tag: "Close", reason: decision.reason, ...(yields ? { yields } : {}) })
  }
  return { _tag: "Start", entries }
}

/** The decision for one cluster. */
export const decideGroup = (
  node: string,
  { anew = false, own, inSync, estranged, reports }: GatedGroup,
): GroupDecision => {
  if (inSync === null) return { _tag: "Leave" }
  if (estranged) return { _tag: "SetAside", reason: `${node} is no member any more` }
  const counts = inSync.includes(node) && own.history !== null
  // Who was stalled while the group went on without it goes on naming its old view for a while (semantics 21), and lacks what
  // was acknowledged meanwhile: nobody in sync gives up its own copy for that one.
  const isStale = (peer: string, members: ReadonlyArray<string>) =>
    counts && !inSync.includes(peer) && members.includes(node)
  const serving = [...reports].filter(([peer, report]) => report._tag === "Serving" && !isStale(peer, report.members))
  const alike = serving.filter(
    ([, report]) => own.history === null || (report._tag === "Serving" && report.history === own.history),
  )
  // If all who are named have left by the time the daemon asks them, it elects itself (semantics 1): so members in sync of
  // whom nothing was heard are named, too.
  const unheard = inSync.filter((member) => member !== node && !reports.has(member))
  if (alike.length > 0)
    return { _tag: "Rejoin", peers: [...alike.map(([peer]) => peer), ...unheard], ...(anew ? { anew } : {}) }
  // Or this node died a moment ago, and that one has not noticed yet: which of the two is seen when its view changes.
  const doubtful = [...reports].find(([peer, report]) => report._tag === "Serving" && isStale(peer, report.members))
  if (doubtful !== undefined)
    return { _tag: "Wait", reason: `${doubtful[0]} says that it serves, and still sees ${node}` }
  const [other] = serving
  if (other !== undefined)
    return { _tag: "Close", reason: `${other[0]} serves another history: an operator must choose` }
  // A majority is counted from the last primary view, so whoever waits for one must be joined and not passed by.
  const open = [...reports].filter(([, report]) => report._tag === "Open").map(([peer]) => peer)
  if (open.length > 0) return { _tag: "Rejoin", peers: [...open, ...unheard] }
  // Whoever is not in sync lacks acknowledged writes, however high its number is.
  if (!counts)
    return { _tag: "Yield", to: null, later: false, reason: `${node} is not in sync, and nobody serves it yet` }
  const copies = new Map<string, CopyOnDisk | null>([[node, own]])
  for (const [peer, report] of reports) if (report._tag === "Waiting") copies.set(peer, report.copy)
  const silent = inSync.find((member) => !copies.has(member))
  if (silent !== undefined) return { _tag: "Wait", reason: `${silent} was not heard of and may hold more` }
  const held = inSync.flatMap((member) => {
    const copy = copies.get(member)
    return copy === null || copy === undefined || copy.history === null ? [] : [{ member, copy }]
  })
  const unknown = held.find(({ copy }) => copy.seqno === null)
  if (unknown !== undefined && held.length > 1) {
    const reason = `the number of the copy on ${unknown.member} is not known`
    // Its next start will look.
    return isClosed(reports.get(unknown.member))
      ? { _tag: "Yield", to: null, later: true, reason }
      : { _tag: "Wait", reason }
  }
  if (held.some(({ copy }) => copy.history !== own.history)) {
    return { _tag: "Wait", reason: "copies in sync are of different histories: an operator must choose" }
  }
  const best = held.toSorted(
    (left, right) =>
      (right.copy.seqno ?? 0) - (left.copy.seqno ?? 0) ||
      Number(left.copy.unproven ?? false) - Number(right.copy.unproven ?? false) ||
      (left.member < right.member ? -1 : 1),
  )[0]
  return best?.member === node
    ? { _tag: "Begin" }
    : {
        _tag: "Yield",
        to: best?.member ?? null,
        later: isClosed(reports.get(best?.member ?? "")),
        reason: `${best?.member ?? "nobody"} holds the most advanced copy and begins`,
      }
}

const isClosed = (report: PeerReport | undefined): boolean => report?._tag === "Waiting" && report.closed === true
