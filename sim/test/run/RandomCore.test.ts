/** A random core goes on while everybody else is away, and what it does not do is reported. */
import { refused } from "@shardwright/core/Answer"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { type RunOptions, runScenario } from "../../src/run/RunScenario.ts"
import type { Disturb } from "../../src/run/SimulatedPorts.ts"
import { loadScenario } from "../../src/scenario/ScenarioFile.ts"

const run = (settings: string, options: Partial<RunOptions> = {}) => {
  const text = `shardwright: 1
name: core
about: A cluster of which two nodes of three are left.
cluster: {nodes: 3}
settings: ${settings}
tables: [{name: t, shards: 3, rf: 2}]
workloads: [{table: t, writers: 2, every: 100ms}]
`
  const scenario = Result.getOrThrow(loadScenario(text, "core.yaml"))
  return runScenario(scenario, { seed: 1, withinBudget: true, coreShare: 1, ...options })
}

const problemsOf = ({ violations }: ReturnType<typeof run>) =>
  violations.filter(({ checker }) => checker === "progress").map(({ message }) => message)

/** Refuses changes of some records. */
const refuseAll =
  (prefix: string, which: (key: string) => boolean): Disturb =>
  ({ sql }) => {
    const key = /^UPDATE .* SET `key`='([^']*)'/.exec(sql)?.[1]
    return key?.startsWith(prefix) === true && which(key)
      ? { _tag: "refused", answer: refused("it is not to be") }
      : undefined
  }

describe("RandomCore", () => {
  it("goes on, and comes to rest when all are back", () => {
    const result = run("{gracePeriod: 30s}")
    const phases = result.timeline.filter(({ kind }) => kind === "phase").map(({ text }) => text)
    expect(phases[1]).toMatch(/^only n\d, n\d are well: n\d is (killed|stalled|cut off); demanded of t$/)
    expect(result.timeline.some(({ text }) => text.startsWith("create"))).toBe(true)
    expect(result.violations).toEqual([])
    expect(result.class).toBe("pass")
  })

  it("is none unless it is asked for", () => {
    const { timeline } = run("{gracePeriod: 30s}", { coreShare: 0 })
    expect(timeline.filter(({ text }) => text.startsWith("only"))).toEqual([])
  })

  it("has failed if tables that it has enough of are not written to", () => {
    const result = run("{promotionDelay: 10m}")
    expect(problemsOf(result)).toContainEqual(
      expect.stringMatching(/^of the rows written to t within 30 s, \d+ were ackn/),
    )
    expect(result.class).toBe("liveness")
  })

  it("has failed if nobody leads", () => {
    let statements = 0
    const disturb = refuseAll("lease", () => ++statements > 5)
    expect(problemsOf(run("{gracePeriod: 30s}", { disturb }))).toContainEqual(
      expect.stringMatching(/^n\d holds the lease, and has not renewed it since \d+ ms$/),
    )
  })

  it("has failed if what is asked for gets no answer", () => {
    // The request for the table of the set-up is the first one.
    const requests = new Set<string>()
    const disturb = refuseAll("request/", (key) => requests.add(key).size > 1)
    expect(problemsOf(run("{gracePeriod: 30s}", { disturb }))).toContainEqual(
      expect.stringMatching(/^request 'create made_by_the_core' is /),
    )
  })
})
