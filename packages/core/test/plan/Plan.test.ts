/**
 * What planners must never do, and the situations that led there. Whole plans are read as text in `Golden.test.ts`.
 */
import { describe, expect, it } from "vitest"
import { defaultEngineConfig } from "../../src/EngineConfig.ts"
import { planConverge } from "../../src/plan/converge.ts"
import { planCreate } from "../../src/plan/create.ts"
import { planDrop } from "../../src/plan/drop.ts"
import type { Plan, Presence } from "../../src/plan/Plan.ts"
import { planNodeState } from "../../src/plan/dryRun.ts"
import { planWish } from "../../src/plan/planWish.ts"
import { planPromotion } from "../../src/plan/promotion.ts"
import { planUndo } from "../../src/plan/undo.ts"
import type { Group, StepRow, Table } from "../../src/State.ts"
import { makeView, type RawEntry, type Stored, type View } from "../../src/View.ts"

const config = { ...defaultEngineConfig, groupsPerNode: 2 }
const everybody: Presence = { away: new Set(), lost: new Set() }

const entry = (key: string, value: unknown): RawEntry => ({ key, value, version: 1, term: 1 })

/** The records of a cluster at rest. */
const clusterOf = (nodes: ReadonlyArray<string>, tables: Iterable<Table> = [], groups: Iterable<Group> = []): View =>
  makeView([
    entry("registry", {
      epoch: 1,
      nodes: Object.fromEntries(nodes.map((node) => [node, { state: "active", zone: null, weight: 1 }])),
    }),
    ...[...tables].map((table) => entry(`table/${table.name}`, table)),
    ...[...groups].map((group) => entry(`group/${group.name}`, group)),
  ])

/** The records after a plan has been carried out to its end. */
const settled = (
  view: View,
  plan: Plan,
): { readonly tables: ReadonlyArray<Table>; readonly groups: ReadonlyArray<Group> } => {
  const groups = new Map([...view.groups.values()].map(({ record }) => [record.name, record]))
  for (const [name, group] of plan.groups) groups.set(name, group)
  for (const [name, group] of groups) {
    const members = group.members.filter((node) => !group.leaving.includes(node))
    if (group.status === "dissolved" || group.status === "temporary") groups.delete(name)
    else groups.set(name, { ...group, status: "live", members, inSync: members, leaving: [], operation: null })
  }
  const tables = new Map([...view.tables.values()].map(({ record }) => [record.name, record]))
  for (const [name, table] of plan.tables) tables.set(name, table)
  for (const [name, table] of tables) {
    const layout = table.layout.map((shard) => {
      const group = shard.group === null ? undefined : groups.get(shard.group)
      const moved = [...plan.groups.values()].find(
        (item) => item.status === "temporary" && item.shards.some((carried) => carried.physical === shard.physical),
      )
      if (moved !== undefined) return { ...shard, nodes: moved.members.filter((node) => !moved.leaving.includes(node)) }
      return group === undefined ? shard : { ...shard, nodes: group.members }
    })
    const wrapper = { version: table.wrapper.version + 1, mirrors: layout.map(({ nodes }) => nodes) }
    tables.set(name, {
      ...table,
      status: table.status === "dropping" ? "dropped" : "ready",
      layout,
      wrapper,
      operation: null,
    })
  }
  return { tables: [...tables.values()], groups: [...groups.values()] }
}

/** The same records, with what the members of live groups show that are there: all of them serve. */
const observed = (view: View, away: ReadonlySet<string>): View => {
  const live = [...view.groups.values()].map(({ record }) => record).filter(({ status }) => status === "live")
  const nodes = Object.keys(view.registry?.record.nodes ?? {}).filter((node) => !away.has(node))
  const shown = (node: string) =>
    Object.fromEntries(
      live
        .filter(({ members }) => members.includes(node))
        .map(({ name, members }) => {
          const seen = members.filter((member) => !away.has(member))
          const status = { status: "primary", nodeState: "synced", size: seen.length, viewNumber: 9 }
          return [name, { ...status, members: seen, nodesSet: seen, tables: [] }]
        }),
    )
  const observations = makeView(nodes.map((node) => entry(`observation/${node}`, { groups: shown(node) }))).observations
  return { ...view, observations }
}

const created = (nodes: ReadonlyArray<string>, shards: number, rf: number): View => {
  const empty = clusterOf(nodes)
  const plan = mustPlan(
    planCreate(empty, everybody, config, "1_1", { table: "t", structure: "v bigint", options: {}, shards, rf }),
  )
  const { tables, groups } = settled(empty, plan)
  return clusterOf(nodes, tables, groups)
}

