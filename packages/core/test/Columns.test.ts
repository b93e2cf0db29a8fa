/** Protects tables for people: cells of a column stand under each other, and no line ends in blanks. */
import { describe, expect, it } from "vitest"
import { renderColumns } from "../src/Columns.ts"

describe("renderColumns", () => {
  it("leaves no blanks at the end of lines", () => {
    expect(
      renderColumns([
        ["a", ""],
        ["bb", ""],
      ]),
    ).toEqual(["a", "bb"])
  })

  it("puts figures flush right where asked", () => {
    const rows = [
      ["shard", "rows"],
      ["0", "7"],
    ]
    expect(renderColumns(rows, new Set([1]))).toEqual(["shard  rows", "0         7"])
  })
})
