/**
 * What goes wrong with sharding and replication, in the field and in code: every entry of the catalogue has a scenario in
 * which the engine lives through it, or docs/TESTING.md says why it has none yet.
 */
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import { describe, expect, it } from "vitest"
import { scenariosOf } from "./Folder.ts"

const ids = (letter: string, from: number, to: number): ReadonlyArray<string> =>
  Array.from({ length: to - from + 1 }, (_, index) => `${letter}${String(from + index).padStart(2, "0")}`)

const covered = new Set(
  ["upstream", "chaos", "control", "regressions", "rules"].flatMap((folder) =>
    scenariosOf(folder).flatMap(({ scenario }) => (scenario.engine === "none" ? [] : scenario.covers)),
  ),
)

/** Ids of the rows of the table under "Open". */
const open = new Set(
  (
    NodeFs.readFileSync(NodePath.join(import.meta.dirname, "../../../docs/TESTING.md"), "utf8")
      .split("## What no scenario shows yet")[1]
      ?.split("\n## ")[0] ?? ""
  )
    .split("\n")
    .flatMap((line) => line.split("|")[1]?.match(/\b[UDS]\d\d\b/g) ?? []),
)

describe("the catalogue of failures", () => {
  it.each([
    ["U", 1, 33],
    ["D", 1, 32],
    ["S", 1, 31],
    ["S", 44, 62],
  ] as const)("every %s from %i to %i has a scenario with the engine, or a reason why not", (letter, from, to) => {
    expect(ids(letter, from, to).filter((id) => !covered.has(id) && !open.has(id))).toEqual([])
  })

  it("names as open only what has no scenario", () => {
    expect([...open].filter((id) => covered.has(id))).toEqual([])
  })
})
