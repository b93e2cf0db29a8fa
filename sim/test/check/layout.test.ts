import { describe, expect, it } from "vitest"
import { freshNames } from "../../src/check/freshNames.ts"
import { gracePeriod } from "../../src/check/gracePeriod.ts"
import { neededMoves } from "../../src/check/neededMoves.ts"
import { wrapperOutage } from "../../src/check/wrapperOutage.ts"
import { address, FakeWorld, groupRecord, healthy, operationRecord, tableRecord } from "./FakeWorld.ts"

/** Nothing else waits in a world that does nothing by itself. */
const passes = (fake: FakeWorld, seconds: number): void => {
  fake.queue.after(seconds * 1_000_000, () => undefined)
  fake.queue.step()
}

const shards = [
  ["t", 0],
  ["t", 1],
] as const

describe("grace-period", () => {
  const givenUpAfter = (seconds: number, before: (fake: FakeWorld) => void = () => undefined) => {
    const fake = healthy()
    fake.check(gracePeriod)
    fake.commit("heartbeat/n2:9312", { incarnation: "n2.1" })
    before(fake)
    passes(fake, seconds)
    fake.commit("group/g", groupRecord("g", ["n1"], shards, { exiled: [address("n2")] }))
    return fake.reports
  }

  it("is silent about a node that has been away for that long, or that an operator has given up", () => {
    expect(givenUpAfter(61)).toEqual([])
    const wish = { _tag: "ForgetNode", node: address("n2") }
    expect(givenUpAfter(10, (fake) => fake.commit("request/r", { id: "r", wish }))).toEqual([])
  })

  it("is silent about a copy that no wrapper lists", () => {
    const bare = tableRecord("t", 2, [["g", ["n1", "n2"]]], { wrapper: { version: 2, mirrors: [[address("n1")]] } })
    expect(givenUpAfter(10, (fake) => fake.commit("table/t", bare))).toEqual([])
  })

  it("finds a node that is given up some seconds after its last sign of life", () => {
    expect(givenUpAfter(10)).toEqual(["grace-period: group g gave up n2:9312, who was there not long ago"])
  })
})

describe("wrapper-outage", () => {
  const drop = "DROP TABLE IF EXISTS t OPTION force=1"
  const create = "CREATE TABLE t (v bigint) type='shard' agent='…'"
  const swap = (
    hosts: ReadonlyArray<string>,
    seconds: number,
    before: (fake: FakeWorld) => void = () => undefined,
    meanwhile: (fake: FakeWorld) => void = () => undefined,
  ) => {
    const fake = healthy()
    before(fake)
    const checker = fake.check(wrapperOutage)
    meanwhile(fake)
    passes(fake, 1)
    for (const host of hosts) {
      fake.remove(host, "t")
      fake.answer(checker, host, drop)
    }
    passes(fake, seconds)
    fake.wrapper("n1", "t", [["system.t_s0", ["n1", "n2"]]])
    fake.answer(checker, "n1", create)
    return fake.reports
  }

  it("is silent when nodes swap one after another, or all of them in a moment", () => {
    expect(swap(["n1", "n2"], 60)).toEqual([])
    expect(swap(["n1", "n2", "n3"], 0.01)).toEqual([])
  })

  it("is silent while a fault is in force, and during a split", () => {
    expect(swap(["n1", "n2", "n3"], 2, (fake) => fake.undisturbedSince.set("n2", undefined))).toEqual([])
    const split = operationRecord("a", 1, "running", { kind: "split", tables: ["t"] })
    expect(swap(["n1", "n2", "n3"], 2, undefined, (fake) => fake.commit("operation/a", split))).toEqual([])
  })

  it("finds a table that is on no node", () => {
    expect(swap(["n1", "n2", "n3"], 2)).toEqual(["wrapper-outage: table t was on no node for 2000 ms"])
  })
})

describe("fresh-names", () => {
  it("is silent about groups that live and end, and about a table that is made anew with a generation of its own", () => {
    const fake = new FakeWorld()
    fake.check(freshNames)
    fake.commit("group/g", groupRecord("g", ["n1"], shards))
    for (let time = 0; time < 2; time++) fake.commit("group/g", groupRecord("g", [], [], { status: "dissolved" }))
    fake.commit("table/t", tableRecord("t", 1, [[null, ["n1"]]]))
    const layout = [{ shard: 0, physical: "system.t_g2_s0", group: null, nodes: [address("n1")] }]
    fake.commit("table/t", tableRecord("t", 1, [], { generation: 2, layout }))
    expect(fake.reports).toEqual([])
  })

  it("finds a group that is there again, and a shard of an earlier generation", () => {
    const fake = new FakeWorld()
    fake.check(freshNames)
    for (const status of ["live", "dissolved", "forming"])
      fake.commit("group/g", groupRecord("g", ["n1"], shards, { status }))
    for (const generation of [1, 2]) fake.commit("table/t", tableRecord("t", 1, [[null, ["n1"]]], { generation }))
    expect(fake.reports).toEqual([
      "fresh-names: group g had ended, and is forming again",
      "fresh-names: system.t_s0 of generation 2 of t was a shard of generation 1 of t",
    ])
  })
})

describe("needed-moves", () => {
  /** Two groups of two shards each on n1 and n2; of the first one a member moves. */
  const moved = (from: string, to: string, others: ReadonlyArray<string>) => {
    const fake = new FakeWorld()
    fake.register()
    fake.check(neededMoves)
    const both = ["n1", "n2"]
    fake.commit(
      "table/t",
      tableRecord("t", 2, [
        ["g", both],
        ["g", both],
        ["h", others],
        ["h", others],
      ]),
    )
    fake.commit("group/g", groupRecord("g", both, shards))
    fake.commit(
      "group/h",
      groupRecord("h", others, [
        ["t", 2],
        ["t", 3],
      ]),
    )
    const changes = { operation: "a", rf: 2, leaving: [address(from)] }
    fake.commit("group/g", groupRecord("g", [...both, to].toSorted(), shards, changes))
    fake.commit("operation/a", operationRecord("a", 1, "running", { groups: ["g"] }))
    return fake.reports
  }

  it("is silent about a move to a node that has nothing", () => {
    expect(moved("n2", "n3", ["n1", "n2"])).toEqual([])
  })

  it("finds a move after which the layout is as uneven as before", () => {
    expect(moved("n2", "n3", ["n1", "n3"])).toEqual([
      "needed-moves: operation a moves 2 replicas, and the layout is no more even than it was",
    ])
  })
})
