/**
 * What plans promise, whatever the cluster: their steps may run in any order that their dependencies allow, and may stop
 * anywhere; nothing acknowledged is lost on the way, and the next plan does what was left to do.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { defaultEngineConfig } from "../../src/EngineConfig.ts"
import { planConverge } from "../../src/plan/converge.ts"
import { costOf } from "../../src/plan/cost.ts"
import { planCreate } from "../../src/plan/create.ts"
import { planDrop } from "../../src/plan/drop.ts"
import type { Plan, Presence } from "../../src/plan/Plan.ts"
import { isRefusal } from "../../src/plan/Plan.ts"
import { planReplace } from "../../src/plan/replace.ts"
import { planSetRf } from "../../src/plan/setRf.ts"
import { planSplit } from "../../src/plan/split.ts"
import { PlanModel } from "./PlanModel.ts"

const config = { ...defaultEngineConfig, groupsPerNode: 3 }
const everybody: Presence = { away: new Set(), lost: new Set() }

/** The same worlds in every run, so that a failure is never chance; other ones with PLAN_SEED and PLAN_RUNS. */
const runs = { numRuns: Number(process.env["PLAN_RUNS"] ?? 60), seed: Number(process.env["PLAN_SEED"] ?? 1) }

const nodeName = (index: number) => `n${index + 1}:9312`

/** What is asked of a cluster that has a table `t` (and `u`, if it is shared). */
const kinds = ["create", "drop", "add-node", "drain", "replace", "rf-up", "rf-down", "split", "rebalance"] as const
type Kind = (typeof kinds)[number]

interface World {
  readonly kind: Kind
  readonly nodes: number
  readonly shards: number
  readonly rf: number
  readonly shared: boolean
  readonly order: ReadonlyArray<number>
  readonly prefix: number
}

const world = (kind: Kind): fc.Arbitrary<World> =>
  fc.record({
    kind: fc.constant(kind),
    nodes: fc.integer({ min: kind === "split" ? 5 : 3, max: 6 }),
    shards: fc.integer({ min: kind === "split" ? 8 : 1, max: kind === "split" ? 16 : 6 }),
    rf: fc.integer({ min: kind === "rf-down" || kind === "split" ? 2 : 1, max: kind === "rf-up" ? 2 : 3 }),
    shared: fc.boolean(),
    order: fc.array(fc.nat({ max: 50 }), { minLength: 5, maxLength: 40 }),
    prefix: fc.double({ min: 0, max: 1, noNaN: true }),
  })

/** Picks from a list that is used over and over. */
const chooser = (order: ReadonlyArray<number>) => {
  let next = 0
  return (ready: number) => (order[next++ % order.length] ?? 0) % ready
}

const inOrder = () => 0

const must = (plan: ReturnType<typeof planSetRf> | string | undefined): Plan => {
  if (plan === undefined || typeof plan === "string") throw new Error(`no plan: ${plan}`)
  if (isRefusal(plan)) throw new Error(`refused: ${plan.reason}`)
  return plan
}

const carryOut = (model: PlanModel, plan: Plan, choose: (ready: number) => number = inOrder): void => {
  model.launch(plan)
  model.execute(plan, choose)
  model.release()
}

const create = (model: PlanModel, operation: string, table: string, shards: number, rf: number): Plan =>
  must(planCreate(model.view, everybody, config, operation, { table, structure: "v bigint", options: {}, shards, rf }))

/** A cluster before what is asked of it. */
const begin = ({ nodes, rf, shards, shared }: World): PlanModel => {
  const model = new PlanModel(Array.from({ length: nodes }, (_, index) => nodeName(index)))
  carryOut(model, create(model, "1_1", "t", shards, rf))
  if (shared) carryOut(model, create(model, "1_2", "u", shards, rf))
  model.write()
  return model
}

const tablesOf = ({ shared }: World) => (shared ? ["t", "u"] : ["t"])

