/**
 * Whether a condition of a scenario holds at this moment. Conditions look at the world and at the committed records;
 * counts come from the run's own counters.
 */
import type { Table } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import * as Duration from "effect/Duration"
import { type CheckContext } from "../check/Checker.ts"
import { tableOn } from "../check/copies.ts"
import { countLost } from "../check/lostWrite.ts"
import { leftovers } from "../check/orphans.ts"
import { shardProblem } from "../check/replicationFactor.ts"
import { registeredHosts, wrapperProblem } from "../check/wrapperCompleteness.ts"
import { type Condition, type NodeCondition, within } from "../scenario/Condition.ts"
import type { NodeSelector } from "../scenario/Fault.ts"
import type { TableView } from "../world/SimulatedCluster.ts"
import { place } from "./EngineAdapter.ts"
import type { Simulation } from "./Simulation.ts"
import type { StreamRecord } from "./StreamRecord.ts"

/** Counters of a run, from time zero. */
export interface Counters {
  moves: number
  bytesMoved: number
  rollbacks: number
  leaderChanges: number
  operationsCompleted: number
  operationsFailed: number
  stepsDone: number
}

/** Whether it holds, and what was found. */
export interface Finding {
  readonly held: boolean
  readonly detail: string
}

/** What conditions are judged by. */
export interface Judged {
  readonly simulation: Simulation
  readonly context: CheckContext
  readonly counters: Counters
  /** What clients of the timeline remember, by the name of the stream. */
  readonly streams: ReadonlyMap<string, StreamRecord>
  /** The records at time zero. */
  readonly initial: View
}

/** So many ids are named in a result. */
const idsShown = 20

const found = (held: boolean, detail: string): Finding => ({ held, detail })

/** The host that a selector means now. */
export const resolveSelector = (simulation: Simulation, selector: NodeSelector): string | undefined =>
  simulation.find(selector)

const tableIsReady = ({ context, simulation }: Judged, view: View, table: Table | undefined): Finding => {
  if (table === undefined) return found(false, "there is no record of it")
  if (table.status !== "ready") return found(false, `it is ${table.status}`)
  for (const host of registeredHosts(context, view)) {
    if (!simulation.isUp(host)) continue
    const wrapper = tableOn(context.world, host, table.name)
    const problem = wrapper?.kind === "shard" ? wrapperProblem(context, table, wrapper, host) : "is missing"
    if (problem !== undefined) return found(false, `the wrapper on ${host} ${problem}`)
  }
  return found(true, "complete wrapper on every node that is up")
}

const tableIsAbsent = ({ simulation }: Judged, name: string): Finding => {
  const host = simulation.names.find(
    (node) => simulation.isUp(node) && tableOn(simulation.world, node, name) !== undefined,
  )
  return host === undefined
    ? found(true, "no wrapper on any node that is up")
    : found(false, `there is a wrapper on ${host}`)
}

const tableIsReplicated = ({ context, simulation }: Judged, view: View, table: Table | undefined): Finding => {
  if (table === undefined || table.status !== "ready")
    return found(false, table === undefined ? "there is no record of it" : `it is ${table.status}`)
  for (const placement of table.layout) {
    const down = placement.nodes.find(
      (address) => !simulation.isUp(simulation.hostOf(address) ?? simulation.names[0] ?? ""),
    )
    if (placement.nodes.length !== table.rf)
      return found(false, `${placement.physical} has ${placement.nodes.length} replicas`)
    if (down !== undefined) return found(false, `${placement.physical} has a replica on ${down}, which is down`)
    const problem = shardProblem(context, view, table, placement)
    if (problem !== undefined) return found(false, problem)
  }
  return found(true, `${table.layout.length} shards with ${table.rf} replicas each`)
}

const tableIsBalanced = ({ simulation }: Judged, view: View, table: Table | undefined): Finding => {
  if (table === undefined) return found(false, "there is no record of it")
  const counts = new Map<string, number>()
  for (const [address, node] of Object.entries(view.registry?.record.nodes ?? {})) {
    const host = simulation.hostOf(address)
    if (node.state === "active" && host !== undefined && simulation.isUp(host)) counts.set(address, 0)
  }
  const perGroup = new Map<string, number>()
  for (const placement of table.layout) {
    for (const address of placement.nodes) counts.set(address, (counts.get(address) ?? 0) + 1)
    const group = placement.group ?? placement.physical
    perGroup.set(group, (perGroup.get(group) ?? 0) + 1)
  }
  const spread = Math.max(0, ...counts.values()) - Math.min(...counts.values())
  const allowed = table.rf === 1 ? 1 : Math.max(1, ...perGroup.values())
  return found(
    spread <= allowed,
    `${[...counts].map(([address, count]) => `${simulation.hostOf(address) ?? address}: ${count}`).join(", ")}; a difference of ${allowed} is allowed`,
  )
}

