import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Sql from "../src/Sql.ts"

/** Reads a literal as the server does (dml/strings): the inverse of `Sql.text`. */
const unescape = (literal: string): string => {
  const escapes: Record<string, string> = { n: "\n", r: "\r", t: "\t", "0": "\0" }
  let result = ""
  const body = literal.slice(1, -1)
  for (let index = 0; index < body.length; index++) {
    const character = body[index] ?? ""
    if (character === "'") throw new Error("the literal ends early")
    if (character !== "\\") {
      result += character
      continue
    }
    index++
    const escaped = body[index] ?? ""
    result += escapes[escaped] ?? escaped
  }
  return result
}

describe("Sql", () => {
  it("escapes every string so that it ends where it should and reads back the same (D24)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        expect(unescape(Sql.text(value))).toBe(value)
      }),
    )
    expect(Sql.text("it's \\ here")).toBe("'it\\'s \\\\ here'")
  })

  it("renders cluster statements in the spelling that the server accepts without helper (semantics 32)", () => {
    expect(Sql.createCluster("sw_1_1_0", "sw_1_1_0")).toBe("CREATE CLUSTER sw_1_1_0 'sw_1_1_0' as path")
    expect(Sql.joinCluster("c", "10.0.0.1:9312", undefined)).toBe("JOIN CLUSTER c AT '10.0.0.1:9312'")
    expect(Sql.addTables("g", ["system.t_s0", "system.t_s1"])).toBe("ALTER CLUSTER g ADD system.t_s0,system.t_s1")
    expect(Sql.bootstrap("g")).toBe("SET CLUSTER g GLOBAL 'pc.bootstrap' = 1")
  })

  it("lists every shard with all its mirrors and retry options in a wrapper (U28)", () => {
    const sql = Sql.createWrapper("t", "v bigint", [
      { physical: "system.t_s0", mirrors: ["a:9312", "b:9312"] },
      { physical: "system.t_s1", mirrors: ["b:9312"] },
    ])
    expect(sql).toBe(
      "CREATE TABLE t (v bigint) type='shard' agent='a:9312:system.t_s0|b:9312:system.t_s0[retry_count=2,ha_strategy=noerrors]' " +
        "agent='b:9312:system.t_s1[retry_count=2,ha_strategy=noerrors]'",
    )
  })

  it("conditions a compare-and-set on id and version, and bounds every listing (D25)", () => {
    expect(Sql.updateRow("c", Sql.stateTable, "5", { value: "{}", version: 3 }, 2)).toBe(
      "UPDATE c:system.shardwright_state SET `value`='{}',`version`=3 WHERE id=5 AND version=2",
    )
    expect(Sql.selectVersions(Sql.stateTable, 10)).toMatch(/LIMIT 10 OPTION max_matches=10$/)
    expect(Sql.selectPage("system.t_s0", "7", "9", 100)).toBe(
      "SELECT * FROM system.t_s0 WHERE id>7 AND id<=9 ORDER BY id ASC LIMIT 100 OPTION max_matches=100",
    )
  })

  it("throws on names and ids that did not pass the checks", () => {
    expect(() => Sql.dropTable("t")).toThrow()
    expect(() => Sql.dropTable("system.t;x")).toThrow()
    expect(() => Sql.exitCluster("c d")).toThrow()
    expect(() => Sql.updateRow("c", Sql.stateTable, "1 OR 1=1", {}, 1)).toThrow()
    expect(() => Sql.insertRow("c", Sql.stateTable, "1", { version: 1.5 })).toThrow()
    expect(() => Sql.joinCluster("c", "x' as path --", undefined)).toThrow()
  })
})
