/**
 * The simulator is only worth what it would catch: with a safety mechanism of the engine switched off, chaos must find
 * it. Each defect is switched on in the real engine (see `Mutation`), and a checker that looks from outside must report
 * it within 200 seeds of the default profile.
 */
import type { Mutation } from "@shardwright/core/Mutation"
import { describe, expect, it } from "vitest"
import { replaySeed } from "../../src/chaos/RunChaos.ts"

const seedsMax = 200

/** The first seed in which one of the checkers reports the defect. */
const firstSeedThatFinds = (
  mutation: Mutation,
  checkers: ReadonlyArray<string>,
): { readonly seed: number; readonly message: string } | undefined => {
  for (let seed = 0; seed < seedsMax; seed++) {
    const { violations } = replaySeed(seed, "default", { mutations: [mutation] })
    const found = violations.find(({ checker }) => checkers.includes(checker))
    if (found !== undefined) return { seed, message: found.message }
  }
  return undefined
}

describe("mutants of the engine", () => {
  it("drop the source before verification: copies that are needed go", { timeout: 600_000 }, () => {
    const found = firstSeedThatFinds("drop-source-before-verification", ["lost-write", "replication-factor"])
    expect(found?.message).toMatch(/remain/)
  })

  it("skip the term check: an operation of a replaced leader is carried out", { timeout: 600_000 }, () => {
    const found = firstSeedThatFinds("skip-term-check", ["old-term"])
    expect(found?.message).toMatch(/term/)
  })
})
