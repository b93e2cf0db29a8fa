/** States by key over time, kept only when they change. */
import type { Change } from "./Recording.ts"

export class Changes<State> {
  readonly #byKey = new Map<string, Array<Change<State>>>()
  readonly #same: (a: State, b: State) => boolean

  constructor(same: (a: State, b: State) => boolean = Object.is) {
    this.#same = same
  }

  /** From this time on the state is this one. */
  set(key: string, atMs: number, state: State): void {
    const changes = this.#byKey.get(key)
    if (changes === undefined) this.#byKey.set(key, [{ atMs, state }])
    else {
      const last = changes.at(-1)
      if (last === undefined || !this.#same(last.state, state)) changes.push({ atMs, state })
    }
  }

  of(key: string): ReadonlyArray<Change<State>> {
    return this.#byKey.get(key) ?? []
  }

  get keys(): ReadonlyArray<string> {
    return [...this.#byKey.keys()]
  }
}
