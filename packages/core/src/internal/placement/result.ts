/**
 * Compares the model with the rows that it began with: the new layout, the moves between both, and what they cost at
 * least.
 */
import type {
  Placement,
  PlacementGroup,
  PlacementMove,
  PlacementMoveKind,
  PlacementRemoval,
  PlacementRow,
  Unplaceable,
} from "../../Placement.ts"
import { classDeviation, deviation, type Group, item, type Model, tableDeviation, type TableState } from "./model.ts"
import { meanGroupSize } from "./candidates.ts"
import { at, byName, entryOf, epsilon, int, zonesBind } from "./topology.ts"

/** Replicas that any placement must move, counted before anything is placed; see `Placement.minimumMoves`. */
export const leastMoves = (model: Model): number => {
  if (model.anew) return 0
  let lost = model.stranded.length
  for (const group of model.groups) {
    if (!group.waiting) lost += Math.max(0, group.rf - group.members.length) * group.size
  }
  // Where balance alone moves nothing, nothing is owed to it.
  if (model.tables.some((table) => table.pinned)) return lost
  let bound = 1
  for (const group of model.groups) if (!group.waiting) bound = Math.max(bound, group.size)
  let owed = 0
  model.classes.forEach((rfClass, classIndex) => {
    const size = meanGroupSize(model, classIndex)
    if (rfClass.rf === 1)
      owed += Math.max(
        owedSingles(model),
        owedOf(model, (node) => classDeviation(model, classIndex, node)),
      )
    else
      for (let node = 0; node < model.topology.size; node++) {
        if (int(model.topology.closed, node) === 1) continue
        if (int(model.empty, node) === 0 && deviation(model, node) > -bound - epsilon) continue
        owed += Math.floor(Math.max(0, Math.floor(-classDeviation(model, classIndex, node) / size + epsilon)) * size)
      }
  })
  return Math.max(lost, owed, leastForAll(model, bound, lost))
}

/**
 * The least number of replicas that have to arrive somewhere before all nodes are within `bound` of each other, when
 * `lost` of them have to be placed anyway: what nodes lack to the lower end of the best window of that width, or what
 * others have above its upper end, whichever is more.
 */
const leastForAll = (model: Model, bound: number, lost: number): number => {
  const deviations = model.topology.names.flatMap((_, node) =>
    int(model.topology.closed, node) === 0 ? [deviation(model, node)] : [],
  )
  if (deviations.length === 0) return 0
  const lacking = (low: number) => deviations.reduce((sum, value) => sum + Math.max(0, low - value), 0)
  const above = (low: number) => deviations.reduce((sum, value) => sum + Math.max(0, value - low - bound), lost)
  let low = deviations.reduce((least, value) => Math.min(least, value)) - bound
  let high = deviations.reduce((most, value) => Math.max(most, value))
  for (let halving = 0; halving < 50; halving++) {
    const middle = (low + high) / 2
    if (lacking(middle) < above(middle)) low = middle
    else high = middle
  }
  return Math.ceil(lacking(low) - 1e-3)
}

/** Shards of RF 1 that nodes lack to their shares, rounded down for each node and table. */
const owedSingles = (model: Model): number =>
  model.tables.reduce(
    (sum, { rf }, table) => sum + (rf === 1 ? owedOf(model, (node) => tableDeviation(model, table, node)) : 0),
    0,
  )

const owedOf = (model: Model, deviationOf: (node: number) => number): number => {
  let sum = 0
  for (let node = 0; node < model.topology.size; node++) {
    if (int(model.topology.closed, node) === 0) sum += Math.max(0, Math.floor(epsilon - deviationOf(node)))
  }
  return sum
}

const kinds: ReadonlyArray<PlacementMoveKind> = ["lost", "missing", "drained", "zone", "limit", "balance"]

