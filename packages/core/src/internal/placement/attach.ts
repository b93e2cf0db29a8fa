/**
 * Places shards that have no place yet: new shards of RF ≥ 2 go into groups, existing or new; shards of RF 1 go to
 * nodes one by one. Nothing that exists moves here.
 */
import {
  aim,
  classDeviation,
  deviation,
  enlarge,
  giveUp,
  type Group,
  hasRoom,
  item,
  join,
  type Model,
  stack,
  tableDeviation,
} from "./model.ts"
import { addInt, at, entryOf, epsilon, int, type Topology, zonesBind } from "./topology.ts"

/** The shards without a place of one table. */
interface NewShards {
  readonly table: number
  readonly shards: ReadonlyArray<number>
}

export const attachNewShards = (model: Model): void => {
  const perClass = model.classes.map((): Array<NewShards> => [])
  model.tables.forEach((table, index) => {
    const shards = [...table.rows.keys()].filter((shard) => table.rows[shard] === undefined)
    if (shards.length > 0) item(perClass, table.classIndex).push({ table: index, shards })
  })
  perClass.forEach((tables, classIndex) => {
    if (tables.length === 0) return
    if (item(model.classes, classIndex).rf > 1) attachToGroups(model, classIndex, tables)
    else {
      for (const { table, shards } of tables) {
        placeSingles(model, table, shards, (shard) => giveUp(model, table, shard, noRoomForOne(model)))
      }
    }
  })
  aim(model)
}

/** Gives a new node to shards of RF 1 whose node is away or draining. */
export const placeStranded = (model: Model): void => {
  const perTable = new Map<number, Array<number>>()
  for (const { table, shard } of model.stranded) {
    const shards = perTable.get(table)
    if (shards === undefined) perTable.set(table, [shard])
    else shards.push(shard)
  }
  for (const [table, shards] of perTable) {
    placeSingles(model, table, shards, (shard) => giveUp(model, table, shard, noRoomForOne(model)))
  }
  aim(model)
}

const noRoomForOne = (model: Model): string =>
  model.topology.open === 0 ? "no node is active" : "no active node has capacity for one more shard"

/**
 * Puts shards of RF 1, one after the other, on the node that is furthest below its share of the table (of ties: of
 * everything). That keeps each table and the whole within one shard of the shares.
 */
const placeSingles = (
  model: Model,
  table: number,
  shards: ReadonlyArray<number>,
  failed: (shard: number) => void,
): void => {
  const before = (left: number, right: number): boolean => {
    const byTable = tableDeviation(model, table, left) - tableDeviation(model, table, right)
    if (Math.abs(byTable) > epsilon) return byTable < 0
    const overall = deviation(model, left) - deviation(model, right)
    return Math.abs(overall) > epsilon ? overall < 0 : left < right
  }
  const heap: Array<number> = []
  for (let node = 0; node < model.topology.size; node++) if (hasRoom(model, node)) heap.push(node)
  for (let position = (heap.length >> 1) - 1; position >= 0; position--) sink(heap, position, before)
  const { bytes } = item(model.tables, table)
  for (const shard of shards) {
    const node = heap[0]
    if (node === undefined) {
      failed(shard)
      continue
    }
    if (!hasRoom(model, node, at(bytes, shard))) {
      const other = heap
        .toSorted((left, right) => (before(left, right) ? -1 : 1))
        .find((it) => hasRoom(model, it, at(bytes, shard)))
      if (other === undefined) failed(shard)
      else stack(model, table, other, shard, true)
      for (let position = (heap.length >> 1) - 1; position >= 0; position--) sink(heap, position, before)
      continue
    }
    stack(model, table, node, shard, true)
    if (!hasRoom(model, node)) {
      const last = heap.pop()
      if (last !== undefined && heap.length > 0) heap[0] = last
    }
    sink(heap, 0, before)
  }
}

