import { describe, expect, it } from "vitest"
import { replicationFactor } from "../../src/check/replicationFactor.ts"
import { FakeWorld, groupRecord, healthy, tableRecord } from "./FakeWorld.ts"

const atRest = (fake: FakeWorld): ReadonlyArray<string> => {
  fake.expectSound()
  fake.check(replicationFactor).atQuiescence?.()
  return fake.reports.map((report) => report.replace("replication-factor: ", ""))
}

describe("replication-factor at rest", () => {
  it("is silent when each shard has its replicas in sync, with equal rows", () => {
    expect(atRest(healthy())).toEqual([])
  })

  it("finds a shard with too few replicas, or with one listed twice", () => {
    const fake = healthy()
    fake.commit(
      "table/t",
      tableRecord("t", 2, [
        ["g", ["n1"]],
        ["g", ["n1", "n1"]],
      ]),
    )
    expect(atRest(fake)).toEqual([
      "shard system.t_s0 has 1 replicas and must have 2: n1:9312",
      "shard system.t_s1 lists a node twice: n1:9312, n1:9312",
    ])
  })

  it("finds a replica that is not there, not in its group, or in a group that is not in order", () => {
    const missing = healthy()
    missing.remove("n2", "system.t_s0")
    expect(atRest(missing)).toEqual(["shard system.t_s0 is not on n2, which the layout lists"])
    const alone = healthy()
    alone.table("n2", "system.t_s0", null, [1, 2])
    expect(atRest(alone)).toEqual(["shard system.t_s0 on n2 is in cluster none and must be in g"])
    const broken = healthy()
    broken.cluster("g", ["n2"], "non-primary")
    expect(atRest(broken)[0]).toBe("group g of shard system.t_s0 is non-primary, synced on n2")
    const split = healthy()
    split.cluster("g", ["n2"])
    expect(atRest(split)[0]).toBe("group g of shard system.t_s0 has 1 members on n2")
  })

  it("finds replicas whose rows differ, and says how", () => {
    const fake = healthy()
    fake.table("n2", "system.t_s0", "g", [1, 5])
    fake.table("n2", "system.t_s1", "g", [3, [4, 44]])
    expect(atRest(fake)).toEqual([
      "shard system.t_s0 on n2 lacks 1 rows (2), has 1 rows more (5), compared with n1",
      "shard system.t_s1 on n2 has other values in 1 rows (4), compared with n1",
    ])
  })

  it("asks for replicas elsewhere when a node is down and another one could carry them", () => {
    const fake = healthy()
    fake.down.add("n2")
    fake.cluster("g", ["n1"])
    expect(atRest(fake)).toEqual([
      "shard system.t_s0 has 1 replicas on nodes that are up and must have 2",
      "shard system.t_s1 has 1 replicas on nodes that are up and must have 2",
    ])
  })

  it("asks for no more replicas than there are nodes, and for no moves while too many are away", () => {
    const fake = healthy()
    fake.down.add("n2").add("n3")
    fake.cluster("g", ["n1"])
    expect(atRest(fake)).toEqual([])
  })
})

describe("replication-factor when a copy goes", () => {
  it("finds a statement that takes the last copy in sync", () => {
    const fake = healthy()
    fake.undisturbedSince.set("n2", undefined)
    fake.commit(
      "group/g",
      groupRecord(
        "g",
        ["n1"],
        [
          ["t", 0],
          ["t", 1],
        ],
      ),
    )
    fake.answer(fake.check(replicationFactor), "n1", "DROP TABLE IF EXISTS system.t_s0")
    expect(fake.reports).toEqual([
      "replication-factor: 'DROP TABLE IF EXISTS system.t_s0' on n1 left 0 copies of system.t_s0 in sync (none), and 1 must remain",
    ])
  })

  it("asks for all copies while all is well, and for one while something is wrong", () => {
    const fake = healthy()
    fake.queue.after(300_000_000, () => undefined)
    fake.queue.step()
    const checker = fake.check(replicationFactor)
    fake.undisturbedSince.set("n3", undefined)
    fake.answer(checker, "n1", "EXIT CLUSTER g")
    expect(fake.reports).toEqual([])
    fake.undisturbedSince.delete("n3")
    fake.answer(checker, "n1", "EXIT CLUSTER g")
    expect(fake.reports).toEqual([
      "replication-factor: 'EXIT CLUSTER g' on n1 left 1 copies of system.t_s0 in sync (n2), and 2 must remain",
      "replication-factor: 'EXIT CLUSTER g' on n1 left 1 copies of system.t_s1 in sync (n2), and 2 must remain",
    ])
  })

  it("does not count a copy that the records call in sync and that is not on disk", () => {
    const fake = healthy()
    fake.undisturbedSince.set("n3", undefined)
    fake.remove("n2", "system.t_s0")
    fake.answer(fake.check(replicationFactor), "n1", "DROP TABLE IF EXISTS system.t_s0")
    expect(fake.reports).toHaveLength(1)
  })

  it("lets a dropped table go", () => {
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
    fake.answer(fake.check(replicationFactor), "n1", "EXIT CLUSTER g")
    expect(fake.reports).toEqual([])
  })
})
