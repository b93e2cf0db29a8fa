/**
 * What the planner decides, as text for people: the records before, the plan with its steps, and why each thing changes.
 * One file in `testdata/plan/` for each kind of operation; `UPDATE_GOLDEN=1 npx vitest run Golden` rewrites them, and a
 * change of behaviour is their diff.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { expect, it } from "vitest"
import { defaultEngineConfig } from "../../src/EngineConfig.ts"
import { planConverge } from "../../src/plan/converge.ts"
import { costOf } from "../../src/plan/cost.ts"
import { planCreate } from "../../src/plan/create.ts"
import { planDrop } from "../../src/plan/drop.ts"
import { isRefusal, type Plan, type PlannedStep, type Presence, type Refusal } from "../../src/plan/Plan.ts"
import { planPromotion, planVerification } from "../../src/plan/promotion.ts"
import { planReplace } from "../../src/plan/replace.ts"
import { planSetRf } from "../../src/plan/setRf.ts"
import { planSplit } from "../../src/plan/split.ts"
import { planUndo } from "../../src/plan/undo.ts"
import type { Group, StepRow } from "../../src/State.ts"
import type { Stored } from "../../src/View.ts"
import { PlanModel } from "./PlanModel.ts"

const config = { ...defaultEngineConfig, groupsPerNode: 2 }
const everybody: Presence = { away: new Set(), lost: new Set() }
const away = (...nodes: ReadonlyArray<string>): Presence => ({ away: new Set(nodes), lost: new Set(nodes) })
const nodes = (count: number) => Array.from({ length: count }, (_, index) => `n${index + 1}`).map((name) => `${name}:1`)

const short = (list: ReadonlyArray<string>): string => (list.length === 0 ? "nobody" : list.join(" "))

const groupText = (group: Group): string =>
  [
    `  group ${group.name} ${group.status}, RF ${group.rf}: members ${short(group.members)}; in sync ${short(group.inSync)}`,
    ...(group.leaving.length === 0 ? [] : [`leaving ${short(group.leaving)}`]),
    ...(group.exiled.length === 0 ? [] : [`exiled ${short(group.exiled)}`]),
    ...(group.origin === undefined ? [] : [`begins with copies on ${group.origin.node}`]),
    group.shards.map(({ shard, table }) => `${table}/${shard}`).join(" "),
  ].join("; ")

const recordsText = (model: PlanModel, presence: Presence): string => {
  const node = ([name, { state, weight, zone }]: readonly [
    string,
    { state: string; weight: number; zone: string | null },
  ]) =>
    [
      name,
      ...(state === "active" ? [] : [state]),
      ...(zone === null ? [] : [`zone ${zone}`]),
      ...(weight === 1 ? [] : [`weight ${weight}`]),
      ...(presence.lost.has(name) ? ["lost"] : presence.away.has(name) ? ["away"] : []),
    ].join(" ")
  const tables = [...model.tables.values()].flatMap((table) => [
    `  table ${table.name} ${table.status}, RF ${table.rf}${table.placement === undefined ? "" : `, ${table.placement}`}`,
    ...table.layout.map((item) => `    ${item.shard} ${item.group ?? "alone"} on ${short(item.nodes)}`),
  ])
  const lines = [
    `  nodes ${[...model.nodes].map(node).join(", ")}`,
    ...tables,
    ...[...model.groups.values()].map(groupText),
  ]
  return `before\n${lines.join("\n")}\n`
}

const stepText = ({ dependsOn, node, step }: PlannedStep, index: number): string => {
  const { _tag, ...fields } = step
  const details = Object.entries(fields)
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
    .join("")
  const after = dependsOn.length === 0 ? "" : `  after ${dependsOn.join(",")}`
  return `${String(index).padStart(4)} ${(node ?? "leader").padEnd(6)} ${_tag}${details}${after}`
}

const planText = (model: PlanModel, plan: Plan): string => {
  const { criticalPath, replicas, steps } = costOf(plan, model.view)
  const copies = (count: number) => `${count} ${count === 1 ? "copy" : "copies"}`
  return [
    `plan ${plan.kind}: ${plan.reason}`,
    `  ${steps} steps, ${criticalPath} in a row; ${copies(replicas)}`,
    ...[...plan.groups.values()].map(groupText),
    ...plan.steps.map(stepText),
    "why",
    ...plan.explanation.map(
      ({ from, group, reason, replicas: concerned, to }) =>
        `  ${group ?? "plan"}: ${from ?? "–"} → ${to ?? "–"}, ${copies(concerned)}: ${reason}`,
    ),
    "",
  ].join("\n")
}

const answerText = (model: PlanModel, answer: Plan | Refusal | string | undefined): string => {
  if (answer === undefined) return "nothing to do\n"
  if (typeof answer === "string") return `refused: ${answer}\n`
  if (isRefusal(answer)) return `${answer.final ? "refused" : "not yet"}: ${answer.reason}\n`
  return planText(model, answer)
}

const golden = (name: string, text: string): void => {
  const file = new URL(`../../testdata/plan/${name}.txt`, import.meta.url)
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text)
  expect(text).toBe(existsSync(file) ? readFileSync(file, "utf8") : `no ${name}.txt: run with UPDATE_GOLDEN=1`)
}

/** A wish in words, and what the planner makes of it. */
type Command = readonly [wish: string, plan: (model: PlanModel) => Plan | Refusal | string | undefined]

