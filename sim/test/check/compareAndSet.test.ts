/** `compare-and-set`: histories that a linearizable store cannot have had are found. */
import * as NodePath from "node:path"
import { describe, expect, it } from "vitest"
import { compareAndSet } from "../../src/check/compareAndSet.ts"
import { runScenario } from "../../src/run/RunScenario.ts"
import { loadScenarios } from "../../src/scenario/ScenarioFile.ts"
import { FakeWorld } from "./FakeWorld.ts"

const key = "table/t"

/** A record at version 1, written as it should be. */
const begun = () => {
  const fake = new FakeWorld()
  fake.check(compareAndSet)
  const write = (host: string, version: number, nonce: string) => fake.storeWrite(host, [key], version, nonce)
  const commit = (version: number, nonce: string) => fake.commit(key, { of: nonce }, { version, nonce })
  const told = write("n1", 1, "a")
  commit(1, "a")
  told("won")
  return { fake, write, commit }
}

describe("compare-and-set", () => {
  it("accepts writes that win, that lose, and of which nothing is known", () => {
    const { fake, write, commit } = begun()
    const [b, c] = [write("n1", 2, "b"), write("n2", 2, "c")]
    write("n3", 3, "unknown, and written")
    write("n3", 2, "unknown, and never written")
    commit(2, "c")
    b("lost")
    c("won")
    commit(3, "unknown, and written")
    fake.storeWrite("n2", ["step/1/0", "step/1/1"], 1, "steps")
    fake.commit("step/1/0", {}, { version: 1, nonce: "steps" })
    expect(fake.reports).toEqual([])
  })

  it("finds a write that is said to be done and is not there", () => {
    const { fake, write, commit } = begun()
    write("n1", 2, "b")("won")
    expect(fake.reports).toEqual([
      `compare-and-set: version 2 of ${key} by n1:9312 is said to be written, and is not there`,
    ])
    const [c, d] = [write("n1", 3, "c"), write("n2", 3, "d")]
    commit(2, "b")
    commit(3, "c")
    c("won")
    d("won")
    expect(fake.reports.slice(1)).toEqual([
      `compare-and-set: version 3 of ${key} by n2:9312 is said to be written, and is another's`,
    ])
  })

  it("finds a write that is said to be refused and has its effect, before or after that", () => {
    const { fake, write, commit } = begun()
    const b = write("n1", 2, "b")
    commit(2, "b")
    b("lost")
    const [c, d] = [write("n1", 3, "c"), write("n2", 3, "d")]
    commit(3, "d")
    d("won")
    c("lost")
    const late = write("n3", 4, "late")
    late("lost")
    commit(4, "late")
    expect(fake.reports).toEqual([
      `compare-and-set: version 2 of ${key} by n1:9312 is said to be refused, and is there`,
      `compare-and-set: version 4 of ${key} by n3:9312 is said to be refused, and nobody else has written it`,
      `compare-and-set: version 4 of ${key} by n3:9312 is written after it was refused`,
    ])
  })

  it("finds versions that are left out, and rows that nobody has written", () => {
    const { fake, write, commit } = begun()
    write("n1", 3, "b")
    commit(3, "b")
    commit(4, "nobody")
    write("n1", 9, "c")
    commit(5, "c")
    expect(fake.reports).toEqual([
      `compare-and-set: ${key} went from version 1 to 3`,
      `compare-and-set: version 4 of ${key} is written by nobody: nobody`,
      `compare-and-set: version 9 of ${key} by n1:9312 has made version 5 of ${key}`,
    ])
  })

  it("finds a store that trusts lost answers", () => {
    const file = NodePath.join(import.meta.dirname, "../../../scenarios/rules/r03-unknown-compare-and-set.yaml")
    const [loaded] = loadScenarios([file]).scenarios
    if (loaded === undefined) throw new Error(`${file} is no scenario`)
    const { scenario } = loaded
    const found = (mutations: ReadonlyArray<"trust-lost-answers">) =>
      runScenario(scenario, { seed: scenario.seed, mutations }).violations.filter(
        ({ checker }) => checker === "compare-and-set",
      )
    expect(found([])).toEqual([])
    expect(found(["trust-lost-answers"])[0]?.message).toMatch(/is said to be written, and is not there$/)
  })
})