/** Restores the order of a binary heap below a position whose entry has grown. */
const sink = (heap: Array<number>, start: number, before: (left: number, right: number) => boolean): void => {
  let position = start
  for (let child = 2 * position + 1; child < heap.length; child = 2 * position + 1) {
    if (child + 1 < heap.length && before(item(heap, child + 1), item(heap, child))) child++
    const moving = item(heap, position)
    const rising = item(heap, child)
    if (!before(rising, moving)) return
    heap[position] = rising
    heap[child] = moving
    position = child
  }
}

const attachToGroups = (model: Model, classIndex: number, tables: ReadonlyArray<NewShards>): void => {
  const { rf } = item(model.classes, classIndex)
  const amount = tables.reduce((sum, { shards }) => sum + shards.length, 0)
  const attachable = model.groups.filter(
    (group) =>
      group.classIndex === classIndex &&
      group.attachable &&
      !group.pinned &&
      group.members.length >= rf &&
      group.members.every((node) => int(model.topology.closed, node) === 0),
  )
  // A group whose members change now can take shards only after that.
  const settled = attachable.filter(
    (group) => group.leaving.length === 0 && group.members.every((node) => group.home.includes(node)),
  )
  const count = newGroupCount(model, classIndex, settled.length, amount)
  let candidates = [...settled, ...makeGroups(model, classIndex, count, amount)]
  if (candidates.length === 0) candidates = attachable
  if (candidates.length === 0) {
    const reason = noGroup(model, rf)
    for (const { table, shards } of tables) for (const shard of shards) giveUp(model, table, shard, reason)
    return
  }
  distribute(model, candidates, tables, amount)
}

const noGroup = (model: Model, rf: number): string => {
  const { open } = model.topology
  if (open < rf) return `needs ${rf} active nodes, there ${open === 1 ? "is" : "are"} ${open}`
  return `no ${rf} active nodes have room for one more group (at most ${model.groupBudget} per node) or for its shards`
}

/** New groups take their part of what is new, so that they become as large as the class would have them. */
const newGroupCount = (model: Model, classIndex: number, existing: number, amount: number): number => {
  const wanted = entryOf(model.groupsWanted, classIndex)
  const part = Math.round((wanted * amount) / Math.max(1, item(model.classes, classIndex).shards))
  const count = Math.min(wanted - existing, part, amount)
  return Math.max(existing === 0 ? 1 : 0, count)
}

/** Makes up to `count` groups for about `amount` shards, spread over the nodes by their shares. */
const makeGroups = (model: Model, classIndex: number, count: number, amount: number): ReadonlyArray<Group> => {
  if (count < 1) return []
  const { rf } = item(model.classes, classIndex)
  for (const perNode of [model.groupsPerNode, model.groupBudget]) {
    // Rather a few groups less than more of them on a node. Each round asks for fewer than the one before.
    const least = perNode === model.groupBudget ? 1 : count / 2
    for (let wanted = count; wanted >= least;) {
      const quota = quotas(model, classIndex, wanted, Math.ceil(amount / wanted), perNode)
      const reachable = Math.floor(quota.reduce((sum, part) => sum + part, 0) / rf)
      if (reachable === wanted) return formGroups(model, classIndex, wanted, quota)
      wanted = reachable
    }
  }
  return []
}

/** How many of `count` new groups of `size` shards each node is to join, with at most `perNode` groups on a node. */
const quotas = (model: Model, classIndex: number, count: number, size: number, perNode: number): Int32Array => {
  const { topology } = model
  const { rf, share } = item(model.classes, classIndex)
  const bind = zonesBind(topology, rf)
  const inZone = new Int32Array(topology.zones)
  const limit = Int32Array.from(topology.names, (_, node) => {
    if (int(topology.closed, node) === 1) return 0
    const room = Math.floor((at(topology.capacity, node) - at(model.load, node)) / size)
    return Math.max(0, Math.min(count, perNode - item(model.groupsAt, node).length, room))
  })
  const quota = new Int32Array(topology.size)
  let missing = count * rf
  const grant = (node: number, groups: number): void => {
    quota[node] = int(quota, node) + groups
    const zone = int(topology.zone, node)
    inZone[zone] = int(inZone, zone) + groups
  }
  for (let node = 0; node < topology.size; node++) {
    const part = Math.min(Math.floor(count * at(share, node) + epsilon), int(limit, node))
    grant(node, part)
    missing -= part
  }
  for (; missing > 0; missing--) {
    let best = -1
    for (let node = 0; node < topology.size; node++) {
      if (int(quota, node) >= int(limit, node)) continue
      if (bind && int(inZone, int(topology.zone, node)) >= count) continue
      if (best < 0 || lessServed(node, best)) best = node
    }
    if (best < 0) break
    grant(best, 1)
  }
  return quota

  function lessServed(left: number, right: number): boolean {
    const owed = int(quota, left) - count * at(share, left) - (int(quota, right) - count * at(share, right))
    if (Math.abs(owed) > epsilon) return owed < 0
    const full = (node: number) => deviation(model, node) + classDeviation(model, classIndex, node)
    return full(left) < full(right) - epsilon
  }
}