const nodeIs = ({ simulation }: Judged, view: View, host: string, is: NodeCondition): Finding => {
  // A process that was told to stop is there until it has ended.
  const up = simulation.world.isUp(host)
  if (is === "up" || is === "down") return found(up === (is === "up"), up ? "up" : "down")
  if (is === "crashed")
    return found(simulation.hasCrashed(host), simulation.hasCrashed(host) ? "crashed" : "not crashed")
  const address = simulation.address(host)
  if (view.registry?.record.nodes[address] === undefined) return found(false, "not registered")
  const silentMicros = simulation.queue.nowMicros - (simulation.state.lastBeatMicros(address) ?? 0)
  const away = silentMicros > Duration.toMillis(simulation.config.awayAfter) * 1000
  return found(away === (is === "away"), `registered; its last heartbeat was ${Math.round(silentMicros / 1000)} ms ago`)
}

const holdsShards = (view: View, address: string, onlyTable: string | null): number => {
  let count = 0
  for (const { record: table } of view.tables.values()) {
    if (onlyTable !== null && table.name !== onlyTable) continue
    count += table.layout.filter((placement) => placement.nodes.includes(address)).length
  }
  return count
}

const countCopies = ({ simulation }: Judged, view: View, onlyTable: string | null): number => {
  const physicals = new Set<string>()
  for (const { record: table } of view.tables.values()) {
    if (onlyTable === null || table.name === onlyTable)
      for (const placement of table.layout) physicals.add(placement.physical)
  }
  return simulation.names.reduce(
    (sum, host) => sum + simulation.world.tables(host).filter((table) => physicals.has(table.name)).length,
    0,
  )
}

const countOf = (judged: Judged, view: View, condition: Extract<Condition, { readonly _tag: "Count" }>): number => {
  const { counters, context } = judged
  const clients = [...context.clients.values()].filter(
    (model) => condition.table === null || model.table === condition.table,
  )
  switch (condition.count) {
    case "acknowledged":
    case "refused":
    case "unknown":
      return clients.reduce((sum, model) => sum + model[condition.count as "acknowledged"], 0)
    case "lost":
      return countLost(context, condition.table ?? undefined)
    case "copies":
      return countCopies(judged, view, condition.table)
    case "leftovers":
      return leftovers(context, view).length
    default:
      return counters[condition.count]
  }
}

/** The least number of moves from the layout at time zero to the nodes that are there now. */
export const minimumMoves = ({ simulation, initial }: Judged, view: View): number => {
  const nodes = Object.entries(view.registry?.record.nodes ?? {}).map(([address, node]) => {
    const host = simulation.hostOf(address)
    const up = host !== undefined && simulation.isUp(host)
    return {
      name: address,
      zone: node.zone ?? undefined,
      weight: node.weight,
      ...(node.capacity === undefined ? {} : { capacity: node.capacity }),
      state: up ? node.state : ("away" as const),
    }
  })
  const tables = [...initial.tables.values()]
    .map((stored) => stored.record)
    .filter((table) => view.tables.get(table.name)?.record.status === "ready")
  return place({
    nodes,
    tables: tables.map((table) => ({ name: table.name, shards: table.shards, rf: table.rf })),
    layout: tables.flatMap((table) =>
      table.layout.map((row) => ({
        table: table.name,
        shard: row.shard,
        group: table.rf === 1 ? null : row.group,
        nodes: row.nodes,
      })),
    ),
    groupsPerNode: simulation.config.groupsPerNode,
  }).minimumMoves
}

/** A table on a node's disk, also while its daemon is down. */
const serverTable = ({ simulation }: Judged, selector: NodeSelector, name: string): TableView | undefined => {
  const host = resolveSelector(simulation, selector)
  return host === undefined ? undefined : simulation.world.tables(host).find((table) => table.name === name)
}

