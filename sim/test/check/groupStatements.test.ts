import { type Answer, ok, refused } from "@shardwright/core/Answer"
import { describe, expect, it } from "vitest"
import { groupStatements } from "../../src/check/groupStatements.ts"
import { type FakeWorld, groupRecord, healthy } from "./FakeWorld.ts"

/** A statement of an agent on a host, and its answer. */
const send = (fake: FakeWorld, host: string, sql: string, answer: Answer = ok()): void => {
  const checker = fake.check(groupStatements)
  checker.onEvent?.({ kind: "statement", node: host, sql, from: host })
  checker.onEvent?.({ kind: "answer", node: host, sql, answer, from: host })
}
const attach = "ALTER CLUSTER g ADD system.t_s2"

describe("group-statements", () => {
  it("is silent while every member is there, and when the statement was refused", () => {
    const whole = healthy()
    send(whole, "n1", attach)
    expect(whole.reports).toEqual([])
    const refusing = healthy()
    refusing.cluster("g", ["n1"])
    send(refusing, "n1", attach, refused("no"))
    expect(refusing.reports).toEqual([])
  })

  it("finds tables that are attached or detached while a member is missing, exiled ones too", () => {
    const fake = healthy()
    fake.cluster("g", ["n1"])
    send(fake, "n1", attach)
    send(fake, "n1", "ALTER CLUSTER g DROP system.t_s1")
    expect(fake.reports).toEqual([
      "group-statements: 'ALTER CLUSTER g ADD system.t_s2' on n1 was sent while n2:9312 was missing",
      "group-statements: 'ALTER CLUSTER g DROP system.t_s1' on n1 was sent while n2:9312 was missing",
    ])
    const exiled = healthy()
    exiled.commit("group/g", groupRecord("g", ["n1", "n2"], [["t", 0]], { exiled: ["n3:9312"] }))
    send(exiled, "n1", attach)
    expect(exiled.reports).toEqual([`group-statements: '${attach}' on n1 was sent while n3:9312 was missing`])
  })

  it("lets a group that is only beginning be", () => {
    const fake = healthy()
    fake.commit("group/g", groupRecord("g", ["n1", "n2", "n3"], [["t", 0]], { status: "forming" }))
    send(fake, "n1", attach)
    expect(fake.reports).toEqual([])
  })

  it("finds a member that leaves while it counts as in sync", () => {
    const fake = healthy()
    send(fake, "n2", "EXIT CLUSTER g")
    expect(fake.reports).toEqual([
      "group-statements: 'EXIT CLUSTER g' on n2 was sent while the group's record counts n2:9312 as in sync",
    ])
    const shrunk = healthy()
    shrunk.commit("group/g", groupRecord("g", ["n1", "n2"], [["t", 0]], { inSync: ["n1:9312"] }))
    send(shrunk, "n2", "EXIT CLUSTER g")
    expect(shrunk.reports).toEqual([])
  })

  it("finds a group that a DELETE ended for others after its daemon had come into it", () => {
    const deleteIn = (inSync: ReadonlyArray<string>, ends: boolean) => {
      const fake = healthy()
      fake.commit("group/g", groupRecord("g", ["n1", "n2"], [["t", 0]], { inSync }))
      fake.cluster("g", ["n1"], "recovery-required", "closed")
      const checker = fake.check(groupStatements)
      const event = { node: "n1", sql: "DELETE CLUSTER g", from: "n1" }
      checker.onEvent?.({ kind: "statement", ...event })
      fake.leaveCluster("g", "n1")
      if (ends) fake.leaveCluster("g", "n2")
      checker.onEvent?.({ kind: "answer", ...event, answer: ok() })
      return fake.reports
    }
    expect(deleteIn(["n2:9312"], false)).toEqual([])
    expect(deleteIn([], true)).toEqual([])
    expect(deleteIn(["n2:9312"], true)).toEqual([
      "group-statements: 'DELETE CLUSTER g' on n1 has ended the group for n2:9312 too",
    ])
  })

  it("finds a group that is deleted under its other members, and not one that is dissolved", () => {
    const fake = healthy()
    fake.commit("group/g", groupRecord("g", ["n1", "n2"], [["t", 0]], { inSync: [] }))
    send(fake, "n1", "DELETE CLUSTER g")
    expect(fake.reports).toEqual(["group-statements: 'DELETE CLUSTER g' on n1 ends the group for n2:9312 too"])
    const over = healthy()
    over.commit("group/g", groupRecord("g", ["n1", "n2"], [["t", 0]], { status: "dissolved", inSync: [] }))
    send(over, "n1", "DELETE CLUSTER g")
    expect(over.reports).toEqual([])
  })

  it("finds a node that joins a group with a table of its own that the group has", () => {
    const fake = healthy()
    send(fake, "n3", "JOIN CLUSTER g AT 'n1:9312'")
    expect(fake.reports).toEqual([])
    fake.table("n3", "system.t_s1", null, [7])
    send(fake, "n3", "JOIN CLUSTER g AT 'n1:9312'")
    expect(fake.reports).toEqual([
      "group-statements: 'JOIN CLUSTER g AT 'n1:9312'' on n3 was sent while system.t_s1 was there already",
    ])
  })
})
