/**
 * What an operator's commands answer on nodes that are not as they expect: an installation is made once, and a node joins
 * the one that it is told to join.
 */
import { defaultEngineConfig } from "@shardwright/core/EngineConfig"
import { look } from "@shardwright/core/Operator"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { initCluster, joinCluster } from "../../src/run/EngineAdapter.ts"
import { startDaemons } from "../../src/run/Setup.ts"
import { Simulation } from "../../src/run/Simulation.ts"
import { Trace } from "../../src/run/Trace.ts"

const config = defaultEngineConfig

const installation = () => {
  const nodes = ["n1", "n2"].map((name) => ({ name, zone: null, weight: 1 }))
  const simulation = new Simulation({ seed: 1, nodes, config, trace: new Trace({ isOff: true }), mutations: new Set() })
  const runUntil = (predicate: () => boolean, withinMicros: number) => {
    simulation.runtime.run({ untilMicros: simulation.queue.nowMicros + withinMicros, stop: predicate })
    return predicate()
  }
  expect(startDaemons(simulation, runUntil)).toBeUndefined()
  /** What a command answers: nothing, or why it failed. */
  const run = (host: string, effect: Parameters<Simulation["command"]>[1]) => {
    let answer: string | undefined
    simulation.command(host, effect, (exit) => {
      answer = exit._tag === "Success" ? "" : Cause.pretty(exit.cause)
    })
    runUntil(() => answer !== undefined, 60_000_000)
    return answer
  }
  const at = simulation.address("n1")
  return {
    init: (name: string) => run(name, initCluster({ node: simulation.address(name), config })),
    look: (name: string) => run(name, Effect.asVoid(look({ node: simulation.address(name), config }))),
    join: (name: string) => run(name, joinCluster({ node: simulation.address(name), at, config })),
  }
}

describe("init and join", () => {
  it("may be repeated", () => {
    const { init, join } = installation()
    expect([init("n1"), init("n1"), join("n2"), join("n2")]).toEqual(["", "", "", ""])
  })

  it("make no second set of system tables in an installation that has nodes", () => {
    const { init, join } = installation()
    expect([init("n1"), join("n2")]).toEqual(["", ""])
    expect(init("n2")).toMatch(/has 2 members already: join instead/)
  })

  it("do not take an installation of the node's own for the one that it is to join", () => {
    const { init, join } = installation()
    expect([init("n1"), init("n2")]).toEqual(["", ""])
    expect(join("n2")).toMatch(/is an installation of its own/)
  })
})

describe("a look at the records", () => {
  it("of a node that is in no cluster says what to do", () => {
    const { init, look } = installation()
    expect(look("n1")).toMatch(/is in no cluster c, so it has no records: make one with cluster init/)
    expect([init("n1"), look("n1")]).toEqual(["", ""])
  })
})
