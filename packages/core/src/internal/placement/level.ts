/**
 * Balance, with as few moves as it takes.
 *
 * First replicas that this placement puts somewhere anyway are sent to better places, which costs nothing, and nodes
 * that held nothing get their share. Then, each layer within its bound without putting an earlier one out of it: each
 * table of RF 1 (one shard), the tables of each RF together (one group), all replicas together (one group), each table
 * of RF ≥ 2 (one group).
 *
 * Each step lowers the sum of the squared deviations of its layer, so the loops end; they end on a state in which the
 * same search finds nothing more, so that placing a result again is at rest.
 */
import {
  bytesOnTop,
  classDeviation,
  companions,
  deviation,
  type Group,
  hasRoom,
  item,
  join,
  leave,
  mayJoin,
  type Model,
  stack,
  tableDeviation,
  unstack,
} from "./model.ts"
import { bestJoiner, fullness } from "./repair.ts"
import { at, entryOf, epsilon, int } from "./topology.ts"

/** Sends replicas that move anyway to the nodes furthest below their shares, one by one and in exchange. */
export const settle = (model: Model): void => {
  const moving = model.groups.filter((group) => group.members.some((node) => isFree(group, node)))
  const exchanges = moving.length <= exchangesMax ? moving : []
  // Each pass lowers the sum of squared deviations; a few are enough, and the bound only caps the cost.
  for (let pass = 0; pass < 16; pass++) {
    let changed = false
    // The least fullness per class is asked for often, so it is kept until something moves.
    const least = new Map<number, number>()
    for (const group of moving) {
      for (const node of freeMembers(model, group)) {
        if (!least.has(group.classIndex)) least.set(group.classIndex, leastFullness(model, group))
        if (!sendOn(model, group, node, least.get(group.classIndex) ?? 0)) continue
        least.clear()
        changed = true
      }
    }
    for (const [position, left] of exchanges.entries()) {
      for (const right of exchanges.slice(position + 1)) changed = exchange(model, left, right) || changed
    }
    if (!changed) return
  }
}

/** Above this many groups that move, exchanges between each two of them take too long, and matter little. */
const exchangesMax = 128

const freeMembers = (model: Model, group: Group): ReadonlyArray<number> =>
  group.members.filter((node) => isFree(group, node) && int(model.topology.closed, node) === 0)

const leastFullness = (model: Model, group: Group): number => {
  let least = Number.POSITIVE_INFINITY
  for (let node = 0; node < model.topology.size; node++) {
    if (int(model.topology.closed, node) === 0) least = Math.min(least, fullness(model, group, node))
  }
  return least
}

const sendOn = (model: Model, group: Group, node: number, least: number): boolean => {
  const enough = fullness(model, group, node) - 2 * group.size - epsilon
  if (least >= enough) return false
  const joiner = bestJoiner(model, group, node)
  if (joiner < 0 || fullness(model, group, joiner) >= enough) return false
  if (group.fresh && item(model.groupsAt, joiner).length >= model.groupsPerNode) return false
  leave(model, group, node)
  join(model, group, joiner)
  return true
}

/** Two groups swap nodes that both of them get anyway, if that brings the nodes closer to their shares. */
const exchange = (model: Model, left: Group, right: Group): boolean => {
  for (const from of freeMembers(model, left)) {
    for (const to of freeMembers(model, right)) {
      if (from === to || !mayJoin(model, left, to, from) || !mayJoin(model, right, from, to)) continue
      if (exchangeGain(model, left, right, from, to) <= epsilon) continue
      leave(model, left, from)
      leave(model, right, to)
      join(model, left, to)
      join(model, right, from)
      return true
    }
  }
  return false
}

/** By how much the squared deviations of everything and of the classes fall (halved). */
const exchangeGain = (model: Model, left: Group, right: Group, from: number, to: number): number => {
  const gain = (size: number, gap: number) => size * (gap - size)
  const classGap = (group: Group) =>
    classDeviation(model, group.classIndex, from) - classDeviation(model, group.classIndex, to)
  const difference = left.size - right.size
  const overall = gain(difference, deviation(model, from) - deviation(model, to))
  if (left.classIndex === right.classIndex) {
    const ofTables = tableGain(model, left, from, to) + tableGain(model, right, to, from) + 2 * inCommon(left, right)
    return overall + gain(difference, classGap(left)) + ofTables
  }
  return overall + gain(left.size, classGap(left)) + gain(right.size, -classGap(right))
}