const clusterIs = (judged: Judged, condition: Extract<Condition, { readonly _tag: "ClusterIs" }>): Finding => {
  const { simulation } = judged
  const host = resolveSelector(simulation, condition.node)
  if (host === undefined) return found(false, `there is no ${condition.node}`)
  const view = simulation.world.clusters(host).find((cluster) => cluster.name === condition.cluster)
  if (view === undefined) return found(condition.status === "absent", `${host} does not know it`)
  return found(
    (condition.status === null || condition.status === view.status) &&
      (condition.nodeState === null || condition.nodeState === view.nodeState) &&
      (condition.size === null || condition.size === view.size),
    `${view.status}, ${view.nodeState}, size ${view.size}`,
  )
}

const idsAre = (judged: Judged, condition: Extract<Condition, { readonly _tag: "IdsAre" }>): Finding => {
  const table = serverTable(judged, condition.node, condition.table)
  if (table === undefined) return found(condition.ids === null, "there is no such table")
  const ids = [...table.rows.keys()].toSorted((a, b) => (a < b ? -1 : 1))
  const wanted = condition.ids?.toSorted((a, b) => a - b).join(",")
  const some = ids.slice(0, idsShown).join(",")
  return found(wanted === ids.join(","), `${ids.length} rows: ${some}${ids.length > idsShown ? ",…" : ""}`)
}

const streamRows = (judged: Judged, condition: Extract<Condition, { readonly _tag: "StreamRows" }>): Finding => {
  const stream = judged.streams.get(condition.stream)
  if (stream === undefined) return found(false, "the stream has not begun")
  const rows = serverTable(judged, condition.on, stream.spec.table)?.rows
  const isThere = (id: number): boolean => rows?.has(BigInt(id)) === true
  const ids =
    condition.rows === "missing"
      ? [...stream.acknowledged].filter((id) => !isThere(id))
      : [...stream.refused].filter(isThere)
  const some = ids.slice(0, idsShown).join(",")
  return found(within(condition.bounds, ids.length), `${ids.length}${ids.length === 0 ? "" : `: ids ${some}`}`)
}

/** Judges a condition now. */
export const judge = (judged: Judged, condition: Condition): Finding => {
  const { simulation } = judged
  const view = simulation.state.view()
  switch (condition._tag) {
    case "TableIs": {
      const table = view.tables.get(condition.table)?.record
      switch (condition.is) {
        case "ready":
          return tableIsReady(judged, view, table)
        case "absent":
          return tableIsAbsent(judged, condition.table)
        case "fully-replicated":
          return tableIsReplicated(judged, view, table)
        case "balanced":
          return tableIsBalanced(judged, view, table)
      }
    }
    case "NodeIs": {
      const host = resolveSelector(simulation, condition.node)
      return host === undefined
        ? found(false, `there is no ${condition.node}`)
        : nodeIs(judged, view, host, condition.is)
    }
    case "NodeHolds": {
      const host = resolveSelector(simulation, condition.node)
      if (host === undefined) return found(false, `there is no ${condition.node}`)
      const count = holdsShards(view, simulation.address(host), condition.table)
      return found(within(condition.shards, count), String(count))
    }
    case "Count": {
      const count = countOf(judged, view, condition)
      return found(within(condition.bounds, count), String(count))
    }
    case "ClusterIs":
      return clusterIs(judged, condition)
    case "IdsAre":
      return idsAre(judged, condition)
    case "RowsAre": {
      const rows = serverTable(judged, condition.node, condition.table)?.rows.size
      return rows === undefined
        ? found(false, "there is no such table")
        : found(within(condition.rows, rows), `${rows} rows`)
    }
    case "StreamOutcome": {
      const count = judged.streams.get(condition.stream)?.[condition.outcome].size ?? 0
      return found(within(condition.bounds, count), String(count))
    }
    case "StreamRows":
      return streamRows(judged, condition)
    case "MovesAreMinimum": {
      const minimum = minimumMoves(judged, view)
      return found(judged.counters.moves === minimum, `${judged.counters.moves} moves; the minimum is ${minimum}`)
    }
    case "LongestWriteGap": {
      const model = judged.context.clients.get(condition.table)
      const gapMs = Math.round((model?.longestGapMicros(model.lastSentMicros ?? 0) ?? 0) / 1000)
      return found(gapMs <= Duration.toMillis(condition.atMost), `${gapMs} ms`)
    }
  }
}
