import { describe, expect, it } from "vitest"
import { planUndo } from "../../src/plan/undo.ts"
import type { StepRow } from "../../src/State.ts"
import type { Step } from "../../src/step/Step.ts"
import { makeView, type Stored } from "../../src/View.ts"

const nobody = { away: new Set<string>(), lost: new Set<string>(), runnerless: new Set<string>() }

const row = (
  index: number,
  node: string | null,
  step: Step,
  dependsOn: ReadonlyArray<number>,
  status: StepRow["status"],
): Stored<StepRow> => {
  const record: StepRow = {
    operation: "1_1",
    index,
    node,
    step,
    dependsOn,
    status,
    tries: 1,
    claimedBy: null,
    undoes: null,
    error: null,
  }
  return { key: `step/1_1/${index}`, value: record, version: 1, term: 1, record }
}

describe("planUndo", () => {
  // Found by chaos, seeds 408 and 593: shards were dropped that a wrapper listed which an agent had shown by itself.
  it("takes the wrapper from every node before shards are dropped, also where no step had shown it yet", () => {
    const rows = [
      row(
        0,
        "n1:9312",
        { _tag: "CreateShard", physical: "system.t_s0", structure: "v bigint", options: {} },
        [],
        "done",
      ),
      row(1, null, { _tag: "PublishWrapper", table: "t", mirrors: [["n1:9312"]] }, [0], "done"),
      row(2, "n1:9312", { _tag: "SwapWrapper", table: "t" }, [1], "done"),
      row(3, "n2:9312", { _tag: "SwapWrapper", table: "t" }, [1], "cancelled"),
    ]
    const undo = planUndo(rows, makeView([]), "t", nobody, 4)
    const swaps = undo.flatMap(({ step }, index) => (step._tag === "SwapWrapper" ? [index + 4] : []))
    expect(undo.filter(({ step }) => step._tag === "SwapWrapper").map(({ node }) => node)).toEqual([
      "n1:9312",
      "n2:9312",
    ])
    // Seed 3415 of the profile operations: so did a node that was added meanwhile, and had no step in the creation.
    const confirm = undo.findIndex(({ step }) => step._tag === "ConfirmWrappers")
    expect(undo[confirm]?.step).toMatchObject({ tables: ["t"], all: false })
    expect(undo[confirm]?.dependsOn).toEqual(expect.arrayContaining(swaps))
    const drop = undo.find(({ step }) => step._tag === "DropShard")
    expect(drop?.dependsOn).toEqual([confirm + 4])
  })
})
