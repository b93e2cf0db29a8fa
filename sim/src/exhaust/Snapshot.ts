/**
 * What there is in an installation, object by object, so that a rollback can be held to what was there before: tables with
 * their rows, groups with their members, wrappers. Left aside are the engine's own records, and the rows of tables that
 * clients write meanwhile: those have a checker of their own.
 */
import { probeTable } from "@shardwright/core/Identifier"
import { layoutTable, queueTable, stateTable } from "@shardwright/core/Sql"
import type { Judged } from "../run/Conditions.ts"
import type { ClusterView, TableView } from "../world/SimulatedCluster.ts"

/** What each object is, by its name. */
export type Snapshot = ReadonlyMap<string, string>

const engineTables: ReadonlySet<string> = new Set([stateTable, queueTable, layoutTable])
/** So many differences are told. */
const differencesMax = 6

const tableText = (table: TableView, withRows: boolean): string => {
  const where = table.cluster === undefined ? "in no cluster" : `in cluster ${table.cluster}`
  if (table.kind === "shard" || table.kind === "distributed") {
    const agents = table.agents.map((mirrors) =>
      mirrors.map(({ address, table: name }) => `${address}:${name}`).join("|"),
    )
    return `${table.kind}, ${where}, agents ${agents.join(" ")}`
  }
  if (!withRows) return `${table.kind}, ${where}`
  const rows = [...table.rows].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `${table.kind}, ${where}, rows ${JSON.stringify(rows.map(([id, row]) => [String(id), [...row]]))}`
}

const clusterText = (cluster: ClusterView): string =>
  `${cluster.status}, ${cluster.nodeState}, members ${cluster.members.toSorted().join(",")}, tables ${cluster.tables.toSorted().join(",")}`

/** Takes a snapshot of all nodes that are up. `written` are the tables that clients write. */
export const takeSnapshot = (
  { context, simulation, initial }: Judged,
  writtenTables: ReadonlySet<string>,
): Snapshot => {
  const written = new Set<string>()
  for (const { record: table } of initial.tables.values())
    if (writtenTables.has(table.name)) for (const { physical } of table.layout) written.add(physical)
  for (const name of initial.groups.keys()) written.add(probeTable(name))
  const objects = new Map<string, string>()
  for (const host of simulation.names) {
    if (!simulation.isUp(host)) {
      objects.set(`the daemon of ${host}`, "down")
      continue
    }
    for (const table of context.world.tables(host)) {
      const withRows = !engineTables.has(table.name) && !written.has(table.name)
      objects.set(`table ${table.name} on ${host}`, tableText(table, withRows))
    }
    for (const cluster of context.world.clusters(host))
      objects.set(`cluster ${cluster.name} on ${host}`, clusterText(cluster))
  }
  return objects
}

/** How two snapshots differ, in words; empty if they are equal. */
export const differences = (before: Snapshot, after: Snapshot): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const [object, text] of before) {
    const now = after.get(object)
    if (now === undefined) found.push(`${object} is gone`)
    else if (now !== text) found.push(`${object} was ${text} and is ${now}`)
  }
  for (const object of after.keys()) if (!before.has(object)) found.push(`${object} is new`)
  return found.length <= differencesMax
    ? found
    : [...found.slice(0, differencesMax), `and ${found.length - differencesMax} more`]
}
