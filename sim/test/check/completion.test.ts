import { describe, expect, it } from "vitest"
import { completion } from "../../src/check/completion.ts"
import { stepEffects } from "../../src/check/stepEffects.ts"
import { address, FakeWorld, healthy, operationRecord, stepRecord, tableRecord } from "./FakeWorld.ts"

describe("completion", () => {
  const ended = (step: string, table: string, changes: object = {}) => {
    const fake = new FakeWorld()
    fake.check(completion)
    fake.commit("table/t", tableRecord("t", 1, [[null, ["n1"]]], { status: table }))
    fake.commit("step/a/0", stepRecord("a", 0, step))
    const kind = { kind: "create", table: "t", ...changes }
    for (const status of ["running", "completed"]) fake.commit("operation/a", operationRecord("a", 1, status, kind))
    return fake
  }

  it("is silent when every step is done and the table is ready", () => {
    expect(ended("done", "ready").reports).toEqual([])
  })

  it("is silent about steps that were called off as the table was ready already", () => {
    expect(ended("cancelled", "ready", { undoing: true }).reports).toEqual([])
  })

  it("finds a step that was not done, and a table that is not ready", () => {
    expect(ended("processing", "creating").reports).toEqual([
      "completion: operation create a is completed, and its step 0 (CommitLayout) processing",
      "completion: operation create a is completed, and table t is creating",
    ])
  })
})

describe("step-effects", () => {
  const after = (step: object, change: (fake: FakeWorld) => void = () => undefined) => {
    const fake = healthy()
    change(fake)
    fake.check(stepEffects)
    for (const status of ["processing", "done"])
      fake.commit("step/a/0", stepRecord("a", 0, status, { node: address("n1"), step }))
    return fake.reports.map((report) => report.replace("step-effects: step 0 ", ""))
  }
  const tables = ["system.t_s0", "system.t_s1"]
  const detach = (fake: FakeWorld) => {
    for (const table of tables) fake.table("n1", table, null)
  }
  const drop = (fake: FakeWorld) => {
    for (const table of tables) fake.remove("n1", table)
  }

  it.each([
    [{ _tag: "JoinGroup", group: "g" }],
    [{ _tag: "CreateGroup", group: "g" }],
    [{ _tag: "CreateShard", physical: "system.t_s0", structure: "v bigint", options: {} }],
    [{ _tag: "AttachShard", group: "g", tables }],
    [{ _tag: "ExitGroup", group: "other", redundancy: 1 }],
    [{ _tag: "DropShard", group: "g", tables: ["system.other_s0"] }],
  ])("is silent about %j when that is so", (step) => {
    expect(after(step)).toEqual([])
  })

  it.each([
    ["JoinGroup", { group: "other" }, undefined, "it is not in other"],
    ["ExitGroup", { group: "g", redundancy: 1 }, undefined, "it is still in g"],
    [
      "CreateShard",
      { physical: "system.u_s0", structure: "v bigint", options: {} },
      undefined,
      "system.u_s0 is not there",
    ],
    ["AttachShard", { group: "g", tables }, detach, "system.t_s0, system.t_s1 is not in g"],
    ["DetachShard", { group: "g", tables }, undefined, "system.t_s0, system.t_s1 is still in g"],
    ["DropShard", { group: "g", tables }, undefined, "system.t_s0, system.t_s1 is still there"],
  ] as const)("finds a %s that is done and had no effect", (_tag, step, change, problem) => {
    expect(after({ _tag, ...step }, change)).toEqual([`(${_tag}) of operation a is done on n1, and ${problem}`])
  })

  it("says nothing of a host that is down", () => {
    const down = (fake: FakeWorld) => void fake.down.add("n1")
    expect(after({ _tag: "JoinGroup", group: "g" }, down)).toEqual([])
    expect(after({ _tag: "DropShard", group: "g", tables }, drop)).toEqual([])
  })
})
