/**
 * What a benchmark is, and how its samples are taken: the same work several times after a warm-up that does not count, and
 * of that the median and the spread. What counts is the time that this thread computes, so that others on the machine
 * disturb as little as can be; the time on the wall and the load of the machine are told beside it.
 */
import os from "node:os"

/** One figure. */
export interface Figure {
  readonly name: string
  readonly unit: string
  /** Of all samples: the one in the middle, the lowest and the highest. */
  readonly median: number
  readonly least: number
  readonly most: number
  readonly samples: number
  /** What is to be reached; null: nothing was set. */
  readonly atLeast: number | null
  readonly met: boolean | null
}

/** Something that is measured by name. */
export interface Benchmark {
  readonly name: string
  readonly about: string
  readonly run: () => ReadonlyArray<Figure>
}

/** What a piece of work took. */
export interface Spent {
  readonly cpuMs: number
  readonly wallMs: number
}

/** Microseconds that this thread has computed. */
const cpuMicros = (): number => {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** Begins to count; what it returns says what was spent since. */
export const stopwatch = (): (() => Spent) => {
  const [cpu, wall] = [cpuMicros(), performance.now()]
  return () => ({ cpuMs: (cpuMicros() - cpu) / 1000, wallMs: performance.now() - wall })
}

/** Does the work `warmUps` times in vain, and then so many times. */
export const sample = <A>(work: () => A, { warmUps = 1, samples = 3 } = {}): ReadonlyArray<A> => {
  for (let done = 0; done < warmUps; done++) work()
  return Array.from({ length: samples }, work)
}

/** Median and spread of what samples showed. */
export const figure = (
  name: string,
  unit: string,
  values: ReadonlyArray<number>,
  atLeast: number | null = null,
): Figure => {
  const ordered = values.toSorted((a, b) => a - b)
  const median = ordered[Math.floor(ordered.length / 2)] ?? 0
  return {
    name,
    unit,
    median: Math.round(median * 10) / 10,
    least: Math.round((ordered[0] ?? 0) * 10) / 10,
    most: Math.round((ordered.at(-1) ?? 0) * 10) / 10,
    samples: values.length,
    atLeast,
    met: atLeast === null ? null : median >= atLeast,
  }
}

/** The machine, and how busy it is: figures of a busy one say less. */
export const machine = () => ({
  cpu: os.cpus()[0]?.model ?? "unknown",
  cores: os.availableParallelism(),
  node: process.version,
  /** Processes that want to run, on average over the last minute. */
  load: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
})
