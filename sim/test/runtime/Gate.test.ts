import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { EventQueue } from "../../src/runtime/EventQueue.ts"
import { Gate } from "../../src/runtime/Gate.ts"
import { RandomStream } from "../../src/runtime/RandomStream.ts"
import { VirtualRuntime } from "../../src/runtime/VirtualRuntime.ts"

const setup = () => {
  const queue = new EventQueue()
  const runtime = new VirtualRuntime(queue)
  const gate = new Gate()
  const ticks: Array<number> = []
  const finalized: Array<number> = []
  const ticker = Effect.gen(function* () {
    for (let round = 0; round < 100; round++) {
      yield* Effect.sleep("1 second")
      ticks.push(queue.nowMs)
    }
  }).pipe(Effect.ensuring(Effect.sync(() => finalized.push(queue.nowMs))))
  runtime.fork(ticker, { context: Context.empty(), random: new RandomStream(1), gate })
  return { queue, runtime, gate, ticks, finalized }
}

describe("Gate", () => {
  it("stalls a process and lets it go on where it was", () => {
    const { queue, runtime, gate, ticks } = setup()
    queue.after(2_500_000, () => gate.close())
    queue.after(10_250_000, () => gate.open())
    runtime.run({ untilMicros: 12_000_000 })
    expect(ticks).toEqual([1000, 2000, 10_250, 11_250])
  })

  it("kills a process without a goodbye, and without a trace of it later", () => {
    const { queue, runtime, gate, ticks, finalized } = setup()
    queue.after(2_500_000, () => gate.destroy())
    queue.after(3_500_000, () => gate.open())
    runtime.run({ untilMicros: 1e12 })
    expect(ticks).toEqual([1000, 2000])
    expect(finalized).toEqual([])
    expect(gate.isGone).toBe(true)
  })
})
