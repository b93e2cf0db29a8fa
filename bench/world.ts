/**
 * How many statements a second the simulated world executes on one core without the engine: the load of
 * `sim/test/world/Load.ts`. Statements are made before the clock starts, and the first ones warm the code up.
 */
import { buildLoad } from "../sim/test/world/Load.ts"
import { type Benchmark, figure, sample, stopwatch } from "./Benchmark.ts"

const batch = 40_000

export const world: Benchmark = {
  name: "world",
  about: "the simulated world alone, on one core: five nodes with 100 shards and 8 groups each, a mix of statements",
  run: () => {
    const load = buildLoad(1)
    const perSecond = sample(
      () => {
        const prepared = load.prepare(batch)
        const spent = stopwatch()
        load.run(prepared)
        return (prepared.length * 1000) / spent().cpuMs
      },
      { warmUps: 2, samples: 9 },
    )
    return [figure("statements", "/s", perSecond)]
  },
}
