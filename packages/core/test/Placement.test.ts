import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { buddyLayout } from "../src/Placement.ts"

interface BuddyCase {
  readonly nodes: ReadonlyArray<string>
  readonly shards: number
  readonly rf: number
  readonly layout: ReadonlyArray<ReadonlyArray<string>>
}

describe("buddyLayout", () => {
  const file = new URL("../testdata/buddy-layouts.jsonl", import.meta.url)
  // The file holds one case per line, as printed by the orchestrator that it was recorded from.
  const cases = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as BuddyCase)
  it.each(cases)("$nodes.length nodes × $shards shards × RF $rf", ({ layout, nodes, rf, shards }) => {
    expect(buddyLayout(nodes, shards, rf)).toEqual(layout)
    expect(buddyLayout(nodes.toReversed(), shards, rf)).toEqual(layout)
  })
})
