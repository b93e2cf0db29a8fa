/**
 * Randomness of a simulation: named streams derived from one seed. Each part of the simulator draws from a stream of
 * its own, so that one more draw in one part does not change what another part sees.
 */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64"
import { uniformInt } from "pure-rand/distribution/uniformInt"
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"

const hashName = (seed: number, name: string): number => {
  let hash = 0x811c9dc5 ^ seed
  for (let index = 0; index < name.length; index++) {
    hash ^= name.charCodeAt(index)
    hash = Math.imul(hash, 0x01000193)
  }
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  hash ^= hash >>> 12
  return hash | 0
}

/** What all streams of one run share: whether they draw from a fresh seed by now, and from which. */
interface Origin {
  branches: number
  seed: number
}

/** A deterministic source of random numbers. */
export class RandomStream {
  readonly #seed: number
  readonly #origin: Origin
  #branches = 0
  #generator: ReturnType<typeof xoroshiro128plus>

  constructor(seed: number, origin: Origin = { branches: 0, seed: 0 }) {
    this.#seed = seed | 0
    this.#origin = origin
    this.#generator = xoroshiro128plus(this.#seed)
  }

  /** An independent stream that depends on this stream's seed and the name only, not on what was drawn before. */
  stream(name: string): RandomStream {
    return new RandomStream(hashName(this.#seed, name), this.#origin)
  }

  /** From now on this stream, and every stream that comes from the same one, draws as if it had begun with another seed. */
  branch(seed: number): void {
    this.#origin.branches++
    this.#origin.seed = seed
  }

  /** An integer in `min … max`, both included. */
  int(min: number, max: number): number {
    return uniformInt(this.#current(), min, max)
  }

  /** A number in `[0, 1)`. */
  float(): number {
    return uniformFloat64(this.#current())
  }

  #current(): ReturnType<typeof xoroshiro128plus> {
    const { branches, seed } = this.#origin
    if (branches !== this.#branches) {
      this.#branches = branches
      this.#generator = xoroshiro128plus(hashName(this.#seed, `branch ${branches} ${seed}`))
    }
    return this.#generator
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.float() < probability
  }

  /** One of the items; undefined for an empty list. */
  pick<A>(items: ReadonlyArray<A>): A | undefined {
    return items.length === 0 ? undefined : items[this.int(0, items.length - 1)]
  }

  /** A copy of the items in random order. */
  shuffle<A>(items: ReadonlyArray<A>): Array<A> {
    const result = [...items]
    for (let index = result.length - 1; index > 0; index--) {
      const other = this.int(0, index)
      const a = result[index] as A // both indices are within bounds
      result[index] = result[other] as A
      result[other] = a
    }
    return result
  }
}
