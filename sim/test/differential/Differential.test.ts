/** The differential run: what needs no server, and, with a lab, a few sequences on real daemons. */
import { describe, expect, it } from "vitest"
import { compareRun } from "../../src/differential/compareRun.ts"
import { drawSequence } from "../../src/differential/drawSequence.ts"
import { type Sequence, sizeOf } from "../../src/differential/Sequence.ts"
import { shrink } from "../../src/differential/shrink.ts"
import { runSimulated } from "../../src/differential/SimulatedRun.ts"
import { readLab } from "./Lab.ts"
import { runReal } from "./RealRun.ts"

const seeds = Array.from({ length: 25 }, (_, index) => index + 1)

describe("sequences", () => {
  it("follow from their seed, and are long enough", () => {
    for (const seed of seeds) {
      expect(drawSequence(seed)).toEqual(drawSequence(seed))
      const { statements, faults } = sizeOf(drawSequence(seed).steps)
      expect(statements).toBeGreaterThanOrEqual(30)
      expect(faults).toBeGreaterThanOrEqual(2)
    }
    expect(drawSequence(1)).not.toEqual(drawSequence(2))
  })

  it("have statements that mostly succeed, and all kinds of statements and faults", () => {
    const transcripts = seeds.map((seed) => runSimulated(drawSequence(seed), seed))
    const lines = transcripts.flatMap((transcript) => transcript.trim().split("\n"))
    const statements = lines.filter((line) => line.includes(`"sql"`))
    expect(statements.filter((line) => line.includes(`"error"`)).length / statements.length).toBeLessThan(0.25)
    for (const wanted of [
      "CREATE CLUSTER",
      "JOIN CLUSTER",
      "EXIT CLUSTER",
      "ALTER CLUSTER c ADD",
      "ALTER CLUSTER c DROP",
      "type='shard'",
      "TRUNCATE",
      "ALTER TABLE",
      `"event":"kill"`,
      `"event":"stop"`,
      `"event":"pause"`,
      `"event":"partition"`,
      `"event":"heal"`,
    ])
      expect(lines.join("\n")).toContain(wanted)
  })
})

describe("a run on the world", () => {
  it("comes out the same twice, and agrees with itself when it is replayed", () => {
    for (const seed of seeds.slice(0, 8)) {
      const transcript = runSimulated(drawSequence(seed), seed)
      expect(runSimulated(drawSequence(seed), seed)).toBe(transcript)
      const { statements, agree } = compareRun(transcript, "self")
      expect(statements).toBeGreaterThanOrEqual(30)
      expect(agree).toBe(statements)
    }
  })

  it("is found to differ where an answer was changed", () => {
    const lines = runSimulated(drawSequence(3), 3).trim().split("\n")
    const planted = lines.findIndex((line) => /"affectedRows":[1-9]/.test(line))
    expect(planted).toBeGreaterThan(0)
    lines[planted] = (lines[planted] ?? "").replace(/"affectedRows":\d+/, `"affectedRows":77`)
    const { differences } = compareRun(lines.join("\n"), "planted")
    expect(differences.map(({ line }) => line)).toEqual([planted + 1])
  })
})

describe("shrinking", () => {
  const shortest = (sequence: Sequence, shows: (sequence: Sequence) => boolean, runs: number): Sequence => {
    const search = shrink(sequence, runs)
    let next = search.next()
    while (next.done !== true) next = search.next(shows(next.value))
    return next.value
  }

  it("keeps the steps that the difference needs", () => {
    const sequence = drawSequence(4)
    const needed = [sequence.steps[20], sequence.steps[33]]
    const short = shortest(sequence, ({ steps }) => needed.every((step) => step && steps.includes(step)), 500)
    expect(short.steps.slice(sequence.nodes)).toEqual(needed)
  })

  it("ends after the runs that it is given", () => {
    let runs = 0
    shortest(drawSequence(4), () => runs++ < 0, 5)
    expect(runs).toBe(5)
  })
})

const labFile = process.env["SHARDWRIGHT_LAB"] ?? ""

if (labFile === "") console.log("skipped: real daemons; SHARDWRIGHT_LAB names a lab (docs/TESTING.md)")

describe("real daemons", () => {
  it.skipIf(labFile === "")(
    "answer as the world does, in three sequences",
    async () => {
      const lab = readLab(labFile)
      for (const seed of [1, 2, 3]) {
        const { differences } = compareRun(await runReal(drawSequence(seed), lab), `seed-${seed}`)
        expect(differences).toEqual([])
      }
    },
    600_000,
  )
})
