/**
 * `replication-factor`: no statement of ours takes away a copy that is still needed, and at rest each shard has exactly
 * as many equal replicas in sync as its table asks for (or as many as there are nodes to carry them).
 */
import type { ShardPlacement, Table } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import type { TableView } from "../world/SimulatedCluster.ts"
import { type CheckContext, few, type MakeChecker } from "./Checker.ts"
import { groupsOf, isKept, shardsByPhysical, type ShardOfTable, tableOn, takenAway } from "./copies.ts"

const name = "replication-factor"
/** After a fault, copies may be fewer for this long without anybody's fault; statements are then held to one copy. */
const calmMicros = 180_000_000

/** Hosts whose copies the records count as in sync, and that have the table on disk. */
const soundCopies = (
  context: CheckContext,
  view: View,
  { placement }: ShardOfTable,
  exceptHost: string,
): ReadonlyArray<string> => {
  const groups = groupsOf(view, placement.physical)
  const addresses = new Set(placement.group === null ? placement.nodes : [])
  for (const group of groups) for (const address of group.inSync) addresses.add(address)
  return [...addresses].flatMap((address) => {
    const host = context.hostOf(address)
    return host === undefined || host === exceptHost || tableOn(context.world, host, placement.physical) === undefined
      ? []
      : [host]
  })
}

const isCalm = (context: CheckContext): boolean =>
  context.world.nodes.every((node) => {
    const since = context.undisturbedSinceMicros(node.name)
    return since !== undefined && context.world.queue.nowMicros - since >= calmMicros
  })

/** How two copies differ, or undefined if they are equal. */
export const difference = (a: TableView, b: TableView): string | undefined => {
  const missing: Array<bigint> = []
  const extra: Array<bigint> = []
  const changed: Array<bigint> = []
  for (const [id, row] of a.rows) {
    const other = b.rows.get(id)
    if (other === undefined) missing.push(id)
    else for (const [column, value] of row) if (other.get(column) !== value) changed.push(id)
  }
  for (const id of b.rows.keys()) if (!a.rows.has(id)) extra.push(id)
  if (missing.length + extra.length + changed.length === 0) return undefined
  const parts = [
    missing.length === 0 ? [] : `lacks ${missing.length} rows (${few(missing, 3)})`,
    extra.length === 0 ? [] : `has ${extra.length} rows more (${few(extra, 3)})`,
    changed.length === 0 ? [] : `has other values in ${changed.length} rows (${few(changed, 3)})`,
  ]
  return parts.flat().join(", ")
}

const usableNodes = (context: CheckContext, view: View): ReadonlyArray<string> =>
  Object.entries(view.registry?.record.nodes ?? {}).flatMap(([address, node]) => {
    const host = context.hostOf(address)
    return host !== undefined && node.state === "active" && context.world.isUp(host) ? [address] : []
  })

/** What is wrong with one shard at rest; undefined if nothing is. */
export const shardProblem = (
  context: CheckContext,
  view: View,
  table: Table,
  placement: ShardPlacement,
): string | undefined => {
  const registered = Object.keys(view.registry?.record.nodes ?? {})
  const usable = usableNodes(context, view)
  const up = placement.nodes.filter((address) => {
    const host = context.hostOf(address)
    return host !== undefined && context.world.isUp(host)
  })
  const awayShare =
    registered.length === 0
      ? 0
      : registered.filter((address) => !context.world.isUp(context.hostOf(address) ?? "")).length / registered.length
  // With too many nodes away nothing moves, and with too few nodes nothing can.
  const required = awayShare > context.config.maxAwayShare ? up.length : Math.min(table.rf, usable.length)
  const shard = `shard ${placement.physical}`
  if (new Set(placement.nodes).size !== placement.nodes.length)
    return `${shard} lists a node twice: ${placement.nodes.join(", ")}`
  if (usable.length >= table.rf && required === table.rf && placement.nodes.length !== table.rf) {
    return `${shard} has ${placement.nodes.length} replicas and must have ${table.rf}: ${placement.nodes.join(", ") || "none"}`
  }
  const copies: Array<{ readonly host: string; readonly copy: TableView }> = []
  for (const address of up) {
    const host = context.hostOf(address) ?? ""
    const copy = tableOn(context.world, host, placement.physical)
    if (copy === undefined) return `${shard} is not on ${host}, which the layout lists`
    if ((copy.cluster ?? null) !== placement.group)
      return `${shard} on ${host} is in cluster ${copy.cluster ?? "none"} and must be in ${placement.group ?? "none"}`
    if (placement.group !== null) {
      const cluster = context.world.clusters(host).find((candidate) => candidate.name === placement.group)
      if (cluster === undefined || cluster.status !== "primary" || cluster.nodeState !== "synced") {
        return `group ${placement.group} of ${shard} is ${cluster === undefined ? "unknown" : `${cluster.status}, ${cluster.nodeState}`} on ${host}`
      }
      if (cluster.size < Math.min(up.length, required))
        return `group ${placement.group} of ${shard} has ${cluster.size} members on ${host}`
    }
    copies.push({ host, copy })
  }
  if (copies.length < required)
    return `${shard} has ${copies.length} replicas on nodes that are up and must have ${required}`
  const [first, ...others] = copies
  for (const other of others) {
    const differs = first === undefined ? undefined : difference(first.copy, other.copy)
    if (differs !== undefined) return `${shard} on ${other.host} ${differs}, compared with ${first?.host ?? ""}`
  }
  return undefined
}

/** Makes the checker. */
export const replicationFactor: MakeChecker = (context) => ({
  name,
  onEvent: (event) => {
    if (event.kind !== "answer" || event.answer._tag !== "Ok" || event.from === null) return
    const taken = takenAway(context, event.node, event.sql)
    if (taken === undefined) return
    const view = context.state.view()
    const shards = shardsByPhysical(view)
    for (const physical of taken.physicals) {
      const shard = shards.get(physical)
      if (shard === undefined || !isKept(shard.table)) continue
      const sound = soundCopies(context, view, shard, event.node)
      const needed = isCalm(context) ? shard.table.rf : 1
      if (sound.length < needed) {
        context.report(
          name,
          `'${event.sql}' on ${event.node} left ${sound.length} copies of ${physical} in sync (${sound.join(", ") || "none"}), and ${needed} must remain`,
        )
      }
    }
  },
  atQuiescence: () => {
    const view = context.state.view()
    for (const { record: table } of view.tables.values()) {
      if (!isKept(table)) continue
      for (const placement of table.layout) {
        const problem = shardProblem(context, view, table, placement)
        if (problem !== undefined) context.report(name, problem)
      }
    }
  },
})
