import { describe, expect, it } from "vitest"
import { oldTerm } from "../../src/check/oldTerm.ts"
import { oneLeaderPerTerm } from "../../src/check/oneLeaderPerTerm.ts"
import { stepOrder } from "../../src/check/stepOrder.ts"
import { FakeWorld, leaseRecord, operationRecord, stepRecord } from "./FakeWorld.ts"

describe("one-leader-per-term", () => {
  const setup = () => {
    const fake = new FakeWorld()
    fake.check(oneLeaderPerTerm)
    return fake
  }

  it("is silent while terms grow with every change of holder", () => {
    const fake = setup()
    fake.commit("lease", leaseRecord("n1", 1))
    fake.commit("lease", leaseRecord("n1", 1))
    fake.commit("lease", leaseRecord("n2", 2))
    expect(fake.reports).toEqual([])
  })

  it("finds two holders of one term", () => {
    const fake = setup()
    fake.commit("lease", leaseRecord("n1", 1))
    fake.commit("lease", leaseRecord("n2", 1))
    expect(fake.reports).toEqual(["one-leader-per-term: term 1 is held by n1:9312 (n1.1) and by n2:9312 (n2.1)"])
  })

  it("finds a term that falls", () => {
    const fake = setup()
    fake.commit("lease", leaseRecord("n1", 3))
    fake.commit("lease", leaseRecord("n2", 2))
    expect(fake.reports).toEqual(["one-leader-per-term: the term fell from 3 to 2, by n2:9312 (n2.1)"])
  })

  it("finds one version of a record that was committed with two values", () => {
    const fake = setup()
    fake.commit("table/t", { a: 1 }, { version: 4, nonce: "x", host: "n1" })
    fake.commit("table/t", { a: 2 }, { version: 4, nonce: "y", host: "n2" })
    expect(fake.reports).toEqual([
      "one-leader-per-term: version 4 of table/t was committed twice: on n1 at 0 ms and with another value on n2",
    ])
  })

  it("takes the same commit on several nodes for one, and heartbeats for no records", () => {
    const fake = setup()
    for (const host of ["n1", "n2", "n3"]) fake.commit("table/t", { a: 1 }, { version: 4, nonce: "x", host })
    for (const nonce of ["x", "y"]) fake.commit("heartbeat/n1:9312", { incarnation: "n1.1" }, { version: 1, nonce })
    expect(fake.reports).toEqual([])
    expect(fake.state.lastBeatMicros("n1:9312")).toBe(0)
  })
})

describe("old-term", () => {
  const setup = () => {
    const fake = new FakeWorld()
    fake.check(oldTerm)
    fake.commit("lease", leaseRecord("n1", 1))
    return fake
  }

  it("lets the operations of the present leader run, and those that went live before the change", () => {
    const fake = setup()
    fake.commit("step/a/0", stepRecord("a", 0, "pending"))
    fake.commit("operation/a", operationRecord("a", 1, "running"))
    fake.commit("lease", leaseRecord("n2", 2))
    fake.commit("step/a/0", stepRecord("a", 0, "processing"))
    expect(fake.reports).toEqual([])
  })

  it("finds a step that is claimed of an operation that went live after a newer term", () => {
    const fake = setup()
    fake.commit("operation/a", operationRecord("a", 1, "idle"))
    fake.commit("step/a/0", stepRecord("a", 0, "pending"))
    fake.commit("lease", leaseRecord("n2", 2))
    fake.commit("operation/a", operationRecord("a", 1, "running"))
    expect(fake.reports).toEqual([])
    fake.commit("step/a/0", stepRecord("a", 0, "processing"))
    expect(fake.reports).toEqual([
      "old-term: step 0 (CommitLayout) of operation a was claimed by n1.1 under term 1, although term 2 was committed before the operation went live",
    ])
  })

  it("lets it run once the new leader has adopted it", () => {
    const fake = setup()
    fake.commit("lease", leaseRecord("n2", 2))
    fake.commit("operation/a", operationRecord("a", 1, "running"))
    fake.commit("operation/a", operationRecord("a", 2, "running"))
    fake.commit("step/a/0", stepRecord("a", 0, "processing"))
    expect(fake.reports).toEqual([])
  })

  it("does not take another write of the old leader for an adoption", () => {
    const fake = setup()
    fake.commit("lease", leaseRecord("n2", 2))
    fake.commit("operation/a", operationRecord("a", 1, "running"))
    fake.commit("operation/a", operationRecord("a", 1, "stopping"))
    fake.commit("step/a/0", stepRecord("a", 0, "processing"))
    expect(fake.reports).toHaveLength(1)
  })
})

describe("step-order", () => {
  const setup = () => {
    const fake = new FakeWorld()
    fake.check(stepOrder)
    return fake
  }

  it("is silent when steps follow what they depend on", () => {
    const fake = setup()
    fake.commit("step/a/0", stepRecord("a", 0, "pending"))
    fake.commit("step/a/1", stepRecord("a", 1, "pending", { dependsOn: [0] }))
    for (const status of ["processing", "done"]) fake.commit("step/a/0", stepRecord("a", 0, status))
    for (const status of ["processing", "done"]) fake.commit("step/a/1", stepRecord("a", 1, status, { dependsOn: [0] }))
    expect(fake.reports).toEqual([])
  })

  it("finds a step that is worked on too early", () => {
    const fake = setup()
    fake.commit("step/a/0", stepRecord("a", 0, "processing"))
    fake.commit("step/a/1", stepRecord("a", 1, "processing", { dependsOn: [0, 7] }))
    expect(fake.reports).toEqual([
      "step-order: step 1 (CommitLayout) of operation a is processing while step 0 (CommitLayout) is processing",
      "step-order: step 1 (CommitLayout) of operation a is processing while step 7 (unknown) is unknown",
    ])
  })

  it("lets only undo steps follow what was cancelled", () => {
    const fake = setup()
    fake.commit("step/a/0", stepRecord("a", 0, "cancelled"))
    fake.commit("step/a/2", stepRecord("a", 2, "processing", { dependsOn: [0], undoes: 1 }))
    expect(fake.reports).toEqual([])
    fake.commit("step/a/1", stepRecord("a", 1, "processing", { dependsOn: [0] }))
    expect(fake.reports).toHaveLength(1)
  })

  it("finds a finished step that begins anew", () => {
    const fake = setup()
    for (const status of ["processing", "done", "processing"]) fake.commit("step/a/0", stepRecord("a", 0, status))
    expect(fake.reports).toEqual(["step-order: step 0 (CommitLayout) of operation a began anew after it was done"])
  })
})
