/**
 * How much faster than real time the simulator is, with the engine in it: at rest, under chaos, and how many statements
 * agents send and get answered while there is much to do. Each run is the same one, seed by seed.
 */
import { runDrawn, scenarioOfSeed } from "@shardwright/sim/chaos/RunChaos"
import { type Inspector, runScenario } from "@shardwright/sim/run/RunScenario"
import type { ScenarioResult } from "@shardwright/sim/run/ScenarioResult"
import type { Scenario } from "@shardwright/sim/scenario/Scenario"
import { loadScenario } from "@shardwright/sim/scenario/ScenarioFile"
import * as Result from "effect/Result"
import { type Benchmark, figure, sample, type Spent, stopwatch } from "./Benchmark.ts"

const scenario = (name: string, rest: string): Scenario =>
  Result.getOrThrow(loadScenario(`shardwright: 1\nname: ${name}\nabout: A benchmark.\n${rest}`, `${name}.yaml`))

/** An hour in which nothing happens but signs of life; then the run ends at once. */
const idle = scenario(
  "idle",
  `cluster: {nodes: 5}
tables: [{name: t, shards: 12, rf: 3}, {name: u, shards: 4, rf: 3}]
timeline: [{at: 1h, check: {node: n1, is: up}}]
until: 1h
`,
)
const idleMicros = 3_600_000_000

/** Nothing but operations: tables made and dropped, copies moved, and no clients. */
const work = scenario(
  "work",
  `cluster: {nodes: 5, spares: 2}
tables: [{name: a, shards: 24, rf: 2}, {name: b, shards: 24, rf: 3}]
timeline:
  - {at: 1s, create: {name: d, shards: 48, rf: 2}}
  - {at: 1s, create: {name: e, shards: 48, rf: 1}}
  - {at: 20s, addNode: n6}
  - {at: 20s, addNode: n7}
  - {at: 60s, drain: n1}
  - {at: 100s, drop: d}
  - {at: 100s, drop: e}
`,
)

/** Seeds of the profile `default` that make one sample. */
const chaosSeeds = [0, 1, 2, 3]

interface Measured extends Spent {
  readonly virtualMs: number
  /** Statements that agents sent. */
  readonly commands: number
}

/** Runs what `run` runs, and counts from time zero on: the set-up is left out. */
const measured = (run: (inspector: Inspector) => ScenarioResult): Measured => {
  let spent: (() => Spent) | undefined
  let commands = 0
  const result = run({
    atZero: ({ simulation }) => {
      simulation.onEvent((event) => {
        if (event.kind === "statement" && event.from !== null) commands++
      })
      spent = stopwatch()
    },
  })
  if (spent === undefined || !result.passed)
    throw new Error(`${result.name}, seed ${result.seed}: ${JSON.stringify(result.violations[0] ?? "did not begin")}`)
  return { ...spent(), virtualMs: result.virtualMs, commands }
}

const sum = (runs: ReadonlyArray<Measured>): Measured => ({
  cpuMs: runs.reduce((total, it) => total + it.cpuMs, 0),
  wallMs: runs.reduce((total, it) => total + it.wallMs, 0),
  virtualMs: runs.reduce((total, it) => total + it.virtualMs, 0),
  commands: runs.reduce((total, it) => total + it.commands, 0),
})

const speeds = (runs: ReadonlyArray<Measured>): ReadonlyArray<number> => runs.map((it) => it.virtualMs / it.cpuMs)
const rates = (runs: ReadonlyArray<Measured>): ReadonlyArray<number> =>
  runs.map((it) => (it.commands * 1000) / it.cpuMs)

export const simulator: Benchmark = {
  name: "simulator",
  about: "the simulator with the engine, on one core: five nodes at rest, chaos with writers, much to do",
  run: () => {
    const atRest = sample(() =>
      measured((inspector) => runScenario(idle, { seed: 1, untraced: true, untilMicros: idleMicros, inspector })),
    )
    const chaos = sample(() =>
      sum(
        chaosSeeds.map((seed) =>
          measured((inspector) => runDrawn(scenarioOfSeed(seed, "default"), seed, { untraced: true, inspector })),
        ),
      ),
    )
    const busy = sample(() => measured((inspector) => runScenario(work, { seed: 1, untraced: true, inspector })))
    return [
      figure("at rest, 5 nodes, RF 3", "× real time", speeds(atRest), 10_000),
      figure("at rest, commands", "/s", rates(atRest)),
      figure("under chaos, with writers", "× real time", speeds(chaos), 2_000),
      figure(
        "under chaos, seeds of ten virtual minutes",
        "/s",
        speeds(chaos).map((it) => it / 600),
        3,
      ),
      figure(
        "under chaos, seeds as they are",
        "/s",
        chaos.map((it) => (chaosSeeds.length * 1000) / it.cpuMs),
      ),
      figure("at work, engine commands", "/s", rates(busy), 50_000),
    ]
  },
}
