/**
 * Which hosts reach which. Packets of a cut link are dropped; what was sent meanwhile arrives after the link is back,
 * because TCP sends it again. The network never decides what a daemon does about it.
 */
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Link, LinkQuality } from "./SimulatedCluster.ts"

/** A message that waits for its link. */
interface Held {
  readonly from: string
  readonly to: string
  readonly run: () => void
}

/** What a link does to messages: see `LinkQuality`. */
interface Shape {
  readonly latencyMicros: number
  readonly loss: number
}

/** TCP sends a lost packet again after this time, then after twice that, and so on. */
const resendMicros = 200_000
const resendsMax = 6

/** The links between hosts. */
export class Network {
  #cut = new Set<string>()
  #held: Array<Held> = []
  readonly #shapes = new Map<string, Shape>()
  readonly #random: RandomStream
  readonly #changed: () => void
  readonly #resend: (run: () => void) => void

  /** `changed` is called after every change of links, `resend` schedules what had been held by a link that is back. */
  constructor(random: RandomStream, changed: () => void, resend: (run: () => void) => void) {
    this.#random = random
    this.#changed = changed
    this.#resend = resend
  }

  /** True if packets from one host reach the other. `null` is the outside, which reaches every host. */
  sends(from: string | null, to: string | null): boolean {
    if (this.#cut.size === 0 || from === null || to === null || from === to) return true
    return !this.#cut.has(`${from}>${to}`)
  }

  /** True if packets go both ways, so that a connection works. */
  connects(a: string | null, b: string | null): boolean {
    return this.sends(a, b) && this.sends(b, a)
  }

  /** Changes what a link does; nothing left to do makes it a good one. */
  shape(from: string, to: string, { latencyMicros = 0, loss = 0 }: LinkQuality): void {
    if (loss < 0 || loss >= 1) throw new Error(`the loss of a link is from 0 to below 1, not ${loss}`)
    if (latencyMicros === 0 && loss === 0) this.#shapes.delete(`${from}>${to}`)
    else this.#shapes.set(`${from}>${to}`, { latencyMicros, loss })
  }

  /** How much longer a message takes than over a good link. */
  delayMicros(from: string | null, to: string | null): number {
    if (this.#shapes.size === 0) return 0
    const shape = this.#shapes.get(`${from}>${to}`)
    if (shape === undefined) return 0
    let micros = shape.latencyMicros
    for (let resend = 0; resend < resendsMax && shape.loss > 0 && this.#random.chance(shape.loss); resend++)
      micros += resendMicros * 2 ** resend
    return micros
  }

  /** Keeps a message until its link is back. */
  hold(from: string, to: string, run: () => void): void {
    this.#held.push({ from, to, run })
  }

  partition(hosts: ReadonlyArray<string>, groups: ReadonlyArray<ReadonlyArray<string>>): void {
    const side = new Map<string, number>()
    groups.forEach((group, index) => {
      for (const host of group) side.set(host, index)
    })
    this.#cut = new Set()
    for (const from of hosts) {
      for (const to of hosts) {
        const a = side.get(from)
        const b = side.get(to)
        if (a !== undefined && b !== undefined && a !== b) this.#cut.add(`${from}>${to}`)
      }
    }
    this.#settle()
  }

  cut(from: string, to: string, symmetric: boolean): void {
    this.#cut.add(`${from}>${to}`)
    if (symmetric) this.#cut.add(`${to}>${from}`)
    this.#settle()
  }

  /** Cuts several links at once. */
  cutLinks(links: ReadonlyArray<Link>): void {
    for (const [from, to] of links) this.#cut.add(`${from}>${to}`)
    this.#settle()
  }

  /** Takes back that these links are cut. */
  mend(links: ReadonlyArray<Link>): void {
    for (const [from, to] of links) this.#cut.delete(`${from}>${to}`)
    this.#settle()
  }

  heal(): void {
    this.#shapes.clear()
    this.#cut = new Set()
    this.#settle()
  }

  #settle(): void {
    const held = this.#held
    this.#held = []
    for (const message of held) {
      if (this.sends(message.from, message.to)) this.#resend(message.run)
      else this.#held.push(message)
    }
    this.#changed()
  }
}
