/** What people see of an operation that runs: how far it is, how long it takes, what it waits for. */
import { describe, expect, it } from "vitest"
import { progressOf } from "../../src/operation/progress.ts"
import type { StepRow } from "../../src/State.ts"
import { makeView, type View } from "../../src/View.ts"
import { operationWith, stepWith } from "../operationRecords.ts"

const operation = operationWith({
  steps: 4,
  tables: ["t"],
  cost: { steps: 4, replicas: 2, rows: 1000, bytes: null, criticalPath: 4 },
  history: [
    { status: "queued", atMs: 0, by: "anna", why: "" },
    { status: "running", atMs: 1000, by: "anna", why: "" },
  ],
})

const row = (index: number, changes: Partial<StepRow>): StepRow =>
  stepWith({ index, dependsOn: index === 0 ? [] : [index - 1], ...changes })

const viewOf = (rows: ReadonlyArray<StepRow>): View =>
  makeView(rows.map((value) => ({ key: `step/1_1/${value.index}`, value, version: 1, term: 1 })))

describe("progressOf", () => {
  it("counts steps and rows, and reckons with the rate that it has seen", () => {
    const view = viewOf([
      row(0, { status: "done", rows: 250 }),
      row(1, { status: "processing" }),
      row(2, {}),
      row(3, { node: null }),
    ])
    expect(progressOf(view, operation, 11_000)).toEqual({
      steps: { done: 1, total: 4 },
      undo: null,
      rows: { copied: 250, expected: 1000 },
      bytes: { copied: 0, expected: null },
      percentage: 25,
      etaMs: 30_000,
      current: [{ index: 1, node: "n1:9312", step: "JoinGroup" }],
      waiting: {
        code: "member-joining",
        detail: "n1:9312 is not in g yet: nothing is being copied",
        node: "n1:9312",
        step: 1,
        sinceMs: null,
      },
    })
  })

  it("counts bytes of copies that are there and of those under way, and reckons with them", () => {
    const group = {
      status: "primary",
      nodeState: "joining",
      size: 2,
      viewNumber: 1,
      members: [],
      nodesSet: [],
      tables: [],
      transfer: "50 % (receive, 40 %)",
    }
    const rows = [
      row(0, { status: "done", expects: { rows: 100, bytes: 1000 } }),
      row(1, { status: "processing", expects: { rows: 800, bytes: 8000 } }),
      row(2, { step: { _tag: "VerifyReplica", group: "g" }, expects: { rows: 800, bytes: 8000 } }),
    ]
    const view = makeView([
      ...rows.map((value) => ({ key: `step/1_1/${value.index}`, value, version: 1, term: 1 })),
      { key: "observation/n1:9312", value: { groups: { g: group } }, version: 1, term: 1 },
    ])
    const sized = { ...operation, steps: 3, cost: { steps: 3, replicas: 2, rows: 900, bytes: 9000, criticalPath: 3 } }
    const progress = progressOf(view, sized, 11_000)
    expect(progress.bytes).toEqual({ copied: 5000, expected: 9000 })
    // One step of three took 10 s: that says more than 5000 bytes of 9000 in that time.
    expect(progress.etaMs).toBe(20_000)
    const slow = progressOf(view, { ...sized, cost: { ...sized.cost, bytes: 50_000 } }, 11_000)
    expect(slow.etaMs).toBe(90_000)
  })

  it("leaves pauses out of the rate, and promises nothing while nothing goes on", () => {
    const view = viewOf([row(0, { status: "done" }), row(1, { status: "done" }), row(2, {}), row(3, {})])
    const { history } = operation
    const paused = {
      ...operation,
      status: "paused" as const,
      history: [...history, { status: "paused" as const, atMs: 5000, by: "anna", why: "" }],
    }
    expect(progressOf(view, paused, 60_000).etaMs).toBeNull()
    const resumed = {
      ...paused,
      status: "running" as const,
      history: [...paused.history, { status: "running" as const, atMs: 50_000, by: "anna", why: "" }],
    }
    expect(progressOf(view, resumed, 52_000).etaMs).toBe(6000)
    expect(progressOf(viewOf([row(0, {})]), operation, 60_000).etaMs).toBeNull()
  })

  it("says what has been waited for longest, and which node is missing", () => {
    const waiting = { code: "no-donor", detail: "nobody in sync", sinceMs: 2000 } as const
    const later = { code: "copy-differs", detail: "row 7", sinceMs: 5000 } as const
    const view = viewOf([row(0, { status: "processing", waiting: later }), row(1, { status: "processing", waiting })])
    expect(progressOf(view, operation, 9000).waiting).toEqual({ ...waiting, node: "n1:9312", step: 1 })
    const away = new Set(["n1:9312"])
    expect(progressOf(viewOf([row(0, {}), row(1, {})]), operation, 9000, away).waiting).toMatchObject({
      code: "node-away",
      step: 0,
    })
    expect(progressOf(viewOf([row(0, {}), row(1, {})]), operation, 9000).waiting).toMatchObject({
      code: "not-begun",
      step: 0,
    })
    const working = row(0, { status: "processing", step: { _tag: "VerifyReplica", group: "g" } })
    expect(progressOf(viewOf([working, row(1, {})]), operation, 9000).waiting).toBeNull()
    const joining = { ...working, step: { _tag: "JoinGroup", group: "g" } } as const
    expect(progressOf(viewOf([joining]), operation, 9000).waiting).toMatchObject({ code: "member-joining", step: 0 })
    expect(progressOf(viewOf([row(0, {})]), { ...operation, status: "paused" }, 9000).waiting).toBeNull()
  })

  it("counts undo steps apart, and not those whose leader was lost while it wrote them", () => {
    const undoing = { ...operation, undoing: true, undoFrom: 3 }
    const view = viewOf([
      row(0, { status: "done" }),
      row(1, { status: "cancelled" }),
      row(2, { undoes: 0 }),
      row(3, { undoes: 0, status: "processing", dependsOn: [] }),
    ])
    const progress = progressOf(view, undoing, 9000)
    expect(progress).toMatchObject({ undo: { done: 0, total: 1 }, etaMs: null })
    expect(progress.current.map(({ index }) => index)).toEqual([3])
  })
})