/** Whether a membership is none of those that exist already, so that moving it costs nothing. */
const isFree = (group: Group, node: number): boolean => !group.home.includes(node)

/** Balances what is there by moving replicas. */
export const level = (model: Model): void => {
  welcome(model)
  welcomePinned(model)
  const classes = model.classes.map((_, classIndex) => layerOf(model, classIndex))
  const layers = [...classes, layerOf(model, -1)]
  // A later layer may open a way for an earlier one; twice is rare.
  for (let round = 0; round < 8; round++) {
    let moved = levelSingles(model)
    for (const layer of layers) moved = levelLayer(model, layer, classes) || moved
    moved = levelTables(model, layers) || moved
    if (!moved) return
  }
}

/** One replica of a group, or one shard of RF 1, that may go from one node to another. */
interface Candidate {
  readonly group: Group | null
  /** The table of a shard of RF 1. */
  readonly table: number
  readonly classIndex: number
  readonly size: number
  readonly free: boolean
  /** How much better the tables that it carries are spread afterwards. */
  readonly gain: number
}

const move = (model: Model, candidate: Candidate, from: number, to: number): void => {
  if (candidate.group === null) {
    stack(model, candidate.table, to, unstack(model, candidate.table, from), true)
    return
  }
  leave(model, candidate.group, from)
  join(model, candidate.group, to)
}

const tableGain = (model: Model, group: Group, from: number, to: number): number => {
  let gain = 0
  for (let entry = 0; entry < group.tables.length; entry++) {
    const table = entryOf(group.tables, entry)
    const count = entryOf(group.counts, entry)
    gain += count * (tableDeviation(model, table, from) - tableDeviation(model, table, to) - count)
  }
  return gain
}

/** Everything that may go from one node to another, of one class or (−1) of all. */
const candidatesFor = (model: Model, from: number, to: number, classIndex: number): ReadonlyArray<Candidate> => {
  const found: Array<Candidate> = []
  for (const index of item(model.groupsAt, from)) {
    const group = item(model.groups, index)
    if (group.pinned || group.waiting || (classIndex >= 0 && group.classIndex !== classIndex)) continue
    if (!mayJoin(model, group, to, from)) continue
    const gain = tableGain(model, group, from, to)
    found.push({
      group,
      table: -1,
      classIndex: group.classIndex,
      size: group.size,
      free: isFree(group, from) || group.home.includes(to),
      gain,
    })
  }
  if (!hasRoom(model, to)) return found
  model.tables.forEach((state, table) => {
    if (state.rf !== 1 || (classIndex >= 0 && state.classIndex !== classIndex)) return
    if (state.pinned || item(item(model.piles, table), from).length === 0) return
    if (!hasRoom(model, to, bytesOnTop(model, table, from))) return
    const gain = tableDeviation(model, table, from) - tableDeviation(model, table, to) - 1
    // Less would unbalance the table itself.
    if (gain < -epsilon) return
    const free = int(item(model.freshOnPile, table), from) > 0
    found.push({ group: null, table, classIndex: state.classIndex, size: 1, free, gain })
  })
  return found
}

/**
 * The candidate to take: free ones first; the smallest that covers `need`, else the largest (any size when `need` is
 * null); then the one that spreads its tables best, then the one whose group has the fewest other groups in common
 * with the target.
 */
const choose = (
  model: Model,
  candidates: ReadonlyArray<Candidate>,
  to: number,
  need: number | null,
): Candidate | undefined => {
  let best: Candidate | undefined
  let shared: Int32Array | undefined
  const overlap = (candidate: Candidate): number => {
    shared ??= companions(model, [to])
    let sum = 0
    for (const member of candidate.group?.members ?? []) sum += int(shared, member)
    return sum
  }
  const misfit = (size: number) =>
    need === null ? 0 : size >= need - epsilon ? size - need : Number.MAX_SAFE_INTEGER - size
  const gainEach = ({ gain, size }: Candidate) => gain / size
  for (const candidate of candidates) {
    if (best === undefined) {
      best = candidate
      continue
    }
    const order =
      Number(best.free) - Number(candidate.free) ||
      misfit(candidate.size) - misfit(best.size) ||
      (Math.abs(gainEach(best) - gainEach(candidate)) > epsilon ? gainEach(best) - gainEach(candidate) : 0) ||
      overlap(candidate) - overlap(best)
    if (order < 0) best = candidate
  }
  return best
}

