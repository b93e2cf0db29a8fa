/**
 * Finding 52: without pc.bootstrap and without a cold start no acknowledged write is ever lost, and in the end all
 * members hold the same rows. What the world adds in faults of its own would be charged to the engine.
 */
import { describe, expect, it } from "vitest"
import { RandomStream } from "../../src/runtime/RandomStream.ts"
import { Bench, brief } from "./Bench.ts"

const nodes = ["n1", "n2", "n3", "n4", "n5"]

const disturb = (bench: Bench, random: RandomStream, node: string): void => {
  const actions: ReadonlyArray<() => void> = [
    () =>
      bench.world.partition([
        ["n1", "n2", "n3"],
        ["n4", "n5"],
      ]),
    () =>
      bench.world.partition([
        ["n1", "n2"],
        ["n3", "n4", "n5"],
      ]),
    () => bench.world.heal(),
    () => bench.world.pause(node),
    () => bench.world.resume(node),
    () => bench.world.cut("n1", node === "n1" ? "n2" : node, true),
    () => {},
  ]
  random.pick(actions)?.()
}

const run = (seed: number): string | undefined => {
  const bench = new Bench(5, { seed, timings: { lateApplyShare: 0.3 } }).cluster(5)
  const random = new RandomStream(seed)
  const writes: Array<{ readonly id: number; readonly pending: ReturnType<Bench["send"]> }> = []
  for (let step = 0; step < 30; step++) {
    disturb(bench, random, `n${random.int(1, 5)}`)
    for (let count = 0; count < 6; count++) {
      const id = writes.length + 1
      writes.push({
        id,
        pending: bench.send(`n${random.int(1, 5)}`, `INSERT INTO c:t (id,v) VALUES (${id},1)`, 20_000),
      })
      bench.advance(random.int(1, 200))
    }
    bench.advance(random.int(10, 5000))
  }
  bench.world.heal()
  for (const node of nodes) bench.world.resume(node)
  bench.advance(60_000)
  const ids = nodes.map((node) => bench.ids(node))
  const stored = new Set(ids[0]?.split(","))
  const lost = writes.filter(({ id, pending }) => brief(pending.answer) === "ok 1" && !stored.has(String(id)))
  const states = nodes.map((node) => bench.state(node))
  const isWell = lost.length === 0 && new Set(ids).size === 1 && states.every((state) => state === "primary 5 synced")
  return isWell
    ? undefined
    : `seed ${seed}: ${lost.length} lost, ${new Set(ids).size} different copies, ${states.join(" | ")}`
}

describe("partitions and pauses", () => {
  it("lose nothing that was acknowledged, and leave all members alike", { timeout: 60_000 }, () => {
    const problems = Array.from({ length: 60 }, (_, index) => run(index + 1)).filter((problem) => problem !== undefined)
    expect(problems).toEqual([])
  })
})
