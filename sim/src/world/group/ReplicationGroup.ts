/**
 * All views of one replication cluster that descend from one another: how they fall apart when members do not answer,
 * and how they become one again. Nothing here runs while all members answer: timers exist only while something is amiss.
 */
import type { Range } from "../Timings.ts"
import type { Proposal } from "./Change.ts"
import { Component, type GroupContext } from "./Component.ts"
import type { Member } from "./Member.ts"
import { hasQuorum, meet, partsOf, updateBroken } from "./Membership.ts"
import { type Arrival, StateTransfer, type TableCopier } from "./StateTransfer.ts"

const byHost = (a: Member, b: Member): number => (a.host.name < b.host.name ? -1 : a.host.name > b.host.name ? 1 : 0)

/** Members that leave within this time leave in one view. */
const togetherWithinMicros = 2000

const exists = (member: Member): boolean => member.host.exists()

/** A JOIN that is connecting. Those that began together come in together. */
export interface PendingJoin {
  readonly member: Member
  readonly sinceMicros: number
  readonly donor: Member
  readonly joined: (member: Member) => void
  /** True once the members have seen that it does not answer any more. */
  interrupted: boolean
}

/** One replication cluster as a whole. */
export class ReplicationGroup {
  readonly name: string
  readonly context: GroupContext
  readonly transfer: StateTransfer
  components: Array<Component> = []
  /** JOINs that are on their way in. */
  joining: Array<PendingJoin> = []
  #merging = new Set<string>()
  #waiters: Array<() => boolean> = []
  #nextPair = 0
  readonly #keys = new Map<Component, number>()

  constructor(name: string, context: GroupContext, copier: TableCopier) {
    this.name = name
    this.context = context
    this.transfer = new StateTransfer(context, copier, (member) => this.#destroy(member))
  }

  /** A first view of one member, primary at once. */
  found(member: Member, history: number, seqno: number): Component {
    const component = this.#form([member], undefined, { history, seqno })
    member.state = "synced"
    member.standAt(history, seqno)
    component.becomePrimaryView()
    return component
  }

  /** Lets new members into a primary view; several that come at one instant make one view. */
  admit(component: Component, arrivals: ReadonlyArray<Member>, arrival: Arrival, preferred: Member | undefined, done: (member: Member) => void): void {
    for (const member of arrivals) {
      component.members.push(member)
      member.component = component
      if (!member.frozen) member.shown = undefined
      if (!member.stuck) member.state = "joining"
    }
    component.members.sort(byHost)
    // Who was waiting for the view that is just being formed is part of it.
    if (component.formedAtMicros === this.context.queue.nowMicros && component.viewNumber > 1) component.viewNumber--
    component.becomePrimaryView()
    for (const member of arrivals) {
      if (!member.stuck) this.transfer.start(component, member, arrival, preferred, () => done(member))
    }
    this.reassess()
  }

  /** A process that was a member comes back to a view that has no quorum. */
  returnTo(component: Component, member: Member, done: () => void): void {
    const alone = this.#form([member], component, { history: member.history, seqno: member.applied })
    member.state = "synced"
    this.#join(component, alone, "restart", done)
  }

  /** A member leaves of its own will: the quorum is counted without it from now on. */
  leave(member: Member): void {
    const component = member.component
    if (component === undefined) return
    if (member.host.running()) member.drain()
    component.remove(member)
    this.#refuseOwn(component, member)
    for (const other of [...component.broken.keys()]) {
      if (other.split(" ").includes(member.host.name)) component.broken.delete(other)
    }
    if (component.members.length === 0) this.#discard(component)
    else if (component.primary) this.#viewWithout(component)
    else component.quorumBase = component.quorumBase.filter((host) => host !== member.host.name)
    component.announce()
    this.reassess()
  }

  #viewWithout(component: Component): void {
    const now = this.context.queue.nowMicros
    if (now - component.leftAtMicros < togetherWithinMicros) component.viewNumber--
    component.leftAtMicros = now
    component.becomePrimaryView()
  }

