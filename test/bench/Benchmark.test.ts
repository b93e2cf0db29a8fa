import { describe, expect, it } from "vitest"
import { figure, sample, stopwatch } from "../../bench/Benchmark.ts"

describe("figures of benchmarks", () => {
  it("are the median and the spread of samples, held against what is wanted", () => {
    expect(figure("f", "/s", [30, 10, 20.04], 20)).toEqual({
      name: "f",
      unit: "/s",
      median: 20,
      least: 10,
      most: 30,
      samples: 3,
      atLeast: 20,
      met: true,
    })
    expect(figure("f", "/s", [30, 10, 19.9], 20).met).toBe(false)
    expect(figure("f", "/s", [1]).met).toBeNull()
  })

  it("leave the warm-up out", () => {
    let done = 0
    expect(sample(() => ++done, { warmUps: 2, samples: 3 })).toEqual([3, 4, 5])
  })

  it("count what the thread computes, and the time on the wall", () => {
    const spent = stopwatch()
    let sum = 0
    for (let index = 0; index < 3_000_000; index++) sum += Math.sqrt(index)
    const { cpuMs, wallMs } = spent()
    expect(sum).toBeGreaterThan(0)
    expect(cpuMs).toBeGreaterThan(0)
    expect(wallMs).toBeGreaterThan(0)
  })
})
