import { describe, expect, it } from "vitest"
import { wrapperCompleteness } from "../../src/check/wrapperCompleteness.ts"
import { healthy, tableRecord } from "./FakeWorld.ts"

const create = "CREATE TABLE t (title text, v bigint) type='shard' agent='…'"

describe("wrapper-completeness", () => {
  it("is silent when every registered node lists every shard once, with mirrors that hold it", () => {
    const fake = healthy()
    const checker = fake.check(wrapperCompleteness)
    fake.answer(checker, "n1", create)
    fake.answer(checker, "n2", "DROP TABLE IF EXISTS system.other_s0")
    checker.atQuiescence?.()
    fake.expectSound()
    expect(fake.reports).toEqual([])
  })

  it.each([
    ["a shard that is missing", [["system.t_s0", ["n1"]]], "lists 1 shards of 2"],
    [
      "a shard that is listed twice",
      [
        ["system.t_s0", ["n1"]],
        ["system.t_s0", ["n2"]],
      ],
      "lists system.t_s0 twice",
    ],
    [
      "a mirror without the shard",
      [
        ["system.t_s0", ["n1", "n3"]],
        ["system.t_s1", ["n1"]],
      ],
      "lists n3:9312 for system.t_s0, and there is no such table",
    ],
    [
      "a mirror that is no node",
      [
        ["system.t_s0", ["n9"]],
        ["system.t_s1", ["n1"]],
      ],
      "lists n9:9312, which is no node",
    ],
    [
      "a shard of another table",
      [
        ["system.t_s0", ["n1"]],
        ["system.g_probe", ["n1"]],
      ],
      "does not list system.t_s1",
    ],
  ] as const)("finds %s, when the wrapper is made and at rest", (_, shards, problem) => {
    const fake = healthy()
    fake.wrapper("n3", "t", shards)
    const checker = fake.check(wrapperCompleteness)
    fake.answer(checker, "n3", create)
    checker.atQuiescence?.()
    expect(fake.reports).toEqual(
      Array.from({ length: 2 }, () => `wrapper-completeness: the wrapper of t on n3 ${problem}`),
    )
  })

  it("finds a node without the wrapper, and a wrapper of a dropped table", () => {
    const fake = healthy()
    fake.remove("n3", "t")
    fake.check(wrapperCompleteness).atQuiescence?.()
    expect(fake.reports).toEqual(["wrapper-completeness: the wrapper of t on n3 is missing"])
    fake.commit("table/t", tableRecord("t", 2, [], { status: "dropped" }))
    fake.reports.length = 0
    fake.check(wrapperCompleteness).atQuiescence?.()
    expect(fake.reports).toEqual(
      ["n1", "n2"].map((host) => `wrapper-completeness: the wrapper of the dropped table t is still on ${host}`),
    )
  })

  it("finds a copy that is dropped while a wrapper still lists it, unless that node was away", () => {
    const fake = healthy()
    const checker = fake.check(wrapperCompleteness)
    fake.remove("n2", "system.t_s0")
    fake.undisturbedSince.set("n3", 5_000)
    fake.answer(checker, "n2", "DROP TABLE IF EXISTS system.t_s0")
    expect(fake.reports).toEqual(
      ["n1", "n2"].map(
        (host) => `wrapper-completeness: the wrapper of t on ${host} lists n2 for system.t_s0, which was dropped there`,
      ),
    )
  })

  it("finds a wrapper that was confirmed and is not shown, now and a second later", () => {
    const confirmed = (shownAfter: boolean) => {
      const fake = healthy()
      const checker = fake.check(wrapperCompleteness)
      fake.remove("n3", "t")
      fake.commit("wrapper/n3:9312", { versions: { t: 1 } })
      if (shownAfter)
        fake.wrapper("n3", "t", [
          ["system.t_s0", ["n1", "n2"]],
          ["system.t_s1", ["n1", "n2"]],
        ])
      fake.queue.after(2_000_000, () => undefined)
      fake.queue.step()
      fake.answer(checker, "n1", "SHOW TABLES")
      return fake.reports
    }
    expect(confirmed(true)).toEqual([])
    expect(confirmed(false)).toEqual(["wrapper-completeness: n3 confirmed the wrapper of t and has none"])
  })
})