  /** `pc.bootstrap`: this view declares itself primary. */
  bootstrap(component: Component): void {
    if (!component.primary) component.becomePrimaryView()
    this.reassess()
  }

  /** To be called whenever a process starts, ends, is paused or woken, or a link changes. */
  reassess(): void {
    for (const component of [...this.components]) this.#look(component)
    for (const join of this.joining) this.#lookAtJoin(join)
    this.#considerMerges()
    this.#serveWaiters()
  }

  #serveWaiters(): void {
    if (this.#waiters.length === 0) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const attempt of waiters) {
      if (!attempt()) this.#waiters.push(attempt)
    }
  }

  /** Tries now, and again whenever something about the group changes, until `attempt` says that it is done. */
  await(attempt: () => boolean): void {
    if (!attempt()) this.#waiters.push(attempt)
  }

  /** A paused process that was evicted meanwhile goes on: it takes its time to notice. */
  woken(member: Member): void {
    if (!member.frozen) return
    this.context.queue.after(this.context.timings.wokenMicros, () => {
      const peers = this.components.some((component) => component !== member.component && component.members.some((other) => other.host.running()))
      if (member.component !== undefined) member.component.mergesSoon = true
      if (peers) this.#thaw(member)
    })
  }

  #form(members: Array<Member>, from: Component | undefined, at: { readonly history: number; readonly seqno: number }): Component {
    const component = new Component(this.context, {
      members, primary: false, viewNumber: from?.viewNumber ?? 0, quorumBase: from?.quorumBase ?? [], ...at,
    })
    this.components.push(component)
    return component
  }

  #discard(component: Component): void {
    this.#cancelTimer(component)
    this.#cancelResume(component)
    this.components = this.components.filter((other) => other !== component)
    this.#keys.delete(component)
  }

  // --- falling apart -------------------------------------------------------------------------------------------

  #look(component: Component): void {
    const now = this.context.queue.nowMicros
    if (!component.members.some(exists)) {
      this.#discard(component)
      return
    }
    const { broke, mended } = updateBroken(component, this.context.linked, now)
    if (broke + mended === 0) return
    const parts = partsOf(component, now)
    if (parts.length > 1) this.#separated(component, parts)
    else if (component.broken.size > 0) this.#relayed(component, broke)
    else this.#mended(component)
  }

  // A node that is cut off while it connects makes the members form their view anew, without it (finding 59).
  #lookAtJoin(join: PendingJoin): void {
    const component = join.donor.component
    if (component === undefined || join.interrupted || !component.primary || component.stalled) return
    if (!join.member.host.exists() || this.context.linked(join.member.host.name, join.donor.host.name)) return
    join.interrupted = true
    component.stalled = true
    component.brokeAtMicros = this.context.queue.nowMicros
    const { suspectMicros, consensusMicros } = this.context.timings
    component.timer = this.context.queue.after(suspectMicros + this.#draw(consensusMicros), () => {
      component.timer = undefined
      if (component.broken.size > 0) {
        this.#decide(component)
        return
      }
      component.stalled = false
      component.becomePrimaryView()
      component.settleHeld(0)
      this.reassess()
    })
  }

  #separated(component: Component, parts: Array<Array<Member>>): void {
    this.#cancelResume(component)
    if (!component.stalled) {
      component.brokeAtMicros = this.context.queue.nowMicros
      component.brokenByLink = false
      // What has its place in the order already has reached everybody.
      for (const member of component.members) {
        if (member.host.running()) member.drain()
      }
    }
    component.stalled = true
    component.lastParts = parts
    const linked = this.context.linked
    component.brokenByLink ||= component.members.some((a) => component.members.some((b) => !linked(a.host.name, b.host.name)))
    if (component.timer === undefined) this.#awaitEviction(component)
  }

  #awaitEviction(component: Component): void {
    const { suspectMicros, consensusMicros } = this.context.timings
    const earliest = Math.min(...component.broken.values())
    component.timer = this.context.queue.at(earliest + suspectMicros + this.#draw(consensusMicros), () => {
      component.timer = undefined
      this.#decide(component)
    })
  }

  // Some link is down, but every member is heard through others (finding 56).
  #relayed(component: Component, broke: number): void {
    this.#cancelTimer(component)
    if (broke === 0 && !component.stalled) return
    component.stalled = true
    this.#resumeAfter(component, this.#draw(this.context.timings.relayMicros))
  }

  // All links are back before anybody was evicted.
  #mended(component: Component): void {
    if (!component.stalled) return
    const { queue, timings } = this.context
    const elapsed = queue.nowMicros - component.brokeAtMicros
    if (component.timer === undefined) {
      this.#resumeAfter(component, timings.networkMicros)
      return
    }
    if (elapsed >= timings.harmlessBreakMicros) return
    this.#cancelTimer(component)
    const resendAt = timings.resendAtMicros.find((at) => at >= elapsed) ?? elapsed
    this.#resumeAfter(component, component.brokenByLink ? resendAt - elapsed : timings.networkMicros)
  }

  #resumeAfter(component: Component, micros: number): void {
    this.#cancelResume(component)
    component.resumeTimer = this.context.queue.after(micros, () => {
      component.resumeTimer = undefined
      component.stalled = false
      component.settleHeld(0)
      this.#considerMerges()
      this.#serveWaiters()
    })
  }

  #decide(component: Component): void {
    const { queue, random, timings } = this.context
    const parts = partsOf(component, queue.nowMicros - timings.suspectMicros + 1)
    if (parts.length > 1) this.#split(component, parts)
    else if (component.broken.size > 0) this.#awaitEviction(component)
    else if (random.chance(timings.lostQuorumShare)) this.#loseQuorum(component)
    else {
      this.#split(component, component.lastParts)
      for (const part of this.components) part.mergesSoon = true
    }
  }

  #split(component: Component, parts: ReadonlyArray<ReadonlyArray<Member>>): void {
    this.#discard(component)
    const living = parts.map((part) => part.filter(exists)).filter((part) => part.length > 0)
    const winner = component.primary ? living.find((part) => hasQuorum(part, component.quorumBase)) : undefined
    const held = component.held
    component.held = []
    for (const part of living) {
      const formed = this.#form([...part], component, { history: component.history, seqno: component.seqno })
      if (part === winner) formed.certification = component.certification
      for (const proposal of held) {
        if (part.includes(proposal.origin)) formed.held.push(proposal)
      }
      this.#settle(formed, component, part === winner, winner !== undefined)
    }
    const keeper = this.components.find((other) => winner !== undefined && other.members.every((member) => winner.includes(member)))
    this.#inheritFromDead(keeper, held)
    this.reassess()
  }

  // What a process had sent just before it was killed may have reached the others, or not.
  #inheritFromDead(keeper: Component | undefined, held: ReadonlyArray<Proposal>): void {
    if (keeper === undefined) return
    for (const proposal of held) {
      if (!exists(proposal.origin) && this.context.random.chance(0.5)) keeper.order(proposal)
    }
  }

  #settle(formed: Component, before: Component, isWinner: boolean, othersGoOn: boolean): void {
    const { random, timings } = this.context
    const late = !isWinner && othersGoOn && random.chance(timings.lateMinorityShare) ? this.#draw(timings.lateMinorityMicros) : 0
    const viewOf = new Map(formed.members.map((member) => [member, this.#oldView(member, before)]))
    for (const member of formed.members) {
      const paused = !member.host.running()
      const transferring = formed.members.length < before.members.length && (member.state === "donor" || member.state === "joining")
      if (paused || transferring || late > 0) {
        this.#freeze(member, viewOf.get(member))
        if (!paused) this.#thawAfter(member, transferring ? timings.transferLateMicros : late)
      }
    }
    if (isWinner) formed.becomePrimaryView()
    formed.held = formed.held.filter((proposal) => {
      if (proposal.origin.frozen) proposal.origin.waiting.push(proposal)
      return !proposal.origin.frozen
    })
    formed.settleHeld(timings.majorityRefusalShare)
    formed.announce()
  }

  #oldView(member: Member, component: Component): Member["shown"] {
    return member.shown ?? {
      primary: component.primary,
      size: component.members.length,
      index: component.members.indexOf(member),
      viewNumber: component.viewNumber,
    }
  }

  #freeze(member: Member, shown: Member["shown"]): void {
    member.frozen = true
    member.shown = shown
  }

  #thawAfter(member: Member, micros: number): void {
    // A joiner whose donor is gone never notices anything (findings 20 and 59).
    if (member.state === "joining") return
    this.context.queue.after(micros, () => this.#thaw(member))
  }

  #thaw(member: Member): void {
    if (!member.frozen || !exists(member)) return
    member.frozen = false
    member.shown = undefined
    if (member.state === "donor") member.state = "synced"
    const waiting = member.waiting
    member.waiting = []
    for (const proposal of waiting) {
      const component = member.component
      if (component === undefined) proposal.done({ kind: "refused" })
      else if (component.primary) component.propose(proposal)
      else component.refuse(proposal)
    }
    this.context.changed(member)
    this.reassess()
  }

  // Nobody is primary for a while although everybody is connected (finding 54).
  #loseQuorum(component: Component): void {
    const { queue, random, timings } = this.context
    queue.at(component.brokeAtMicros + timings.lostQuorumAtMicros, () => {
      if (!this.components.includes(component)) return
      component.held = component.held.filter((proposal) => {
        if (!random.chance(timings.lastAcknowledgedShare)) return true
        component.order(proposal)
        return false
      })
      component.primary = false
      component.settleHeld(0)
      for (const member of component.members) member.shown = { primary: false, size: 1, index: 0, viewNumber: -1 }
      component.announce()
      queue.after(this.#draw(timings.lostQuorumMicros), () => {
        if (!this.components.includes(component)) return
        component.stalled = component.broken.size > 0
        component.becomePrimaryView()
        this.reassess()
      })
    })
  }

  #refuseOwn(component: Component, member: Member): void {
    const own = component.held.filter((proposal) => proposal.origin === member)
    component.held = component.held.filter((proposal) => proposal.origin !== member)
    for (const proposal of [...own, ...member.waiting]) proposal.done({ kind: "refused" })
    member.waiting = []
  }

  // --- becoming one again --------------------------------------------------------------------------------------

  #considerMerges(): void {
    const { queue, linked, timings } = this.context
    for (const [index, a] of this.components.entries()) {
      for (const b of this.components.slice(index + 1)) {
        if ((a.primary && b.primary) || a.stalled || b.stalled || !this.#canMeet(a) || !this.#canMeet(b)) continue
        const key = this.#pairKey(a, b)
        if (this.#merging.has(key) || !meet(a.members, b.members, linked)) continue
        this.#merging.add(key)
        const recent = queue.nowMicros - Math.max(a.formedAtMicros, b.formedAtMicros) < timings.recentEvictionMicros
        const soon = a.mergesSoon || b.mergesSoon
        const micros = soon ? timings.missedBaseMicros : this.#draw(recent ? timings.recentMergeMicros : timings.mergeMicros)
        queue.after(micros, () => this.#meetAgain(key, a, b))
      }
    }
  }

  #canMeet(component: Component): boolean {
    return component.members.every((member) => !member.frozen || member.stuck) && component.members.some((member) => member.host.running())
  }

  #pairKey(a: Component, b: Component): string {
    for (const component of [a, b]) {
      if (!this.#keys.has(component)) this.#keys.set(component, this.#nextPair++)
    }
    return `${this.#keys.get(a)} ${this.#keys.get(b)}`
  }

  #meetAgain(key: string, a: Component, b: Component): void {
    this.#merging.delete(key)
    const present = this.components.includes(a) && this.components.includes(b)
    if (!present || (a.primary && b.primary) || a.stalled || b.stalled) return
    if (!this.#canMeet(a) || !this.#canMeet(b) || !meet(a.members, b.members, this.context.linked)) return
    const anchor = b.primary ? b : a
    // Everybody who is in reach meets at once.
    const others = this.components.filter((other) =>
      other !== anchor && !other.primary && !other.stalled && this.#canMeet(other) && meet(anchor.members, other.members, this.context.linked))
    // An eviction that was agreed on while all were back already makes no view of its own.
    if (others.some((other) => other.mergesSoon) && anchor.mergesSoon && anchor.primary) anchor.viewNumber--
    anchor.mergesSoon = false
    if (anchor.primary) this.#joinAll(anchor, others, "heal", () => {})
    else for (const other of others) this.#join(anchor, other, "heal", () => {})
  }

  #joinAll(into: Component, others: ReadonlyArray<Component>, arrival: Arrival, done: () => void): void {
    for (const other of others) this.#discard(other)
    this.admit(into, others.flatMap((other) => other.members), arrival, undefined, done)
    for (const other of others) this.#deliverStowaways(into, other)
    into.settleHeld(0)
  }

  /** Makes two views one; the first stays if it is primary. */
  #join(into: Component, from: Component, arrival: Arrival, done: () => void): void {
    if (into.primary) {
      this.#joinAll(into, [from], arrival, done)
      return
    }
    this.#discard(from)
    const newcomers = from.members
    const ahead = from.viewNumber > into.viewNumber ? from : into
    into.quorumBase = ahead.quorumBase
    into.viewNumber = ahead.viewNumber
    into.members = [...into.members, ...newcomers].sort(byHost)
    for (const member of newcomers) member.component = into
    const complete = into.quorumBase.every((host) => into.members.some((member) => member.host.name === host))
    if (complete) this.#regain(into, done)
    else {
      into.announce()
      done()
    }
    this.reassess()
  }

  // Everybody of the last primary view is here: it goes on, and who is behind gets what it missed.
  #regain(component: Component, done: () => void): void {
    const best = component.members.reduce((a, b) => (b.applied > a.applied ? b : a))
    best.drain()
    component.seqno = best.applied
    component.history = best.history
    component.becomePrimaryView()
    for (const member of component.members) {
      if (member === best || member.stuck) continue
      member.drain()
      if (member.history === best.history && member.applied === best.applied) continue
      this.transfer.start(component, member, "heal", best, () => {})
    }
    done()
  }

  #deliverStowaways(into: Component, from: Component): void {
    const { queue, timings } = this.context
    const recent = queue.nowMicros - from.formedAtMicros < timings.recentMergeMicros.maxMicros + timings.refusedButStoredWithinMicros
    const soonMended = queue.nowMicros - from.formedAtMicros < timings.refusedButStoredWithinMicros
    const stowaways = recent && soonMended ? from.stowaways : []
    from.stowaways = []
    for (const proposal of stowaways) into.order({ ...proposal, done: () => {} })
  }

  // Finding 48: the returning node lacks a table of the cluster and throws its membership away.
  #destroy(member: Member): void {
    const component = member.component
    if (component === undefined) return
    const view = member.view
    this.leave(member)
    member.state = "destroyed"
    member.view = view
    this.context.changed(member)
  }

  #draw(range: Range): number {
    return range.minMicros + this.context.random.float() * (range.maxMicros - range.minMicros)
  }

  #cancelResume(component: Component): void {
    if (component.resumeTimer !== undefined) this.context.queue.cancel(component.resumeTimer)
    component.resumeTimer = undefined
  }

  #cancelTimer(component: Component): void {
    if (component.timer !== undefined) this.context.queue.cancel(component.timer)
    component.timer = undefined
  }
}