/** A group that carries one shard. */
const groupOn = (name: string, table: string, shard: number, members: ReadonlyArray<string>): Group => ({
  name,
  rf: members.length,
  status: "live",
  members,
  inSync: members,
  exiled: [],
  leaving: [],
  lastPrimary: members,
  shards: [{ table, shard, physical: `system.${table}_s${shard}` }],
  epoch: 1,
  operation: null,
})

/** A table that is ready, with what its shards are on. */
const tableOn = (
  name: string,
  rf: number,
  nodes: ReadonlyArray<ReadonlyArray<string>>,
  groups: ReadonlyArray<string | null>,
): Table => ({
  name,
  structure: "v bigint",
  options: {},
  shards: nodes.length,
  rf,
  generation: 1,
  status: "ready",
  layout: nodes.map((each, shard) => ({
    shard,
    physical: `system.${name}_s${shard}`,
    group: groups[shard] ?? null,
    nodes: each,
  })),
  wrapper: { version: 1, mirrors: nodes },
  operation: null,
})

const mustPlan = (plan: Plan | string | undefined): Plan => {
  if (plan === undefined || typeof plan === "string") throw new Error(`no plan: ${plan}`)
  return plan
}

const three = ["n1:9312", "n2:9312", "n3:9312"]

describe("planCreate", () => {
  it("attaches shards once their group is formed, and shows a wrapper only at the end", () => {
    const view = clusterOf(three)
    const plan = mustPlan(
      planCreate(view, everybody, config, "1_1", { table: "t", structure: "v bigint", options: {}, shards: 4, rf: 2 }),
    )
    const positions = (kind: string) => plan.steps.flatMap(({ step }, index) => (step._tag === kind ? [index] : []))
    for (const index of positions("AttachShard")) {
      const before = plan.steps[index]?.dependsOn.map((each) => plan.steps[each]?.step._tag)
      expect(before).toContain("JoinGroup")
    }
    expect(Math.max(...positions("VerifyReplica"))).toBeLessThan(Math.min(...positions("PublishWrapper")))
  })

  it("refuses more replicas than there are nodes, and says so", () => {
    const refused = planCreate(clusterOf(three), everybody, config, "1_1", {
      table: "t",
      structure: "v bigint",
      options: {},
      shards: 2,
      rf: 4,
    })
    expect(refused).toMatch(/4/)
  })

  it("never attaches to a group that is not whole (safety rule 13)", () => {
    const view = created(three, 4, 2)
    const exiled = [...view.groups.values()].map(({ record }) => ({ ...record, exiled: ["n9:9312"] }))
    const sick = clusterOf(
      three,
      [...view.tables.values()].map(({ record }) => record),
      exiled,
    )
    const plan = mustPlan(
      planCreate(sick, everybody, config, "2_1", { table: "u", structure: "v bigint", options: {}, shards: 2, rf: 2 }),
    )
    for (const name of plan.groups.keys()) expect(view.groups.has(name)).toBe(false)
  })
})

