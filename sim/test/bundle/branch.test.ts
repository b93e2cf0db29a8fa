import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { runBranch } from "../../src/bundle/branch.ts"
import { runScenario } from "../../src/run/RunScenario.ts"
import { loadScenario } from "../../src/scenario/ScenarioFile.ts"

/** Between 5 s and 9 s it is decided which node is restarted at the end; it is to be n1. */
const scenario = Result.getOrThrow(
  loadScenario(
    `shardwright: 1
name: decided
about: One node of four is killed for good, and n1 must not be it.
cluster: {nodes: 4}
timeline:
  - {at: 5s, kill: {node: one, what: daemon}}
expect: {final: [{node: n1, is: up}]}
`,
    "decided.yaml",
  ),
)
const run = (seed: number) => ({ scenario, seed, mode: "scenario" as const })
const failing = () => {
  for (let seed = 1; seed < 50; seed++) if (!runScenario(scenario, { seed }).passed) return seed
  return expect.fail("n1 is never drawn")
}

describe("runBranch", () => {
  it("fails always after the decision, and by chance before it", { timeout: 60_000 }, () => {
    const seed = failing()
    const expected = { class: "correctness", checker: "expectation" } as const
    const ends = (atMs: number) =>
      Array.from({ length: 8 }, (_, branch) => runBranch(run(seed), expected, { atMs, seed: branch }).end)
    expect(new Set(ends(6_000))).toEqual(new Set(["same"]))
    expect(new Set(ends(1_000))).toEqual(new Set(["passed", "same"]))
    expect(runBranch(run(seed), { ...expected, checker: "lost-write" }, { atMs: 6_000, seed: 1 }).end).toBe("other")
  })
})