/**
 * Forms groups from the quotas. Each takes nodes (or zones) with the largest remaining quotas, which always leaves
 * the rest formable; among equals those that share the fewest groups with the nodes chosen already, so that the
 * groups of a node that is lost have many different other members.
 */
const formGroups = (model: Model, classIndex: number, count: number, quota: Int32Array): ReadonlyArray<Group> => {
  const { topology } = model
  const { rf } = item(model.classes, classIndex)
  const state: Forming = {
    bind: zonesBind(topology, rf),
    quota,
    restInZone: new Int32Array(topology.zones),
    usedZones: new Int32Array(topology.zones),
    shared: new Int32Array(topology.size),
    chosen: new Int32Array(topology.size),
  }
  for (let node = 0; node < topology.size; node++) addInt(state.restInZone, int(topology.zone, node), int(quota, node))
  const formed: Array<Group> = []
  for (let made = 0; made < count; made++) {
    const nodes: Array<number> = []
    state.usedZones.fill(0)
    state.shared.fill(0)
    while (nodes.length < rf) {
      const node = nextMember(topology, state)
      if (node < 0) throw new Error("placement: the quotas of a new group do not fit together")
      nodes.push(node)
      state.chosen[node] = 1
      addInt(quota, node, -1)
      addInt(state.restInZone, int(topology.zone, node), -1)
      addInt(state.usedZones, int(topology.zone, node), 1)
      for (const index of item(model.groupsAt, node)) {
        for (const other of item(model.groups, index).members) addInt(state.shared, other, 1)
      }
    }
    for (const node of nodes) state.chosen[node] = 0
    formed.push(newGroup(model, classIndex, nodes))
  }
  return formed
}

/** What `formGroups` keeps while it forms one group. */
interface Forming {
  /** Whether members have to be in distinct zones. */
  readonly bind: boolean
  /** Memberships that each node is still to get. */
  readonly quota: Int32Array
  readonly restInZone: Int32Array
  /** Of the group in the making: members per zone, groups shared with them per node, and who they are. */
  readonly usedZones: Int32Array
  readonly shared: Int32Array
  readonly chosen: Int32Array
}

const nextMember = (topology: Topology, forming: Forming): number => {
  const { bind, chosen, quota, restInZone, shared, usedZones } = forming
  let best = -1
  let bestZone = -1
  for (let node = 0; node < topology.size; node++) {
    const rest = int(quota, node)
    if (rest === 0 || int(chosen, node) === 1) continue
    const zone = int(topology.zone, node)
    if (bind && int(usedZones, zone) > 0) continue
    if (best >= 0) {
      const order =
        (bind ? int(restInZone, zone) - int(restInZone, bestZone) : 0) ||
        rest - int(quota, best) ||
        int(usedZones, bestZone) - int(usedZones, zone) ||
        int(shared, best) - int(shared, node)
      if (order <= 0) continue
    }
    best = node
    bestZone = zone
  }
  return best
}

