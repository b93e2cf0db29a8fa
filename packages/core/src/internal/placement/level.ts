/**
 * Balance, with as few moves as it takes: each layer within its bound without putting an earlier one out of it. First each
 * table of RF 1 (one shard), the tables of each RF together (one group), all replicas together (one group), then each
 * table of RF ≥ 2 (one group).
 *
 * Each step lowers the sum of the squared deviations of its layer, so the loops end; they end on a state in which the
 * same search finds nothing more, so that placing a result again is at rest.
 */
import { type Candidate, candidatesFor, choose, fullestFirst, inCommon, isFree, move } from "./candidates.ts"
import {
  bytesOnTop,
  classDeviation,
  deviation,
  hasRoom,
  item,
  type Model,
  stack,
  tableDeviation,
  unstack,
} from "./model.ts"
import { at, entryOf, epsilon } from "./topology.ts"
import { welcome, welcomePinned } from "./welcome.ts"

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

/** Brings each table of RF 1 within one shard of its shares. */
const levelSingles = (model: Model): boolean => {
  let moved = false
  model.tables.forEach((state, table) => {
    if (state.rf !== 1 || state.pinned || state.held) return
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