export const resultOf = (model: Model, least: number, made: ReadonlySet<string>): Placement => {
  const layout: Array<PlacementRow> = []
  const moves: Array<PlacementMove> = []
  const removals: Array<PlacementRemoval> = []
  const settled = model.groups.map((group) => nodesOf(model, group))
  const singles = model.tables.map((table, index) => singlesOf(model, table, index))
  const compare = comparer(model)
  model.tables.forEach((table, tableIndex) => {
    const placedOn = item(singles, tableIndex)
    for (let shard = 0; shard < table.shards; shard++) {
      const before = table.rows[shard]
      const group = model.groups[int(table.groupOf, shard) - 1]
      const node = int(placedOn, shard) - 1
      const nodes =
        group !== undefined
          ? item(settled, group.index)
          : node >= 0
            ? [item(model.topology.names, node)]
            : before?.nodes.toSorted(byName)
      if (nodes === undefined) continue
      layout.push({ table: table.name, shard, group: group?.name ?? null, nodes })
      if (before === undefined) continue
      const { pairs, surplus } = compare(before.nodes, nodes, group)
      for (const pair of pairs) moves.push({ table: table.name, shard, group: group?.name ?? null, ...pair })
      for (const name of surplus) removals.push({ table: table.name, shard, group: group?.name ?? null, node: name })
    }
  })
  const groups = groupsOf(model, settled, made)
  return {
    layout,
    groups,
    moves: sortMoves(moves),
    removals,
    minimumMoves: Math.min(least, moves.length),
    maxGroupsPerNode: mostGroups(groups),
    spread: spreadOf(model),
    unplaceable: unplaceableOf(model),
  }
}

/** Members by name; leaving ones stay, draining before away, where nobody could take their place. */
const nodesOf = (model: Model, group: Group): ReadonlyArray<string> => {
  const staying = Math.min(group.leaving.length, Math.max(0, group.rf - group.members.length))
  const kept = staying > 0 ? group.leaving.slice(-staying) : []
  return [...group.members.map((node) => item(model.topology.names, node)), ...kept].sort(byName)
}

/** Node + 1 of each shard of a table of RF 1; 0 for none. */
const singlesOf = (model: Model, table: TableState, tableIndex: number): Int32Array => {
  const placedOn = new Int32Array(table.shards)
  item(model.piles, tableIndex).forEach((pile, node) => {
    for (const shard of pile) placedOn[shard] = node + 1
  })
  return placedOn
}

type Pair = Pick<PlacementMove, "from" | "to" | "kind" | "reason" | "copyLeft">
interface Difference {
  readonly pairs: ReadonlyArray<Pair>
  readonly surplus: ReadonlyArray<string>
}
const noDifference: Difference = { pairs: [], surplus: [] }

/** Compares the nodes of a shard before and after. Shards of a group mostly have equal rows, so the last is kept. */
const comparer = (model: Model) => {
  const known = new Map<Group, { readonly before: ReadonlyArray<string>; readonly difference: Difference }>()
  return (before: ReadonlyArray<string>, after: ReadonlyArray<string>, group: Group | undefined): Difference => {
    if (equal(before, after)) return noDifference
    const last = group === undefined ? undefined : known.get(group)
    if (last !== undefined && equal(last.before, before)) return last.difference
    const difference = differenceOf(model, before, after, group)
    if (group !== undefined) known.set(group, { before, difference })
    return difference
  }
}

const equal = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): boolean =>
  left.length === right.length && left.every((name, index) => name === right[index])

/** Pairs each node that is new with one that goes: in the same zone if possible, so that no step shares a zone. */
const differenceOf = (
  model: Model,
  before: ReadonlyArray<string>,
  after: ReadonlyArray<string>,
  group: Group | undefined,
): Difference => {
  const { topology } = model
  const kindOf = (name: string): PlacementMoveKind => {
    const node = topology.index.get(name)
    if (node !== undefined) return group?.reasons.get(node) ?? "balance"
    return topology.draining.has(name) ? "drained" : "lost"
  }
  const going = [...new Set(before)]
    .filter((name) => !after.includes(name))
    .map((name) => ({ name, kind: kindOf(name) }))
    .sort((left, right) => kinds.indexOf(left.kind) - kinds.indexOf(right.kind) || byName(left.name, right.name))
  const coming = after.filter((name) => !before.includes(name))
  const zoneOf = (name: string) => int(topology.zone, topology.index.get(name) ?? -1)
  const pairs: Array<Pair> = []
  const pair = (from: string | null, to: string, kind: PlacementMoveKind) => {
    going.splice(
      going.findIndex(({ name }) => name === from),
      from === null ? 0 : 1,
    )
    coming.splice(coming.indexOf(to), 1)
    pairs.push({ from, to, kind, reason: reasonOf(model, from, to, kind), copyLeft: hasCopy(model, before) })
  }
  for (const { kind, name } of [...going]) {
    const to = coming.find((other) => topology.index.has(name) && zoneOf(other) === zoneOf(name))
    if (to !== undefined) pair(name, to, kind)
  }
  for (const { kind, name } of [...going]) {
    const to = coming[0]
    if (to !== undefined) pair(name, to, kind)
  }
  for (const to of [...coming]) pair(null, to, "missing")
  return { pairs, surplus: going.map(({ name }) => name) }
}

const hasCopy = (model: Model, nodes: ReadonlyArray<string>): boolean =>
  nodes.some((name) => model.topology.index.has(name) || model.topology.draining.has(name))

