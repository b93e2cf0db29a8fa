import { describe, expect, it } from "vitest"
import { refused, rows } from "../src/Answer.ts"
import { hasGivenUp, isPrimary, observedGroups } from "../src/Observe.ts"

const status = (entries: Record<string, string>) => rows(["Counter", "Value"], Object.entries(entries))

describe("observedGroups", () => {
  it("reads every cluster from the counters, names with underscores included", () => {
    const groups = observedGroups(
      rows(
        ["Counter", "Value"],
        [
          ["cluster_name", "sw_1_2_0"],
          ["cluster_sw_1_2_0_conf_id", "3"],
          ["cluster_sw_1_2_0_status", "primary"],
          ["cluster_sw_1_2_0_size", "2"],
          ["cluster_sw_1_2_0_node_state", "synced"],
          ["cluster_sw_1_2_0_nodes_set", "n2:9312,n1:9312"],
          ["cluster_sw_1_2_0_nodes_view", "n2:9312,n2:9320:replication,n1:9312,n1:9320:replication"],
          ["cluster_sw_1_2_0_indexes", "system.t_s0,system.t_s1"],
          ["cluster_name", "c"],
          ["cluster_c_status", "non-primary"],
          ["cluster_c_size", "1"],
          ["cluster_c_node_state", "synced"],
        ],
      ),
    )
    expect(groups?.get("sw_1_2_0")).toEqual({
      status: "primary",
      nodeState: "synced",
      size: 2,
      viewNumber: 3,
      members: ["n1:9312", "n2:9312"],
      nodesSet: ["n1:9312", "n2:9312"],
      tables: ["system.t_s0", "system.t_s1"],
    })
    expect(isPrimary(groups?.get("sw_1_2_0"))).toBe(true)
    expect(isPrimary(groups?.get("c"))).toBe(false)
    expect(groups?.get("c")?.viewNumber).toBe(-1)
  })

  it("tells a member that has given up from one whose turn has not come as its daemon starts", () => {
    const shown = (error: Record<string, string>) =>
      observedGroups(
        status({ cluster_name: "g", cluster_g_status: "recovery-required", cluster_g_node_state: "closed", ...error }),
      )?.get("g")
    expect(hasGivenUp(shown({}))).toBe(false)
    expect(hasGivenUp(shown({ cluster_g_last_error: "failed to fetch donor user from any node" }))).toBe(true)
  })

  it("tells no cluster from no answer", () => {
    expect(observedGroups(status({}))?.size).toBe(0)
    expect(observedGroups(refused("x"))).toBeUndefined()
  })
})
