/**
 * `orphans`: at rest nothing is left that no record owns: no tables in `system`, no replication clusters besides the
 * coordination cluster and live groups, no temporary groups.
 */
import { layoutTable, queueTable, stateTable } from "@shardwright/core/Sql"
import { probeTable } from "@shardwright/core/Identifier"
import type { Group } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import { type CheckContext, type MakeChecker } from "./Checker.ts"
import { keepsakeTables } from "./userTables.ts"
import { registeredHosts } from "./wrapperCompleteness.ts"

const name = "orphans"
const alwaysThere = new Set([stateTable, queueTable, layoutTable, ...keepsakeTables])

/** Shards that cannot be detached from their group because a member of it is missing: its record names them. */
const pendingShards = (context: CheckContext, group: Group): ReadonlyArray<string> => {
  const isDown = (address: string) => !context.world.isUp(context.hostOf(address) ?? "")
  return [...group.members, ...group.exiled].some(isDown) ? group.shards.map((shard) => shard.physical) : []
}

/** What nobody owns, a line each. */
export const leftovers = (context: CheckContext, view: View): ReadonlyArray<string> => {
  const { foreign } = context
  const found: Array<string> = []
  const shardsOf = new Map<string, Set<string>>()
  for (const { record: table } of view.tables.values()) {
    for (const placement of table.layout)
      for (const address of placement.nodes) {
        const host = context.hostOf(address) ?? ""
        shardsOf.set(host, (shardsOf.get(host) ?? new Set()).add(placement.physical))
      }
  }
  const groups = [...view.groups.values()].map((stored) => stored.record)
  for (const host of registeredHosts(context, view)) {
    if (!context.world.isUp(host)) continue
    const own = groups.filter(
      (group) => group.status === "live" && group.members.some((address) => context.hostOf(address) === host),
    )
    const probes = new Set(own.map((group) => probeTable(group.name)))
    const pending = new Set(own.flatMap((group) => pendingShards(context, group)))
    for (const table of context.world.tables(host)) {
      if (!table.name.startsWith("system.") || alwaysThere.has(table.name) || probes.has(table.name)) continue
      if (foreign.has(table.name) || foreign.has(`${host} ${table.name}`)) continue
      if (!(shardsOf.get(host)?.has(table.name) ?? false) && !pending.has(table.name))
        found.push(`table ${table.name} on ${host} belongs to nothing`)
    }
    for (const cluster of context.world.clusters(host)) {
      if (cluster.name === context.config.coordination || own.some((group) => group.name === cluster.name)) continue
      if (foreign.has(cluster.name)) continue
      found.push(`cluster ${cluster.name} on ${host} belongs to no live group`)
    }
  }
  for (const group of groups) {
    if (group.status === "temporary" || group.status === "forming")
      found.push(`group ${group.name} is still ${group.status}`)
  }
  return found
}

/** Makes the checker. */
export const orphans: MakeChecker = (context) => ({
  name,
  atQuiescence: () => {
    for (const leftover of leftovers(context, context.state.view())) context.report(name, leftover)
  },
})
