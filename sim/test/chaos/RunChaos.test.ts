import { describe, expect, it } from "vitest"
import { isShort, runChaos, shortOf, wanted } from "../../src/chaos/RunChaos.ts"

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
    const enough = { seed: 1, writes: 1000, operations: 3, faults: 2, overlaps: 1 }
    const few = { ...enough, seed: 2, writes: 999, overlaps: 0 }
    expect([enough, few].map(isShort)).toEqual([false, true])
    expect(shortOf([enough, few, { ...enough, operations: 2 }])).toEqual({ writes: 1, operations: 1, overlaps: 1 })
  })
})
