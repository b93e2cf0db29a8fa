import { describe, expect, it } from "vitest"
import { approvals } from "../../src/check/approvals.ts"
import type { MakeChecker } from "../../src/check/Checker.ts"
import { liveOperation } from "../../src/check/liveOperation.ts"
import { oneHolder } from "../../src/check/oneHolder.ts"
import { operationStatus } from "../../src/check/operationStatus.ts"
import { pauseHolds } from "../../src/check/pauseHolds.ts"
import { FakeWorld, groupRecord, operationRecord, stepRecord } from "./FakeWorld.ts"

const watchedBy = (make: MakeChecker): FakeWorld => {
  const fake = new FakeWorld()
  fake.check(make)
  return fake
}

/** An operation with the statuses that it has had, and who brought each about. */
const withHistory = (statuses: ReadonlyArray<string>, changes: object = {}, by = "shardwright@n1") =>
  operationRecord("a", 1, statuses.at(-1) ?? "idle", {
    history: statuses.map((status) => ({ status, atMs: 0, by, why: "" })),
    ...changes,
  })

describe("live-operation", () => {
  it("is silent about steps of an operation that is or was live", () => {
    const fake = watchedBy(liveOperation)
    fake.commit("step/a/0", stepRecord("a", 0, "pending"))
    fake.commit("operation/a", operationRecord("a", 1, "running"))
    fake.commit("step/a/0", stepRecord("a", 0, "processing"))
    fake.commit("operation/a", operationRecord("a", 1, "completed"))
    fake.commit("step/a/1", stepRecord("a", 1, "processing"))
    expect(fake.reports).toEqual([])
  })

  it.each(["idle", "awaiting_approval", "queued"])(
    "finds a step that is claimed while its operation is %s",
    (status) => {
      const fake = watchedBy(liveOperation)
      fake.commit("operation/a", operationRecord("a", 1, status))
      fake.commit("step/a/0", stepRecord("a", 0, "pending"))
      fake.commit("step/a/0", stepRecord("a", 0, "processing"))
      expect(fake.reports).toEqual([
        "live-operation: step 0 (CommitLayout) was claimed by n1.1 while operation a was a draft",
      ])
    },
  )
})

describe("operation-status", () => {
  it("is silent about a life as it is documented", () => {
    const fake = watchedBy(operationStatus)
    const life = ["queued", "running", "paused", "running", "stopping", "stopped", "idle", "queued"]
    for (let length = 1; length <= life.length; length++) fake.commit("operation/a", withHistory(life.slice(0, length)))
    expect(fake.reports).toEqual([])
  })

  it("finds a change that there is not, also between two that are written at once", () => {
    const fake = watchedBy(operationStatus)
    fake.commit("operation/a", withHistory(["queued", "running"]))
    fake.commit("operation/a", withHistory(["queued", "running", "completed", "running"]))
    expect(fake.reports).toEqual(["operation-status: operation a went from completed to running"])
  })

  it("finds a status that is not in the history", () => {
    const fake = watchedBy(operationStatus)
    fake.commit("operation/a", withHistory(["queued", "running"]))
    fake.commit("operation/a", withHistory(["queued", "running", "paused"], { status: "completed" }))
    expect(fake.reports).toEqual(["operation-status: operation a is completed, but its history ends with paused"])
  })
})

describe("pause-holds", () => {
  const paused = () => {
    const fake = watchedBy(pauseHolds)
    fake.commit("operation/a", operationRecord("a", 1, "running"))
    fake.commit("step/a/0", stepRecord("a", 0, "pending"))
    fake.commit("step/a/1", stepRecord("a", 1, "processing"))
    fake.commit("operation/a", operationRecord("a", 1, "paused"))
    return fake
  }

  it("lets what had begun end, and a claim that came too late be given back", () => {
    const fake = paused()
    fake.commit("step/a/1", stepRecord("a", 1, "done"))
    for (const status of ["processing", "pending"]) fake.commit("step/a/0", stepRecord("a", 0, status))
    fake.commit("operation/a", operationRecord("a", 1, "running"))
    for (const status of ["processing", "done"]) fake.commit("step/a/0", stepRecord("a", 0, status))
    expect(fake.reports).toEqual([])
  })

  it.each(["done", "failed"])("finds a step that is begun and %s during the pause", (end) => {
    const fake = paused()
    for (const status of ["processing", end]) fake.commit("step/a/0", stepRecord("a", 0, status))
    expect(fake.reports).toEqual([
      `pause-holds: step 0 (CommitLayout) of operation a was begun and ${end} while the operation was paused`,
    ])
  })
})

describe("one-holder", () => {
  const held = (operation: string | null) => groupRecord("g", ["n1"], [["t", 0]], { operation })

  it("is silent when a group goes from one to the next after the first is over", () => {
    const fake = watchedBy(oneHolder)
    fake.commit("operation/a", operationRecord("a", 1, "running"))
    fake.commit("group/g", held("a"))
    fake.commit("group/g", held(null))
    fake.commit("group/g", held("b"))
    fake.commit("operation/b", operationRecord("b", 1, "running"))
    fake.commit("operation/b", operationRecord("b", 1, "completed"))
    fake.commit("group/g", held("c"))
    expect(fake.reports).toEqual([])
  })

  it.each(["running", "paused", "stopping"])("finds one that is taken from an operation that is %s", (status) => {
    const fake = watchedBy(oneHolder)
    fake.commit("operation/a", operationRecord("a", 1, status))
    fake.commit("group/g", held("a"))
    fake.commit("group/g", held("b"))
    expect(fake.reports).toEqual(["one-holder: group/g went to operation b while operation a held it"])
  })
})

describe("approvals", () => {
  const asked = (approval: boolean) => {
    const fake = watchedBy(approvals)
    fake.commit("request/r", { id: "r", approval })
    return fake
  }
  const waited = ["awaiting_approval", "queued", "running"]

  it("is silent when somebody has approved it, and when nobody had to", () => {
    const fake = asked(true)
    fake.commit("operation/a", withHistory(waited, { request: "r" }, "a person"))
    expect(fake.reports).toEqual([])
    const free = asked(false)
    free.commit("operation/a", withHistory(["queued", "running"], { request: "r" }))
    expect(free.reports).toEqual([])
  })

  it("finds an operation that did not wait, and one that the engine approved", () => {
    const hasty = asked(true)
    hasty.commit("operation/a", withHistory(["queued", "running"], { request: "r" }))
    expect(hasty.reports).toEqual(["approvals: operation a runs without having awaited its approval"])
    const selfMade = asked(true)
    selfMade.commit("operation/a", withHistory(waited, { request: "r" }))
    expect(selfMade.reports).toEqual(["approvals: operation a was approved by shardwright@n1"])
  })
})
