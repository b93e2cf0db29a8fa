/**
 * All views of one replication cluster that descend from one another: how they fall apart when members do not answer,
 * and how they become one again. Nothing here runs while all members answer: timers exist only while something is amiss.
 */
import type { Scheduled } from "../../runtime/EventQueue.ts"
import { Component, type GroupContext } from "./Component.ts"
import type { Member } from "./Member.ts"
import { byHost, isHeard } from "./Membership.ts"
import { Reunion } from "./Reunion.ts"
import { Separation } from "./Separation.ts"
import { type Arrival, StateTransfer, type TableCopier } from "./StateTransfer.ts"

/** Members that leave within this time leave in one view. */
const togetherWithinMicros = 2000

/** A JOIN that is connecting. Those that began together come in together. */
export interface PendingJoin {
  readonly member: Member
  readonly sinceMicros: number
  readonly donor: Member
  readonly joined: (member: Member) => void
  /** True once the members have seen that it does not answer any more. */
  interrupted: boolean
  /** True once it is connected and waits for a primary view: a view without quorum counts it. */
  connected: boolean
  /** When it gives up waiting for one. */
  givesUp: Scheduled | undefined
}

/** One replication cluster as a whole. */
export class ReplicationGroup {
  readonly name: string
  readonly context: GroupContext
  readonly transfer: StateTransfer
  components: Array<Component> = []
  /** JOINs that are on their way in. */
  joining: Array<PendingJoin> = []
  /** True while there is nobody because the last member left of its own will. */
  isLeft = false
  readonly #separation: Separation
  readonly #reunion: Reunion

  constructor(name: string, context: GroupContext, copier: TableCopier) {
    this.name = name
    this.context = context
    this.transfer = new StateTransfer(context, copier, (member) => this.#destroy(member))
    this.#separation = new Separation(this)
    this.#reunion = new Reunion(this)
  }

  /** A first view of one member, primary at once. */
  found(member: Member, history: number, seqno: number): Component {
    const component = this.form([member], undefined, { history, seqno })
    member.state = "synced"
    member.standAt(history, seqno)
    component.becomePrimaryView()
    this.context.settled()
    return component
  }

  /** Lets new members into a primary view; several that come at one instant make one view. */
  admit(
    component: Component,
    arrivals: ReadonlyArray<Member>,
    arrival: Arrival,
    preferred: Member | undefined,
    done: (member: Member) => void,
  ): void {
    for (const member of arrivals) {
      component.members.push(member)
      member.component = component
      if (!member.frozen) member.shown = undefined
      if (!member.stuck) member.state = "joining"
    }
    component.members.sort(byHost)
    // Who was waiting for a primary view is part of the one that has just become it.
    if (component.primarySinceMicros === this.context.queue.nowMicros && component.viewNumber > 1)
      component.viewNumber--
    component.becomePrimaryView()
    for (const member of arrivals) {
      if (!member.stuck) this.transfer.start(component, member, arrival, preferred, () => done(member))
    }
    this.reassess()
  }

  /** A process that was a member comes back to a view that has no quorum. */
  returnTo(component: Component, member: Member, done: () => void): void {
    const alone = this.form([member], component, { history: member.history, seqno: member.applied })
    member.state = "joining"
    this.#reunion.join(component, alone, "restart", done)
  }

  /** A member leaves of its own will: the quorum is counted without it from now on, if the others hear of it. */
  leave(member: Member): void {
    const component = member.component
    if (component === undefined) return
    if (member.host.running()) member.drain()
    this.#refuseOwn(component, member)
    const others = component.members.filter((other) => other !== member)
    if (others.length === 0 || isHeard(member, others, this.context.linked)) this.#removeCleanly(component, member)
    else {
      // Cut off from the others, it is just another one that does not answer.
      member.gone = true
      member.component = undefined
    }
    component.announce()
    this.reassess()
  }

  #removeCleanly(component: Component, member: Member): void {
    component.remove(member)
    for (const pair of [...component.broken.keys()]) {
      if (pair.split(" ").includes(member.host.name)) component.broken.delete(pair)
    }
    if (component.members.length === 0) {
      this.discard(component)
      this.isLeft = this.components.length === 0
    } else if (component.primary) this.#viewWithout(component)
    else component.quorumBase = component.quorumBase.filter((host) => host !== member.host.name)
    if (component.stalled && component.broken.size === 0 && component.members.length > 0) {
      component.cancelTimer()
      component.stalled = false
      component.settleHeld(0)
    }
  }

  #viewWithout(component: Component): void {
    const now = this.context.queue.nowMicros
    if (now - component.leftAtMicros < togetherWithinMicros) component.viewNumber--
    component.leftAtMicros = now
    component.becomePrimaryView()
    // Nobody is left who has all rows (finding 19).
    if (component.members.every((member) => member.state === "joining" && member.stuck)) component.primary = false
  }

  /** `pc.bootstrap`: this view declares itself primary. */
  bootstrap(component: Component): void {
    if (!component.primary) {
      component.becomePrimaryView()
      const best = component.members.find((member) => member.state === "synced")
      if (best !== undefined) this.#reunion.catchUp(component, best)
    }
    this.reassess()
  }

  /** To be called whenever a process starts, ends, is paused or woken, or a link changes. */
  reassess(): void {
    for (const component of [...this.components]) this.#separation.look(component)
    for (const join of this.joining) this.#separation.lookAtJoin(join)
    this.#separation.lookAtUnaware()
    this.settled()
  }

  /** A paused process goes on. */
  woken(member: Member): void {
    this.#separation.woken(member)
  }

  /** To be called when a view can go on. */
  settled(): void {
    this.#reunion.consider()
    this.context.settled()
  }

  /** Forms a view, not primary yet. */
  form(
    members: Array<Member>,
    from: Component | undefined,
    at: { readonly history: number; readonly seqno: number },
  ): Component {
    const component = new Component(this.context, {
      members,
      primary: false,
      viewNumber: from?.viewNumber ?? 0,
      quorumBase: from?.quorumBase ?? [],
      ...at,
    })
    this.components.push(component)
    this.isLeft = false
    return component
  }

  /** A view is no more. */
  discard(component: Component): void {
    component.cancelTimer()
    component.cancelResume()
    this.components = this.components.filter((other) => other !== component)
  }

  #refuseOwn(component: Component, member: Member): void {
    const own = component.held.filter((proposal) => proposal.origin === member)
    component.held = component.held.filter((proposal) => proposal.origin !== member)
    for (const proposal of [...own, ...member.waiting]) proposal.done({ kind: "refused" })
    member.waiting = []
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
}
