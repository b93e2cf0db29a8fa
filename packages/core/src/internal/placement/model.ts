/**
 * The working model of one placement: what each node carries, updated with every replica that is put somewhere.
 *
 * Shards of RF ≥ 2 are in `groups`. Shards of RF 1 are interchangeable within their table, so they are kept as piles
 * per table and node, with those that this placement put there on top: taking from the top moves what is not yet
 * at rest first.
 */
import type { PlacementMoveKind, PlacementRow } from "../../Placement.ts"
import { add, addInt, at, entryOf, int, type Topology, zonesBind } from "./topology.ts"

/** A replica group while it is worked on. */
export interface Group {
  readonly index: number
  readonly name: string
  readonly rf: number
  readonly classIndex: number
  /** To be made by this placement. */
  readonly fresh: boolean
  /** Names of all nodes that hold a copy of any of its shards now, sorted. */
  readonly listed: ReadonlyArray<string>
  /** Those of them that serve. */
  readonly home: ReadonlyArray<number>
  readonly members: Array<number>
  /** Holders that go (first those away, then those draining) unless nobody can take their place. */
  readonly leaving: ReadonlyArray<string>
  /** Whether a copy is on a node that is up. */
  readonly copyLeft: boolean
  /** Left as it is: no copy is up, and the caller said to wait. */
  readonly waiting: boolean
  /** Whether shards may be attached. */
  readonly attachable: boolean
  /** Carries a table of the policy `buddy`: limits and zones do not apply, and balance alone does not move it. */
  readonly pinned: boolean
  /** Bytes of one copy of its shards, as far as they are known. */
  readonly bytes: number
  /** How many shards of which table: parallel arrays. */
  readonly tables: Array<number>
  readonly counts: Array<number>
  size: number
  /** The shards, as parallel arrays. */
  readonly shardTables: Array<number>
  readonly shardNumbers: Array<number>
  /** Why a home member had to go, other than for balance. */
  readonly reasons: Map<number, PlacementMoveKind>
}

/** All tables of one RF. */
export interface RfClass {
  readonly rf: number
  /** Part of the shards of which each node should hold a copy. */
  readonly share: Float64Array
  /** Shards that are placed or will be. */
  shards: number
}

export interface TableState {
  readonly name: string
  readonly shards: number
  readonly rf: number
  readonly classIndex: number
  /** Of the policy `buddy`. */
  readonly pinned: boolean
  /** Its single copies stay where they are. */
  readonly held: boolean
  /** Bytes of one copy of each shard; 0 where they are not known. */
  readonly bytes: Float64Array
  /** The row of each shard in the layout given. */
  readonly rows: ReadonlyArray<PlacementRow | undefined>
  /** Group of each shard: index + 1, 0 for none. */
  readonly groupOf: Int32Array
  /** Shards that are placed or will be. */
  placed: number
}

/** A shard of RF 1 whose node has to be replaced. */
export interface Stranded {
  readonly table: number
  readonly shard: number
}

export interface Model {
  readonly topology: Topology
  readonly groupsPerNode: number
  /** Per class: how many groups its shards would get if they were placed anew. */
  readonly groupsWanted: ReadonlyArray<number>
  /** Infinite when the groups that exist cannot fit into the budget asked. */
  readonly groupBudget: number
  readonly tables: ReadonlyArray<TableState>
  readonly classes: ReadonlyArray<RfClass>
  readonly groups: Array<Group>
  /** Per node: indexes of the groups that it is a member of. */
  readonly groupsAt: ReadonlyArray<Array<number>>
  readonly load: Float64Array
  readonly bytes: Float64Array
  readonly classLoad: ReadonlyArray<Float64Array>
  readonly tableLoad: ReadonlyArray<Float64Array>
  readonly piles: ReadonlyArray<ReadonlyArray<Array<number>>>
  /** How many shards on top of a pile were put there by this placement. */
  readonly freshOnPile: ReadonlyArray<Int32Array>
  readonly stranded: Array<Stranded>
  /** Shards that are not placed as asked. */
  readonly failures: Array<{ readonly table: number; readonly shard: number; readonly reason: string }>
  /** Weighted share of all replicas per node. */
  readonly target: Float64Array
  /** Whether the node held nothing when the placement began. */
  readonly empty: Int32Array
  readonly anew: boolean
  readonly replaceLostForGood: boolean
  readonly nextGroupName: () => string
}

/** The entry at an index that must exist. */
export const item = <A>(list: ReadonlyArray<A>, index: number): A => {
  const found = list[index]
  if (found === undefined) throw new Error(`placement: index ${index} is outside of a list of ${list.length}`)
  return found
}

/** How far a node is above (+) or below (−) its share of all replicas. */
export const deviation = (model: Model, node: number): number => at(model.load, node) - at(model.target, node)

/** The same for one table. */
export const tableDeviation = (model: Model, table: number, node: number): number => {
  const state = item(model.tables, table)
  return at(item(model.tableLoad, table), node) - at(item(model.classes, state.classIndex).share, node) * state.placed
}

/** The same for all tables of one RF. */
export const classDeviation = (model: Model, classIndex: number, node: number): number => {
  const rfClass = item(model.classes, classIndex)
  return at(item(model.classLoad, classIndex), node) - at(rfClass.share, node) * rfClass.shards
}