/** Plans what is asked; undefined if that cannot be asked of this cluster. */
const ask = (model: PlanModel, drawn: World, operation: string): Plan | undefined => {
  const first = nodeName(0)
  const setRf = (rf: number) => {
    const plan = planSetRf(model.view, everybody, config, operation, { tables: tablesOf(drawn), rf })
    return isRefusal(plan) ? undefined : plan
  }
  switch (drawn.kind) {
    case "create":
      return create(model, operation, "w", drawn.shards, drawn.rf)
    case "drop": {
      const table = model.tables.get("t")
      return table === undefined ? undefined : must(planDrop(model.view, everybody, operation, table))
    }
    case "add-node":
      if (!model.nodes.has("n9:9312")) model.addNode("n9:9312")
      break
    case "drain":
      model.nodes.set(first, { state: "draining", zone: null, weight: 1 })
      break
    case "replace": {
      if (!model.nodes.has("n9:9312")) model.addNode("n9:9312")
      model.nodes.set(first, { state: "draining", zone: null, weight: 1 })
      return must(planReplace(model.view, everybody, config, operation, { old: first, new: "n9:9312" }))
    }
    case "rf-up":
      return setRf(drawn.rf + 1)
    case "rf-down":
      return setRf(drawn.rf - 1)
    case "split": {
      const group = [...model.groups.values()].find(({ shards }) => shards.length > 1)
      if (group === undefined) return undefined
      const plan = planSplit(model.view, everybody, config, operation, { group: group.name })
      return isRefusal(plan) ? undefined : plan
    }
    case "rebalance":
      break
  }
  return planConverge(model.view, everybody, config, operation, { rebalance: true, requested: true })
}

/** Plans and carries out whatever is left to do, until nothing is. */
const converge = (
  model: PlanModel,
  choose: (ready: number) => number = inOrder,
  presence: Presence = everybody,
  name = "9",
): void => {
  for (let round = 0; round < 8; round++) {
    const unfinished = [...model.tables.values()].find(({ status }) => status === "dropping" || status === "failed")
    const plan =
      unfinished === undefined
        ? planConverge(model.view, presence, config, `${name}_${round}`, { rebalance: true, requested: false })
        : must(planDrop(model.view, presence, `${name}_${round}`, unfinished))
    if (plan === undefined) return
    carryOut(model, plan, choose)
  }
  throw new Error("the eighth plan in a row still found something to do")
}

/** The number of copies that each table has, where all of its shards have as many. */
const copies = (model: PlanModel, table: string): number => {
  const counts = new Set(model.tables.get(table)?.layout.map(({ nodes }) => nodes.length))
  const [count] = counts
  return counts.size === 1 && count !== undefined ? count : -1
}

/** What must have come about when a wish was fulfilled. */
const expectFulfilled = (model: PlanModel, drawn: World): void => {
  expect(model.leftovers()).toEqual([])
  const rf = drawn.kind === "rf-up" ? drawn.rf + 1 : drawn.kind === "rf-down" ? drawn.rf - 1 : drawn.rf
  for (const [name, table] of model.tables) {
    if (table.status === "dropped") continue
    expect([name, table.rf, copies(model, name)]).toEqual([name, name === "w" ? drawn.rf : rf, table.rf])
  }
  const spread = (node: string) =>
    [...model.tables.values()].flatMap(({ layout }) => layout).filter(({ nodes }) => nodes.includes(node)).length
  if (drawn.kind === "drain" && drawn.nodes > drawn.rf) expect(spread(nodeName(0))).toBe(0)
  if (drawn.kind === "replace") expect(spread(nodeName(0))).toBe(0)
}

/** Whether the wish is one that leaves nothing half: the table that was being made is gone, or complete. */
const isSettled = (model: PlanModel): boolean =>
  [...model.tables.values()].every(({ status }) => status === "ready" || status === "dropped")

