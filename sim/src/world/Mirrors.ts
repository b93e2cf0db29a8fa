/**
 * Which mirror of a shard a wrapper turns to. A choice stays until it fails; a mirror that failed is avoided until it
 * has answered pings again (`noerrors`) or until no other is left; with none left, the one that was good last is tried
 * again and again (finding 31).
 */
import type { Daemon } from "./Daemon.ts"
import type { Mirror, Target, Wrapper } from "./storage/Wrapper.ts"

interface Choice {
  current: number
  readonly failedAtMicros: Map<number, number>
}

const key = (wrapper: Wrapper, target: Target): string => `${wrapper.name} ${target.text}`

/** The choices of one daemon. */
export class Mirrors {
  readonly #daemon: Daemon
  readonly #choices = new Map<string, Choice>()

  constructor(daemon: Daemon) {
    this.#daemon = daemon
  }

  /** The mirror to turn to now. */
  choose(wrapper: Wrapper, target: Target): Mirror | undefined {
    const choice = this.#choice(wrapper, target)
    if (!this.#isAvoided(target, choice, choice.current)) return target.mirrors[choice.current]
    const other = target.mirrors.findIndex((_, index) => !this.#isAvoided(target, choice, index))
    if (other >= 0) choice.current = other
    return target.mirrors[choice.current]
  }

  /** Notes that a mirror could not be reached. */
  failed(wrapper: Wrapper, target: Target, mirror: Mirror): void {
    this.#choice(wrapper, target).failedAtMicros.set(target.mirrors.indexOf(mirror), this.#daemon.context.queue.nowMicros)
  }

  /** Notes that a mirror answered. */
  answered(wrapper: Wrapper, target: Target, mirror: Mirror): void {
    const choice = this.#choices.get(key(wrapper, target))
    if (choice !== undefined && choice.failedAtMicros.size > 0) choice.failedAtMicros.delete(target.mirrors.indexOf(mirror))
  }

  #choice(wrapper: Wrapper, target: Target): Choice {
    const name = key(wrapper, target)
    let choice = this.#choices.get(name)
    if (choice === undefined) {
      choice = { current: this.#daemon.context.random.int(0, Math.max(0, target.mirrors.length - 1)), failedAtMicros: new Map() }
      this.#choices.set(name, choice)
    }
    return choice
  }

  #isAvoided(target: Target, choice: Choice, index: number): boolean {
    const failedAt = choice.failedAtMicros.get(index)
    if (failedAt === undefined) return false
    if (!target.options.has("ha_strategy")) return true
    const { context } = this.#daemon
    const host = context.hostAt(target.mirrors[index]?.address ?? "")
    const peer = host?.daemon
    const now = context.queue.nowMicros
    const pinged = peer !== undefined && peer.accepting && peer.running() && context.network.connects(this.#daemon.name, peer.name) &&
      now - Math.max(peer.upSinceMicros, failedAt) > context.timings.agentAvoidMicros
    if (pinged) choice.failedAtMicros.delete(index)
    return !pinged
  }
}
