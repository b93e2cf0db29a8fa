import { describe, expect, it } from "vitest"
import { defaultEngineConfig } from "../../src/EngineConfig.ts"
import { type AdoptWish, type OldLayout, planAdoption } from "../../src/plan/adopt.ts"
import { planConverge } from "../../src/plan/converge.ts"
import { costOf } from "../../src/plan/cost.ts"
import { isRefusal, type Presence } from "../../src/plan/Plan.ts"
import type { ObservedGroup } from "../../src/State.ts"
import { PlanModel } from "./PlanModel.ts"

const everybody: Presence = { away: new Set(), lost: new Set() }
const nodes = ["n1:1", "n2:1", "n3:1"]
/** The cluster of n1 and n2; as an md5 it may begin with a digit. */
const pair = "7135b2d0f5d1e2537605e8d2387d1c60"

const cluster = (members: ReadonlyArray<string>, tables: ReadonlyArray<string>): ObservedGroup => ({
  status: "primary",
  nodeState: "synced",
  size: members.length,
  viewNumber: 1,
  members,
  nodesSet: members,
  tables,
})

/** `t` has two shards with two copies in one cluster, `s` two shards with one copy. */
const rows: OldLayout["rows"] = [
  { node: "n1:1", table: "t", shards: [0, 1] },
  { node: "n2:1", table: "t", shards: [0, 1] },
  { node: "n3:1", table: "s", shards: [0] },
  { node: "n1:1", table: "s", shards: [1] },
]
const shown = cluster(["n1:1", "n2:1"], ["system.t_s0", "system.t_s1"])
const found: OldLayout = {
  state: new Map<string, unknown>([
    ["table:t", { structure: "(id bigint, title text, tags multi)", extra: "morphology='stem_en' rf='2' shards='2'" }],
    ["table:s", { structure: "v bigint", extra: "" }],
    ["rebalance:t", "completed"],
  ]),
  rows,
  open: 0,
  held: new Map([
    ["n1:1", new Set(["system.t_s0", "system.t_s1", "system.s_s1"])],
    ["n2:1", new Set(["system.t_s0", "system.t_s1"])],
    ["n3:1", new Set(["system.s_s0"])],
  ]),
  clusters: new Map([
    ["n1:1", new Map([[pair, shown]])],
    ["n2:1", new Map([[pair, shown]])],
    ["n3:1", new Map()],
  ]),
}

const adopt = (model: PlanModel, old: OldLayout, wish: AdoptWish = { rf: {} }, presence: Presence = everybody) =>
  planAdoption(model.view, presence, defaultEngineConfig, "2_1", old, wish)

const refusal = (old: OldLayout, wish?: AdoptWish, presence?: Presence) => {
  const answer = adopt(new PlanModel(nodes), old, wish, presence)
  return isRefusal(answer) ? [answer.final, answer.reason] : undefined
}

describe("planAdoption", () => {
  it("takes everything over where it is, without a copy, and finds nothing to move then", () => {
    const model = new PlanModel(nodes)
    for (const [node, tables] of found.held) {
      const daemon = model.daemons.get(node)
      for (const table of tables) daemon?.tables.set(table, new Set())
      for (const [name, group] of found.clusters.get(node) ?? []) daemon?.clusters.set(name, new Set(group.tables))
    }
    const plan = adopt(model, found)
    if (isRefusal(plan)) throw new Error(plan.reason)
    expect(costOf(plan, model.view).replicas).toBe(0)
    expect(plan.steps.at(-1)?.step._tag).toBe("RetireTables")
    expect(plan.steps.some(({ step }) => step._tag === "DetachShard" || step._tag === "ExitGroup")).toBe(false)
    model.launch(plan)
    model.execute(plan, () => 0)
    model.release()
    expect(model.leftovers()).toEqual([])
    expect(model.tables.get("t")).toMatchObject({
      structure: "title text, tags multi",
      options: { morphology: "stem_en" },
      rf: 2,
      placement: "buddy",
    })
    expect(model.tables.get("t")?.layout.map(({ group, nodes: on }) => [group, on.join()])).toEqual([
      [pair, "n1:1,n2:1"],
      [pair, "n1:1,n2:1"],
    ])
    expect(model.tables.get("s")?.layout.map(({ group, nodes: on }) => [group, on.join()])).toEqual([
      [null, "n3:1"],
      [null, "n1:1"],
    ])
    const after = planConverge(model.view, everybody, defaultEngineConfig, "3_1", { rebalance: true, requested: true })
    expect(after).toBeUndefined()
    const again = adopt(model, found)
    if (isRefusal(again)) throw new Error(again.reason)
    expect(again.steps.map(({ step }) => step._tag)).toEqual(["RetireTables"])
    expect([...again.tables.keys(), ...again.groups.keys()]).toEqual([])
  })

  it("does not take the copies that an outage left for what is asked for (D13)", () => {
    const degraded = {
      ...found,
      rows: [
        { node: "n1:1", table: "t", shards: [0, 1] },
        { node: "n2:1", table: "t", shards: [0] },
      ],
    }
    expect(refusal(degraded)).toEqual([true, "shards of t have 1 or 2 copies: say how many they shall have"])
  })

  it("refuses what daemons do not show, and names it", () => {
    const without = new Map(found.held).set("n2:1", new Set(["system.t_s0"]))
    expect(refusal({ ...found, held: without })).toEqual([true, "n2:1 does not hold system.t_s1"])
    const alone = cluster(["n1:1"], shown.tables)
    const split = new Map(found.clusters).set("n2:1", new Map([[pair, alone]]))
    expect(refusal({ ...found, clusters: split })?.[1]).toMatch(
      /^system\.t_s0 is not in 7135\w+, of n1:1, n2:1, on n2:1/,
    )
    const foreign = cluster(["n1:1", "n2:1"], [...shown.tables, "orders"])
    const shared = new Map(
      [...found.clusters].map(([node, seen]) => [node, seen.size === 0 ? seen : new Map([[pair, foreign]])]),
    )
    expect(refusal({ ...found, clusters: shared })?.[1]).toMatch(/also carries orders, which is no shard/)
    expect(refusal({ ...found, rows: [...rows, { node: "n9:1", table: "s", shards: [2] }] })?.[1]).toMatch(
      /n9:1.*not registered/,
    )
    expect(refusal({ ...found, rows: [...rows, { node: "n3:1", table: "s", shards: [3] }] })?.[1]).toBe(
      "shard 2 of s is nowhere",
    )
  })

  it("waits for work that is under way, and for nodes that are away", () => {
    expect(refusal({ ...found, open: 2 })).toEqual([
      false,
      "the queue of the existing orchestrator has 2 items that are not done",
    ])
    const running = new Map(found.state).set("rebalance:t", "running")
    expect(refusal({ ...found, state: running })?.[1]).toMatch(/did not finish the rebalance of t/)
    expect(refusal(found, undefined, { away: new Set(["n3:1"]), lost: new Set() })?.[0]).toBe(false)
  })
})
