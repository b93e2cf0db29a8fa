/** When the daemon of a node in maintenance may be stopped: too early, and an acknowledged write can stay with it alone. */
import { describe, expect, it } from "vitest"
import { restRefusal } from "../src/Operator.ts"
import { group, showing } from "./groupViews.ts"

const pair = {
  ...group,
  rf: 2,
  members: ["a", "b"],
  inSync: ["a", "b"],
  shards: [{ table: "t", shard: 0, physical: "system.t_s0" }],
}

/** Of a table with one shard; `mirrors` are what its wrapper lists, `confirmed` the version that the other node shows. */
const refusal = (
  mirrors: ReadonlyArray<string>,
  confirmed: number,
  away: ReadonlyArray<string> = [],
  state = "maintenance",
) => {
  const layout = [{ shard: 0, physical: "system.t_s0", group: "g", nodes: ["a", "b"] }]
  const table = {
    name: "t",
    structure: "v bigint",
    options: {},
    shards: 1,
    rf: 2,
    generation: 1,
    status: "ready",
    layout,
    operation: null,
  }
  const traits = { zone: null, weight: 1 }
  const view = showing({}, pair, {
    registry: { epoch: 2, nodes: { a: { state, ...traits }, b: { state: "active", ...traits } } },
    "table/t": { ...table, wrapper: { version: 2, mirrors: [mirrors] } },
    "wrapper/a": { versions: { t: 2 } },
    "wrapper/b": { versions: { t: confirmed } },
  })
  return restRefusal({ view, away: new Set(away), seen: ["a", "b"], isCurrent: true }, "a")
}

describe("a node in maintenance", () => {
  it("may stop once no wrapper lists it, and all have confirmed that", () => {
    expect(refusal(["b"], 2)).toBeUndefined()
    expect(refusal(["a", "b"], 2)).toBe("the wrapper of t still lists a")
    expect(refusal(["b"], 1)).toBe("b has not confirmed version 2 of the wrapper of t")
  })

  it("may stop although it is listed where nobody else serves", () => {
    expect(refusal(["a", "b"], 2, ["b"])).toBeUndefined()
  })

  it("must be in maintenance", () => {
    expect(refusal(["b"], 2, [], "active")).toBe("a is not in maintenance")
  })
})
