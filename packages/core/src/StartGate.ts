/**
 * Decides how a daemon is started that has replication clusters on its disk (safety rule 14). After a stop of all nodes the
 * server itself lets whoever comes second become primary with whatever it has, and acknowledged rows vanish (semantics 1);
 * a member that was left out walks back in and mixes two histories by number (semantics 46). So a runner asks here before
 * each start, tells the others what its disk holds, and asks again while the answer is to wait.
 *
 * Only a decision: it reads nothing and starts nothing.
 */

/** What the files of a node say of one replication cluster (`grastate.dat`). */
export interface CopyOnDisk {
  /** Identity of the history that the number counts in. */
  readonly history: string
  /** Number of the last change; null if the file does not know it, as after a crash. */
  readonly seqno: number | null
}

/** What another node reports of a replication cluster. */
export type PeerReport =
  /** Its daemon is primary and synced in it. */
  | { readonly _tag: "Serving"; readonly history: string }
  /** Its daemon is stopped or closed there; this is what its disk holds. Null: nothing. */
  | { readonly _tag: "Waiting"; readonly copy: CopyOnDisk | null }

/** One replication cluster, as a node that is about to start sees it. */
export interface GatedGroup {
  readonly name: string
  readonly own: CopyOnDisk
  /** Members in sync by the last record that this node knows; null if no record of it is known, or it is dissolved. */
  readonly inSync: ReadonlyArray<string> | null
  /** Left out by an operator's word: its copy may hold another history. */
  readonly estranged: boolean
  /** What was heard, by node; nobody of whom nothing was heard. */
  readonly reports: ReadonlyMap<string, PeerReport>
}

/** How to start. */
export type StartDecision =
  | {
      readonly _tag: "Start"
      /** Clusters that this node begins anew: nobody has a more advanced copy. */
      readonly bootstrap: ReadonlyArray<string>
      /** Clusters whose entries are taken away before the start: their copies are dropped and made anew by JOIN. */
      readonly setAside: ReadonlyArray<string>
    }
  | { readonly _tag: "Wait"; readonly reason: string }

type GroupDecision =
  | { readonly _tag: "Start" | "Bootstrap" | "SetAside" }
  /** `Wait`: this copy may be needed. `Yield`: another one, which is no worse, is begun with. */
  | { readonly _tag: "Wait" | "Yield"; readonly reason: string }

/**
 * The decision for a node and all that its disk holds. While one of its copies may be needed, it waits. A node that is to
 * begin some cluster anew does not wait for others to begin theirs, or two would wait for each other for ever: it sets
 * those copies aside.
 */
export const decideStart = (node: string, groups: ReadonlyArray<GatedGroup>): StartDecision => {
  const decided = groups.map((group) => ({ name: group.name, decision: decideGroup(node, group) }))
  const named = (tag: GroupDecision["_tag"]) =>
    decided.filter(({ decision }) => decision._tag === tag).map(({ name }) => name)
  const bootstrap = named("Bootstrap")
  for (const { name, decision } of decided) {
    const holdsUp = decision._tag === "Wait" || (decision._tag === "Yield" && bootstrap.length === 0)
    if (holdsUp) return { _tag: "Wait", reason: `${name}: ${decision.reason}` }
  }
  return { _tag: "Start", bootstrap, setAside: [...named("SetAside"), ...named("Yield")] }
}

const decideGroup = (node: string, { own, inSync, estranged, reports }: GatedGroup): GroupDecision => {
  if (inSync === null || estranged) return { _tag: "SetAside" }
  const serving = [...reports.values()].find((report) => report._tag === "Serving")
  if (serving?._tag === "Serving") return { _tag: serving.history === own.history ? "Start" : "SetAside" }
  // Whoever is not in sync lacks acknowledged writes, however high its number is.
  if (!inSync.includes(node)) return { _tag: "SetAside" }
  const copies = new Map<string, CopyOnDisk | null>([[node, own]])
  for (const [peer, report] of reports) if (report._tag === "Waiting") copies.set(peer, report.copy)
  const silent = inSync.find((member) => !copies.has(member))
  if (silent !== undefined) return { _tag: "Wait", reason: `${silent} was not heard of and may hold more` }
  const held = inSync.flatMap((member) => {
    const copy = copies.get(member)
    return copy === null || copy === undefined ? [] : [{ member, copy }]
  })
  const unknown = held.find(({ copy }) => copy.seqno === null)
  if (unknown !== undefined && held.length > 1) {
    return { _tag: "Wait", reason: `the number of the copy on ${unknown.member} is not known` }
  }
  if (held.some(({ copy }) => copy.history !== own.history)) {
    return { _tag: "Wait", reason: "copies in sync are of different histories: an operator must choose" }
  }
  const best = held.toSorted(
    (left, right) => (right.copy.seqno ?? 0) - (left.copy.seqno ?? 0) || (left.member < right.member ? -1 : 1),
  )[0]
  return best?.member === node
    ? { _tag: "Bootstrap" }
    : { _tag: "Yield", reason: `${best?.member ?? "nobody"} holds the most advanced copy and begins` }
}