describe.each(kinds)("%s", (kind) => {
  it("reaches its target in any order of its steps, and finds nothing to do then", () => {
    let carried = 0
    fc.assert(
      fc.property(world(kind), (drawn) => {
        const model = begin(drawn)
        const plan = ask(model, drawn, "2_1")
        if (plan === undefined) return
        carried++
        carryOut(model, plan, chooser(drawn.order))
        expectFulfilled(model, drawn)
        // What was asked is done: asked again, it changes nothing. (Another table or split would be a new wish.)
        if (kind !== "create" && kind !== "drop" && kind !== "split") {
          expect(ask(model, drawn, "3_1")?.steps ?? []).toEqual([])
        }
        converge(model)
        expect(model.leftovers()).toEqual([])
        expect(planConverge(model.view, everybody, config, "4_1", { rebalance: true, requested: true })).toBeUndefined()
      }),
      runs,
    )
    // Small clusters cannot be asked everything, but most can.
    if (kind !== "rebalance") expect(carried).toBeGreaterThan(runs.numRuns / 5)
  })

  it("may stop anywhere: nothing is lost, and the next plans finish it or take it back", () => {
    fc.assert(
      fc.property(world(kind), (drawn) => {
        const model = begin(drawn)
        const plan = ask(model, drawn, "2_1")
        if (plan === undefined) return
        model.launch(plan)
        model.execute(plan, chooser(drawn.order), Math.floor(drawn.prefix * plan.steps.length))
        model.release()
        converge(model, chooser(drawn.order.toReversed()))
        expect(model.leftovers()).toEqual([])
        expect(isSettled(model)).toBe(true)
        // All but a creation goes forward; the group that a split was to form may not have come about.
        if (kind !== "create") expectFulfilled(model, drawn)
      }),
      runs,
    )
  })

  it("is the same plan each time, says why for each change, and counts what it takes", () => {
    fc.assert(
      fc.property(world(kind), (drawn) => {
        const model = begin(drawn)
        const plan = ask(model, drawn, "2_1")
        const again = ask(model, drawn, "2_1")
        expect(again).toEqual(plan)
        if (plan === undefined) return
        for (const { reason } of plan.explanation) expect(reason).not.toBe("")
        if (plan.steps.length > 0) expect(plan.explanation.length).toBeGreaterThan(0)
        const sizes = new Map(
          [...model.tables.values()].flatMap(({ layout }) =>
            layout.map(({ physical }) => [physical, { rows: 10, bytes: 1000 }] as const),
          ),
        )
        const cost = costOf(plan, model.view, sizes)
        expect(cost.steps).toBe(plan.steps.length)
        expect(cost.criticalPath).toBeLessThanOrEqual(cost.steps)
        expect([cost.rows, cost.bytes]).toEqual([cost.replicas * 10, cost.replicas * 1000])
        if (cost.replicas > 0) expect(costOf(plan, model.view)).toMatchObject({ rows: null, bytes: null })
      }),
      runs,
    )
  })
})

describe("a split whose holder is lost", () => {
  it("loses nothing, serves every shard again, and is tidied when the holder is back, wherever it stopped", () => {
    let served = 0
    fc.assert(
      fc.property(world("split"), (drawn) => {
        const model = begin(drawn)
        const plan = ask(model, drawn, "2_1")
        const holder = plan?.steps.find(({ step }) => step._tag === "CreateGroup")?.node
        if (plan === undefined || holder === undefined || holder === null) return
        model.launch(plan)
        model.execute(plan, chooser(drawn.order), Math.floor(drawn.prefix * plan.steps.length))
        model.release()
        model.down.add(holder)
        converge(model, chooser(drawn.order), { away: new Set([holder]), lost: new Set([holder]) }, "8")
        for (const [name, table] of model.tables) {
          const mirrors = table.wrapper.mirrors ?? []
          expect([name, mirrors.length, mirrors.some((nodes) => nodes.length === 0)]).toEqual([
            name,
            table.shards,
            false,
          ])
          expect(mirrors.flat()).not.toContain(holder)
        }
        served++
        model.down.delete(holder)
        // Who comes back has what it had, and hears of what its groups have written since.
        for (const group of model.daemons.get(holder)?.clusters.keys() ?? []) model.catchUp(holder, group)
        converge(model)
        expect(model.leftovers()).toEqual([])
      }),
      runs,
    )
    expect(served).toBeGreaterThan(runs.numRuns / 2)
  })
})