/** Makes a node a member of a group. */
export const join = (model: Model, group: Group, node: number): void => {
  group.members.push(node)
  item(model.groupsAt, node).push(group.index)
  carry(model, group, node, 1)
}

/** Ends a membership. */
export const leave = (model: Model, group: Group, node: number): void => {
  group.members.splice(group.members.indexOf(node), 1)
  const groupsHere = item(model.groupsAt, node)
  groupsHere.splice(groupsHere.indexOf(group.index), 1)
  carry(model, group, node, -1)
}

const carry = (model: Model, group: Group, node: number, sign: number): void => {
  add(model.load, node, sign * group.size)
  add(model.bytes, node, sign * group.bytes)
  add(item(model.classLoad, group.classIndex), node, sign * group.size)
  for (let entry = 0; entry < group.tables.length; entry++) {
    add(item(model.tableLoad, entryOf(group.tables, entry)), node, sign * entryOf(group.counts, entry))
  }
}

/** Puts `count` shards of a table into a group, on all of its members. */
export const enlarge = (model: Model, group: Group, table: number, count: number): void => {
  const entry = group.tables.indexOf(table)
  if (entry < 0) {
    group.tables.push(table)
    group.counts.push(count)
  } else {
    group.counts[entry] = entryOf(group.counts, entry) + count
  }
  group.size += count
  for (const node of group.members) {
    add(model.load, node, count)
    add(item(model.classLoad, group.classIndex), node, count)
    add(item(model.tableLoad, table), node, count)
  }
}

/** Puts a shard of RF 1 on a node. `fresh`: it was not there when the placement began. */
export const stack = (model: Model, table: number, node: number, shard: number, fresh: boolean): void => {
  item(item(model.piles, table), node).push(shard)
  if (fresh) addInt(item(model.freshOnPile, table), node, 1)
  carrySingle(model, table, node, shard, 1)
}

/** Takes a shard of RF 1 off a node: one that this placement put there, if there is any. */
export const unstack = (model: Model, table: number, node: number): number => {
  const shard = item(item(model.piles, table), node).pop()
  if (shard === undefined) throw new Error("placement: no shard to take")
  const fresh = item(model.freshOnPile, table)
  fresh[node] = Math.max(0, int(fresh, node) - 1)
  carrySingle(model, table, node, shard, -1)
  return shard
}

const carrySingle = (model: Model, table: number, node: number, shard: number, sign: number): void => {
  add(model.load, node, sign)
  add(model.bytes, node, sign * at(item(model.tables, table).bytes, shard))
  add(item(model.classLoad, item(model.tables, table).classIndex), node, sign)
  add(item(model.tableLoad, table), node, sign)
}

/** Whether `node` may become a member of `group`, in place of the member `instead` (−1: of none). */
export const mayJoin = (model: Model, group: Group, node: number, instead: number, zoned = true): boolean => {
  const { topology } = model
  if (int(topology.closed, node) === 1 || group.members.includes(node)) return false
  if (!group.pinned && item(model.groupsAt, node).length >= model.groupBudget) return false
  if (at(model.load, node) + group.size > at(topology.capacity, node)) return false
  if (at(model.bytes, node) + group.bytes > at(topology.capacityBytes, node)) return false
  if (!zoned || !zonesBind(topology, group.rf)) return true
  const zone = int(topology.zone, node)
  return group.members.every((member) => member === instead || int(topology.zone, member) !== zone)
}

/** Whether a node has room for one more shard of RF 1, of so many bytes. */
export const hasRoom = (model: Model, node: number, bytes = 0): boolean =>
  int(model.topology.closed, node) === 0 &&
  at(model.load, node) + 1 <= at(model.topology.capacity, node) &&
  at(model.bytes, node) + bytes <= at(model.topology.capacityBytes, node)

/** Bytes of the shard of a table that would leave a node first. */
export const bytesOnTop = (model: Model, table: number, node: number): number => {
  const shard = item(item(model.piles, table), node).at(-1)
  return shard === undefined ? 0 : at(item(model.tables, table).bytes, shard)
}

/** Whether a node carries more than it may. */
export const isOverfull = (model: Model, node: number): boolean =>
  at(model.load, node) > at(model.topology.capacity, node) ||
  at(model.bytes, node) > at(model.topology.capacityBytes, node)

/** How many groups each node shares with any of `members`: the fewer, the more evenly a loss spreads. */
export const companions = (model: Model, members: ReadonlyArray<number>): Int32Array => {
  const shared = new Int32Array(model.topology.size)
  for (const member of members) {
    for (const index of item(model.groupsAt, member)) {
      for (const other of item(model.groups, index).members) shared[other] = int(shared, other) + 1
    }
  }
  return shared
}

/** Computes the share of all replicas of each node from what is placed or will be. */
export const aim = (model: Model): void => {
  for (const rfClass of model.classes) rfClass.shards = 0
  for (const table of model.tables) item(model.classes, table.classIndex).shards += table.placed
  for (let node = 0; node < model.topology.size; node++) {
    model.target[node] = model.classes.reduce((sum, { share, shards }) => sum + at(share, node) * shards, 0)
  }
}

/** Reports a shard as not placed; it no longer counts in anybody's share. */
export const giveUp = (model: Model, table: number, shard: number, reason: string): void => {
  model.failures.push({ table, shard, reason })
  item(model.tables, table).placed -= 1
}