const newGroup = (model: Model, classIndex: number, nodes: ReadonlyArray<number>): Group => {
  const group: Group = {
    index: model.groups.length,
    name: model.nextGroupName(),
    rf: item(model.classes, classIndex).rf,
    classIndex,
    fresh: true,
    listed: [],
    home: [],
    members: [],
    leaving: [],
    copyLeft: true,
    waiting: false,
    attachable: true,
    pinned: false,
    bytes: 0,
    tables: [],
    counts: [],
    size: 0,
    shardTables: [],
    shardNumbers: [],
    reasons: new Map(),
  }
  model.groups.push(group)
  for (const node of nodes) join(model, group, node)
  return group
}

/**
 * Deals new shards out to groups: all groups become as equal in size as they can, each table is spread evenly over
 * them, and what does not divide goes to the groups whose members carry least.
 */
const distribute = (
  model: Model,
  groups: ReadonlyArray<Group>,
  tables: ReadonlyArray<NewShards>,
  amount: number,
): void => {
  const limited = model.topology.capacity.some((capacity) => Number.isFinite(capacity))
  const level = fillLevel(groups, amount)
  const room = groups.map((group) => Math.max(0, level - group.size))
  for (const { table, shards } of tables) {
    const total = room.reduce((sum, part) => sum + part, 0)
    const parts = room.map((part) => (limited || total === 0 ? 0 : Math.floor((shards.length * part) / total)))
    parts.forEach((part, position) => {
      if (part > 0) enlarge(model, item(groups, position), table, part)
      room[position] = entryOf(room, position) - part
    })
    let rest = shards.length - parts.reduce((sum, part) => sum + part, 0)
    for (; rest > 0; rest--) {
      const position = leastServed(model, groups, table, room)
      if (position < 0) break
      enlarge(model, item(groups, position), table, 1)
      parts[position] = entryOf(parts, position) + 1
      room[position] = entryOf(room, position) - 1
    }
    deal(model, groups, table, shards, parts)
  }
}

/** The smallest size to which all groups can be filled up so that `amount` more shards fit. */
const fillLevel = (groups: ReadonlyArray<Group>, amount: number): number => {
  const fits = (level: number) => groups.reduce((sum, group) => sum + Math.max(0, level - group.size), 0) >= amount
  let low = 0
  let high = Math.max(...groups.map((group) => group.size)) + amount
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (fits(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** The group whose members are furthest below their shares of the table, then of everything; with room first. */
const leastServed = (
  model: Model,
  groups: ReadonlyArray<Group>,
  table: number,
  room: ReadonlyArray<number>,
): number => {
  let best = -1
  let bestKey: readonly [number, number, number] = [0, 0, 0]
  groups.forEach((group, position) => {
    let ofTable = 0
    let overall = 0
    for (const node of group.members) {
      if (!hasRoom(model, node)) return
      ofTable += tableDeviation(model, table, node)
      overall += deviation(model, node)
    }
    const key = [entryOf(room, position) > 0 ? 0 : 1, ofTable, overall] as const
    if (best >= 0) {
      const difference = key[0] - bestKey[0]
      if (difference > 0) return
      if (difference === 0) {
        if (key[1] > bestKey[1] - epsilon && (key[1] > bestKey[1] + epsilon || key[2] > bestKey[2] - epsilon)) return
      }
    }
    best = position
    bestKey = key
  })
  return best
}

/** Neighbouring shards go to different groups: each group in turn takes one while it has any left to take. */
const deal = (
  model: Model,
  groups: ReadonlyArray<Group>,
  table: number,
  shards: ReadonlyArray<number>,
  parts: ReadonlyArray<number>,
): void => {
  const state = item(model.tables, table)
  const left = [...parts]
  let open = [...groups.keys()].filter((position) => entryOf(left, position) > 0)
  let next = 0
  while (open.length > 0 && next < shards.length) {
    for (const position of open) {
      const group = item(groups, position)
      const shard = entryOf(shards, next++)
      group.shardTables.push(table)
      group.shardNumbers.push(shard)
      state.groupOf[shard] = group.index + 1
      left[position] = entryOf(left, position) - 1
    }
    open = open.filter((position) => entryOf(left, position) > 0)
  }
  for (; next < shards.length; next++) {
    giveUp(model, table, entryOf(shards, next), "every group that may take it has a member without capacity")
  }
}
