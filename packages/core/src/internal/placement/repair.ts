/**
 * Makes every hard constraint hold, as far as nodes allow: copies beyond the RF go, missing and leaving members are
 * replaced, copies that share a zone are parted, nodes above their limits are relieved. Each replacement goes to the
 * node furthest below its share.
 */
import type { PlacementMoveKind } from "../../Placement.ts"
import {
  bytesOnTop,
  classDeviation,
  companions,
  deviation,
  type Group,
  hasRoom,
  isOverfull,
  item,
  join,
  leave,
  mayJoin,
  type Model,
  stack,
  tableDeviation,
  unstack,
} from "./model.ts"
import { entryOf, epsilon, int, zonesBind } from "./topology.ts"

export const repair = (model: Model): void => {
  const bySize = model.groups
    .filter((group) => !group.waiting)
    .sort((left, right) => right.size - left.size || left.index - right.index)
  for (const group of bySize) dropSurplus(model, group)
  for (const group of bySize) fill(model, group)
  for (const group of bySize) if (!group.pinned) partZones(model, group)
  relieve(model)
}

/** The node, of those that may join, furthest below its share; −1 when there is none. */
export const bestJoiner = (model: Model, group: Group, instead: number, zoned = true): number => {
  let best = -1
  let shared: Int32Array | undefined
  for (let node = 0; node < model.topology.size; node++) {
    if (!mayJoin(model, group, node, instead, zoned)) continue
    if (best < 0) {
      best = node
      continue
    }
    const difference = fullness(model, group, node) - fullness(model, group, best)
    if (difference > epsilon) continue
    if (difference < -epsilon) {
      best = node
      continue
    }
    const tables = contentDeviation(model, group, node) - contentDeviation(model, group, best)
    if (tables > epsilon) continue
    shared ??= companions(model, group.members)
    if (tables < -epsilon || int(shared, node) < int(shared, best)) best = node
  }
  return best
}

/** How far a node is above its shares of everything and of the group's class: the lower, the better a place. */
export const fullness = (model: Model, group: Group, node: number): number =>
  deviation(model, node) + classDeviation(model, group.classIndex, node)

/** How far a node is above its shares of the tables in a group, weighted by what the group carries of them. */
const contentDeviation = (model: Model, group: Group, node: number): number => {
  let sum = 0
  for (let entry = 0; entry < group.tables.length; entry++) {
    sum += entryOf(group.counts, entry) * tableDeviation(model, entryOf(group.tables, entry), node)
  }
  return sum
}

/** Copies beyond the RF: first those that share a zone with another, then those on the fullest node. */
const dropSurplus = (model: Model, group: Group): void => {
  while (group.members.length > group.rf) {
    const sharesZone = (node: number) =>
      zonesBind(model.topology, group.rf) && zoneIsShared(model, group, node) ? 1 : 0
    const surplus = group.members.toSorted(
      (left, right) =>
        sharesZone(right) - sharesZone(left) || deviation(model, right) - deviation(model, left) || right - left,
    )
    leave(model, group, item(surplus, 0))
  }
}

const zoneIsShared = (model: Model, group: Group, node: number): boolean =>
  group.members.some((other) => other !== node && int(model.topology.zone, other) === int(model.topology.zone, node))

const fill = (model: Model, group: Group): void => {
  // Copies that exist on draining nodes can stay where they are; the others must be restored wherever there is room.
  const draining = group.leaving.filter((name) => model.topology.draining.has(name)).length
  while (group.members.length < group.rf) {
    let node = bestJoiner(model, group, -1)
    if (node < 0 && group.members.length + draining < group.rf) node = bestJoiner(model, group, -1, false)
    if (node < 0) break
    join(model, group, node)
  }
}

const replace = (model: Model, group: Group, from: number, to: number, kind: PlacementMoveKind): void => {
  leave(model, group, from)
  join(model, group, to)
  if (group.home.includes(from)) group.reasons.set(from, kind)
}

const partZones = (model: Model, group: Group): void => {
  if (!zonesBind(model.topology, group.rf)) return
  for (const node of group.members.toSorted(
    (left, right) => deviation(model, right) - deviation(model, left) || right - left,
  )) {
    if (!zoneIsShared(model, group, node)) continue
    const joiner = bestJoiner(model, group, node)
    if (joiner >= 0) replace(model, group, node, joiner, "zone")
  }
}

/** Takes groups off nodes that carry more groups or shards than they may, as far as other nodes can take them. */
const relieve = (model: Model): void => {
  for (let node = 0; node < model.topology.size; node++) {
    if (int(model.topology.closed, node) === 1) continue
    const over = () => ownGroups(model, node).length > model.groupBudget || isOverfull(model, node)
    if (!over()) continue
    const smallestFirst = ownGroups(model, node).toSorted(
      (left, right) => left.size - right.size || left.index - right.index,
    )
    for (const group of smallestFirst) {
      if (!over()) break
      const joiner = bestJoiner(model, group, node)
      if (joiner >= 0) replace(model, group, node, joiner, "limit")
    }
    while (isOverfull(model, node) && moveSingle(model, node)) continue
  }
}

/** Groups of a node that limits apply to. */
const ownGroups = (model: Model, node: number): ReadonlyArray<Group> =>
  item(model.groupsAt, node)
    .map((index) => item(model.groups, index))
    .filter((group) => !group.pinned)

/** Moves one shard of RF 1 off a node: of the table that it has most of, to the node furthest below its share. */
const moveSingle = (model: Model, from: number): boolean => {
  let table = -1
  model.tables.forEach(({ rf }, index) => {
    const more = table < 0 || tableDeviation(model, index, from) > tableDeviation(model, table, from) + epsilon
    if (rf === 1 && more && item(item(model.piles, index), from).length > 0) table = index
  })
  if (table < 0) return false
  let to = -1
  for (let node = 0; node < model.topology.size; node++) {
    if (node === from || !hasRoom(model, node, bytesOnTop(model, table, from))) continue
    if (to < 0 || deviation(model, node) < deviation(model, to) - epsilon) to = node
  }
  if (to < 0) return false
  stack(model, table, to, unstack(model, table, from), true)
  return true
}