/** Nodes that may take part in balancing, the fullest first; of equals the one that carries most of everything. */
const fullestFirst = (model: Model, deviationOf: (node: number) => number): ReadonlyArray<number> => {
  const key = Float64Array.from(model.topology.names, (_, node) => deviationOf(node))
  const overall = Float64Array.from(model.topology.names, (_, node) => deviation(model, node))
  const apart = (keys: Float64Array, left: number, right: number) =>
    Math.abs(at(keys, left) - at(keys, right)) > epsilon ? at(keys, right) - at(keys, left) : 0
  return [...key.keys()]
    .filter((node) => int(model.topology.closed, node) === 0)
    .sort((left, right) => apart(key, left, right) || apart(overall, left, right) || left - right)
}

/** The size of a group of a class: of one that gets a replica more or less. Shards of RF 1 have size 1. */
export const meanGroupSize = (model: Model, classIndex: number): number => {
  const groups = model.groups.filter((group) => group.classIndex === classIndex && !group.waiting && group.size > 0)
  return groups.length === 0 ? 1 : groups.reduce((sum, group) => sum + group.size, 0) / groups.length
}

/** Fills nodes that held nothing to their shares, rounded down to whole groups. */
const welcome = (model: Model): void => {
  model.classes.forEach((_, classIndex) => {
    const size = meanGroupSize(model, classIndex)
    for (let node = 0; node < model.topology.size; node++) {
      if (int(model.empty, node) === 0 || int(model.topology.closed, node) === 1) continue
      // Every replica that comes lowers what is owed by 1 or more.
      for (let owed = -classDeviation(model, classIndex, node); owed >= size - epsilon;) {
        if (!takeFrom(model, classIndex, node, owed)) break
        owed = -classDeviation(model, classIndex, node)
      }
    }
  })
}

const takeFrom = (model: Model, classIndex: number, to: number, owed: number): boolean => {
  const order = fullestFirst(model, (node) => classDeviation(model, classIndex, node))
  for (const from of order) {
    const gap = classDeviation(model, classIndex, from) + owed
    const candidates = candidatesFor(model, from, to, classIndex).filter(
      ({ size }) => size <= owed + epsilon && size < gap - epsilon,
    )
    const chosen = choose(model, candidates, to, null)
    if (chosen === undefined) continue
    move(model, chosen, from, to)
    return true
  }
  return false
}

/**
 * Tables of the policy `buddy` give a node that has nothing of them its part, and move for balance in no other case: an
 * initial layout of that policy leaves a node out only if the others have at most one replica each.
 */
const welcomePinned = (model: Model): void => {
  model.tables.forEach((state, table) => {
    if (!state.pinned) return
    const load = item(model.tableLoad, table)
    const open = model.topology.names.flatMap((_, node) => (int(model.topology.closed, node) === 0 ? [node] : []))
    const mean = open.reduce((sum, node) => sum + at(load, node), 0) / Math.max(1, open.length)
    for (const to of open.filter((node) => at(load, node) === 0)) {
      // Every replica that comes is one more of the mean.
      while (at(load, to) + 1 <= mean + epsilon && takePinned(model, table, open, to, mean - at(load, to))) continue
    }
  })
}

const takePinned = (model: Model, table: number, open: ReadonlyArray<number>, to: number, owed: number): boolean => {
  const load = item(model.tableLoad, table)
  const { rf } = item(model.tables, table)
  for (const from of open.toSorted((left, right) => at(load, right) - at(load, left) || left - right)) {
    const gap = at(load, from) - at(load, to)
    if (rf === 1) {
      if (gap <= 1 || !hasRoom(model, to, bytesOnTop(model, table, from))) continue
      stack(model, table, to, unstack(model, table, from), true)
      return true
    }
    const countOf = (group: Group) => entryOf(group.counts, group.tables.indexOf(table))
    const [group] = item(model.groupsAt, from)
      .map((index) => item(model.groups, index))
      .filter((each) => !each.waiting && each.tables.includes(table) && mayJoin(model, each, to, from))
      .filter((each) => countOf(each) <= owed + epsilon && countOf(each) < gap)
      .toSorted((left, right) => countOf(right) - countOf(left) || left.index - right.index)
    if (group === undefined) continue
    leave(model, group, from)
    join(model, group, to)
    return true
  }
  return false
}

