import { describe, expect, it } from "vitest"
import { RandomStream } from "../../src/runtime/RandomStream.ts"

const draws = (stream: RandomStream) => Array.from({ length: 5 }, () => stream.int(0, 1_000_000))

describe("a stream that branches", () => {
  it("has drawn the same until then, and draws by the fresh seed from then on, as do all that come from it", () => {
    const before = (seed: number | undefined) => {
      const origin = new RandomStream(42)
      const child = origin.stream("world")
      const first = draws(child)
      if (seed !== undefined) origin.branch(seed)
      return { first, child: draws(child), origin: draws(origin), late: draws(child.stream("late")) }
    }
    const [unbranched, one, again, other] = [before(undefined), before(1), before(1), before(2)]
    expect(again).toEqual(one)
    for (const branched of [one, other]) {
      expect(branched.first).toEqual(unbranched.first)
      for (const stream of ["child", "origin", "late"] as const)
        expect(branched[stream]).not.toEqual(unbranched[stream])
    }
    expect(one.child).not.toEqual(other.child)
    expect(one.child).not.toEqual(one.origin)
  })
})
