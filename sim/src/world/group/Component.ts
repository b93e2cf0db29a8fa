/**
 * The members of a group that share one view, and the one order of changes that they agree on. A change gets its place
 * only while every member of the view answers; otherwise it waits until the membership is settled.
 */
import type { EventQueue, Scheduled } from "../../runtime/EventQueue.ts"
import type { RandomStream } from "../../runtime/RandomStream.ts"
import type { Applied } from "../storage/write.ts"
import type { Timings } from "../Timings.ts"
import { Certification } from "./Certification.ts"
import type { Outcome, Proposal } from "./Change.ts"
import type { Member, Ordered } from "./Member.ts"

/** What all groups of a world share. */
export interface GroupContext {
  readonly queue: EventQueue
  readonly random: RandomStream
  readonly timings: Timings
  /** True if packets go both ways between two hosts. */
  readonly linked: (a: string, b: string) => boolean
  /** How much longer a message between two hosts takes than over a good link. */
  readonly delayMicros: (from: string, to: string) => number
  /** True if a write that is on its way as its daemon is stopped stays with that one alone. */
  readonly keepsWrite: (host: string) => boolean
  /** Told of every state transfer. */
  readonly transfer: (
    state: "started" | "ended",
    cluster: string,
    donor: string,
    joiner: string,
    what: "all tables" | "missed writes",
    outcome: "under way" | "synced" | "failed" | "broken off",
  ) => void
  /** To be called when something that others wait for may have come true. */
  readonly settled: () => void
  /** A number that was never given out before. */
  readonly nextNumber: () => number
  /** Told when what members say of their cluster has changed. */
  readonly changed: (member: Member) => void
}

const refused: Outcome = { kind: "refused" }

/** One view of a replication group. */
export class Component {
  readonly context: GroupContext
  /** Names the view. */
  readonly number: number
  members: Array<Member>
  primary: boolean
  /** Number of primary views in this line of views. */
  viewNumber: number
  /** Hosts of the last primary view; quorum is counted from it. */
  quorumBase: ReadonlyArray<string>
  /** Number of the last change in the order. */
  seqno: number
  history: number
  readonly formedAtMicros: number
  /** When it became primary; undefined if it never was. */
  primarySinceMicros: number | undefined
  certification = new Certification()
  /** True while changes must wait for the membership. */
  stalled = false
  /** When the present stall began, and whether a link is the cause of it (and not a pause). */
  brokeAtMicros = 0
  brokenByLink = false
  /** When a member last left of its own will: those that leave together make one view. */
  leftAtMicros = Number.NEGATIVE_INFINITY
  /** The parts into which the members had fallen when they last did. */
  lastParts: Array<Array<Member>> = []
  /** True if the next merge needs no long search for the others. */
  mergesSoon = false
  /** Changes that were refused here and yet are on their way to the others (finding 44). */
  stowaways: Array<Proposal> = []
  /** When each connection between members broke, while it is broken. */
  readonly broken = new Map<string, number>()
  /** The next decision about members that do not answer. */
  timer: Scheduled | undefined
  /** The next attempt to go on after a short break. */
  resumeTimer: Scheduled | undefined
  held: Array<Proposal> = []

  constructor(
    context: GroupContext,
    options: {
      readonly members: Array<Member>
      readonly primary: boolean
      readonly viewNumber: number
      readonly quorumBase: ReadonlyArray<string>
      readonly seqno: number
      readonly history: number
    },
  ) {
    this.context = context
    this.number = context.nextNumber()
    this.members = options.members
    this.primary = options.primary
    this.viewNumber = options.viewNumber
    this.quorumBase = options.quorumBase
    this.seqno = options.seqno
    this.history = options.history
    this.formedAtMicros = context.queue.nowMicros
    for (const member of options.members) member.component = this
  }

  /** Sends a change to the group. */
  propose(proposal: Proposal): void {
    if (proposal.origin.frozen) {
      proposal.origin.waiting.push(proposal)
      proposal.blocked()
      return
    }
    if (!this.primary) {
      proposal.done(refused)
      return
    }
    if (this.stalled) {
      this.hold(proposal)
      return
    }
    const { queue, timings } = this.context
    const hops = this.members.length > 1 ? 2 * timings.networkMicros + this.#linkMicros(proposal.origin) : 0
    queue.after(timings.orderMicros + hops, () => this.#arrive(proposal))
  }

  /** A change has its place when every member has answered: the slowest link counts. */
  #linkMicros(origin: Member): number {
    let micros = 0
    for (const { host } of this.members) {
      if (host === origin.host) continue
      const there = this.context.delayMicros(origin.host.name, host.name)
      micros = Math.max(micros, there + this.context.delayMicros(host.name, origin.host.name))
    }
    return micros
  }

