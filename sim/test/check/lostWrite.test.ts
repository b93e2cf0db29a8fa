import { noAnswer } from "@shardwright/core/Answer"
import { describe, expect, it } from "vitest"
import { countLost, lostWrite } from "../../src/check/lostWrite.ts"
import { absent, present } from "../../src/workload/ClientModel.ts"
import { FakeWorld, groupRecord, healthy, tableRecord } from "./FakeWorld.ts"
import { ClientModel } from "../../src/workload/ClientModel.ts"

const atRest = (fake: FakeWorld): ReadonlyArray<string> => {
  fake.expectSound()
  fake.check(lostWrite).atQuiescence?.()
  return fake.reports
}

describe("lost-write at rest", () => {
  it("is silent when every acknowledged row is on every replica", () => {
    expect(atRest(healthy())).toEqual([])
  })

  it("finds a row that no copy has", () => {
    const fake = healthy()
    for (const host of ["n1", "n2"]) fake.table(host, "system.t_s0", "g", [1])
    expect(atRest(fake)).toEqual(["lost-write: 1 acknowledged rows of table t are in no copy: ids 2"])
    expect(countLost(fake.context)).toBe(1)
  })

  it("finds a row that one replica lacks, and one with an old value", () => {
    const fake = healthy()
    fake.table("n2", "system.t_s0", "g", [1, [2, 77]])
    fake.table("n2", "system.t_s1", "g", [4])
    expect(atRest(fake)).toEqual([
      "lost-write: 1 rows differ from what was acknowledged in system.t_s0 on n2: row 2 is value 77 and must be value 2",
      "lost-write: 1 rows differ from what was acknowledged in system.t_s1 on n2: row 3 is absent and must be value 3",
    ])
  })

  it("finds an acknowledged delete that came back, and a row that is in two shards", () => {
    const fake = healthy()
    fake.clients.get("t")?.settle(1, absent, "acknowledged", 9, true)
    for (const host of ["n1", "n2"]) fake.table(host, "system.t_s1", "g", [3, 4, 2])
    expect(atRest(fake)).toEqual([
      "lost-write: row 2 of table t is in shards system.t_s0 and system.t_s1",
      "lost-write: 1 rows differ from what was acknowledged in system.t_s0 on n1: row 1 is value 1 and must be absent",
      "lost-write: 1 rows differ from what was acknowledged in system.t_s0 on n2: row 1 is value 1 and must be absent",
    ])
  })

  it("finds a row that is there although it was refused", () => {
    const fake = healthy()
    fake.clients.get("t")?.settle(9, present(9), "refused", 9, true)
    expect(atRest(fake)).toEqual([])
    fake.table("n1", "system.t_s0", "g", [1, 2, 9])
    expect(atRest(fake)).toEqual([
      "lost-write: 1 rows differ from what was acknowledged in system.t_s0 on n1: row 9 is value 9 and must be absent",
    ])
  })

  it("lets a row whose outcome is unknown be in either state, and in no third one", () => {
    const fake = healthy()
    const model = fake.clients.get("t")
    model?.settle(1, present(50), "unknown", 9, true)
    model?.settle(9, present(9), "unknown", 9, true)
    expect(atRest(fake)).toEqual([])
    for (const host of ["n1", "n2"]) fake.table(host, "system.t_s0", "g", [[1, 50], 2, 9])
    expect(atRest(fake)).toEqual([])
    fake.table("n1", "system.t_s0", "g", [[1, 51], 2, 9])
    expect(atRest(fake)).toEqual([
      "lost-write: 1 rows differ from what was acknowledged in system.t_s0 on n1: row 1 is value 51 and must be value 1 or value 50",
    ])
  })

  it("lets a statement that is under way have taken effect already", () => {
    const fake = healthy()
    fake.clients.get("t")?.touch(1, absent)
    for (const host of ["n1", "n2"]) fake.table(host, "system.t_s0", "g", [2])
    fake.answer(fake.check(lostWrite), "n1", "EXIT CLUSTER g")
    expect(atRest(fake)).toEqual([])
  })

  it("says nothing of a table that is dropped", () => {
    const fake = healthy()
    fake.commit(
      "table/t",
      tableRecord(
        "t",
        2,
        [
          ["g", ["n1", "n2"]],
          ["g", ["n1", "n2"]],
        ],
        { status: "dropping" },
      ),
    )
    for (const host of ["n1", "n2"]) fake.remove(host, "system.t_s0")
    expect(atRest(fake)).toEqual([])
  })
})

describe("lost-write when a copy goes", () => {
  it("is silent while another copy has the rows", () => {
    const fake = healthy()
    fake.remove("n2", "system.t_s0")
    fake.answer(fake.check(lostWrite), "n2", "DROP TABLE IF EXISTS system.t_s0")
    fake.answer(fake.check(lostWrite), "n1", "EXIT CLUSTER g")
    expect(fake.reports.filter((report) => report.includes("DROP"))).toEqual([])
  })

  it("finds rows that were only in the copy that was dropped or left its group", () => {
    const fake = healthy()
    fake.table("n2", "system.t_s0", "g", [1])
    const checker = fake.check(lostWrite)
    fake.answer(checker, "n1", "DROP TABLE IF EXISTS system.t_s0")
    fake.answer(checker, "n1", "EXIT CLUSTER g")
    expect(fake.reports).toEqual([
      "lost-write: after 'DROP TABLE IF EXISTS system.t_s0' on n1, 1 acknowledged rows of table t are in no copy that remains: ids 2",
      "lost-write: after 'EXIT CLUSTER g' on n1, 1 acknowledged rows of table t are in no copy that remains: ids 2",
    ])
  })

  it("does not hold a statement against the engine that was not carried out", () => {
    const fake = healthy()
    fake.table("n2", "system.t_s0", "g", [1])
    fake.answer(fake.check(lostWrite), "n1", "EXIT CLUSTER g", noAnswer("timeout"))
    expect(fake.reports).toEqual([])
  })

  it("leaves a plain copy of RF 1 where the committed layout has it, when its temporary group ends", () => {
    const fake = new FakeWorld(2)
    fake.register()
    fake.commit("table/r", tableRecord("r", 1, [[null, ["n2"]]]))
    fake.commit("group/m", groupRecord("m", ["n2"], [["r", 0]], { status: "temporary", rf: 1 }))
    fake.table("n2", "system.r_s0", null, [1])
    const model = new ClientModel("r")
    model.settle(1, present(1), "acknowledged", 1, true)
    fake.clients.set("r", model)
    fake.answer(fake.check(lostWrite), "n2", "EXIT CLUSTER m")
    fake.expectSound()
    expect(fake.reports).toEqual([])
  })
})
