import { expect, it } from "vitest"
import { counted, cutText } from "../src/cli/text.ts"

it("counts in words", () => {
  expect([counted(1, "move"), counted(0, "move"), counted(1_234_567, "move")]).toEqual([
    "1 move",
    "0 moves",
    "1 234 567 moves",
  ])
})

it("cuts what is too long and says so", () => {
  expect(cutText("abcdef", 6)).toBe("abcdef")
  expect(cutText("abcdefg", 6)).toBe("abcde…")
})
