import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import { describe, expect, it } from "vitest"
import { EventQueue } from "../../src/runtime/EventQueue.ts"
import { guardedSession, outsideSimulation } from "../../src/runtime/ForbiddenGlobals.ts"
import { RandomStream } from "../../src/runtime/RandomStream.ts"
import { epochMs, NodeClock } from "../../src/runtime/NodeClock.ts"
import { VirtualRuntime } from "../../src/runtime/VirtualRuntime.ts"

const none = Context.empty()
const forever = { untilMicros: Number.MAX_SAFE_INTEGER }
const setup = () => {
  const queue = new EventQueue()
  const runtime = new VirtualRuntime(queue)
  return { queue, runtime, options: { context: none, random: new RandomStream(1) } }
}
const globals = () => [
  Date,
  Date.now,
  Math.random,
  setTimeout,
  setInterval,
  setImmediate,
  queueMicrotask,
  performance.now,
  process.hrtime.bigint,
  crypto.randomUUID,
]

describe("VirtualRuntime", () => {
  it("starts nothing before run, and lets time jump to each sleep", () => {
    const { queue, runtime, options } = setup()
    const lines: Array<string> = []
    const sleeper = (name: string, ms: number) =>
      Effect.gen(function* () {
        lines.push(`${name} starts at ${queue.nowMs}`)
        yield* Effect.sleep(Duration.millis(ms))
        lines.push(`${name} wakes at ${queue.nowMs}`)
      })
    runtime.fork(sleeper("a", 20), options)
    runtime.fork(sleeper("b", 10), options)
    runtime.fork(sleeper("c", 10), options)
    expect(lines).toEqual([])
    expect(runtime.run(forever)).toBe("idle")
    expect(lines).toEqual([
      "a starts at 0",
      "b starts at 0",
      "c starts at 0",
      "b wakes at 10",
      "c wakes at 10",
      "a wakes at 20",
    ])
  })

  it("stops at an instant, and goes on from there", () => {
    const { queue, runtime, options } = setup()
    const fiber = runtime.fork(Effect.sleep("1 hour"), options)
    expect(runtime.run({ untilMicros: 1_000_000 })).toBe("until")
    expect(fiber.pollUnsafe()).toBeUndefined()
    let stopped = false
    queue.after(5, () => (stopped = true))
    expect(runtime.run({ ...forever, stop: () => stopped })).toBe("stopped")
    expect(queue.nowMicros).toBe(5)
    expect(runtime.run(forever)).toBe("idle")
    expect(fiber.pollUnsafe()?._tag).toBe("Success")
    expect(queue.nowMs).toBe(3_600_000)
  })

  it("gives all fibers turns in the order in which they asked", () => {
    const { runtime, options } = setup()
    const turns: Array<string> = []
    const taker = (name: string) =>
      Effect.gen(function* () {
        for (let round = 0; round < 3; round++) {
          turns.push(`${name}${round}`)
          yield* Effect.yieldNow
        }
      })
    runtime.fork(Effect.all([taker("a"), taker("b")], { concurrency: "unbounded" }), options)
    runtime.fork(taker("c"), options)
    runtime.run(forever)
    expect(turns.join(" ")).toBe("a0 b0 c0 a1 b1 c1 a2 b2 c2")
  })

  it("runs the same program the same way twice", () => {
    const once = () => {
      const { queue, runtime } = setup()
      const lines: Array<string> = []
      const program = (name: string) =>
        Effect.gen(function* () {
          const mailbox = yield* Queue.unbounded<number>()
          yield* Effect.forkChild(
            Effect.forever(
              Effect.flatMap(Queue.take(mailbox), (value) =>
                Effect.sync(() => lines.push(`${name} got ${value} at ${queue.nowMs}`)),
              ),
            ),
          )
          for (let round = 0; round < 50; round++) {
            yield* Effect.sleep(Duration.millis(yield* Random.nextIntBetween(1, 100)))
            yield* Queue.offer(mailbox, yield* Random.nextInt)
          }
          yield* Effect.sleep("1 second")
        })
      const random = new RandomStream(7)
      for (const name of ["a", "b", "c"]) runtime.fork(program(name), { context: none, random: random.stream(name) })
      runtime.run(forever)
      return lines
    }
    const first = once()
    Effect.runSync(Effect.void) // fiber ids of the process move on; nothing may depend on them
    expect(first.length).toBe(150)
    expect(once()).toEqual(first)
  })

  it("interrupts a sleeping fiber at once and takes its timer back", () => {
    const { queue, runtime, options } = setup()
    let finalized = -1
    const fiber = runtime.fork(
      Effect.onInterrupt(Effect.sleep("1 hour"), () => Effect.sync(() => (finalized = queue.nowMs))),
      options,
    )
    queue.after(2_000_000, () => fiber.interruptUnsafe())
    expect(runtime.run(forever)).toBe("idle")
    expect(finalized).toBe(2000)
    expect(queue.nowMs).toBe(2000)
    expect(fiber.pollUnsafe()?._tag).toBe("Failure")
  })

  it("interrupts the children with the parent, and races and timeouts work", () => {
    const { queue, runtime, options } = setup()
    const ended: Array<string> = []
    const child = (name: string) => Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.push(name)))
    const parent = runtime.fork(
      Effect.gen(function* () {
        yield* Effect.forkChild(child("forked"))
        const outcome = yield* Effect.timeoutOption(child("timed out"), "3 seconds")
        expect(outcome._tag).toBe("None")
        expect(queue.nowMs).toBe(3000)
        yield* Effect.race(child("loser"), Effect.sleep("1 second"))
        yield* Effect.never
      }),
      options,
    )
    runtime.run({ untilMicros: 10_000_000 })
    expect(ended).toEqual(["timed out", "loser"])
    parent.interruptUnsafe()
    runtime.run(forever)
    expect(ended).toEqual(["timed out", "loser", "forked"])
  })

  it("shows each tree its own wall clock, and the true monotonic one", () => {
    const { runtime, options } = setup()
    const look = Effect.gen(function* () {
      yield* Effect.sleep("1500 millis")
      return [yield* Clock.currentTimeMillis, yield* Clock.monotonicTimeNanos, yield* Clock.currentTimeNanos] as const
    })
    const straight = runtime.fork(look, options)
    const skewed = runtime.fork(look, { ...options, clock: new NodeClock(runtime.queue, -250) })
    runtime.run(forever)
    expect(straight.pollUnsafe()).toMatchObject({
      value: [epochMs + 1500, 1_500_000_000n, BigInt(epochMs + 1500) * 1_000_000n],
    })
    expect(skewed.pollUnsafe()).toMatchObject({
      value: [epochMs + 1250, 1_500_000_000n, BigInt(epochMs + 1250) * 1_000_000n],
    })
  })

  it("lets the time of a node run faster, and its wall clock jump", () => {
    const { runtime, options } = setup()
    const clock = new NodeClock(runtime.queue)
    const look = Effect.gen(function* () {
      yield* Effect.sleep("8 seconds")
      return [yield* Clock.currentTimeMillis, yield* Clock.monotonicTimeNanos] as const
    })
    clock.run(4)
    clock.jump(-500)
    const fast = runtime.fork(look, { ...options, clock })
    runtime.run({ untilMicros: 2_000_000 })
    expect(fast.pollUnsafe()).toMatchObject({ value: [epochMs + 7500, 8_000_000_000n] })
    clock.run(1)
    runtime.run({ untilMicros: 3_000_000 })
    runtime.queue.after(1_000_000, () => {})
    runtime.run(forever)
    expect([clock.monotonicMicros, clock.queueMicros(7)]).toEqual([9_000_000, 7])
  })

  it("gives each tree of fibers the randomness that it was forked with", () => {
    const draw = (seed: number) => {
      const { runtime } = setup()
      const fiber = runtime.fork(Effect.all([Random.nextInt, Random.next, Random.nextInt]), {
        context: none,
        random: new RandomStream(seed),
      })
      runtime.run(forever)
      const exit = fiber.pollUnsafe()
      return exit?._tag === "Success" ? exit.value : []
    }
    expect(draw(3)).toEqual(draw(3))
    expect(draw(3)).not.toEqual(draw(4))
    expect(Number.isSafeInteger(draw(3)[0])).toBe(true)
  })

  it("refuses real time, chance and timers inside of a run only", () => {
    const { queue, runtime, options } = setup()
    const before = globals()
    const calls: ReadonlyArray<() => unknown> = [
      () => Date.now(),
      () => new Date(),
      () => Math.random(),
      () => performance.now(),
      () => process.hrtime.bigint(),
      () => setTimeout(() => undefined, 0),
      () => setInterval(() => undefined, 1000),
      () => setImmediate(() => undefined),
      () => queueMicrotask(() => undefined),
      () => crypto.randomUUID(),
    ]
    const fibers = calls.map((call) => runtime.fork(Effect.sync(call), options))
    const inEvent: Array<unknown> = []
    queue.after(1, () => {
      expect(new Date(epochMs).toISOString()).toBe("2026-01-01T00:00:00.000Z")
      for (const call of calls) {
        try {
          inEvent.push(call())
        } catch (error) {
          inEvent.push(String(error))
        }
      }
    })
    runtime.run(forever)
    expect(globals()).toEqual(before)
    for (const fiber of fibers) expect(fiber.pollUnsafe()?._tag).toBe("Failure")
    for (const outcome of inEvent) expect(outcome).toMatch(/was called inside of a simulation/)
    expect(inEvent).toHaveLength(calls.length)
    expect(Date.now()).toBeGreaterThan(epochMs - 1e12)
  })

  it("lets listeners of the outside do what they like, and keeps guards over a session", () => {
    const { queue, runtime } = setup()
    const before = globals()
    const times: Array<number> = []
    queue.after(1, () => times.push(outsideSimulation(() => Date.now())))
    queue.after(2, () => Date.now())
    guardedSession(() => {
      times.push(Date.now(), new Date().getTime())
      expect(() => runtime.run(forever)).toThrow("Date.now was called inside of a simulation")
      times.push(Date.now())
    })
    expect(globals()).toEqual(before)
    expect(times).toHaveLength(4)
  })

  it("gives the globals back when an event throws, and can run again", () => {
    const { queue, runtime } = setup()
    const before = globals()
    queue.after(1, () => {
      throw new Error("a bug in an event")
    })
    expect(() => runtime.run(forever)).toThrow("a bug in an event")
    expect(globals()).toEqual(before)
    expect(runtime.run(forever)).toBe("idle")
    queue.after(1, () => runtime.run(forever))
    expect(() => runtime.run(forever)).toThrow("cannot run inside of itself")
  })

  it("keeps fibers of a run on its dispatcher through deferreds and forks", () => {
    const { queue, runtime, options } = setup()
    const order: Array<string> = []
    const fiber = runtime.fork(
      Effect.gen(function* () {
        const gate = yield* Deferred.make<number>()
        const waiters = yield* Effect.forEach([1, 2, 3], (index) =>
          Effect.forkChild(Effect.map(Deferred.await(gate), (value) => order.push(`${index}:${value}`))),
        )
        yield* Effect.sleep("5 millis")
        yield* Deferred.succeed(gate, 42)
        yield* Effect.forEach(waiters, Fiber.join)
      }),
      options,
    )
    runtime.run(forever)
    expect(order).toEqual(["1:42", "2:42", "3:42"])
    expect(fiber.pollUnsafe()?._tag).toBe("Success")
    expect(queue.nowMs).toBe(5)
  })

  it("runs a hundred thousand sleeps in well under two seconds", () => {
    const { runtime, options } = setup()
    const fibers = Array.from({ length: 100 }, () =>
      runtime.fork(
        Effect.gen(function* () {
          for (let round = 0; round < 1000; round++) yield* Effect.sleep(Duration.millis(1))
        }),
        options,
      ),
    )
    const start = performance.now()
    runtime.run(forever)
    expect(fibers.every((fiber) => fiber.pollUnsafe()?._tag === "Success")).toBe(true)
    expect(performance.now() - start).toBeLessThan(2000)
  })
})
