/**
 * How many statements a second the simulated world executes on one core without the engine: the load of
 * `sim/test/world/Load.ts`. Statements are made before the clock starts, the first ones warm the code up, and what
 * counts is the time that this thread computes, so that others on the machine do not.
 *
 *   npm run -s bench:world [STATEMENTS]        prints one line of JSON
 */
import { buildLoad, mix } from "../sim/test/world/Load.ts"

const batch = 20_000
const warmUpBatches = 3
const statements = Number(process.argv[2] ?? 400_000)

const computedMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const load = buildLoad(1)
for (let done = 0; done < warmUpBatches; done++) load.run(load.prepare(batch))
let measuredMs = 0
let refused = 0
let done = 0
while (done < statements) {
  const prepared = load.prepare(batch)
  const startedMs = computedMs()
  refused += load.run(prepared)
  measuredMs += computedMs() - startedMs
  done += prepared.length
}
console.log(
  JSON.stringify({
    statementsPerSecond: Math.round((done * 1000) / measuredMs),
    statements: done,
    refused,
    cpuMs: Math.round(measuredMs),
    mixPerThousand: mix,
  }),
)