/** Brings each table of RF 1 within one shard of its shares. */
const levelSingles = (model: Model): boolean => {
  let moved = false
  model.tables.forEach((state, table) => {
    if (state.rf !== 1 || state.pinned) return
    // Each step lowers the sum of the table's squared deviations.
    for (let step = 0; step < state.shards; step++) {
      const order = fullestFirst(model, (node) => tableDeviation(model, table, node))
      const from = order[0]
      const bytes = from === undefined ? 0 : bytesOnTop(model, table, from)
      const to = order.findLast((node) => hasRoom(model, node, bytes))
      if (from === undefined || to === undefined) return
      const gap = tableDeviation(model, table, from) - tableDeviation(model, table, to)
      if (gap <= 1 + epsilon || item(item(model.piles, table), from).length === 0) break
      stack(model, table, to, unstack(model, table, from), true)
      moved = true
    }
  })
  return moved
}

/** What is brought within a bound: all replicas, or those of one class. */
interface Layer {
  /** The class, or −1 for everything. */
  readonly classIndex: number
  /** The size of the largest group. */
  readonly bound: number
  readonly deviationOf: (node: number) => number
}

const layerOf = (model: Model, classIndex: number): Layer => {
  let bound = 1
  for (const group of model.groups) {
    if (!group.waiting && (classIndex < 0 || group.classIndex === classIndex)) bound = Math.max(bound, group.size)
  }
  const deviationOf =
    classIndex < 0
      ? (node: number) => deviation(model, node)
      : (node: number) => classDeviation(model, classIndex, node)
  return { classIndex, bound, deviationOf }
}

const levelLayer = (model: Model, layer: Layer, classes: ReadonlyArray<Layer>): boolean => {
  let replicas = 0
  for (let node = 0; node < model.topology.size; node++) replicas += at(model.load, node)
  let moved = false
  // Bounded by the number of replicas; a step that does not bring two nodes closer is not taken.
  for (let step = 0; step < replicas; step++) {
    const order = fullestFirst(model, layer.deviationOf)
    const top = order[0]
    const bottom = order.at(-1)
    if (top === undefined || bottom === undefined) break
    if (layer.deviationOf(top) - layer.deviationOf(bottom) <= layer.bound + epsilon) break
    const guards = layer.classIndex < 0 ? classes.map((inner) => guardOf(inner, order)) : []
    if (!levelStep(model, layer, order, guards)) break
    moved = true
  }
  return moved
}

/** Whether `size` replicas may go from one node to another. */
type Guard = (size: number, from: number, to: number) => boolean

/** Keeps a layer in balance: what moves leaves it within its bound, or at least between the two nodes' old loads. */
const guardOf = ({ bound, deviationOf }: Layer, nodes: ReadonlyArray<number>): Guard => {
  let high = Number.NEGATIVE_INFINITY
  let low = Number.POSITIVE_INFINITY
  for (const node of nodes) {
    high = Math.max(high, deviationOf(node))
    low = Math.min(low, deviationOf(node))
  }
  return (size, from, to) => {
    if (size <= deviationOf(from) - deviationOf(to) + epsilon) return true
    const after = [deviationOf(from) - size, deviationOf(to) + size]
    return Math.max(high, ...after) - Math.min(low, ...after) <= bound + epsilon
  }
}

/** One move from a full to an empty node, or two that meet at a third one when no replica can go directly. */
const levelStep = (model: Model, layer: Layer, order: ReadonlyArray<number>, guards: ReadonlyArray<Guard>): boolean => {
  const top = item(order, 0)
  const bottom = item(order, order.length - 1)
  const gap = (from: number, to: number) => layer.deviationOf(from) - layer.deviationOf(to)
  const allowed = (from: number, to: number): ReadonlyArray<Candidate> =>
    candidatesFor(model, from, to, layer.classIndex).filter(
      ({ classIndex, size }) => guards[classIndex]?.(size, from, to) ?? true,
    )
  const attempt = (from: number, to: number, freeOnly: boolean): boolean => {
    const width = gap(from, to)
    const candidates = allowed(from, to).filter(({ free, size }) => size < width - epsilon && (free || !freeOnly))
    const chosen = choose(model, candidates, to, width - layer.bound)
    if (chosen === undefined) return false
    move(model, chosen, from, to)
    return true
  }
  /** top → middle and middle → bottom, when both together lower the sum of squared deviations. */
  const moveVia = (middle: number, freeOnly: boolean): boolean => {
    if (middle === top || middle === bottom) return false
    const change = (node: number, by: number) => by * (2 * layer.deviationOf(node) + by)
    for (const second of allowed(middle, bottom)) {
      if (freeOnly && !second.free) continue
      for (const first of allowed(top, middle)) {
        if (freeOnly && !first.free) continue
        const sum = change(top, -first.size) + change(middle, first.size - second.size) + change(bottom, second.size)
        if (sum > -epsilon) continue
        move(model, second, middle, bottom)
        move(model, first, top, middle)
        return true
      }
    }
    return false
  }
  const pairs = [
    ...order.map((from) => [from, bottom] as const),
    ...order.toReversed().map((to) => [top, to] as const),
  ].filter(([from, to]) => gap(from, to) > epsilon)
  const wide = pairs.filter(([from, to]) => gap(from, to) > layer.bound + epsilon)
  if (anyFree(model)) {
    if (wide.some(([from, to]) => attempt(from, to, true))) return true
    if (order.some((middle) => moveVia(middle, true))) return true
  }
  return (
    wide.some(([from, to]) => attempt(from, to, false)) ||
    pairs.some(([from, to]) => attempt(from, to, false)) ||
    order.some((middle) => moveVia(middle, false))
  )
}

