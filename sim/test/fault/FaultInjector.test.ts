/** Faults mean the nodes that they should, and end without taking anything else with them. */
import * as Duration from "effect/Duration"
import { describe, expect, it } from "vitest"
import { aimFault } from "../../src/fault/aim.ts"
import { FaultInjector } from "../../src/fault/FaultInjector.ts"
import type { Installation } from "../../src/fault/Installation.ts"
import { drawMicros, recur } from "../../src/fault/recur.ts"
import { NodeClock } from "../../src/runtime/NodeClock.ts"
import { RandomStream } from "../../src/runtime/RandomStream.ts"
import type { Course, Fault, Target } from "../../src/scenario/Fault.ts"
import { Bench } from "../world/Bench.ts"

const setup = (nodes: number, seed = 1) => {
  const bench = new Bench(nodes)
  const { world, queue } = bench
  const nothing = () => {}
  const installation: Installation = {
    world,
    queue,
    names: world.nodes.map(({ name }) => name),
    members: world.nodes.map(({ name }) => name),
    processes: {
      kill: (node) => world.kill(node),
      stop: nothing,
      start: (node) => world.start(node),
      revive: (node) => world.start(node),
      pause: nothing,
      resume: nothing,
    },
    isGated: false,
    zoneOf: (name) => (name === "n1" ? "east" : "west"),
    find: (selector) => (selector === "leader" ? "n2" : selector),
    clockOf: () => new NodeClock(queue),
    touched: nothing,
  }
  const random = new RandomStream(seed)
  const injector = new FaultInjector(installation, random.stream("order"))
  const aim = (fault: Fault) => aimFault(fault, installation, random)
  return {
    bench,
    random,
    aim,
    targets: (node: Target) => aim({ _tag: "Kill", node, what: "daemon" }).nodes,
    begin: (fault: Fault) => injector.begin(aim(fault)),
    /** Whether a client on one host reaches the daemon on another. */
    reaches: (from: string, to: string): boolean => {
      const sent = bench.send(to, "SELECT 1", 50, world.connect(from, to))
      bench.advance(60)
      return sent.answer?._tag === "Rows"
    },
  }
}

const cut = (from: Target, to: Target | null): Fault => ({ _tag: "Cut", from, to, symmetric: true })

describe("aim", () => {
  it.each([
    [3, [1, 1, 2, 3]],
    [4, [1, 1, 3, 4]],
    [5, [1, 2, 3, 5]],
  ] as const)("of %i nodes, one, a minority, a majority and all are %j", (nodes, counts) => {
    const { targets } = setup(nodes)
    expect((["one", "minority", "majority", "all"] as const).map((word) => targets(word).length)).toEqual(counts)
  })

  it("draws nodes that are up before those that are down, and tells what it has drawn", () => {
    const { bench, targets, aim } = setup(5)
    bench.world.kill("n2")
    bench.world.kill("n4")
    expect(targets("majority").toSorted()).toEqual(["n1", "n3", "n5"])
    expect(targets({ random: 4 })).toHaveLength(4)
    expect(aim({ _tag: "Ring", nodes: { zone: "east" } })).toMatchObject({ nodes: ["n1"], drawn: ["zone east is n1"] })
    expect(aim(cut(["leader", "n1", "n2"], null))).toMatchObject({
      fault: { from: ["n2", "n1"], to: ["n3", "n4", "n5"] },
      drawn: [],
    })
  })

  it("draws the same from the same seed, and else from another", () => {
    const drawn = (seed: number) => {
      const { targets } = setup(5, seed)
      return Array.from({ length: 8 }, () => targets("one").join()).join()
    }
    expect(drawn(3)).toBe(drawn(3))
    expect(drawn(3)).not.toBe(drawn(4))
  })
})

