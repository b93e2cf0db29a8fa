/**
 * One node's part in one replication cluster while its process lives: what it believes, how far it has applied the
 * common order, and what it keeps for those who were away. Members decide nothing about membership; `Component` and
 * `ReplicationGroup` do.
 */
import type { Applied } from "../storage/write.ts"
import type { Change, Proposal } from "./Change.ts"
import type { Component } from "./Component.ts"
import type { ReplicationGroup } from "./ReplicationGroup.ts"

/** How far a member is, as SHOW STATUS names it. */
export type NodeState = "closed" | "destroyed" | "joining" | "donor" | "joined" | "synced"

/** A change with its place in the order; `change` is undefined where certification refused it. */
export interface Ordered {
  readonly seqno: number
  readonly change: Change | undefined
  /** When a member other than the origin applies it at the earliest. */
  readonly dueMicros: number
}

/** What a member needs of the node that it lives on. */
export interface MemberHost {
  readonly name: string
  readonly address: string
  /** Position of the host in the world. */
  readonly number: number
  /** True while the process can work: it exists, is not paused, and is the one that opened the membership. */
  running(): boolean
  /** True while the process exists, paused or not. */
  exists(): boolean
  /** Applies a change of the common order to the tables of the node. */
  apply(member: Member, change: Change): Applied | undefined
  /** Notes on disk what the member knows of its cluster now. */
  saved(member: Member): void
  /** The membership is in effect: the node shows its cluster from now on. */
  opened(member: Member): void
  /** Something waits here that is to be applied at that time. */
  awaits(dueMicros: number): void
}

/** What SHOW STATUS shows of a copy that is under way. */
export interface TransferProgress {
  /** What is shown at first; `percent` is what is shown once some seconds have passed. */
  readonly total: number
  readonly percent?: () => number
  readonly stage: string
  readonly table: string
  readonly tables: number
}

/** Progress of a transfer of which the node knows nothing yet. */
export const noProgress: TransferProgress = { total: 0, stage: "unknown", table: "0 ((null))", tables: 0 }

/** What a member goes on saying of its cluster while it has not noticed what happened. */
export interface OldView {
  readonly primary: boolean
  readonly size: number
  readonly index: number
  readonly viewNumber: number
}

/** Changes that have been applied and still take room in the list of those that wait. */
const queueRoomMax = 64

/** A node's membership in a replication cluster. */
export class Member {
  readonly name: string
  readonly host: MemberHost
  readonly path: string
  /** Position of the node among the replication port pairs of its host. */
  readonly portPair: number
  /** Names of the tables in the cluster, in the order in which they came. */
  tables: Array<string> = []
  /** Addresses that the node asks when it starts. */
  nodesSet: ReadonlyArray<string> = []
  /** Every address that was ever in the list; a paused one among them holds up cluster statements (finding 21). */
  readonly everKnown = new Set<string>()
  state: NodeState = "closed"
  group: ReplicationGroup | undefined
  component: Component | undefined
  /** Number of the last change that this node has applied. */
  applied = 0
  /** Identity of the history that `applied` counts in. */
  history = 0
  /** Who created the cluster; all members must name the same one (finding 3). */
  user = ""
  lastError: string | undefined
  /** True from DELETE CLUSTER until the membership is gone. */
  exiting = false
  /** True when the process cannot go on with replication and only its end helps (finding 49). */
  stuck = false
  /** Told when a full copy to this member ended with an error; who waits for the member to be synced gives up. */
  transferFailed: (() => void) | undefined
  /** True until a state transfer has brought what was missed; what is ordered meanwhile waits. */
  receiving = false
  /** Number at which the group stood when this member came in. */
  cameInAt = 0
  /** It has left without the others having heard of it. */
  gone = false
  /** Process is starting and has not met its group yet. */
  connecting = false
  /** Members of the last primary view that this node has seen, as `nodes_view` shows them. */
  view: ReadonlyArray<Member> = []
  transfer: TransferProgress = noProgress
  /** What SHOW STATUS shows instead of the truth. */
  shown: OldView | undefined
  /** True while the member neither applies nor sends anything, because it has not noticed that its view is gone. */
  frozen = false
  /** Changes of this node that wait until it is no longer frozen. */
  waiting: Array<Proposal> = []
  /** Changes that were ordered and not yet applied here. */
  #queue: Array<Ordered> = []
  #queueHead = 0
  /** The last changes up to `applied`, for members that were away. */
  #kept: Array<Ordered["change"]> = []
  readonly #keptMax: number

