/**
 * Which hosts reach which. Packets of a cut link are dropped; what was sent meanwhile arrives after the link is back,
 * because TCP sends it again. The network never decides what a daemon does about it.
 */

/** A message that waits for its link. */
interface Held {
  readonly from: string
  readonly to: string
  readonly run: () => void
}

/** The links between hosts. */
export class Network {
  #cut = new Set<string>()
  #held: Array<Held> = []
  readonly #changed: () => void
  readonly #resend: (run: () => void) => void

  /** `changed` is called after every change of links, `resend` schedules what had been held by a link that is back. */
  constructor(changed: () => void, resend: (run: () => void) => void) {
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

  heal(): void {
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
