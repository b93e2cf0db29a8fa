import { noAnswer, ok, refused, rows } from "@shardwright/core/Answer"
import { describe, expect, it } from "vitest"
import { Trace } from "../../src/run/Trace.ts"

const fill = (
  trace: Trace,
  change: Partial<{ micros: number; kind: string; node: string; text: string }> = {},
): Trace => {
  trace.add(1000, 1, "statement", "n1", "SELECT 1")
  trace.add(change.micros ?? 2000, 2, change.kind ?? "statement", change.node ?? "n2", change.text ?? "SELECT 2")
  trace.addAnswer(
    3000,
    3,
    "n2",
    rows(
      ["a", "b"],
      [
        ["1", null],
        [2, "x"],
      ],
    ),
  )
  return trace
}

describe("Trace", () => {
  it("has one hash for the same happenings, and another for each difference", () => {
    const base = fill(new Trace()).hash
    expect(fill(new Trace()).hash).toBe(base)
    expect(base).toMatch(/^[0-9a-f]{16}$/)
    const others = [
      { micros: 2001 },
      { micros: 2000 + 2 ** 32 },
      { kind: "act" },
      { node: "n3" },
      { text: "SELECT 3" },
    ].map((change) => fill(new Trace(), change).hash)
    expect(new Set([base, ...others]).size).toBe(6)
  })

  it("has the same hash whether somebody reads along or not", () => {
    const answers = [
      ok(3),
      refused("no"),
      noAnswer("timeout"),
      rows(["a"], []),
      rows(
        ["a", "b"],
        [
          ["x", 1],
          [null, "ü"],
        ],
      ),
    ]
    const lines: Array<string> = []
    const silent = new Trace()
    const told = new Trace({ sink: (line) => lines.push(line) })
    for (const answer of answers) {
      silent.addAnswer(1, 1, "n1", answer)
      told.addAnswer(1, 1, "n1", answer)
    }
    expect(silent.hash).toBe(told.hash)
    expect(lines.map((line) => JSON.parse(line).text)).toEqual([
      "ok 3",
      "error no",
      "no answer: timeout",
      "0 rows: ",
      "2 rows: x|1 / \0|ü",
    ])
  })

  it("says where two traces part", () => {
    const first = fill(new Trace({ keepLines: true }))
    const second = fill(new Trace({ keepLines: true }), { text: "SELECT 9" })
    expect(first.divergence(fill(new Trace({ keepLines: true })))).toBeUndefined()
    expect(first.divergence(second)).toMatchObject({
      index: 1,
      first: expect.stringContaining("SELECT 2"),
      second: expect.stringContaining("SELECT 9"),
    })
    second.add(1, 1, "act", null, "more")
    expect(fill(new Trace({ keepLines: true }), { text: "SELECT 9" }).divergence(second)).toMatchObject({
      index: 3,
      first: undefined,
    })
  })
})