  constructor(options: { name: string; host: MemberHost; path: string; portPair: number; writesKept: number }) {
    this.name = options.name
    this.host = options.host
    this.path = options.path
    this.portPair = options.portPair
    this.#keptMax = options.writesKept
  }

  /** Takes a change of the order in; it is applied when due. */
  enqueue(entry: Ordered): void {
    if (this.stuck) return
    this.#queue.push(entry)
    this.host.awaits(entry.dueMicros)
    if (this.#queue.length - this.#queueHead > 256) this.catchUp(entry.dueMicros)
  }

  /** Applies everything that is due, in order. Nothing while rows are being received. */
  catchUp(nowMicros: number): void {
    if (this.#queueHead === this.#queue.length || this.receiving || this.frozen || this.stuck) return
    for (let entry = this.#queue[this.#queueHead]; entry !== undefined; entry = this.#queue[this.#queueHead]) {
      if (entry.dueMicros > nowMicros) return
      this.#queueHead++
      if (entry.seqno <= this.applied) continue
      this.#apply(entry.seqno, entry.change)
    }
    // A list that is nearly always empty again at once keeps its room.
    if (this.#queue.length < queueRoomMax) return
    this.#queue = []
    this.#queueHead = 0
  }

  /** When the next change that waits here is due; long ago if nothing can be said, never if nothing waits. */
  get nextDueMicros(): number {
    if (this.receiving || this.frozen || this.stuck) return Number.NEGATIVE_INFINITY
    return this.#queue[this.#queueHead]?.dueMicros ?? Number.POSITIVE_INFINITY
  }

  /** Applies everything that was ordered up to now, due or not. The origin of a write does so before its own. */
  drain(): void {
    this.catchUp(Number.POSITIVE_INFINITY)
  }

  /** When this member applies the last change that waits here, if any does. */
  get lastDueMicros(): number {
    return this.#queueHead === this.#queue.length ? 0 : (this.#queue.at(-1)?.dueMicros ?? 0)
  }

  /** Applies a change at once; everything before it must have been applied. */
  applyNow(seqno: number, change: Ordered["change"]): Applied | undefined {
    return this.#apply(seqno, change)
  }

  /** The changes after `seqno`, if this member still has all of them. */
  keptAfter(seqno: number): ReadonlyArray<Ordered> | undefined {
    if (seqno > this.applied) return undefined
    const missing = this.applied - seqno
    if (missing > this.#kept.length) return undefined
    const from = this.#kept.length - missing
    return this.#kept.slice(from).map((change, index) => ({ seqno: seqno + 1 + index, change, dueMicros: 0 }))
  }

  /** Forgets what waits: the process ended, or a full copy replaces it. */
  forgetQueue(): void {
    this.#queue = []
    this.#queueHead = 0
  }

  /** Puts missed changes before those that wait. */
  queueFirst(entries: ReadonlyArray<Ordered>): void {
    this.#queue = [...entries, ...this.#queue.slice(this.#queueHead)]
    this.#queueHead = 0
    this.host.awaits(Number.NEGATIVE_INFINITY)
  }

  /** After a full copy: the node stands where its donor stood and keeps nothing older. */
  standAt(history: number, seqno: number): void {
    this.history = history
    this.applied = seqno
    this.#kept = []
  }

  #apply(seqno: number, change: Ordered["change"]): Applied | undefined {
    this.applied = seqno
    this.#kept.push(change)
    if (this.#kept.length > 2 * this.#keptMax) {
      this.#kept = this.#kept.slice(-this.#keptMax)
    }
    return change === undefined ? undefined : this.host.apply(this, change)
  }
}
