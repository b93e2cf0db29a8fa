/**
 * How a view falls apart: members that do not answer are suspected, evicted after a while, and notice it themselves
 * sooner or later. Until then the changes of all wait (findings 24, 50 to 56, 59).
 */
import type { Range } from "../Timings.ts"
import type { Proposal } from "./Change.ts"
import type { Component, GroupContext } from "./Component.ts"
import type { Member } from "./Member.ts"
import { exists, hasQuorum, partsOf, updateBroken } from "./Membership.ts"
import type { PendingJoin, ReplicationGroup } from "./ReplicationGroup.ts"

/** True if a process of those whom the member sees is over. */
const hasLostPeer = (member: Member): boolean => member.view.some((other) => other !== member && !other.host.exists())

/** Watches the views of one group. */
export class Separation {
  readonly #group: ReplicationGroup
  readonly #context: GroupContext
  /** Members that were woken and go on as if nothing had happened: nobody is left of their view, and nobody died. */
  readonly #unaware = new Set<Member>()

  constructor(group: ReplicationGroup) {
    this.#group = group
    this.#context = group.context
  }

  /** A paused process that was evicted meanwhile goes on: it takes its time to notice. */
  woken(member: Member): void {
    if (!member.frozen) return
    this.#context.queue.after(this.#context.timings.wokenMicros, () => {
      const peers = this.#group.components.some(
        (component) => component !== member.component && component.members.some((other) => other.host.running()),
      )
      if (member.component !== undefined) member.component.mergesSoon = true
      // As long as the others live and have merely left the cluster, it never notices (finding 21).
      if (peers || hasLostPeer(member)) this.#thaw(member)
      else this.#unaware.add(member)
    })
  }

  /** Whoever did not notice that the others have left notices the end of one of their processes. */
  lookAtUnaware(): void {
    for (const member of this.#unaware) {
      if (member.frozen && exists(member) && !hasLostPeer(member)) continue
      this.#unaware.delete(member)
      if (member.frozen) this.#context.queue.after(this.#context.timings.wokenMicros, () => this.#thaw(member))
    }
  }

  /** Looks whether the members of a view still answer each other. */
  look(component: Component): void {
    const now = this.#context.queue.nowMicros
    if (!component.members.some(exists)) {
      this.#group.discard(component)
      return
    }
    const { broke, mended } = updateBroken(component, this.#context.linked, now)
    if (broke + mended === 0) return
    const parts = partsOf(component, now)
    if (parts.length > 1) this.#separated(component, parts)
    else if (component.broken.size > 0) this.#relayed(component, broke)
    else this.#mended(component)
  }

  /** A node that is cut off while it connects makes the members form their view anew, without it (finding 59). */
  lookAtJoin(join: PendingJoin): void {
    const component = join.donor.component
    if (component === undefined || join.interrupted || !component.primary || component.stalled) return
    if (!join.member.host.exists() || this.#context.linked(join.member.host.name, join.donor.host.name)) return
    join.interrupted = true
    component.stalled = true
    component.brokeAtMicros = this.#context.queue.nowMicros
    const { suspectMicros, consensusMicros } = this.#context.timings
    component.timer = this.#context.queue.after(suspectMicros + this.#draw(consensusMicros), () => {
      component.timer = undefined
      if (component.broken.size > 0) {
        this.#decide(component)
        return
      }
      component.stalled = false
      component.becomePrimaryView()
      component.settleHeld(0)
      this.#group.reassess()
    })
  }

  #separated(component: Component, parts: Array<Array<Member>>): void {
    component.cancelResume()
    if (!component.stalled) {
      component.brokeAtMicros = this.#context.queue.nowMicros
      component.brokenByLink = false
      // What has its place in the order already has reached everybody.
      for (const member of component.members) {
        if (member.host.running()) member.drain()
      }
    }
    component.stalled = true
    component.lastParts = parts
    const linked = this.#context.linked
    component.brokenByLink ||= component.members.some((a) =>
      component.members.some((b) => !linked(a.host.name, b.host.name)),
    )
    if (component.timer === undefined) this.#awaitEviction(component)
  }

  #awaitEviction(component: Component): void {
    const { suspectMicros, consensusMicros } = this.#context.timings
    const earliest = Math.min(...component.broken.values())
    component.timer = this.#context.queue.at(earliest + suspectMicros + this.#draw(consensusMicros), () => {
      component.timer = undefined
      this.#decide(component)
    })
  }

  // Some link is down, but every member is heard through others (finding 56).
  #relayed(component: Component, broke: number): void {
    component.cancelTimer()
    if (broke === 0 && !component.stalled) return
    if (!component.stalled) {
      component.brokeAtMicros = this.#context.queue.nowMicros
      component.brokenByLink = true
    }
    component.stalled = true
    this.#resumeAfter(component, this.#draw(this.#context.timings.relayMicros))
  }

  // All links are back before anybody was evicted.
  #mended(component: Component): void {
    if (!component.stalled) return
    const { queue, timings } = this.#context
    const elapsed = queue.nowMicros - component.brokeAtMicros
    if (component.timer === undefined) {
      this.#resumeAfter(component, timings.networkMicros)
      return
    }
    if (elapsed >= timings.harmlessBreakMicros) return
    component.cancelTimer()
    const resendAt = timings.resendAtMicros.find((at) => at >= elapsed) ?? elapsed
    this.#resumeAfter(component, component.brokenByLink ? resendAt - elapsed : timings.networkMicros)
  }

  #resumeAfter(component: Component, micros: number): void {
    component.cancelResume()
    component.resumeTimer = this.#context.queue.after(micros, () => {
      component.resumeTimer = undefined
      component.stalled = false
      component.settleHeld(0)
      this.#group.settled()
    })
  }

  #decide(component: Component): void {
    const { queue, random, timings } = this.#context
    const parts = partsOf(component, queue.nowMicros - timings.suspectMicros + 1)
    if (parts.length > 1) this.#split(component, parts)
    else if (component.broken.size > 0) this.#lookAgain(component)
    else if (!component.primary) this.#resumeAfter(component, 0)
    else if (random.chance(timings.lostQuorumShare)) this.#loseQuorum(component)
    else {
      this.#split(component, component.lastParts)
      for (const part of this.#group.components) part.mergesSoon = true
    }
  }

  // Some connections are down, but not so that anybody can be evicted yet.
  #lookAgain(component: Component): void {
    const { queue, timings } = this.#context
    if (partsOf(component, queue.nowMicros).length === 1) {
      this.#resumeAfter(component, this.#draw(timings.relayMicros))
      return
    }
    component.timer = queue.after(timings.consensusMicros.minMicros, () => {
      component.timer = undefined
      this.#decide(component)
    })
  }

  #split(component: Component, parts: ReadonlyArray<ReadonlyArray<Member>>): void {
    this.#group.discard(component)
    const isHere = (member: Member): boolean => exists(member) && member.component === component
    const living = parts.map((part) => part.filter(isHere)).filter((part) => part.length > 0)
    const winner = component.primary ? living.find((part) => hasQuorum(part, component.quorumBase)) : undefined
    const held = component.held
    component.held = []
    for (const part of living) {
      const formed = this.#group.form([...part], component, { history: component.history, seqno: component.seqno })
      if (part === winner) formed.certification = component.certification
      for (const proposal of held) {
        if (part.includes(proposal.origin)) formed.held.push(proposal)
      }
      this.#settle(formed, component, part === winner, winner !== undefined)
      this.#inheritBroken(formed, component)
    }
    const keeper = this.#group.components.find(
      (other) => winner !== undefined && other.members.every((member) => winner.includes(member)),
    )
    this.#inheritFromDead(keeper, held)
    this.#group.reassess()
  }

  // Who broke off meanwhile is suspected since then, not since now.
  #inheritBroken(formed: Component, before: Component): void {
    const hosts = new Set(formed.members.map((member) => member.host.name))
    for (const [pair, since] of before.broken) {
      if (pair.split(" ").every((host) => hosts.has(host))) formed.broken.set(pair, since)
    }
    const parts = partsOf(formed, this.#context.queue.nowMicros)
    if (parts.length > 1) this.#separated(formed, parts)
  }

  // What a process had sent just before it was killed may have reached the others, or not.
  #inheritFromDead(keeper: Component | undefined, held: ReadonlyArray<Proposal>): void {
    if (keeper === undefined) return
    for (const proposal of held) {
      if (!exists(proposal.origin) && this.#context.random.chance(0.5)) keeper.order(proposal)
    }
  }

  #settle(formed: Component, before: Component, isWinner: boolean, othersGoOn: boolean): void {
    const { random, timings } = this.#context
    const late =
      !isWinner && othersGoOn && random.chance(timings.lateMinorityShare) ? this.#draw(timings.lateMinorityMicros) : 0
    const interrupted = formed.members.filter((member) => this.#breakOffTransfer(member, before))
    const viewOf = new Map(formed.members.map((member) => [member, this.#oldView(member, before)]))
    for (const member of formed.members) {
      const paused = !member.host.running()
      const transferring =
        formed.members.length < before.members.length && (member.state === "donor" || member.state === "joining")
      if (paused || transferring || late > 0) {
        this.#freeze(member, viewOf.get(member))
        if (!paused) this.#thawAfter(member, transferring ? timings.transferLateMicros : late)
      }
    }
    if (isWinner) {
      formed.becomePrimaryView()
      for (const member of interrupted) this.#group.transfer.start(formed, member, "heal", undefined, () => {})
    }
    formed.held = formed.held.filter((proposal) => {
      if (proposal.origin.frozen) proposal.origin.waiting.push(proposal)
      return !proposal.origin.frozen
    })
    formed.settleHeld(timings.majorityRefusalShare)
    formed.announce()
  }

  // Missed changes that were on their way do not come any more: whoever waits for them asks again.
  #breakOffTransfer(member: Member, before: Component): boolean {
    if (member.state !== "joining" || member.stuck || member.history !== before.history) return false
    member.state = "synced"
    member.receiving = false
    member.forgetQueue()
    return true
  }

  #oldView(member: Member, component: Component): Member["shown"] {
    return (
      member.shown ?? {
        primary: component.primary,
        size: component.members.length,
        index: component.members.indexOf(member),
        viewNumber: component.viewNumber,
      }
    )
  }

  #freeze(member: Member, shown: Member["shown"]): void {
    member.frozen = true
    member.shown = shown
  }

  #thawAfter(member: Member, micros: number): void {
    // A joiner whose donor is gone never notices anything (findings 20 and 59).
    if (member.state === "joining") return
    this.#context.queue.after(micros, () => this.#thaw(member))
  }

  #thaw(member: Member): void {
    if (!member.frozen || !exists(member)) return
    member.frozen = false
    member.shown = undefined
    // It learns of the view that the others have had for a while.
    if (member.component?.primary === true) member.view = [...member.component.members]
    if (member.state === "donor") member.state = "synced"
    const waiting = member.waiting
    member.waiting = []
    for (const proposal of waiting) {
      const component = member.component
      if (component === undefined) proposal.done({ kind: "refused" })
      else if (component.primary) component.propose(proposal)
      else component.refuse(proposal)
    }
    this.#context.changed(member)
    this.#group.reassess()
  }

  // Nobody is primary for a while although everybody is connected (finding 54).
  #loseQuorum(component: Component): void {
    const { queue, random, timings } = this.#context
    queue.at(component.brokeAtMicros + timings.lostQuorumAtMicros, () => {
      if (!this.#group.components.includes(component)) return
      const acknowledged = component.held.filter(() => random.chance(timings.lastAcknowledgedShare))
      component.held = component.held.filter((proposal) => !acknowledged.includes(proposal))
      // Whoever is answered frees a worker, and what that one sends next waits like the others.
      for (const proposal of acknowledged) component.order(proposal)
      component.primary = false
      component.settleHeld(0)
      for (const member of component.members) member.shown = { primary: false, size: 1, index: 0, viewNumber: -1 }
      component.announce()
      queue.after(this.#draw(timings.lostQuorumMicros), () => {
        if (!this.#group.components.includes(component)) return
        component.stalled = component.broken.size > 0
        // What was to be decided about members that answer again is decided.
        if (!component.stalled) component.cancelTimer()
        component.becomePrimaryView()
        this.#group.reassess()
      })
    })
  }

  #draw(range: Range): number {
    return range.minMicros + this.#context.random.float() * (range.maxMicros - range.minMicros)
  }
}
