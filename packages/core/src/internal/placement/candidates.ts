/**
 * What may go from one node to another for balance, and which of it is taken.
 */
import {
  bytesOnTop,
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
import { at, entryOf, epsilon, int } from "./topology.ts"

/** Whether a membership is none of those that exist already, so that moving it costs nothing. */
export const isFree = (group: Group, node: number): boolean => !group.home.includes(node)
/** One replica of a group, or one shard of RF 1, that may go from one node to another. */
export interface Candidate {
  readonly group: Group | null
  /** The table of a shard of RF 1. */
  readonly table: number
  readonly classIndex: number
  readonly size: number
  readonly free: boolean
  /** How much better the tables that it carries are spread afterwards. */
  readonly gain: number
}

export const move = (model: Model, candidate: Candidate, from: number, to: number): void => {
  if (candidate.group === null) {
    stack(model, candidate.table, to, unstack(model, candidate.table, from), true)
    return
  }
  leave(model, candidate.group, from)
  join(model, candidate.group, to)
}

export const tableGain = (model: Model, group: Group, from: number, to: number): number => {
  let gain = 0
  for (let entry = 0; entry < group.tables.length; entry++) {
    const table = entryOf(group.tables, entry)
    const count = entryOf(group.counts, entry)
    gain += count * (tableDeviation(model, table, from) - tableDeviation(model, table, to) - count)
  }
  return gain
}

/** Everything that may go from one node to another, of one class or (−1) of all. */
export const candidatesFor = (model: Model, from: number, to: number, classIndex: number): ReadonlyArray<Candidate> => {
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
    if (state.pinned || state.held || item(item(model.piles, table), from).length === 0) return
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
export const choose = (
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
export const fullestFirst = (model: Model, deviationOf: (node: number) => number): ReadonlyArray<number> => {
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

/** Sum over the tables of the products of their shards in both: what an exchange gains over its two moves alone. */
export const inCommon = (left: Group | null, right: Group | null): number => {
  if (left === null || right === null) return 0
  let sum = 0
  for (let entry = 0; entry < left.tables.length; entry++) {
    sum += entryOf(left.counts, entry) * entryOf(right.counts, right.tables.indexOf(entryOf(left.tables, entry)))
  }
  return sum
}
