/**
 * New tables of the policy `buddy`: their layout is the existing orchestrator's, entered as if it existed already, so
 * that nothing of what follows moves it.
 */
import { buddyLayout, type PlacementInput, type PlacementRow } from "../../Placement.ts"
import { byName } from "./topology.ts"

/** An input with the initial layouts of its new tables of that policy, and the names of the groups made for them. */
export const withBuddyLayouts = (
  input: PlacementInput,
): { readonly input: PlacementInput; readonly fresh: ReadonlySet<string> } => {
  const known = input.layout ?? []
  const placed = new Set(known.map((row) => row.table))
  const fresh = new Set<string>()
  const rows: Array<PlacementRow> = []
  const active = input.nodes.filter(({ state }) => state === "active").map(({ name }) => name)
  const groups = openGroups(input)
  const nextName = names(input)
  for (const table of input.tables.toSorted((left, right) => byName(left.name, right.name))) {
    if (table.placement !== "buddy" || placed.has(table.name)) continue
    const layout = buddyLayout(active, table.shards, table.rf) ?? []
    layout.forEach((nodes, shard) => {
      const key = setKey(table.rf, nodes)
      let group = table.rf === 1 ? null : groups.get(key)
      if (group === undefined) {
        group = nextName()
        fresh.add(group)
        groups.set(key, group)
      }
      rows.push({ table: table.name, shard, group, nodes })
    })
  }
  return rows.length === 0 ? { input, fresh } : { input: { ...input, layout: [...known, ...rows] }, fresh }
}

const setKey = (rf: number, nodes: ReadonlyArray<string>): string => JSON.stringify([rf, ...nodes.toSorted(byName)])

/** Groups that carry tables of this policy alone and may take more, by their RF and set of nodes. */
const openGroups = (input: PlacementInput): Map<string, string> => {
  const tables = new Map(input.tables.map((table) => [table.name, table]))
  const closed = new Set(input.closedGroups ?? [])
  const found = new Map<string, { readonly rf: number; readonly nodes: ReadonlyArray<string> } | null>()
  for (const { group, nodes, table } of input.layout ?? []) {
    if (group === null || found.get(group) === null) continue
    const { placement, rf } = tables.get(table) ?? {}
    const before = found.get(group)
    const key = rf === undefined ? "" : setKey(rf, nodes)
    const differs = before !== undefined && before !== null && setKey(before.rf, before.nodes) !== key
    const open = rf !== undefined && placement === "buddy" && !closed.has(group) && !differs
    found.set(group, open ? { rf, nodes } : null)
  }
  const groups = new Map<string, string>()
  for (const [name, group] of [...found].toSorted(([left], [right]) => byName(left, right))) {
    if (group === null) continue
    const key = setKey(group.rf, group.nodes)
    if (!groups.has(key)) groups.set(key, name)
  }
  return groups
}

/** Names of new groups: those in use are left out. */
const names = (input: PlacementInput): (() => string) => {
  const nameOf = input.nameGroup ?? ((index: number) => `g${index + 1}`)
  const used = new Set((input.layout ?? []).map((row) => row.group))
  let next = 0
  return () => {
    // Each name in use is skipped at most once.
    for (let attempt = 0; attempt <= used.size; attempt++) {
      const name = nameOf(next++)
      if (used.has(name)) continue
      used.add(name)
      return name
    }
    throw new Error("placement: nameGroup gives only names that are in use")
  }
}
