import { ok } from "@shardwright/core/Answer"
import { describe, expect, it } from "vitest"
import { orphans } from "../../src/check/orphans.ts"
import { keepsakeTables, userTables } from "../../src/check/userTables.ts"
import { groupRecord, healthy, FakeWorld } from "./FakeWorld.ts"

const atRest = (fake: FakeWorld): ReadonlyArray<string> => {
  fake.expectSound()
  fake.check(orphans).atQuiescence?.()
  return fake.reports.map((report) => report.replace("orphans: ", ""))
}

describe("orphans", () => {
  it("is silent when records own everything", () => {
    expect(atRest(healthy())).toEqual([])
  })

  it("finds tables in system that nobody owns, on the node where nobody owns them", () => {
    const fake = healthy()
    fake.table("n3", "system.t_s0", null, [1])
    fake.table("n1", "system.sw_9_probe", null)
    fake.table("n1", "a_table_of_a_user", null)
    expect(atRest(fake)).toEqual([
      "table system.sw_9_probe on n1 belongs to nothing",
      "table system.t_s0 on n3 belongs to nothing",
    ])
  })

  it("finds clusters that are no live group of their node, and groups that never ended", () => {
    const fake = healthy()
    fake.cluster("h", ["n3"])
    fake.cluster("g", ["n1", "n2", "n3"])
    fake.commit("group/m", groupRecord("m", ["n1"], [], { status: "temporary" }))
    expect(atRest(fake)).toEqual([
      "cluster h on n3 belongs to no live group",
      "cluster g on n3 belongs to no live group",
      "group m is still temporary",
    ])
  })
})

describe("user-tables-untouched", () => {
  const setup = () => {
    const fake = new FakeWorld(2)
    for (const host of ["n1", "n2"])
      for (const table of keepsakeTables)
        fake.table(host, table, null, [
          [1, 11],
          [2, 22],
          [3, 33],
        ])
    return fake
  }

  it("is silent while they are as they were", () => {
    const fake = setup()
    fake.check(userTables).atQuiescence?.()
    expect(fake.reports).toEqual([])
  })

  it("finds one that is gone, one with another value, and one with rows more", () => {
    const fake = setup()
    fake.remove("n1", "keepsake")
    fake.table("n2", "keepsake", null, [
      [1, 11],
      [2, 99],
      [3, 33],
    ])
    fake.table("n2", "system.keepsake_s0", null, [
      [1, 11],
      [2, 22],
      [3, 33],
      [4, 44],
    ])
    fake.check(userTables).atQuiescence?.()
    expect(fake.reports).toEqual([
      "user-tables-untouched: table keepsake of a user is gone from n1",
      "user-tables-untouched: table keepsake of a user on n2 has 3 rows, and rows 2 differ",
      "user-tables-untouched: table system.keepsake_s0 of a user on n2 has 4 rows, and rows beyond its own differ",
    ])
  })

  const made = "CREATE TABLE mine (v bigint)"

  it("finds a table of a client that the engine drops", () => {
    const fake = setup()
    const checker = fake.check(userTables)
    for (const [from, sql] of [
      [null, made],
      ["n1", "DROP TABLE mine"],
    ] as const)
      checker.onEvent?.({ kind: "answer", node: "n1", sql, answer: ok(), from })
    expect(fake.reports).toEqual([
      "user-tables-untouched: 'DROP TABLE mine' on n1 dropped a table that a user had made",
    ])
  })

  it("finds one that the engine has taken into a cluster, unless the client did", () => {
    const fake = setup()
    const checker = fake.check(userTables)
    checker.onEvent?.({ kind: "answer", node: "n1", sql: made, answer: ok(), from: null })
    fake.table("n1", "mine", "g")
    checker.atQuiescence?.()
    expect(fake.reports).toEqual(["user-tables-untouched: table mine of a user on n1 is in cluster g now"])
    fake.reports.length = 0
    // Not even if the client was not told of its success: it may have had its effect.
    const answer = { _tag: "NoAnswer", reason: "timeout" } as const
    checker.onEvent?.({ kind: "answer", node: "n1", sql: "ALTER CLUSTER g ADD mine", answer, from: null })
    checker.atQuiescence?.()
    expect(fake.reports).toEqual([])
  })
})