const reasonOf = (model: Model, from: string | null, to: string, kind: PlacementMoveKind): string => {
  switch (kind) {
    case "lost":
      return `${from} is away`
    case "missing":
      return "a copy is missing"
    case "drained":
      return `${from} is draining`
    case "zone":
      return `another copy is in the zone of ${from}`
    case "limit":
      return `${from} carries more than it may`
    case "balance":
      return int(model.empty, model.topology.index.get(to) ?? -1) === 1
        ? `${to} is new and gets its share`
        : `${from} carries more than its share, ${to} less`
  }
}

const sortMoves = (moves: ReadonlyArray<PlacementMove>): ReadonlyArray<PlacementMove> => {
  const rank = new Map(kinds.map((kind, index) => [kind, index]))
  const order = (move: PlacementMove) => rank.get(move.kind) ?? 0
  // Rows come by table and shard, and sorting is stable.
  return moves.toSorted((left, right) => order(left) - order(right) || byName(left.group ?? "", right.group ?? ""))
}

const groupsOf = (
  model: Model,
  settled: ReadonlyArray<ReadonlyArray<string>>,
  made: ReadonlySet<string>,
): ReadonlyArray<PlacementGroup> =>
  model.groups
    .filter((group) => group.size > 0)
    .map((group) => ({
      name: group.name,
      rf: group.rf,
      fresh: group.fresh || made.has(group.name),
      nodes: item(settled, group.index),
      shards: group.shardTables
        .map((table, entry) => ({ table: item(model.tables, table).name, shard: entryOf(group.shardNumbers, entry) }))
        .sort((left, right) => byName(left.table, right.table) || left.shard - right.shard),
    }))
    .sort((left, right) => byName(left.name, right.name))

const mostGroups = (groups: ReadonlyArray<PlacementGroup>): number => {
  const counts = new Map<string, number>()
  for (const { nodes } of groups) for (const node of nodes) counts.set(node, (counts.get(node) ?? 0) + 1)
  return Math.max(0, ...counts.values())
}

/** Most minus least over active nodes, each less its weighted share when weights differ. */
const spreadOf = (model: Model): Readonly<Record<string, number>> => {
  const { topology } = model
  const active = topology.names.flatMap((_, node) => (int(topology.closed, node) === 0 ? [node] : []))
  const weights = active.map((node) => at(topology.weight, node))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const equalWeights = weights.every((weight) => weight === weights[0])
  const entries = model.tables.map((table, index) => {
    const loads = active.map((node) => at(item(model.tableLoad, index), node))
    const sum = loads.reduce((all, load) => all + load, 0)
    const above = loads.map((load, position) => load - (equalWeights ? 0 : (sum * entryOf(weights, position)) / total))
    const spread =
      above.length === 0 ? 0 : above.reduce((a, b) => Math.max(a, b)) - above.reduce((a, b) => Math.min(a, b))
    return [table.name, Math.round(spread * 1e6) / 1e6] as const
  })
  return Object.fromEntries(entries)
}

const unplaceableOf = (model: Model): ReadonlyArray<Unplaceable> => {
  const failures = [...model.failures]
  for (const group of model.groups) {
    const reason = group.waiting ? undefined : shortcomingOf(model, group)
    if (reason === undefined) continue
    group.shardTables.forEach((table, entry) =>
      failures.push({ table, shard: entryOf(group.shardNumbers, entry), reason }),
    )
  }
  return failures
    .sort((left, right) => left.table - right.table || left.shard - right.shard)
    .map(({ reason, shard, table }) => ({ table: item(model.tables, table).name, shard, reason }))
}

/** What a group does not have that it should, and why. */
const shortcomingOf = (model: Model, group: Group): string | undefined => {
  const { topology } = model
  const missing = group.rf - group.members.length
  if (missing > 0) {
    const others = topology.open - group.members.filter((node) => int(topology.closed, node) === 0).length
    const short = `${missing} of ${group.rf} copies ${missing === 1 ? "has" : "have"} no place: `
    if (others <= 0) return `${short}only ${topology.open} active node${topology.open === 1 ? "" : "s"}`
    return `${short}no other active node has room (groups, capacity) in a zone of its own`
  }
  if (group.pinned || !zonesBind(topology, group.rf)) return undefined
  const zones = group.members.map((node) => int(topology.zone, node))
  const twice = zones.find((zone, position) => zones.indexOf(zone) !== position)
  return twice === undefined
    ? undefined
    : `two copies are in zone ${topology.zoneNames[twice]}: no node elsewhere has room`
}
