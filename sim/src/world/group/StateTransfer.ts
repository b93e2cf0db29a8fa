/**
 * How a node that was away, or is new, gets what the others have: the missed changes by number (IST), or a full copy
 * of all tables of the cluster (SST). By number means just that: nobody looks whether the two histories are one
 * (finding 46).
 */
import type { Component, GroupContext } from "./Component.ts"
import type { Member } from "./Member.ts"

/** Moves tables between nodes; the world implements it. */
export interface TableCopier {
  /** Bytes of the tables of the cluster on the donor. */
  bytes(donor: Member): number
  /** Overwrites same-named tables on the receiver with the donor's. */
  copy(donor: Member, receiver: Member): void
  /** True if the node holds a table of that name. */
  holds(member: Member, table: string): boolean
  /** Makes these the tables of the cluster on the node. */
  setTables(member: Member, tables: ReadonlyArray<string>): void
  /** Notes on disk what the member knows of its cluster. */
  save(member: Member): void
  /** How many times longer than usual a copy takes now. */
  slowness(donor: Member, receiver: Member): number
  /** True if a copy that could end well now is to fail. */
  fails(donor: Member, receiver: Member): boolean
}

/** Why a member comes in. */
export type Arrival = "join" | "restart" | "heal"

const sameTables = (a: Member, b: Member): boolean =>
  a.tables.length === b.tables.length && a.tables.every((table) => b.tables.includes(table))

/** Chooses who sends: the first synced member that is not the receiver. */
export const chooseDonor = (
  component: Component,
  receiver: Member,
  preferred: Member | undefined,
): Member | undefined => {
  const able = component.members.filter(
    (member) => member !== receiver && member.state === "synced" && !member.frozen && member.host.running(),
  )
  return preferred !== undefined && able.includes(preferred) ? preferred : able[0]
}

/** Progress is passed on now and then; short transfers are over before. */
const firstShownMicros = 3_000_000

/** State transfer of one receiver. */
export class StateTransfer {
  readonly #context: GroupContext
  readonly #copier: TableCopier
  /** Called with a member that must leave its group in shame (finding 48). */
  readonly #destroy: (member: Member) => void

  constructor(context: GroupContext, copier: TableCopier, destroy: (member: Member) => void) {
    this.#context = context
    this.#copier = copier
    this.#destroy = destroy
  }