/** Compares a transcript: the records, then each wish with the answer to it. The plans are not carried out. */
const goldenTranscript = (
  name: string,
  model: PlanModel,
  commands: ReadonlyArray<Command>,
  presence: Presence = everybody,
): void => {
  const answers = commands.map(([wish, plan]) => `> ${wish}\n${answerText(model, plan(model))}`)
  golden(name, [recordsText(model, presence), ...answers].join("\n"))
}

/** A cluster with tables that were made one after another. */
const cluster = (
  names: Iterable<string>,
  ...tables: ReadonlyArray<{
    readonly table: string
    readonly shards: number
    readonly rf: number
    readonly placement?: "buddy"
  }>
): PlanModel => {
  const model = new PlanModel(names)
  tables.forEach((wish, index) => carryOut(model, made(model, `1_${index + 1}`, wish)))
  return model
}

const made = (
  model: PlanModel,
  operation: string,
  wish: { table: string; shards: number; rf: number; placement?: "buddy" },
) => planCreate(model.view, everybody, config, operation, { ...wish, structure: "v bigint", options: {} })

const carryOut = (model: PlanModel, plan: Plan | string): void => {
  if (typeof plan === "string") throw new Error(plan)
  model.launch(plan)
  model.execute(plan, () => 0)
  model.release()
}

const follow =
  (presence: Presence = everybody) =>
  (model: PlanModel) =>
    planConverge(model.view, presence, config, "2_1", { rebalance: true, requested: false })

const setRf =
  (tables: ReadonlyArray<string>, rf: number, presence: Presence = everybody) =>
  (model: PlanModel) =>
    planSetRf(model.view, presence, config, "2_1", { tables, rf })

it("create", () => {
  const wish = (table: string, shards: number, rf: number): Command => [
    `create ${table}: ${shards} shards, RF ${rf}`,
    (model) => made(model, "2_1", { table, shards, rf }),
  ]
  goldenTranscript("create", cluster(nodes(3)), [wish("t", 4, 2), wish("t", 3, 1), wish("t", 2, 4)])
})

it("create with zones and weights", () => {
  const model = new PlanModel([])
  for (const [name, zone, weight] of [
    ["a1:1", "a", 1],
    ["a2:1", "a", 1],
    ["b1:1", "b", 3],
    ["c1:1", "c", 1],
  ] as const) {
    model.addNode(name, { state: "active", zone, weight })
  }
  goldenTranscript("create-zones", model, [
    ["create t: 4 shards, RF 3", (it) => made(it, "2_1", { table: "t", shards: 4, rf: 3 })],
    ["create u: 6 shards, RF 1", (it) => made(it, "2_1", { table: "u", shards: 6, rf: 1 })],
  ])
})

it("create as the existing orchestrator does", () => {
  goldenTranscript("create-buddy", cluster(nodes(4)), [
    ["create t: 5 shards, RF 2, buddy", (it) => made(it, "2_1", { table: "t", shards: 5, rf: 2, placement: "buddy" })],
  ])
})

it("create on groups that are there", () => {
  goldenTranscript("create-shared", cluster(nodes(3), { table: "t", shards: 4, rf: 2 }), [
    ["create u: 3 shards, RF 2", (it) => made(it, "2_1", { table: "u", shards: 3, rf: 2 })],
  ])
})

it("drop", () => {
  const shared = cluster(nodes(3), { table: "t", shards: 4, rf: 2 }, { table: "u", shards: 1, rf: 2 })
  goldenTranscript("drop", shared, [
    [
      "drop t",
      (model) => {
        const table = model.tables.get("t")
        return table === undefined ? "no table" : planDrop(model.view, everybody, "2_1", table)
      },
    ],
  ])
})

it("add node", () => {
  const model = cluster(nodes(3), { table: "t", shards: 6, rf: 2 }, { table: "s", shards: 4, rf: 1 })
  model.addNode("n4:1")
  goldenTranscript("add-node", model, [["(by itself)", follow()]])
})

it("drain", () => {
  const model = cluster(nodes(4), { table: "t", shards: 4, rf: 2 }, { table: "s", shards: 4, rf: 1 })
  model.nodes.set("n1:1", { state: "draining", zone: null, weight: 1 })
  goldenTranscript("drain", model, [["(by itself)", follow()]])
})

it("node lost", () => {
  const presence = away("n2:1")
  const model = cluster(nodes(4), { table: "t", shards: 4, rf: 2 })
  goldenTranscript("node-lost", model, [["(by itself)", follow(presence)]], presence)
})

it("nodes lost, and none is left for their copies", () => {
  const presence = away("n2:1")
  const model = cluster(nodes(2), { table: "t", shards: 2, rf: 2 })
  goldenTranscript("node-lost-two", model, [["(by itself)", follow(presence)]], presence)
})

