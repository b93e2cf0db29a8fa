/** Protects the comparison with the simulator: whatever a real run does otherwise must show. */
import { describe, expect, it } from "@effect/vitest"
import { compare, type LogLine, type Outcome, readLog, renderRows } from "./Outcome.ts"

const stepOf =
  (subject: string) =>
  (kind: string): LogLine => ({
    event: "step.done",
    operation: "1_1",
    kind,
    subject,
    undo: false,
  })
const step = stepOf("g")
const completed: LogLine = { event: "operation.completed", operation: "1_1", kind: "rebalance" }
const steps = ["JoinGroup", "JoinGroup", "SwapWrapper", "DropShard"]

const outcome = (lines: ReadonlyArray<LogLine>, differs: Partial<Outcome> = {}): Outcome => ({
  ...readLog(lines),
  lost: 0,
  leftovers: 0,
  short: 0,
  replicas: [2, 2],
  ...differs,
})

const usual = [...steps.map(step), { event: "move" }, { event: "finding.node-away" }, completed]
const simulated = [outcome(usual), outcome(usual)]

const differences = (real: Outcome): ReadonlyArray<string> =>
  compare(real, simulated).flatMap(({ agrees, what }) => (agrees ? [] : [what]))

describe("a real run", () => {
  it("agrees if it is what all seeds show", () => {
    expect(differences(outcome(usual))).toEqual([])
    expect(renderRows(compare(outcome(usual), simulated)).join("\n")).not.toContain("DIFFERS")
  })

  it("differs in what is lost, left, short, placed and moved", () => {
    const other = outcome(usual, { lost: 1, leftovers: 1, short: 1, replicas: [3, 1], moves: 2 })
    expect(differences(other)).toEqual([
      "acknowledged rows that are lost",
      "shards that lack copies",
      "what belongs to nothing",
      "replicas of each node",
      "moves",
    ])
  })

  it("differs in operations and findings that are missing, or that no seed shows", () => {
    const other = outcome([
      ...steps.map(step),
      { event: "move" },
      { event: "finding.no-primary" },
      completed,
      completed,
    ])
    expect(differences(other)).toEqual(["rebalance completed", "finding no-primary", "finding node-away"])
  })

  it("agrees if groups that go side by side take turns in another order", () => {
    const other = ["JoinGroup", "JoinGroup", "SwapWrapper", "DropShard"].map(stepOf("h"))
    const turns = [...usual.slice(0, 3), ...other, ...usual.slice(3)]
    expect(differences(outcome(turns))).toEqual([])
  })

  it("differs in the order of phases", () => {
    const early = ["JoinGroup", "SwapWrapper", "JoinGroup", "DropShard"]
    const lines = [...early.map(step), { event: "move" }, { event: "finding.node-away" }, completed]
    const row = compare(outcome(lines), simulated).find(({ what }) => what === "order of phases")
    expect(row).toMatchObject({ agrees: false, real: "rebalance: JoinGroup before SwapWrapper" })
  })
})
