/**
 * Nodes that held nothing get their share.
 */
import { candidatesFor, choose, fullestFirst, meanGroupSize, move } from "./candidates.ts"
import {
  bytesOnTop,
  classDeviation,
  type Group,
  hasRoom,
  item,
  join,
  leave,
  mayJoin,
  type Model,
  stack,
  unstack,
} from "./model.ts"
import { at, entryOf, epsilon, int } from "./topology.ts"

/** Fills nodes that held nothing to their shares, rounded down to whole groups. */
export const welcome = (model: Model): void => {
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
export const welcomePinned = (model: Model): void => {
  model.tables.forEach((state, table) => {
    if (!state.pinned || state.held) return
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
