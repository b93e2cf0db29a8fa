/**
 * Plans another number of copies for tables. RF belongs to groups: changing it changes every table on them.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import type { Mutation } from "../Mutation.ts"
import type { Table } from "../State.ts"
import { rfProblem } from "../TableWish.ts"
import type { View } from "../View.ts"
import { planChange } from "./converge.ts"
import { notYet, type Plan, type Presence, type Refusal, refused } from "./Plan.ts"
import { groupRecords } from "./records.ts"

/** Plans another RF for tables, or answers why not. */
export const planSetRf = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  wish: { readonly tables: ReadonlyArray<string>; readonly rf: number },
  mutations: ReadonlySet<Mutation> = new Set(),
): Plan | Refusal => {
  const problem = rfProblem(wish.rf)
  if (problem !== undefined) return refused(problem)
  const [first] = wish.tables
  if (first === undefined) return refused("no table is named")
  const names = new Set(wish.tables)
  const tables: Array<Table> = []
  for (const name of names) {
    const table = view.tables.get(name)?.record
    if (table === undefined || table.status === "dropped") return refused(`there is no sharded table '${name}'`)
    if (table.operation !== null) return notYet(`table '${name}' is held by operation ${table.operation}`)
    if (table.status !== "ready") return refused(`table '${name}' is ${table.status}`)
    tables.push(table)
  }
  const concerned = groupRecords(view).filter(
    (group) => group.status !== "dissolved" && group.shards.some(({ table }) => names.has(table)),
  )
  const others = new Set(
    concerned.flatMap(({ shards }) => shards.map(({ table }) => table)).filter((it) => !names.has(it)),
  )
  if (others.size > 0 && !mutations.has("rf-of-some-tables")) {
    return refused(
      `RF belongs to groups, and ${list(names)} shares groups with ${list(others)}: name all of them, or make the table ` +
        "anew with groups of its own",
    )
  }
  const held = concerned.find((group) => group.operation !== null)
  if (held !== undefined) return notYet(`group ${held.name} is held by operation ${held.operation}`)
  const lowers = tables.some(({ rf }) => wish.rf < rf)
  const [away] = presence.away
  // Whoever leaves needs a confirmation of every registered node before.
  if (lowers && away !== undefined) return notYet(`${away} is away, and every node must confirm the new wrappers`)
  const active = Object.entries(view.registry?.record.nodes ?? {}).filter(
    ([node, { state }]) => state === "active" && !presence.away.has(node),
  )
  if (active.length < wish.rf) return refused(`needs ${wish.rf} active nodes, there are ${active.length}`)
  const changed = new Map(view.tables)
  for (const table of tables) {
    const stored = view.tables.get(table.name)
    if (stored !== undefined) changed.set(table.name, { ...stored, record: { ...table, rf: wish.rf } })
  }
  const wished = { ...view, tables: changed }
  const before = [...new Set(tables.map(({ rf }) => rf))].join(" and ")
  const plan = planChange(wished, presence, config, operation, {
    kind: "set-rf",
    table: first,
    reason: `RF of ${list(names)} from ${before} to ${wish.rf}`,
    scope: { tables: names, balance: false },
    groups: new Map(),
    reasons: new Map(),
  })
  // Nothing of what the tables have has to change: the number is written down all the same.
  const records = new Map(tables.map((table): [string, Table] => [table.name, { ...table, rf: wish.rf }]))
  const was = { rf: Object.fromEntries(tables.map(({ name, rf }) => [name, rf])), nodes: {} }
  if (plan !== undefined) {
    for (const [name, table] of plan.tables) records.set(name, table)
    return { ...plan, tables: records, before: was }
  }
  return {
    kind: "set-rf",
    table: first,
    reason: `RF of ${list(names)} is ${wish.rf}`,
    tables: records,
    groups: new Map(),
    steps: [],
    explanation: [],
  }
}

const list = (names: Iterable<string>): string => [...names].toSorted().join(", ")
