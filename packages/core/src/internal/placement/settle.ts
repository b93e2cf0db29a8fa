/**
 * Sends replicas that this placement puts somewhere anyway to better places, which costs nothing.
 */
import { inCommon, isFree, tableGain } from "./candidates.ts"
import { classDeviation, deviation, type Group, item, join, leave, mayJoin, type Model } from "./model.ts"
import { bestJoiner, fullness } from "./repair.ts"
import { epsilon, int } from "./topology.ts"

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
