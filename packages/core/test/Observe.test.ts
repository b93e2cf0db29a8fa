import { describe, expect, it } from "vitest"
import { refused, rows } from "../src/Answer.ts"
import { hasGivenUp, isPrimary, observedGroups, showTheSame } from "../src/Observe.ts"

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

describe("showTheSame", () => {
  const shown = {
    cluster_name: "g",
    cluster_g_state_seqno: "7",
    cluster_g_conf_id: "3",
    cluster_g_status: "primary",
    cluster_g_size: "2",
    cluster_g_local_index: "0",
    cluster_g_node_state: "donor",
    cluster_g_nodes_set: "n1:9312,n2:9312",
    cluster_g_nodes_view: "n1:9312,n2:9312",
    cluster_g_indexes: "t",
    cluster_g_last_error: "",
    cluster_g_sst_total: "40",
    cluster_g_sst_stage: "send",
    cluster_g_sst_stage_total: "10",
    cluster_g_last_committed: "7",
  }

  it.each(Object.keys(shown))("says no as soon as %s makes another group of it", (counter) => {
    const before = status(shown)
    const now = status({ ...shown, [counter]: "9" })
    const isOther =
      JSON.stringify([...(observedGroups(before) ?? [])]) !== JSON.stringify([...(observedGroups(now) ?? [])])
    expect(showTheSame(before, now)).toBe(!isOther)
  })

  it("says no when a counter comes, goes, or nothing is answered", () => {
    const { cluster_g_last_committed: _, ...fewer } = shown
    expect(showTheSame(status(shown), status(shown))).toBe(true)
    expect(showTheSame(status(shown), status(fewer))).toBe(false)
    expect(showTheSame(status(shown), refused("x"))).toBe(false)
  })
})