it("node away", () => {
  const presence: Presence = { away: new Set(["n2:1"]), lost: new Set() }
  const model = cluster(nodes(4), { table: "t", shards: 4, rf: 2 })
  goldenTranscript("node-away", model, [["(by itself)", follow(presence)]], presence)
})

it("node back", () => {
  const presence = away("n2:1")
  const model = cluster(nodes(4), { table: "t", shards: 4, rf: 2 })
  const plan = follow(presence)(model)
  if (plan === undefined) throw new Error("no plan")
  carryOut(model, plan)
  goldenTranscript("node-back", model, [["(by itself)", follow()]])
})

it("another RF", () => {
  const model = cluster(
    nodes(4),
    { table: "t", shards: 4, rf: 2 },
    { table: "u", shards: 2, rf: 2 },
    { table: "s", shards: 3, rf: 1 },
  )
  const one = away("n4:1")
  goldenTranscript("set-rf", model, [
    ["RF of t to 3", setRf(["t"], 3)],
    ["RF of t and u to 3", setRf(["t", "u"], 3)],
    ["RF of t and u to 1", setRf(["t", "u"], 1)],
    ["RF of s to 2", setRf(["s"], 2)],
    ["RF of s to 1", setRf(["s"], 1)],
    ["RF of s to 5", setRf(["s"], 5)],
    ["RF of t and u to 1 while n4 is away", setRf(["t", "u"], 1, one)],
    ["RF of x to 2", setRf(["x"], 2)],
  ])
})

it("a lower RF", () => {
  goldenTranscript("set-rf-down", cluster(nodes(4), { table: "t", shards: 4, rf: 3 }), [
    ["RF of t to 2", setRf(["t"], 2)],
  ])
})

it("split", () => {
  const model = cluster(nodes(3), { table: "t", shards: 12, rf: 2 })
  const [group] = model.groups.keys()
  const split = (name: string, presence: Presence = everybody): Command => [
    `split ${name}${presence === everybody ? "" : " while a node is away"}`,
    (it) => planSplit(it.view, presence, config, "2_1", { group: name }),
  ]
  goldenTranscript("split", model, [split(group ?? ""), split(group ?? "", away("n3:1")), split("sw_9_9_9")])
})

it("split without nodes to begin on", () => {
  const model = cluster(nodes(3), { table: "t", shards: 2, rf: 3 })
  const [group] = model.groups.keys()
  goldenTranscript("split-refused", model, [
    [`split ${group}`, (it) => planSplit(it.view, everybody, config, "2_1", { group: group ?? "" })],
  ])
})

it("replace a node", () => {
  const model = cluster(nodes(3), { table: "t", shards: 4, rf: 2 }, { table: "s", shards: 3, rf: 1 })
  model.addNode("n4:1")
  const replace = (old: string, next: string, presence: Presence = everybody): Command => [
    `replace ${old} by ${next}${presence === everybody ? "" : ", which is away"}`,
    (it) => planReplace(it.view, presence, config, "2_1", { old, new: next }),
  ]
  goldenTranscript("replace-node", model, [
    replace("n1:1", "n4:1"),
    replace("n1:1", "n9:1"),
    replace("n4:1", "n1:1"),
    replace("n1:1", "n4:1", away("n1:1")),
  ])
})

it("replace a node that is gone", () => {
  const presence: Presence = { away: new Set(["n1:1"]), lost: new Set() }
  const model = cluster(nodes(3), { table: "t", shards: 4, rf: 2 })
  model.addNode("n4:1")
  goldenTranscript(
    "replace-gone",
    model,
    [["replace n1:1 by n4:1", (it) => planReplace(it.view, presence, config, "2_1", { old: "n1:1", new: "n4:1" })]],
    presence,
  )
})

it("repair", () => {
  const model = cluster(nodes(3), { table: "t", shards: 4, rf: 2 })
  const [group] = model.groups.values()
  if (group === undefined) throw new Error("no group")
  const [survivor = "", other = ""] = group.members
  goldenTranscript("repair", model, [
    [`nobody is primary in ${group.name}`, () => planPromotion("2_1", group, [survivor])],
    [`${other} is back in ${group.name}`, () => planVerification({ ...group, inSync: [survivor] }, [other])],
  ])
})

it("undo of a creation", () => {
  const model = cluster(nodes(3))
  const plan = made(model, "1_1", { table: "t", shards: 2, rf: 2 })
  if (typeof plan === "string") throw new Error(plan)
  model.launch(plan)
  const rows = plan.steps.map((planned, index): Stored<StepRow> => {
    const record: StepRow = {
      operation: "1_1",
      index,
      ...planned,
      status: "done",
      tries: 1,
      claimedBy: "a",
      undoes: null,
      error: null,
    }
    return { key: `step/1_1/${index}`, value: record, version: 1, term: 1, record }
  })
  const text = (presence: Presence) =>
    planUndo(rows, model.view, "t", presence)
      .map((planned, index) => stepText(planned, rows.length + index))
      .join("\n")
  golden(
    "undo-create",
    `${recordsText(model, everybody)}\n> undo\n${text(everybody)}\n\n> undo while n3:1 is away\n${text(away("n3:1"))}\n`,
  )
})