describe("faults of links", () => {
  it("a link that two faults cut is whole when both have ended", () => {
    const { begin, reaches } = setup(3)
    const first = begin(cut("n1", "n2"))
    const second = begin(cut("n1", null))
    first?.end()
    expect([reaches("n1", "n2"), reaches("n1", "n3"), reaches("n2", "n3")]).toEqual([false, false, true])
    second?.end()
    expect([reaches("n1", "n2"), reaches("n1", "n3")]).toEqual([true, true])
  })

  it("a partition takes the place of what was cut before, whose end then means nothing", () => {
    const { begin, reaches } = setup(3)
    const before = begin(cut("n1", "n2"))
    begin({ _tag: "Partition", groups: [["n1"]] })
    before?.end()
    expect(reaches("n1", "n2")).toBe(false)
    begin({ _tag: "Heal", what: "network" })
    expect(reaches("n1", "n2")).toBe(true)
  })

  it("in a ring each node sees its two neighbours", () => {
    const { begin, reaches } = setup(5)
    begin({ _tag: "Ring", nodes: ["n1", "n2", "n3", "n4", "n5"] })
    expect(["n2", "n3", "n4", "n5"].map((node) => reaches("n1", node))).toEqual([true, false, false, true])
  })

  it("a swizzle cuts nodes off one by one, and brings them back one by one", () => {
    const { bench, begin, reaches } = setup(3)
    const swizzle = begin({ _tag: "Swizzle", nodes: ["n2", "n3"], step: Duration.seconds(1) })
    const cutOff = () => ["n2", "n3"].filter((node) => !reaches("n1", node)).length
    bench.advance(100)
    expect(cutOff()).toBe(1)
    bench.advance(1000)
    expect(cutOff()).toBe(2)
    expect(swizzle?.end()).toBe(1_000_000)
    bench.advance(100)
    expect([cutOff(), reaches("n2", "n3")]).toEqual([1, false])
    bench.advance(1000)
    expect([cutOff(), reaches("n2", "n3")]).toEqual([0, true])
  })

  it("a swizzle that ends before it has begun in full leaves nothing behind", () => {
    const { bench, begin, reaches } = setup(3)
    begin({ _tag: "Swizzle", nodes: "all", step: Duration.seconds(5) })?.end()
    bench.advance(60_000)
    expect([reaches("n1", "n2"), reaches("n2", "n3"), reaches("n3", "n1")]).toEqual([true, true, true])
  })
})

describe("courses", () => {
  const span = (min: number, max: number) => ({ min: Duration.seconds(min), max: Duration.seconds(max) })

  const seconds = (course: Course | null): ReadonlyArray<string> => {
    const { bench, random } = setup(1)
    const zeroMicros = bench.queue.nowMicros
    const told: Array<string> = []
    const tell = (what: string) => told.push(`${what} ${(bench.queue.nowMicros - zeroMicros) / 1_000_000}`)
    recur(
      course,
      { queue: bench.queue, zeroMicros, random },
      { happen: () => tell("at"), leftOut: () => tell("left out at"), last: () => tell("last at") },
    )
    bench.advance(100_000)
    return told
  }

  it("come due once, or as often as they say, or as long", () => {
    expect(seconds(null)).toEqual(["last at 0", "at 0"])
    const every = span(10, 10)
    const course = (times: number | null, until: number | null): Course => ({
      probability: null,
      repeat: { every, times, until: until === null ? null : Duration.seconds(until) },
      lasts: null,
    })
    expect(seconds(course(3, null))).toEqual(["at 0", "at 10", "last at 20", "at 20"])
    expect(seconds(course(null, 15))).toEqual(["at 0", "last at 10", "at 10"])
    expect(seconds(course(5, 5))).toEqual(["last at 0", "at 0"])
  })

  it("leave out what chance decides against", () => {
    const course = (probability: number): Course => ({ probability, repeat: null, lasts: null })
    expect(seconds(course(0))).toEqual(["last at 0", "left out at 0"])
    expect(seconds(course(1))).toEqual(["last at 0", "at 0"])
  })

  it("last as long as is drawn between two bounds", () => {
    const random = new RandomStream(1)
    const drawn = Array.from({ length: 200 }, () => drawMicros(span(5, 6), random))
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(5_000_000)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(6_000_000)
    expect(Math.max(...drawn) - Math.min(...drawn)).toBeGreaterThan(900_000)
  })
})