  /** Keeps a change until the membership is settled. */
  hold(proposal: Proposal): void {
    this.held.push(proposal)
    proposal.blocked()
  }

  #arrive(proposal: Proposal): void {
    const component = proposal.origin.component
    if (component === undefined) proposal.done(this.#afterLeaving(proposal))
    else if (component.stalled || proposal.origin.frozen || !component.primary) component.propose(proposal)
    else component.order(proposal)
  }

  /** What becomes of a change whose origin has left meanwhile: nothing, as a rule. */
  #afterLeaving({ change, origin }: Proposal): Outcome {
    if (change.kind !== "write" || !this.context.keepsWrite(origin.host.name)) return refused
    return { kind: "ordered", seqno: origin.applied, applied: origin.host.apply(origin, change) }
  }

  /** Gives a change its place and everybody their copy. */
  order(proposal: Proposal): void {
    const seqno = ++this.seqno
    const passes = this.certification.passes(proposal.touched, proposal.origin.host.number, proposal.seen)
    // Alone, nobody can lose; who comes in later has applied all of it.
    if (passes && this.members.length > 1)
      this.certification.record(proposal.touched, proposal.origin.host.number, seqno)
    const change = passes ? proposal.change : undefined
    const now = this.context.queue.nowMicros
    let applied: Applied | undefined
    for (const member of this.members) {
      if (member === proposal.origin && !member.receiving) {
        member.drain()
        applied = member.applyNow(seqno, change)
      } else {
        member.enqueue(this.#forOther(member, seqno, change, now))
      }
    }
    if (this.certification.isLarge) this.#trimCertification()
    proposal.done(passes ? { kind: "ordered", seqno, applied } : { kind: "conflict", seqno })
  }

  /** Decides what waits once the membership is settled: a side without quorum refuses all, one with quorum hardly any. */
  settleHeld(refusedShare: number): void {
    const held = this.held
    this.held = []
    for (const proposal of held) {
      if (!this.primary || (refusedShare > 0 && this.context.random.chance(refusedShare))) this.refuse(proposal)
      else this.order(proposal)
    }
  }

  /** Answers `seqno -1`; now and then the change arrives all the same. */
  refuse(proposal: Proposal): void {
    if (this.context.random.chance(this.context.timings.refusedButStoredShare)) this.stowaways.push(proposal)
    proposal.done(refused)
  }

  /** Makes the present members the base of quorum and what they show as their view. */
  becomePrimaryView(): void {
    if (!this.primary) this.primarySinceMicros = this.context.queue.nowMicros
    this.primary = true
    this.viewNumber++
    this.quorumBase = this.members.map((member) => member.host.name)
    const view = [...this.members]
    for (const member of this.members) {
      if (member.frozen) continue
      member.shown = undefined
      member.view = view
    }
    this.announce()
  }

  /** Tells listeners that what the members show may have changed. */
  announce(): void {
    for (const member of this.members) this.context.changed(member)
  }

  /** Takes back the pending decision about members that do not answer. */
  cancelTimer(): void {
    if (this.timer !== undefined) this.context.queue.cancel(this.timer)
    this.timer = undefined
  }

  /** Takes back the pending attempt to go on. */
  cancelResume(): void {
    if (this.resumeTimer !== undefined) this.context.queue.cancel(this.resumeTimer)
    this.resumeTimer = undefined
  }

  /** Takes a member out without any trace of it in the quorum. */
  remove(member: Member): void {
    this.members = this.members.filter((other) => other !== member)
    if (member.component === this) member.component = undefined
  }

  #forOther(member: Member, seqno: number, change: Ordered["change"], now: number): Ordered {
    const { random, timings } = this.context
    if (change !== undefined && change.kind !== "write")
      return { seqno, change, dueMicros: Math.max(now + timings.networkMicros, member.lastDueMicros) }
    const late = random.chance(timings.lateApplyShare)
    const { minMicros, maxMicros } = late ? timings.lateApplyMicros : timings.applyMicros
    const due = now + timings.networkMicros + minMicros + random.float() * (maxMicros - minMicros)
    return { seqno, change, dueMicros: Math.max(due, member.lastDueMicros) }
  }

  #trimCertification(): void {
    const now = this.context.queue.nowMicros
    let seenByAll = this.seqno
    for (const member of this.members) {
      member.catchUp(now)
      seenByAll = Math.min(seenByAll, member.applied)
    }
    for (const proposal of this.held) seenByAll = Math.min(seenByAll, proposal.seen)
    // A proposal in flight was prepared within the last millisecond; no thousand changes fit into that.
    this.certification.forget(seenByAll - 1000)
  }
}
