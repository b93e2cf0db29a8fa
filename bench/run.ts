/**
 * Runs benchmarks: all, or those that are named.
 *
 *   npm run -s bench -- [--json] [NAME…]
 */
import { type Benchmark, type Figure, machine, stopwatch } from "./Benchmark.ts"
import { simulator } from "./simulator.ts"
import { world } from "./world.ts"

const benchmarks: ReadonlyArray<Benchmark> = [world, simulator]

const args = process.argv.slice(2)
const isJson = args.includes("--json")
const names = args.filter((it) => it !== "--json")
const unknown = names.find((name) => !benchmarks.some((it) => it.name === name))

const number = (value: number): string => value.toLocaleString("en-US").replaceAll(",", " ")

const line = ({ name, unit, median, least, most, samples, atLeast, met }: Figure): string =>
  `  ${met === null ? " " : met ? "✓" : "✗"} ${name}: ${number(median)} ${unit} (${number(least)} to ${number(most)}, ${samples} samples)` +
  (atLeast === null ? "" : `, wanted ${number(atLeast)}`)

if (unknown === undefined) {
  const before = machine()
  const results = benchmarks
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .map(({ name, about, run }) => {
      if (!isJson) console.log(`${name}: ${about}`)
      const spent = stopwatch()
      const figures = run()
      const { cpuMs, wallMs } = spent()
      if (!isJson) for (const it of figures) console.log(line(it))
      return { name, about, figures, cpuMs: Math.round(cpuMs), wallMs: Math.round(wallMs) }
    })
  const after = machine()
  const document = { machine: { ...before, loadAfter: after.load }, benchmarks: results }
  if (isJson) console.log(JSON.stringify(document))
  else {
    const seconds = (of: "cpuMs" | "wallMs") => Math.round(results.reduce((total, it) => total + it[of], 0) / 1000)
    console.log(
      `${before.cores} × ${before.cpu}, Node ${before.node}, load ${before.load} before and ${after.load} after; ` +
        `${seconds("cpuMs")} s of one core in ${seconds("wallMs")} s`,
    )
  }
} else {
  console.error(`there is no benchmark "${unknown}"; there are: ${benchmarks.map(({ name }) => name).join(", ")}`)
  process.exitCode = 2
}
