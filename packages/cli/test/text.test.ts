import { expect, it } from "vitest"
import { clockText, counted, cutText, lengthText, tableText } from "../src/cli/text.ts"

it("tells virtual time to a tenth of a second", () => {
  expect([0, 49, 50, 59_949, 59_950, 61_000, 3_723_400, -5].map(clockText)).toEqual([
    "0:00.0",
    "0:00.0",
    "0:00.1",
    "0:59.9",
    "1:00.0",
    "1:01.0",
    "1:02:03.4",
    "0:00.0",
  ])
})

it("tells real time in the unit that fits", () => {
  expect([0.4, 999, 1000, 59_949, 59_950, 245_000].map(lengthText)).toEqual([
    "0 ms",
    "999 ms",
    "1.0 s",
    "59.9 s",
    "1 min 00 s",
    "4 min 05 s",
  ])
})

it("counts in words", () => {
  expect([counted(1, "move"), counted(0, "move"), counted(12_345, "move")]).toEqual([
    "1 move",
    "0 moves",
    "12,345 moves",
  ])
})

it("aligns columns and leaves no blanks at the end", () => {
  const columns = [{ title: "name" }, { title: "n", align: "right" as const }, { title: "note" }]
  expect(
    tableText(columns, [
      ["a", "1", ""],
      ["longer", "100", "x"],
    ]),
  ).toEqual(["name      n  note", "a         1", "longer  100  x"])
})

it("cuts what is too long and says so", () => {
  expect(cutText("abcdef", 6)).toBe("abcdef")
  expect(cutText("abcdefg", 6)).toBe("abcde…")
})
