import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  assertAddress,
  assertIdentifier,
  groupName,
  physicalShard,
  rowId,
  tableNameLengthMax,
  tableNameProblem,
} from "../src/Identifier.ts"

describe("Identifier", () => {
  it("accepts ordinary table names and refuses what would reach SQL as something else", () => {
    expect(tableNameProblem("users_2")).toBeUndefined()
    expect(tableNameProblem("")).toMatch(/missing/)
    expect(tableNameProblem("9lives")).toMatch(/must begin/)
    expect(tableNameProblem("a b")).toMatch(/must begin/)
    expect(tableNameProblem("a;drop table b")).toMatch(/must begin/)
    expect(tableNameProblem("Select")).toMatch(/grammar/)
    expect(tableNameProblem("t".repeat(tableNameLengthMax + 1))).toMatch(/too long/)
  })

  it("keeps shard names below the length that takes the server down (semantics 23)", () => {
    const longest = physicalShard("t".repeat(tableNameLengthMax), 9999, 99_999)
    expect(longest.length).toBeLessThan(240)
  })

  it("gives the shards of a table made anew names of their own", () => {
    expect(physicalShard("t", 1, 3)).toBe("system.t_s3")
    expect(physicalShard("t", 2, 3)).toBe("system.t_g2_s3")
    expect(groupName("7_1", 0)).toBe("sw_7_1_0")
  })

  it("hashes keys to 63-bit ids that are never 0 and hardly ever collide", () => {
    const ids = new Set<string>()
    for (let index = 0; index < 20_000; index++) ids.add(rowId(`step/1_1/${index}`))
    expect(ids.size).toBe(20_000)
    fc.assert(
      fc.property(fc.string(), (key) => {
        const id = BigInt(rowId(key))
        expect(id > 0n && id < 1n << 63n).toBe(true)
        expect(rowId(key)).toBe(id.toString())
      }),
    )
  })

  it("never lets anything but identifiers and addresses through", () => {
    for (const bad of ["a'b", "a b", "", "a.b", "a`b", "1a", "a\n"]) expect(() => assertIdentifier(bad)).toThrow()
    for (const bad of ["host", "h:99999999", "h'x:1", "h x:1", ":1"]) expect(() => assertAddress(bad)).toThrow()
    expect(assertAddress("[::1]:9312")).toBe("[::1]:9312")
  })
})
