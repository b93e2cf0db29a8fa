/** A lock that is served in the order of asking. Who never unlocks, never lets others in: that is the point. */
export class Lock {
  #held = false
  #waiting: Array<() => void> = []

  get isHeld(): boolean {
    return this.#held
  }

  /** Calls `run` as soon as the lock is free, perhaps now. */
  acquire(run: () => void): void {
    if (this.#held) this.#waiting.push(run)
    else {
      this.#held = true
      run()
    }
  }

  /** Lets the next one in. */
  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#held = false
    else next()
  }
}
