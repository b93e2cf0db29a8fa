import { describe, expect, it } from "vitest"
import { allProfiles, profiles } from "../../src/chaos/Profile.ts"
import {
  isShort,
  profileOfSeed,
  replayCommand,
  runChaos,
  scenarioOfSeed,
  shortOf,
  wanted,
} from "../../src/chaos/RunChaos.ts"

describe("runChaos", () => {
  it("says what each seed has shown, the same each time", { timeout: 120_000 }, () => {
    const once = () => runChaos({ seeds: [2], profile: "calm" })
    const { failed, perSeed, sometimes, wallMs: _, ...figures } = once()
    expect(failed).toEqual([])
    expect(perSeed).toHaveLength(1)
    const [seed] = perSeed
    expect(seed?.writes).toBeGreaterThanOrEqual(wanted.writes)
    expect(seed?.operations).toBeGreaterThanOrEqual(wanted.operations)
    expect(seed?.overlaps).toBeGreaterThanOrEqual(wanted.overlaps)
    expect(seed?.faults).toBeGreaterThanOrEqual(seed?.overlaps ?? 0)
    expect(sometimes).toMatchObject({ "create-completed": 1, "drop-completed": 1, "fault-during-step": 1 })
    const again = once()
    expect(again.perSeed).toEqual(perSeed)
    expect(again).toMatchObject(figures)
  })

  it("counts the seeds that have shown too little", () => {
    const enough = { seed: 1, profile: "default", writes: 1000, operations: 3, faults: 2, overlaps: 1 }
    const few = { ...enough, seed: 2, writes: 999, overlaps: 0 }
    expect([enough, few].map(isShort)).toEqual([false, true])
    expect(shortOf([enough, few, { ...enough, operations: 2 }])).toEqual({ writes: 1, operations: 1, overlaps: 1 })
  })

  it("deals seeds over all profiles by their weights, each always to the same one", () => {
    const seeds = Array.from({ length: 4000 }, (_, seed) => seed)
    const dealt = seeds.map((seed) => profileOfSeed(seed, allProfiles).name)
    const total = Object.values(profiles).reduce((sum, { weight }) => sum + weight, 0)
    const shares = Object.values(profiles).map(({ name, weight }) => {
      const share = dealt.filter((it) => it === name).length / seeds.length
      return [name, (share * total) / weight] as const
    })
    expect(shares.filter(([, ratio]) => ratio < 0.7 || ratio > 1.3)).toEqual([])
    const [own] = dealt
    expect(scenarioOfSeed(0, allProfiles)).toEqual(scenarioOfSeed(0, own ?? ""))
    expect(replayCommand(0, allProfiles)).toBe(`shardwright sim replay 0 --profile ${own}`)
  })
})
