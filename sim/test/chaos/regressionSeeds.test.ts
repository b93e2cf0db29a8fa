/** Seeds of chaos that showed a defect which no scenario was found for. A change of what chaos draws makes others of them. */
import { describe, expect, it } from "vitest"
import { replaySeed } from "../../src/chaos/RunChaos.ts"

describe("seeds that failed once", () => {
  it.each([
    // A member that was stalled until it was given up was not found by those who had been started anew, and could not leave.
    [210_178, "default"],
    // A step whose statement had no answer said what it waits for only after the second of them.
    [300_043, "default"],
    // A replica moved as if a single copy had left its place, whose table another operation held.
    [600_653, "network"],
    // A member that came back as its group ended was to leave first, and could not before it had arrived, which it never did.
    [601_576, "default"],
    // Who attached shards to a group in use died as that took effect, and the undo of the creation did not detach them.
    [800_245, "storage"],
    // A member began its group beside those who served it and had not noticed its death yet: two primaries.
    [1_100_672, "restarts"],
    // A member that started asked just the one that was leaving for its way back, and elected itself: two primaries.
    [700_189, "default"],
    // A leader woken in the middle of a step had looked at the records since, which said that the step was taken back, and
    // published the wrapper that its undo had just removed.
    [1_200_051, "restarts"],
    // A table was dropped while one of its shards was still to leave the group by which it had come to its node.
    [1_200_116, "restarts"],
    // The same while a split had written that shard down for its new group, and not taken it out of the old one.
    [1_300_812, "operations"],
    // A member that had lost its only peer a moment ago restarted its daemon on what that one had said before.
    [1_200_274, "default"],
    // A step that was under way as its daemon crashed wrote through records that had lost rows: refused here, and done elsewhere.
    [202, "rare"],
    // Records that had lost rows differed from those of the others, and the restart that cures it was refused for a group that
    // was to be taken back.
    [208, "rare"],
    // An undo that was written down twice: the first, which nobody carries out, kept the lock of those who leave.
    [238, "rare"],
    // Records of before a crash were a reason not to act, which only their cure takes away.
    [1_194, "rare"],
    [1_702_883, "rare"],
    // Two copies of a group that differ, both of which went through a kill: the harness had asked for more than is promised.
    [5_809, "rare"],
    // A copy that a kill had emptied was promoted, as it was in sync until the operation on its group was over.
    [8_255, "rare"],
    // The target of a move went through a crash: the source was not left for it, and nobody compared it again.
    [2_204_191, "large"],
  ] as const)("%i of %s passes", { timeout: 120_000 }, (seed, profile) => {
    const { violations, passed } = replaySeed(seed, profile, { stopAtViolation: true, untraced: true })
    expect({ violations, passed }).toEqual({ violations: [], passed: true })
  })

  it.each([
    [1_200_051, "restarts", "ignore-takeover", "wrapper-completeness"],
    [12, "rare", "trust-crashed-copies", "quiescence"],
  ] as const)("%i of %s fails without what it taught", { timeout: 120_000 }, (seed, profile, mutant, checker) => {
    const { violations } = replaySeed(seed, profile, { mutations: [mutant], stopAtViolation: true, untraced: true })
    expect(violations.map((violation) => violation.checker)).toContain(checker)
  })
})