  /** Starts the transfer. `done` is called when the receiver is synced; never, if it ends otherwise. */
  start(
    component: Component,
    receiver: Member,
    arrival: Arrival,
    preferred: Member | undefined,
    done: () => void,
  ): void {
    const donor = chooseDonor(component, receiver, preferred)
    receiver.drain()
    donor?.drain()
    receiver.state = "joining"
    receiver.receiving = true
    receiver.cameInAt = component.seqno
    receiver.transfer = { total: 0, stage: "unknown", table: "0 ((null))", tables: 0 }
    if (donor === undefined) {
      this.#context.queue.after(this.#context.timings.askPeerMicros, () => {
        if (receiver.component === component && receiver.state === "joining")
          this.start(component, receiver, arrival, preferred, done)
      })
      return
    }
    const missed = receiver.history === component.history ? donor.keptAfter(receiver.applied) : undefined
    const mustCopy =
      missed === undefined || arrival === "join" || (arrival === "restart" && !sameTables(donor, receiver))
    if (mustCopy) this.#fullCopy(component, donor, receiver, done)
    else this.#missedChanges(component, donor, receiver, arrival, done)
  }

  #fullCopy(component: Component, donor: Member, receiver: Member, done: () => void): void {
    const { queue, timings } = this.#context
    donor.state = "donor"
    donor.catchUp(queue.nowMicros)
    const total = Math.max(1, Math.round(this.#copier.bytes(donor) / 1_000_000))
    const usualMicros = timings.copyBaseMicros + (this.#copier.bytes(donor) / timings.copyBytesPerSecond) * 1_000_000
    const micros = usualMicros * this.#copier.slowness(donor, receiver)
    const percentFrom = this.#progress(donor, receiver, micros)
    receiver.transfer = { ...receiver.transfer, percent: percentFrom(receiver.transfer.total) }
    donor.transfer =
      donor.tables.length === 0
        ? receiver.transfer
        : {
            total,
            percent: percentFrom(total),
            stage: "analyze remote",
            table: `0 (${donor.tables[0] ?? ""})`,
            tables: donor.tables.length,
          }
    this.#tell("started", donor, receiver, "all tables", "under way")
    this.#context.changed(donor)
    queue.after(micros, () => this.#finishCopy(component, donor, receiver, done))
  }

  /** The percentage that both show: it grows with the rows that were sent, and stands still while none are. */
  #progress(donor: Member, receiver: Member, micros: number): (first: number) => () => number {
    const { queue } = this.#context
    const startMicros = queue.nowMicros
    return (first) => {
      let last = first
      return () => {
        const passed = queue.nowMicros - startMicros
        const moves =
          donor.host.running() && receiver.host.running() && this.#context.linked(donor.host.name, receiver.host.name)
        if (moves && passed >= firstShownMicros)
          last = Math.max(last, Math.floor(first + (99 - first) * Math.min(1, passed / micros)))
        return last
      }
    }
  }

  #finishCopy(component: Component, donor: Member, receiver: Member, done: () => void): void {
    if (donor.host.exists() && receiver.host.exists() && !(donor.host.running() && receiver.host.running())) {
      // One of them is paused: the transfer goes on when it is woken.
      this.#context.queue.after(this.#context.timings.askPeerMicros, () =>
        this.#finishCopy(component, donor, receiver, done),
      )
      return
    }
    if (!receiver.host.exists() || receiver.component === undefined) {
      this.#tell("ended", donor, receiver, "all tables", "broken off")
      if (donor.state === "donor") donor.state = "synced"
      this.#context.changed(donor)
      return
    }
    if (receiver.stuck) {
      // The cluster was deleted under it (finding 19).
      if (donor.state === "donor") donor.state = "synced"
      this.#tell("ended", donor, receiver, "all tables", "broken off")
      this.#context.changed(donor)
      return
    }
    if (!donor.host.exists() || !this.#context.linked(donor.host.name, receiver.host.name)) {
      // The receiver waits for rows that nobody sends any more (findings 20 and 59).
      receiver.stuck = true
      this.#tell("ended", donor, receiver, "all tables", "broken off")
      return
    }
    donor.state = "synced"
    if (this.#copier.fails(donor, receiver)) {
      this.#context.changed(donor)
      this.#tell("ended", donor, receiver, "all tables", "failed")
      this.#destroy(receiver)
      receiver.transferFailed?.()
      return
    }
    donor.drain()
    this.#copier.copy(donor, receiver)
    this.#copier.setTables(receiver, donor.tables)
    receiver.standAt(component.history, donor.applied)
    receiver.state = "synced"
    receiver.receiving = false
    receiver.frozen = false
    receiver.shown = undefined
    receiver.catchUp(this.#context.queue.nowMicros)
    this.#copier.save(receiver)
    this.#tell("ended", donor, receiver, "all tables", "synced")
    this.#context.changed(donor)
    this.#context.changed(receiver)
    done()
  }

  #tell(
    state: "started" | "ended",
    donor: Member,
    receiver: Member,
    what: "all tables" | "missed writes",
    outcome: "under way" | "synced" | "failed" | "broken off",
  ): void {
    this.#context.transfer(state, receiver.name, donor.host.name, receiver.host.name, what, outcome)
  }

  #missedChanges(component: Component, donor: Member, receiver: Member, arrival: Arrival, done: () => void): void {
    const { queue, timings } = this.#context
    const unknown = donor.tables.filter((table) => !this.#copier.holds(receiver, table))
    if (arrival === "heal" && unknown.length > 0) {
      this.#endDestroyed(donor, receiver)
      return
    }
    const gone = receiver.tables.filter((table) => !donor.tables.includes(table))
    this.#copier.setTables(receiver, [
      ...receiver.tables.filter((table) => donor.tables.includes(table)),
      ...donor.tables.filter((table) => !receiver.tables.includes(table)),
    ])
    if (arrival === "heal" && gone.length > 0) {
      this.#applyUntilDetached(donor, receiver, gone)
      receiver.stuck = true
      receiver.transfer = {
        total: 0,
        stage: "await nodes sync",
        table: `0 (${receiver.tables.at(-1) ?? ""})`,
        tables: 1,
      }
      return
    }
    const missed = component.seqno - receiver.applied
    const applyMicros = (missed / timings.missedWritesPerSecond) * 1_000_000
    const restMicros = missed === 0 ? 0 : timings.missedBaseMicros
    this.#tell("started", donor, receiver, "missed writes", "under way")
    queue.after(applyMicros, () => this.#applyMissed(component, donor, receiver, done, restMicros))
  }

  /** What it missed is applied up to the change that takes the first of these tables out, which it fails on (finding 49). */
  #applyUntilDetached(donor: Member, receiver: Member, tables: ReadonlyArray<string>): void {
    const missed = donor.keptAfter(receiver.applied) ?? []
    const end = missed.findIndex(
      ({ change }) => change?.kind === "detach" && change.tables.some((table) => tables.includes(table)),
    )
    receiver.forgetQueue()
    receiver.queueFirst(missed.slice(0, Math.max(0, end)))
    receiver.receiving = false
    receiver.drain()
  }

  #applyMissed(component: Component, donor: Member, receiver: Member, done: () => void, restMicros: number): void {
    if (receiver.component !== component || receiver.state !== "joining") {
      this.#tell("ended", donor, receiver, "missed writes", "broken off")
      return
    }
    donor.drain()
    const missed = donor.keptAfter(receiver.applied)
    if (missed === undefined) {
      this.#tell("ended", donor, receiver, "missed writes", "broken off")
      this.#fullCopy(component, donor, receiver, done)
      return
    }
    receiver.forgetQueue()
    receiver.queueFirst(missed)
    receiver.receiving = false
    receiver.drain()
    this.#context.queue.after(restMicros, () => {
      if (receiver.component !== component || receiver.state !== "joining") {
        this.#tell("ended", donor, receiver, "missed writes", "broken off")
        return
      }
      receiver.state = "synced"
      this.#tell("ended", donor, receiver, "missed writes", "synced")
      this.#copier.save(receiver)
      this.#context.changed(receiver)
      done()
    })
  }

  #endDestroyed(donor: Member, receiver: Member): void {
    const { queue, random, timings } = this.#context
    const { minMicros, maxMicros } = timings.destroyedMicros
    donor.state = "donor"
    this.#context.changed(donor)
    this.#destroy(receiver)
    queue.after(random.int(minMicros, maxMicros), () => {
      if (donor.state === "donor") donor.state = "synced"
      this.#context.changed(donor)
    })
  }
}
