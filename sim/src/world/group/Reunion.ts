/**
 * How views of one group become one again when they are in reach: who has no quorum joins those who have it, and
 * without any quorum it takes everybody of the last primary view (findings 45, 52, 57, 58).
 */
import type { Range } from "../Timings.ts"
import type { Component, GroupContext } from "./Component.ts"
import type { Member } from "./Member.ts"
import { byHost, meet } from "./Membership.ts"
import type { ReplicationGroup } from "./ReplicationGroup.ts"
import type { Arrival } from "./StateTransfer.ts"

/** Brings the views of one group together. */
export class Reunion {
  readonly #group: ReplicationGroup
  readonly #context: GroupContext
  /** Pairs of views that are about to meet. */
  readonly #merging = new Set<string>()

  constructor(group: ReplicationGroup) {
    this.#group = group
    this.#context = group.context
  }

  /** Looks which views are in reach of each other. */
  consider(): void {
    const { queue, linked, timings } = this.#context
    for (const [index, a] of this.#group.components.entries()) {
      for (const b of this.#group.components.slice(index + 1)) {
        if ((a.primary && b.primary) || a.stalled || b.stalled || !this.#canMeet(a) || !this.#canMeet(b)) continue
        const key = `${a.number} ${b.number}`
        if (this.#merging.has(key) || !meet(a.members, b.members, linked)) continue
        this.#merging.add(key)
        const recent = queue.nowMicros - Math.max(a.formedAtMicros, b.formedAtMicros) < timings.recentEvictionMicros
        const soon = a.mergesSoon || b.mergesSoon
        const micros = soon
          ? timings.missedBaseMicros
          : this.#draw(recent ? timings.recentMergeMicros : timings.mergeMicros)
        queue.after(micros, () => this.#meetAgain(key, a, b))
      }
    }
  }

  #canMeet(component: Component): boolean {
    return (
      component.members.every((member) => !member.frozen || member.stuck) &&
      component.members.some((member) => member.host.running())
    )
  }

  #meetAgain(key: string, a: Component, b: Component): void {
    this.#merging.delete(key)
    const present = this.#group.components.includes(a) && this.#group.components.includes(b)
    if (!present || (a.primary && b.primary) || a.stalled || b.stalled) return
    if (!this.#canMeet(a) || !this.#canMeet(b) || !meet(a.members, b.members, this.#context.linked)) return
    const anchor = b.primary ? b : a
    // Everybody who is in reach meets at once.
    const others = this.#group.components.filter(
      (other) =>
        other !== anchor &&
        !other.primary &&
        !other.stalled &&
        this.#canMeet(other) &&
        meet(anchor.members, other.members, this.#context.linked),
    )
    // An eviction that was agreed on while all were back already makes no view of its own.
    if (others.some((other) => other.mergesSoon) && anchor.mergesSoon && anchor.primary) anchor.viewNumber--
    anchor.mergesSoon = false
    if (anchor.primary) this.#joinAll(anchor, others, "heal", () => {})
    else for (const other of others) this.join(anchor, other, "heal", () => {})
  }

  #joinAll(into: Component, others: ReadonlyArray<Component>, arrival: Arrival, done: () => void): void {
    for (const other of others) this.#group.discard(other)
    this.#group.admit(
      into,
      others.flatMap((other) => other.members),
      arrival,
      undefined,
      done,
    )
    for (const other of others) this.#deliverStowaways(into, other)
    into.settleHeld(0)
  }

  /** Makes two views one; the first stays if it is primary. */
  join(into: Component, from: Component, arrival: Arrival, done: () => void): void {
    if (into.primary) {
      this.#joinAll(into, [from], arrival, done)
      return
    }
    this.#group.discard(from)
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
    this.#group.reassess()
  }

  /** A view without quorum goes on, and who is behind gets what it missed. */
  #regain(component: Component, done: () => void): void {
    const best = component.members.reduce((a, b) => (b.applied > a.applied ? b : a))
    best.drain()
    component.seqno = best.applied
    component.history = best.history
    component.becomePrimaryView()
    this.catchUp(component, best)
    done()
  }

  /** Members of a view that has become primary have all rows, or get them. */
  catchUp(component: Component, best: Member): void {
    for (const member of component.members) {
      if (member.stuck) continue
      member.drain()
      if (member === best || (member.history === best.history && member.applied === best.applied)) {
        if (member.state === "joining") member.state = "synced"
      } else this.#group.transfer.start(component, member, "heal", best, () => {})
    }
  }

  #deliverStowaways(into: Component, from: Component): void {
    const { queue, timings } = this.#context
    const isSoon = queue.nowMicros - from.formedAtMicros < timings.refusedButStoredWithinMicros
    const stowaways = isSoon ? from.stowaways : []
    from.stowaways = []
    for (const proposal of stowaways) into.order({ ...proposal, done: () => {} })
  }

  #draw(range: Range): number {
    return range.minMicros + this.#context.random.float() * (range.maxMicros - range.minMicros)
  }
}
