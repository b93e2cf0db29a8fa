/** Age deletes nothing: the records must prove that nobody needs a row. */
import { describe, expect, it } from "vitest"
import { isDisposable } from "../../src/leader/cleanUp.ts"
import { makeView, type View } from "../../src/View.ts"

const entry = (key: string, value: unknown = {}) => ({ key, value, version: 1, term: 1 })

const group = {
  name: "g",
  rf: 2,
  status: "dissolved",
  members: [],
  inSync: [],
  exiled: [],
  leaving: [],
  lastPrimary: [],
  shards: [],
  epoch: 3,
  operation: null,
}
const request = {
  id: "r",
  by: "anna",
  reason: "",
  approval: false,
  wish: { _tag: "DropTable", table: "t" },
  status: "done",
  operation: "1_1",
  answer: null,
}
const operation = {
  id: "1_1",
  kind: "drop",
  table: "t",
  status: "running",
  term: 1,
  stop: null,
  undoing: false,
  undoFrom: null,
  steps: 1,
  tables: ["t"],
  groups: [],
  request: "r",
  reason: "",
  digest: "",
  history: [],
  error: null,
  left: [],
}
const shown = {
  groups: { g: { ...group, status: "primary", nodeState: "synced", size: 1, viewNumber: 1, nodesSet: [], tables: [] } },
}
const ended = {
  operations: [
    {
      id: "1_1",
      kind: "drop",
      table: "t",
      tables: ["t"],
      status: "completed",
      reason: "",
      atMs: 0,
      by: "anna",
      held: false,
    },
  ],
}
const nothing = makeView([])
const view = (...entries: ReadonlyArray<ReturnType<typeof entry>>): View => makeView(entries)

describe("isDisposable", () => {
  it("lets steps, operations and requests go once no operation of theirs is there or named", () => {
    for (const old of [entry("step/1_1/0"), entry("operation/1_1"), entry("request/r", request)]) {
      expect(isDisposable(nothing, old)).toBe(true)
      expect(isDisposable(view(entry("operation/1_1", operation)), old)).toBe(false)
      expect(isDisposable(view(entry("group/h", { ...group, name: "h", operation: "1_1" })), old)).toBe(false)
    }
    expect(isDisposable(view(entry("finished", ended)), entry("operation/1_1"))).toBe(false)
    expect(isDisposable(nothing, entry("request/r", { ...request, status: "accepted" }))).toBe(false)
  })

  it("lets the record of a group go only if nobody is left in it, and no daemon shows it", () => {
    expect(isDisposable(nothing, entry("group/g", group))).toBe(true)
    expect(isDisposable(nothing, entry("group/g", { ...group, exiled: ["n1:9312"] }))).toBe(false)
    expect(isDisposable(nothing, entry("group/g", { ...group, status: "live" }))).toBe(false)
    expect(isDisposable(view(entry("observation/n1:9312", shown)), entry("group/g", group))).toBe(false)
  })

  it("keeps everything else, and what it cannot read", () => {
    for (const key of ["table/t", "registry", "lease", "archive/x", "heartbeat/n1:9312", "group/g", "request/r"])
      expect(isDisposable(nothing, entry(key))).toBe(false)
  })
})
