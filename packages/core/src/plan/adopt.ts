/**
 * Plans the adoption of what the existing orchestrator made: its tables become records, its replication clusters (named
 * by the md5 of their nodes) become groups that keep their names, and nothing moves.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import type { Group, GroupShard, ObservedGroup, ShardPlacement, Table } from "../State.ts"
import { oldTables } from "../Sql.ts"
import { rfProblem, structureProblem } from "../TableWish.ts"
import type { Stored, View } from "../View.ts"
import { planChange } from "./converge.ts"
import { notYet, type Plan, type Presence, type Refusal, refused } from "./Plan.ts"
import { registeredNodes } from "./records.ts"

/** What the tables of the existing orchestrator say, and what daemons show of its shards. */
export interface OldLayout {
  /** Rows of `system.sharding_state`, by key. */
  readonly state: ReadonlyMap<string, unknown>
  /** Rows of `system.sharding_table`. */
  readonly rows: ReadonlyArray<{
    readonly node: string
    readonly table: string
    readonly shards: ReadonlyArray<number>
  }>
  /** Items of `system.sharding_queue` that are not done. */
  readonly open: number
  /** System tables that each node holds. */
  readonly held: ReadonlyMap<string, ReadonlySet<string>>
  /** Replication clusters that each node shows, by name. */
  readonly clusters: ReadonlyMap<string, ReadonlyMap<string, ObservedGroup>>
}

/** What is wished: `rf` says how many copies the shards of a table shall have, where they have different numbers. */
export interface AdoptWish {
  readonly rf: Readonly<Record<string, number>>
}

/** One table as it was found. */
interface Found {
  readonly name: string
  readonly structure: string
  readonly options: Readonly<Record<string, string>>
  readonly rf: number
  readonly shards: ReadonlyArray<ShardPlacement>
}

/** Plans the adoption of all tables of the existing orchestrator, or answers why not. */
export const planAdoption = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  old: OldLayout,
  wish: AdoptWish,
): Plan | Refusal => {
  const all = [...new Set(old.rows.map(({ table }) => table))].toSorted()
  const begun = all.find((name) => (view.tables.get(name)?.record.operation ?? null) !== null)
  if (begun !== undefined)
    return notYet(`table '${begun}' is held by operation ${view.tables.get(begun)?.record.operation}`)
  // What an adoption has that was stopped: its tables are ours since, whatever became of their layout.
  const names = all.filter((name) => !isAdopted(view, old, name))
  if (old.open > 0) return notYet(`the queue of the existing orchestrator has ${old.open} items that are not done`)
  const busy = names.find((name) => old.state.get(`rebalance:${name}`) === "running")
  if (busy !== undefined) return refused(`the existing orchestrator did not finish the rebalance of ${busy}`)
  const [away] = presence.away
  if (away !== undefined) return notYet(`${away} is away, and what it holds must be seen`)
  const registered = registeredNodes(view)
  const stranger = old.rows.find(({ node }) => !registered.includes(node))
  if (stranger !== undefined)
    return refused(`node ${stranger.node}, which holds shards of ${stranger.table}, is not registered`)
  const found: Array<Found> = []
  const problems: Array<string> = []
  for (const name of names) {
    const table = readTable(view, old, name, wish.rf[name])
    if (typeof table === "string") problems.push(table)
    else found.push(table)
  }
  const groups = adoptedGroups(view, old, found)
  if (typeof groups === "string") problems.push(groups)
  if (problems.length > 0 || typeof groups === "string") return refused(problems.join("; "))
  const tables = new Map<string, Stored<Table>>(view.tables)
  for (const table of found) tables.set(table.name, adoptedTable(view, table))
  const plan = planChange({ ...view, tables }, presence, config, operation, {
    kind: "adopt",
    table: null,
    reason: `adopt ${names.length === 0 ? "no tables" : names.join(", ")}`,
    scope: null,
    groups,
    reasons: new Map(),
  })
  const steps = plan?.steps ?? []
  const last = steps.length - 1
  return {
    kind: "adopt",
    table: null,
    reason: plan?.reason ?? "take away what is left of the existing orchestrator",
    tables: plan?.tables ?? new Map(),
    groups: plan?.groups ?? new Map(),
    steps: [
      ...steps,
      { node: null, step: { _tag: "RetireTables", tables: oldTables }, dependsOn: last < 0 ? [] : [last] },
    ],
    explanation: found.map(({ name, shards, rf }) => ({
      group: null,
      from: null,
      to: null,
      replicas: 0,
      reason: `${name}: ${shards.length} shards with ${rf} ${rf === 1 ? "copy" : "copies"} each stay where they are`,
    })),
  }
}

/** True for a table whose record was made from these shards: there are none of their names but those. */
const isAdopted = (view: View, old: OldLayout, name: string): boolean => {
  const known = view.tables.get(name)?.record
  if (known?.status !== "ready" || known.placement !== "buddy") return false
  const shards = new Set(old.rows.flatMap((row) => (row.table === name ? row.shards : [])))
  const physicals = [...shards].map((shard) => `system.${name}_s${shard}`).toSorted()
  return (
    physicals.join() ===
    known.layout
      .map(({ physical }) => physical)
      .toSorted()
      .join()
  )
}