describe("planConverge", () => {
  it("finds nothing to do at the target", () => {
    for (const rf of [1, 2, 3]) {
      expect(
        planConverge(created(three, 6, rf), everybody, config, "2_1", { rebalance: true, requested: false }),
      ).toBeUndefined()
    }
  })

  it("makes lost replicas anew from a member in sync, without waiting for the node that is gone", () => {
    const four = [...three, "n4:9312"]
    const lost: Presence = { away: new Set(["n2:9312"]), lost: new Set(["n2:9312"]) }
    const view = observed(created(four, 4, 2), lost.away)
    const plan = mustPlan(planConverge(view, lost, config, "2_1", { rebalance: true, requested: false }))
    expect(plan.steps.every(({ node }) => node !== "n2:9312")).toBe(true)
    expect(plan.steps.some(({ step }) => step._tag === "ExitGroup")).toBe(false)
  })

  it("repairs what was lost on request, and moves nothing for balance", () => {
    const repair = (view: View, presence: Presence) => planWish(view, presence, config, "2_1", { _tag: "Repair" })
    const four = [...three, "n4:9312"]
    const lost: Presence = { away: new Set(["n2:9312"]), lost: new Set(["n2:9312"]) }
    const planned = repair(observed(created(four, 4, 2), lost.away), lost)
    expect(planned._tag === "Plan" && planned.plan.steps.some(({ step }) => step._tag === "JoinGroup")).toBe(true)
    // A node that is new is a reason to rebalance, and none to repair.
    const old = created(three, 6, 1)
    const grown = clusterOf(
      four,
      [...old.tables.values()].map(({ record }) => record),
    )
    expect(planWish(grown, everybody, config, "2_1", { _tag: "Rebalance", tables: null })._tag).toBe("Plan")
    expect(repair(grown, everybody)._tag).toBe("Nothing")
  })

  it("shows what a drain would move, without wanting it", () => {
    const view = created([...three, "n4:9312"], 4, 2)
    const drain = (node: string) =>
      planNodeState(view, everybody, config, "2_1", { _tag: "SetNodeState", node, state: "draining" })
    const planned = drain("n1:9312")
    expect(
      planned._tag === "Plan" &&
        planned.plan.steps.some(({ node, step }) => step._tag === "ExitGroup" && node === "n1:9312"),
    ).toBe(true)
    expect(view.registry?.record.nodes["n1:9312"]?.state).toBe("active")
    expect(drain("n9:9312")._tag).toBe("Refused")
    const kept = planNodeState(view, everybody, config, "2_1", {
      _tag: "SetNodeState",
      node: "n1:9312",
      state: "active",
    })
    expect(kept._tag).toBe("Nothing")
  })

  it("gives nobody up while nobody else serves: who is gone may hold more than who is left", () => {
    const lost: Presence = { away: new Set(["n2:9312"]), lost: new Set(["n2:9312"]) }
    const view = created([...three, "n4:9312"], 4, 2)
    expect(planConverge(view, lost, config, "2_1", { rebalance: true, requested: false })).toBeUndefined()
  })

  it("moves nothing while a node is merely away (D26, U32)", () => {
    const away: Presence = { away: new Set(["n2:9312"]), lost: new Set() }
    expect(
      planConverge(created([...three, "n4:9312"], 4, 2), away, config, "2_1", { rebalance: true, requested: false }),
    ).toBeUndefined()
  })

  it("shows a group as it is while that waits for a member, and changes the table's others", () => {
    const old = created(three, 3, 2)
    const [waits, joins, ...rest] = [...old.groups.values()].map(({ record }) => record)
    if (waits === undefined || joins === undefined) throw new Error("not two groups")
    const withNew = (group: Group): Group => ({ ...group, members: [...group.members, "n4:9312"] })
    const side = (members: ReadonlyArray<string>) => ({
      [waits.name]: {
        ...{ status: "primary", nodeState: "synced", size: members.length, viewNumber: 9 },
        ...{ members, nodesSet: members, tables: waits.shards.map(({ physical }) => physical) },
      },
    })
    const records = clusterOf(
      [...three, "n4:9312"],
      [...old.tables.values()].map(({ record }) => record),
      [withNew(waits), withNew(joins), ...rest],
    )
    // The group that waits has become two: nothing is done to it.
    const { observations } = makeView(
      [waits.members, ["n4:9312"]].map((members) => entry(`observation/${members[0]}`, { groups: side(members) })),
    )
    const view: View = { ...records, observations }
    const plan = mustPlan(planConverge(view, everybody, config, "2_1", { rebalance: false, requested: false }))
    const [mirrors] = plan.steps.flatMap(({ step }) => (step._tag === "PublishWrapper" ? [step.mirrors] : []))
    for (const { shard } of waits.shards) expect(mirrors?.[shard]).toEqual(waits.members)
    for (const { shard } of joins.shards) expect(mirrors?.[shard]).toContain("n4:9312")
  })

  it("gives a new node its share: join, verify, swap, confirm everywhere, then exit (D21)", () => {
    const old = created(three, 6, 2)
    const view = clusterOf(
      [...three, "n4:9312"],
      [...old.tables.values()].map(({ record }) => record),
      [...old.groups.values()].map(({ record }) => record),
    )
    const plan = mustPlan(planConverge(view, everybody, config, "2_1", { rebalance: true, requested: false }))
    const position = (kind: string) => plan.steps.findIndex(({ step }) => step._tag === kind)
    expect(position("VerifyReplica")).toBeLessThan(position("PublishWrapper"))
    expect(position("ConfirmWrappers")).toBeLessThan(position("ExitGroup"))
    expect(plan.steps.some(({ step }) => step._tag === "DetachShard")).toBe(false)
    const after = settled(view, plan)
    expect(
      planConverge(clusterOf([...three, "n4:9312"], after.tables, after.groups), everybody, config, "3_1", {
        rebalance: true,
        requested: false,
      }),
    ).toBeUndefined()
  })

  it("lets a returned member leave when its place is taken, and takes it back when it is empty", () => {
    const view = created(three, 4, 2)
    const records = [...view.groups.values()].map(({ record }) => record)
    const [first] = records
    if (first === undefined) throw new Error("no group")
    const returned = three.find((node) => !first.members.includes(node)) ?? ""
    const tables = [...view.tables.values()].map(({ record }) => record)
    const replaced = clusterOf(three, tables, [{ ...first, exiled: [returned] }, ...records.slice(1)])
    const leaving = mustPlan(planConverge(replaced, everybody, config, "2_1", { rebalance: false, requested: false }))
    expect(leaving.groups.get(first.name)).toMatchObject({ leaving: [returned], exiled: [], members: first.members })
    const [gone, kept] = first.members
    const vacant = clusterOf(three, tables, [
      { ...first, members: [kept ?? ""], inSync: [kept ?? ""], exiled: [gone ?? ""] },
      ...records.slice(1),
    ])
    const back = mustPlan(planConverge(vacant, everybody, config, "2_1", { rebalance: false, requested: false }))
    expect(back.groups.get(first.name)).toMatchObject({ leaving: [], exiled: [], members: first.members })
  })

  it("begins no exchange of which one half has to wait: who is back must leave its old group first (seed 1100741)", () => {
    const five = ["n1:9312", "n2:9312", "n3:9312", "n4:9312", "n5:9312"]
    const groups = [
      groupOn("g1", "t1", 0, ["n1:9312", "n2:9312"]),
      groupOn("g2", "t3", 0, ["n2:9312", "n5:9312"]),
      { ...groupOn("g3", "t3", 1, ["n1:9312", "n4:9312"]), exiled: ["n3:9312"] },
      groupOn("g4", "t3", 2, ["n4:9312", "n5:9312"]),
    ]
    const tables = [
      tableOn("core", 1, [["n1:9312"]], [null]),
      tableOn("t1", 2, [["n1:9312", "n2:9312"]], ["g1"]),
      tableOn(
        "t3",
        2,
        [groups[1], groups[2], groups[3]].map((group) => group?.members ?? []),
        ["g2", "g3", "g4"],
      ),
      tableOn("t4", 1, [["n3:9312"]], [null]),
    ]
    const view = observed(clusterOf(five, tables, groups), new Set())
    const plan = mustPlan(
      planConverge(view, everybody, defaultEngineConfig, "1_2", { rebalance: true, requested: false }),
    )
    const moves = [...plan.groups.values()].map(
      ({ name, leaving, members }) => `${name}: ${members.join()} without ${leaving.join()}`,
    )
    expect(moves.toSorted()).toEqual([
      "g1: n1:9312,n2:9312,n4:9312 without n1:9312",
      "g3: n1:9312,n4:9312 without n3:9312",
      "g4: n3:9312,n4:9312,n5:9312 without n4:9312",
    ])
  })

  it("commits a layout that an operation given up half-way left behind its groups", () => {
    const view = created(three, 4, 2)
    const [table] = [...view.tables.values()].map(({ record }) => record)
    if (table === undefined) throw new Error("no table")
    const layout = table.layout.map((shard, index) =>
      index === 0 ? { ...shard, nodes: ["n8:9312", "n9:9312"] } : shard,
    )
    const groups = [...view.groups.values()].map(({ record }) => record)
    const behind = clusterOf(three, [{ ...table, layout }], groups)
    const plan = mustPlan(planConverge(behind, everybody, config, "2_1", { rebalance: false, requested: false }))
    expect([...plan.tables.keys()]).toEqual(["t"])
    expect(plan.steps.map(({ step }) => step._tag)).toEqual(["CommitLayout"])
  })

  it("calls a move off when its target died before it was in sync", () => {
    const old = created(three, 3, 1)
    const tables = [...old.tables.values()].map(({ record }) => record)
    const placement = tables[0]?.layout[0]
    const [from] = placement?.nodes ?? []
    const to = three.find((node) => node !== from) ?? ""
    const move: Group = {
      name: "sw_1_9_m_0",
      rf: 1,
      status: "temporary",
      members: [from ?? "", to].toSorted(),
      inSync: [from ?? ""],
      exiled: [],
      leaving: [from ?? ""],
      lastPrimary: [],
      shards: [{ table: "t", shard: 0, physical: placement?.physical ?? "" }],
      epoch: 3,
      operation: null,
    }
    const presence: Presence = { away: new Set([to]), lost: new Set() }
    const plan = planConverge(clusterOf(three, tables, [move]), presence, config, "2_1", {
      rebalance: true,
      requested: false,
    })
    expect(plan?.groups.get(move.name)).toMatchObject({ members: [from], leaving: [], exiled: [to] })
  })
})

