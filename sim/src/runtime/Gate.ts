/**
 * The door through which the outside reaches the fibers of one simulated process: timers that fire and answers that
 * arrive. A stalled process (SIGSTOP) finds them all when it goes on; for a killed one (SIGKILL) they are nothing. Its
 * fibers are not interrupted, since no finalizer runs in a process that is killed: they are never woken again.
 */

/** Open, closed for a while, or closed for ever. */
export class Gate {
  #state: "open" | "closed" | "gone" = "open"
  #held: Array<() => void> = []

  /** True while the process runs. */
  get isOpen(): boolean {
    return this.#state === "open"
  }

  /** True once the process was killed. */
  get isGone(): boolean {
    return this.#state === "gone"
  }

  /** Runs `wake` now, or when the process goes on, or never. */
  pass(wake: () => void): void {
    if (this.#state === "open") wake()
    else if (this.#state === "closed") this.#held.push(wake)
  }

  /** SIGSTOP. */
  close(): void {
    if (this.#state === "open") this.#state = "closed"
  }

  /** SIGCONT: what was held back arrives in its order. */
  open(): void {
    if (this.#state !== "closed") return
    this.#state = "open"
    const held = this.#held
    this.#held = []
    for (const wake of held) this.pass(wake)
  }

  /** SIGKILL. */
  destroy(): void {
    this.#state = "gone"
    this.#held = []
  }
}