/** A table as the rows and the daemons show it, or what is wrong with it. */
const readTable = (view: View, old: OldLayout, name: string, wished: number | undefined): Found | string => {
  const known = view.tables.get(name)?.record
  if (known !== undefined && known.status !== "dropped") return `there is a sharded table '${name}' already`
  const holders = new Map<number, Array<string>>()
  for (const row of old.rows) {
    if (row.table !== name) continue
    for (const shard of row.shards) {
      const nodes = holders.get(shard)
      if (nodes === undefined) holders.set(shard, [row.node])
      else nodes.push(row.node)
    }
  }
  const counts = new Set([...holders.values()].map((nodes) => nodes.length))
  const [count = 0] = counts
  // A number of copies that an outage left behind must not become what is asked for.
  if (counts.size > 1 && wished === undefined) {
    return `shards of ${name} have ${[...counts].toSorted((a, b) => a - b).join(" or ")} copies: say how many they shall have`
  }
  const rf = wished ?? count
  const wrong = rfProblem(rf)
  if (wrong !== undefined) return `${name}: ${wrong}`
  const shards: Array<ShardPlacement> = []
  for (let shard = 0; shard < holders.size; shard++) {
    const nodes = holders.get(shard)?.toSorted()
    if (nodes === undefined) return `shard ${shard} of ${name} is nowhere`
    const physical = `system.${name}_s${shard}`
    const lacking = nodes.find((node) => old.held.get(node)?.has(physical) !== true)
    if (lacking !== undefined) return `${lacking} does not hold ${physical}`
    const cluster = clusterOf(old, nodes, physical)
    if (cluster !== null && cluster.startsWith("!")) return cluster.slice(1)
    shards.push({ shard, physical, group: cluster, nodes })
  }
  const { extra, structure } = definitionOf(old.state.get(`table:${name}`))
  const columns = columnsOf(structure)
  const problem = structureProblem(columns)
  if (problem !== undefined) return `${name}: ${problem}`
  return { name, structure: columns, options: optionsOf(extra), rf, shards }
}

/** The replication cluster that carries a shard on all of its nodes; null for a single copy; `!` begins a problem. */
const clusterOf = (old: OldLayout, nodes: ReadonlyArray<string>, physical: string): string | null => {
  const shown = nodes.map((node) => {
    const groups = [...(old.clusters.get(node) ?? [])]
    return groups.find(([, group]) => group.tables.includes(physical))
  })
  const [first] = shown
  if (nodes.length === 1 && first === undefined) return null
  if (first === undefined) return `!${physical} is in no replication cluster on ${nodes[0] ?? ""}`
  const [name] = first
  const whole = (group: ObservedGroup) =>
    group.status === "primary" && group.nodeState === "synced" && group.members.join() === nodes.join()
  const odd = nodes.find((_, index) => {
    const [other, group] = shown[index] ?? []
    return other !== name || group === undefined || !whole(group)
  })
  return odd === undefined ? name : `!${physical} is not in ${name}, of ${nodes.join(", ")}, on ${odd}`
}

/** Groups of the clusters that were found, each starting from the copies of one of its members. */
const adoptedGroups = (
  view: View,
  old: OldLayout,
  found: ReadonlyArray<Found>,
): ReadonlyMap<string, Group> | string => {
  const groups = new Map<string, Group>()
  for (const { name: table, rf, shards } of found) {
    for (const { group, nodes, physical, shard } of shards) {
      const [node] = nodes
      if (group === null || node === undefined) continue
      const carried: GroupShard = { table, shard, physical }
      const before = groups.get(group)
      if (before !== undefined && before.rf !== rf) return `${group} carries tables with ${before.rf} and ${rf} copies`
      if (view.groups.has(group)) return `there is a group ${group} already`
      groups.set(group, {
        name: group,
        rf,
        status: "live",
        members: nodes,
        inSync: [],
        exiled: [],
        leaving: [],
        lastPrimary: nodes,
        shards: [...(before?.shards ?? []), carried],
        origin: { node, group: null },
        epoch: 0,
        operation: null,
      })
    }
  }
  for (const { members, name, shards } of groups.values()) {
    const shown = old.clusters.get(members[0] ?? "")?.get(name)?.tables ?? []
    const foreign = shown.find((table) => !shards.some(({ physical }) => physical === table))
    // It would be copied to new members of the group, and vanish with the group.
    if (foreign !== undefined) return `${name} also carries ${foreign}, which is no shard: take it out first`
  }
  return groups
}

const adoptedTable = (view: View, { name, options, rf, shards, structure }: Found): Stored<Table> => {
  const before = view.tables.get(name)
  const record: Table = {
    name,
    structure,
    options,
    shards: shards.length,
    rf,
    placement: "buddy",
    generation: 1,
    status: "ready",
    layout: shards,
    wrapper: { version: before?.record.wrapper.version ?? 0, mirrors: null },
    operation: null,
  }
  return {
    key: before?.key ?? "",
    value: before?.value,
    version: before?.version ?? 0,
    term: before?.term ?? 0,
    record,
  }
}

/** Columns and options as the existing orchestrator keeps them. */
const definitionOf = (value: unknown): { readonly structure: string; readonly extra: string } => {
  const field = (name: string): string => {
    const found =
      typeof value === "object" && value !== null ? Object.entries(value).find(([key]) => key === name) : undefined
    return typeof found?.[1] === "string" ? found[1] : ""
  }
  return { structure: field("structure"), extra: field("extra") }
}

/** A column list without its parentheses and without the id, which every table has. */
const columnsOf = (structure: string): string =>
  structure
    .trim()
    .replace(/^\((.*)\)$/s, "$1")
    .split(/,(?![^(]*\))/)
    .map((column) => column.trim())
    .filter((column) => !/^`?id`?\s+bigint$/i.test(column))
    .join(", ")

/** Options of the shards; what the orchestrator itself understood is left out. */
const optionsOf = (extra: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...extra.matchAll(/([A-Za-z_]\w*)\s*=\s*'([^']*)'/g)].flatMap(([, name = "", value = ""]) =>
      ["shards", "rf", "type", "timeout"].includes(name.toLowerCase()) ? [] : [[name, value]],
    ),
  )