describe("planDrop, planPromotion and planUndo", () => {
  it("shrinks the in-sync set to the survivors before one of them is promoted (safety rule 12)", () => {
    const group = [...created(three, 4, 2).groups.values()][0]?.record
    if (group === undefined) throw new Error("no group")
    const [survivor] = group.members
    const plan = planPromotion("2_1", group, [survivor ?? ""])
    expect(plan.groups.get(group.name)?.inSync).toEqual([survivor])
    expect(plan.steps[0]).toMatchObject({ node: survivor, step: { _tag: "PromoteGroup" } })
  })

  const drafted = () => {
    const plan = mustPlan(
      planCreate(clusterOf(three), everybody, config, "1_1", {
        table: "t",
        structure: "v bigint",
        options: {},
        shards: 2,
        rf: 2,
      }),
    )
    const rows = plan.steps.map((planned, index): Stored<StepRow> => ({
      ...entry(`step/1_1/${index}`, null),
      record: {
        operation: "1_1",
        index,
        ...planned,
        status: "done",
        tries: 1,
        claimedBy: "a",
        undoes: null,
        error: null,
      },
    }))
    return { rows, view: clusterOf(three, [...plan.tables.values()], [...plan.groups.values()]) }
  }

  it("takes a table out of a group that has ended before it drops it: nothing else could (seed 1200116)", () => {
    const table = { ...tableOn("u", 1, [["n1:9312"]], [null]), status: "dropping" as const }
    const ended: Group = { ...groupOn("g1", "u", 0, []), status: "dissolved", leaving: ["n1:9312"] }
    const view = clusterOf(three, [table], [ended])
    const plan = mustPlan(planDrop(view, everybody, "1_2", table))
    const at = (tag: string, group: string | null) =>
      plan.steps.findIndex(({ step }) => step._tag === tag && "group" in step && step.group === group)
    expect(at("ExitGroup", "g1")).toBeGreaterThan(0)
    expect(plan.steps[at("DropShard", null)]?.dependsOn).toContain(at("DropShard", "g1"))
    expect(plan.groups.get("g1")?.operation).toBe("1_2")
    const held = clusterOf(three, [table], [{ ...ended, operation: "1_1" }])
    expect([...mustPlan(planDrop(held, everybody, "1_2", table)).groups.keys()]).toEqual([])
  })

  it("detaches what a split has not moved yet from its old group (seed 1300812)", () => {
    const old: Group = { ...groupOn("g1", "t", 0, ["n1:9312", "n2:9312"]), epoch: 4 }
    const begun: Group = {
      ...groupOn("g2", "u", 0, ["n1:9312", "n3:9312"]),
      inSync: [],
      leaving: ["n2:9312"],
      origin: { node: "n1:9312", group: "g1" },
    }
    const tables = [
      tableOn("t", 2, [["n1:9312", "n2:9312"]], ["g1"]),
      { ...tableOn("u", 2, [["n1:9312", "n2:9312"]], ["g1"]), status: "dropping" as const },
    ]
    const [, dropped] = tables
    if (dropped === undefined) throw new Error("no table")
    const plan = mustPlan(planDrop(clusterOf(three, tables, [old, begun]), everybody, "1_2", dropped))
    const detached = plan.steps.flatMap(({ step }) => (step._tag === "DetachShard" ? [step] : []))
    expect(detached).toMatchObject([{ group: "g1", tables: ["system.u_s0"] }])
    expect(plan.groups.get("g2")).toMatchObject({ status: "dissolved", shards: [] })
    expect(plan.groups.get("g1")?.shards.map(({ table }) => table)).toEqual(["t", "u"])
    const away: Presence = { away: new Set(["n2:9312"]), lost: new Set() }
    const waiting = mustPlan(planDrop(clusterOf(three, tables, [old, begun]), away, "1_2", dropped))
    expect(waiting.steps.some(({ step }) => step._tag === "DetachShard")).toBe(false)
    expect(waiting.groups.get("g1")?.shards.map(({ table }) => table)).toEqual(["t", "u"])
  })

  it("undoes a creation and leaves out who is away", () => {
    const { rows, view } = drafted()
    const undo = planUndo(rows, view, "t", { away: new Set(["n3:9312"]), lost: new Set() })
    expect(undo.every(({ node }) => node !== "n3:9312")).toBe(true)
  })

  it("undoes what was called off after somebody had claimed it, and nothing that nobody had", () => {
    const { rows, view } = drafted()
    const off = (claimedBy: string | null) =>
      rows.map((row): Stored<StepRow> => ({ ...row, record: { ...row.record, status: "cancelled", claimedBy } }))
    expect(planUndo(off("a"), view, "t", everybody)).toEqual(planUndo(rows, view, "t", everybody))
    expect(planUndo(off(null), view, "t", everybody)).toEqual([])
  })
})
