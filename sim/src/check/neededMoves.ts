/**
 * `needed-moves`: what moves for balance makes the layout more even, and is no more than that takes. Judged are operations
 * that do nothing else, on nodes that are all there, without zones and bounds, of equal weight.
 */
import type { Group, Operation, Table } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import type { CheckContext, MakeChecker } from "./Checker.ts"

const name = "needed-moves"

/** Replicas by node: of all tables together, of those with as many copies, and of each one. */
type Loads = Map<string, Map<string, number>>

const add = (loads: Loads, { name: table, rf }: Table, node: string): void => {
  for (const key of ["all", `rf ${rf}`, `table ${table}`]) {
    const byNode = loads.get(key) ?? new Map<string, number>()
    loads.set(key, byNode.set(node, (byNode.get(node) ?? 0) + 1))
  }
}

/** A table that is being made has its place already; not one whose creation is taken back. */
const counts = (view: View, { operation, status }: Table): boolean => {
  const creation = view.operations.get(operation ?? "")?.record
  const isTakenBack = creation?.undoing === true || creation?.status === "stopping"
  return status === "ready" || (status === "creating" && !isTakenBack)
}

/** Who carries what when groups are what they are to be. */
const loadsOf = (view: View, groups: ReadonlyArray<Group>): Loads => {
  const loads: Loads = new Map()
  const carried = new Set<string>()
  for (const { leaving, members, shards, status } of groups) {
    if (status === "dissolved") continue
    for (const { physical, table: tableName } of shards) {
      const table = view.tables.get(tableName)?.record
      if (table === undefined || !counts(view, table)) continue
      carried.add(physical)
      for (const node of members) if (!leaving.includes(node)) add(loads, table, node)
    }
  }
  for (const { record: table } of view.tables.values()) {
    if (!counts(view, table)) continue
    // A shard whose group has ended is on its way out: its table is not made after all.
    for (const { group, nodes, physical } of table.layout)
      if (group === null && !carried.has(physical)) for (const node of nodes) add(loads, table, node)
  }
  return loads
}

/** How far nodes are from their shares: the sum of the squares, and the replicas above them. */
const unevenness = (byNode: ReadonlyMap<string, number>, nodes: number) => {
  const share = [...byNode.values()].reduce((sum, load) => sum + load, 0) / nodes
  const idle = nodes - byNode.size
  let squares = idle * share ** 2
  let above = 0
  for (const load of byNode.values()) {
    squares += (load - share) ** 2
    above += Math.max(0, load - share)
  }
  return { squares, above }
}

/** How many nodes there are, if nothing but balance decides where replicas are; undefined otherwise. */
const equalNodes = ({ hostOf, world }: CheckContext, view: View): number | undefined => {
  const nodes = Object.entries(view.registry?.record.nodes ?? {})
  const isPlain = nodes.every(
    ([address, { capacity, state, weight, zone }]) =>
      state === "active" &&
      zone === null &&
      capacity === undefined &&
      weight === nodes[0]?.[1].weight &&
      world.isUp(hostOf(address) ?? ""),
  )
  return isPlain ? nodes.length : undefined
}

/** Makes the checker. */
export const neededMoves: MakeChecker = (context) => {
  const { report, state } = context
  /** Groups as they were before an operation took them, by operation. */
  const taken = new Map<string, Map<string, Group | undefined>>()
  const judged = new Set<string>()
  const judge = (operation: Operation): void => {
    const view = state.view()
    const before = taken.get(operation.id) ?? new Map<string, Group | undefined>()
    const nodes = equalNodes(context, view)
    if (nodes === undefined) return
    const after = [...view.groups.values()].map(({ record }) => record)
    let moved = 0
    let largest = 0
    for (const group of after) {
      if (!before.has(group.name)) continue
      const old = before.get(group.name)
      const brought = group.members.filter(
        (node) => !group.leaving.includes(node) && old?.members.includes(node) !== true,
      )
      // What was lost, is missing or goes for another reason: not a matter of balance.
      if (old === undefined ? group.status !== "temporary" : group.rf !== old.rf || group.exiled.length > 0) return
      const kept = old?.members.filter((node) => !group.leaving.includes(node)) ?? []
      if (old !== undefined && (old.leaving.length > 0 || kept.length + brought.length !== old.members.length)) return
      moved += brought.length * group.shards.length
      largest = Math.max(largest, group.shards.length)
    }
    if (moved === 0) return
    const was = loadsOf(view, [
      ...after.filter(({ name: each }) => !before.has(each)),
      ...[...before.values()].flatMap((group) => group ?? []),
    ])
    const is = loadsOf(view, after)
    const kinds = [...is.keys()].map((key) => ({
      old: unevenness(was.get(key) ?? new Map(), nodes),
      now: unevenness(is.get(key) ?? new Map(), nodes),
    }))
    const what = `operation ${operation.id} moves ${moved} replicas`
    if (!kinds.some(({ now, old }) => now.squares < old.squares - 1e-9))
      report(name, `${what}, and the layout is no more even than it was`)
    const above = kinds.reduce((sum, { old }) => sum + old.above, 0)
    if (moved > above + largest)
      report(name, `${what}, and no more than ${above.toFixed(1)} are above the share of their nodes`)
  }
  state.onRecord((record, previous) => {
    if (record.key.startsWith("group/")) {
      const group = record.value as Group // the store writes nothing else under these keys
      const before = previous?.value as Group | undefined
      if (group.operation === null || before?.operation === group.operation) return
      taken.set(group.operation, (taken.get(group.operation) ?? new Map()).set(group.name, before))
      return
    }
    if (!record.key.startsWith("operation/")) return
    const operation = record.value as Operation // as above
    if (operation.kind !== "rebalance" || operation.status !== "running" || judged.has(operation.id)) return
    judged.add(operation.id)
    judge(operation)
  })
  return { name }
}
