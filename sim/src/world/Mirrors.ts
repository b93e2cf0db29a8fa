/**
 * Which mirror of a shard a wrapper turns to. With `ha_strategy` a choice stays until it fails, without it each
 * statement draws anew; a mirror that failed is avoided until it has answered pings again (`noerrors`) or until no other is left; with none left, the one that was good last is tried
 * again and again (finding 31).
 */
import type { Daemon } from "./Daemon.ts"
import type { Mirror, Target, Wrapper } from "./storage/Wrapper.ts"

interface Choice {
  current: number
  /** The one that answered last. */
  good: number
  readonly failedAtMicros: Map<number, number>
}

/** The choices of one daemon. */
export class Mirrors {
  readonly #daemon: Daemon
  /** By wrapper and target in words, so that a wrapper that is made anew as it was goes on with them. */
  readonly #choices = new Map<string, Choice>()
  readonly #ofTargets = new WeakMap<Target, Choice>()

  constructor(daemon: Daemon) {
    this.#daemon = daemon
  }

  /** The mirror to turn to now. */
  choose(wrapper: Wrapper, target: Target): Mirror | undefined {
    const choice = this.#choice(wrapper, target)
    const isSticky = target.options.has("ha_strategy") || wrapper.kind === "distributed"
    if (isSticky && !this.#isAvoided(target, choice, choice.current)) return target.mirrors[choice.current]
    const able = target.mirrors.map((_, index) => index).filter((index) => !this.#isAvoided(target, choice, index))
    choice.current = able.length > 1 ? (this.#daemon.context.random.pick(able) ?? 0) : (able[0] ?? choice.good)
    return target.mirrors[choice.current]
  }

  /** Notes that a mirror could not be reached. */
  failed(wrapper: Wrapper, target: Target, mirror: Mirror): void {
    this.#choice(wrapper, target).failedAtMicros.set(
      target.mirrors.indexOf(mirror),
      this.#daemon.context.queue.nowMicros,
    )
  }

  /** Notes that a mirror answered. */
  answered(wrapper: Wrapper, target: Target, mirror: Mirror): void {
    if (target.mirrors.length < 2) return
    const choice = this.#choice(wrapper, target)
    choice.good = target.mirrors.indexOf(mirror)
    choice.failedAtMicros.delete(choice.good)
  }

  #choice(wrapper: Wrapper, target: Target): Choice {
    const known = this.#ofTargets.get(target)
    if (known !== undefined) return known
    const name = `${wrapper.name} ${target.text}`
    let choice = this.#choices.get(name)
    if (choice === undefined) {
      const first = target.mirrors.length < 2 ? 0 : this.#daemon.context.random.int(0, target.mirrors.length - 1)
      choice = { current: first, good: first, failedAtMicros: new Map() }
      this.#choices.set(name, choice)
    }
    this.#ofTargets.set(target, choice)
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
    const pinged =
      peer !== undefined &&
      peer.accepting &&
      peer.running() &&
      context.network.connects(this.#daemon.name, peer.name) &&
      now - Math.max(peer.upSinceMicros, failedAt) > context.timings.agentAvoidMicros
    if (pinged) choice.failedAtMicros.delete(index)
    return !pinged
  }
}