const anyFree = (model: Model): boolean =>
  model.groups.some((group) => group.members.some((node) => isFree(group, node))) ||
  model.freshOnPile.some((fresh) => fresh.some((count) => count > 0))

/** Brings each table of RF ≥ 2 within the size of the largest group of its RF. */
const levelTables = (model: Model, layers: ReadonlyArray<Layer>): boolean => {
  let moved = false
  model.tables.forEach((state, table) => {
    if (state.rf < 2) return
    const bound = layers.find((layer) => layer.classIndex === state.classIndex)?.bound ?? 1
    for (let step = 0; step < state.shards * state.rf; step++) {
      const order = fullestFirst(model, (node) => tableDeviation(model, table, node))
      const from = order[0]
      const to = order.at(-1)
      if (from === undefined || to === undefined) return
      const gap = tableDeviation(model, table, from) - tableDeviation(model, table, to)
      if (gap <= bound + epsilon) return
      if (!levelTableStep(model, table, from, to, gap, layers)) return
      moved = true
    }
  })
  return moved
}

/** A move, or an exchange, between the two nodes that leaves the class of the table and the whole within bounds. */
const levelTableStep = (
  model: Model,
  table: number,
  from: number,
  to: number,
  gap: number,
  layers: ReadonlyArray<Layer>,
): boolean => {
  const { classIndex } = item(model.tables, table)
  const nodes = fullestFirst(model, (node) => deviation(model, node))
  const guards = layers
    .filter((layer) => layer.classIndex === classIndex || layer.classIndex < 0)
    .map((layer) => guardOf(layer, nodes))
  const staysWithin = (size: number) =>
    size < 0 ? guards.every((guard) => guard(-size, to, from)) : guards.every((guard) => guard(size, from, to))
  // What helps this table must help all tables together, or two of them would push a group to and fro.
  const countOf = ({ group }: Candidate) => (group === null ? 0 : entryOf(group.counts, group.tables.indexOf(table)))
  const forth = candidatesFor(model, from, to, classIndex).filter((candidate) => countOf(candidate) > 0)
  const single = forth.filter(
    (candidate) => countOf(candidate) < gap - epsilon && candidate.gain > epsilon && staysWithin(candidate.size),
  )
  const chosen = choose(model, single, to, gap)
  if (chosen !== undefined) {
    move(model, chosen, from, to)
    return true
  }
  for (const back of candidatesFor(model, to, from, classIndex)) {
    for (const there of forth) {
      const exchanged = countOf(there) - countOf(back)
      if (exchanged <= 0 || exchanged >= gap - epsilon || !staysWithin(there.size - back.size)) continue
      if (there.gain + back.gain + 2 * inCommon(there.group, back.group) <= epsilon) continue
      move(model, there, from, to)
      move(model, back, to, from)
      return true
    }
  }
  return false
}

/** Sum over the tables of the products of their shards in both: what an exchange gains over its two moves alone. */
const inCommon = (left: Group | null, right: Group | null): number => {
  if (left === null || right === null) return 0
  let sum = 0
  for (let entry = 0; entry < left.tables.length; entry++) {
    sum += entryOf(left.counts, entry) * entryOf(right.counts, right.tables.indexOf(entryOf(left.tables, entry)))
  }
  return sum
}
