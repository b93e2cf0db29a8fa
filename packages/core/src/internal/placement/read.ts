/**
 * Reads the input of a placement into its model: everything that exists is where it is, nothing else is placed yet.
 */
import type { PlacementInput, PlacementRow } from "../../Placement.ts"
import {
  aim,
  enlarge,
  giveUp,
  type Group,
  item,
  join,
  type Model,
  type RfClass,
  stack,
  type TableState,
} from "./model.ts"
import { at, byName, entryOf, epsilon, int, sharesOf, type Topology, topologyOf } from "./topology.ts"

/** Reads the input into a model: everything that exists is where it is, nothing else is placed yet. */
export const modelOf = (input: PlacementInput, groupsPerNode: number, groupBudget: number, anew: boolean): Model => {
  const topology = topologyOf(input.nodes)
  const rows = input.layout ?? []
  const { tables, classes, rfOfGroup } = tablesOf(input, topology, rows)
  const perNode = <A>(make: () => A): ReadonlyArray<A> => Array.from({ length: topology.size }, make)
  const numbers = () => new Float64Array(topology.size)
  const budget = Math.max(1, input.groupBudget ?? groupBudget)
  const perGroup = Math.max(1, Math.min(input.groupsPerNode ?? groupsPerNode, budget))
  const wanted = groupCounts(classes, perGroup)
  const drafts = draftGroups(input, topology, tables, rfOfGroup, (classIndex, shards) => {
    const usual = item(classes, classIndex).shards / Math.max(1, entryOf(wanted, classIndex))
    return Math.max(1, Math.ceil(usual), Math.ceil(shards / perGroup))
  })
  const memberships = drafts.reduce((sum, draft) => sum + Math.min(draft.rf, draft.home.length), 0)
  const model: Model = {
    topology,
    groupsPerNode: perGroup,
    groupsWanted: wanted,
    groupBudget: memberships > budget * topology.size ? Number.POSITIVE_INFINITY : budget,
    tables,
    classes,
    groups: [],
    groupsAt: perNode(() => []),
    load: numbers(),
    bytes: numbers(),
    classLoad: classes.map(numbers),
    tableLoad: tables.map(numbers),
    piles: tables.map((table) => (table.rf === 1 ? perNode(() => []) : [])),
    freshOnPile: tables.map((table) => new Int32Array(table.rf === 1 ? topology.size : 0)),
    stranded: [],
    failures: [],
    target: numbers(),
    empty: new Int32Array(topology.size),
    anew,
    replaceLostForGood: input.whenNoCopyIsLeft === "replace",
    nextGroupName: namer(input, rows),
  }
  for (const draft of drafts) adoptGroup(model, draft)
  tables.forEach((table, index) => {
    if (table.rf === 1) adoptSingles(model, table, index)
  })
  for (let node = 0; node < topology.size; node++) model.empty[node] = at(model.load, node) === 0 ? 1 : 0
  aim(model)
  return model
}

/**
 * How many groups the shards of each class should be in: as even as possible on the nodes, and then rather many (a
 * finer grain), with at most `groupsPerNode` groups of all classes together on a node.
 *
 * The classes share that limit evenly, except that none gets more than it can use with one shard per group.
 */
const groupCounts = (classes: ReadonlyArray<RfClass>, groupsPerNode: number): ReadonlyArray<number> => {
  const grouped = classes.filter((rfClass) => rfClass.rf > 1 && rfClass.shards > 0)
  const largestShare = (rfClass: RfClass) => Math.max(epsilon, ...rfClass.share)
  const useful = (rfClass: RfClass) => rfClass.shards * largestShare(rfClass)
  let rest = groupsPerNode
  const counts = new Map<number, number>()
  grouped
    .toSorted((left, right) => useful(left) - useful(right) || left.rf - right.rf)
    .forEach((rfClass, position, sorted) => {
      const allotted = Math.min(useful(rfClass), rest / (sorted.length - position))
      rest -= allotted
      counts.set(rfClass.rf, evenCount(rfClass, Math.floor(allotted / largestShare(rfClass) + epsilon)))
    })
  return classes.map((rfClass) => counts.get(rfClass.rf) ?? 0)
}

/** The number of groups in (most / 2 … most) that gives the least difference between nodes. */
const evenCount = (rfClass: RfClass, most: number): number => {
  const limit = Math.max(1, Math.min(most, rfClass.shards))
  let best = limit
  let bestSpread = Number.POSITIVE_INFINITY
  for (let count = limit; count >= Math.max(1, Math.ceil(limit / 2)); count--) {
    const even = rfClass.share.every((share) => Math.abs(share * count - Math.round(share * count)) < epsilon)
    const equal = rfClass.shards % count === 0
    // Groups of unequal size cost a little, an uneven number of groups per node costs a whole group.
    const spread = (even ? 0 : Math.ceil(rfClass.shards / count)) + (equal ? 0 : 1)
    if (spread < bestSpread) {
      best = count
      bestSpread = spread
    }
  }
  return best
}

const namer = (input: PlacementInput, rows: ReadonlyArray<PlacementRow>): (() => string) => {
  const nameOf = input.nameGroup ?? ((index: number) => `g${index + 1}`)
  let used: Set<string> | undefined
  let next = 0
  return () => {
    used ??= new Set(rows.map((row) => row.group ?? ""))
    // Each name in use is skipped at most once.
    for (let attempt = 0; attempt <= rows.length; attempt++) {
      const name = nameOf(next++)
      if (used.has(name)) continue
      used.add(name)
      return name
    }
    throw new Error("placement: nameGroup gives only names that are in use")
  }
}

const tablesOf = (
  input: PlacementInput,
  topology: Topology,
  rows: ReadonlyArray<PlacementRow>,
): {
  readonly tables: ReadonlyArray<TableState>
  readonly classes: ReadonlyArray<RfClass>
  readonly rfOfGroup: ReadonlyMap<string, number>
} => {
  const listed = input.tables.toSorted((left, right) => byName(left.name, right.name))
  const index = new Map(listed.map((table, position) => [table.name, position]))
  const rowsOf = listed.map((table) => new Array<PlacementRow | undefined>(table.shards).fill(undefined))
  const rfOfGroup = new Map<string, number>()
  for (const row of rows) {
    const position = index.get(row.table)
    if (position === undefined) continue
    const table = item(listed, position)
    if (row.shard < 0 || row.shard >= table.shards) continue
    item(rowsOf, position)[row.shard] = row
    if (row.group !== null && table.rf > (rfOfGroup.get(row.group) ?? 0)) rfOfGroup.set(row.group, table.rf)
  }
  const rfs = [...new Set(listed.map((table) => Math.max(1, table.rf)))].sort((left, right) => left - right)
  const classes = rfs.map((rf): RfClass => ({ rf, share: sharesOf(topology, rf), shards: 0 }))
  const tables = listed.map((table, position): TableState => ({
    name: table.name,
    shards: table.shards,
    rf: Math.max(1, table.rf),
    classIndex: rfs.indexOf(Math.max(1, table.rf)),
    pinned: table.placement === "buddy",
    held: input.heldTables?.includes(table.name) === true,
    bytes: Float64Array.from(item(rowsOf, position), (row) => row?.bytes ?? 0),
    rows: item(rowsOf, position),
    groupOf: new Int32Array(table.shards),
    placed: table.shards,
  }))
  for (const table of tables) item(classes, table.classIndex).shards += table.placed
  return { tables, classes, rfOfGroup }
}

/** What the rows say about one group, before it is in the model. */
interface Draft {
  readonly name: string
  readonly fresh: boolean
  rf: number
  classIndex: number
  listed: ReadonlyArray<string>
  home: ReadonlyArray<number>
  leaving: ReadonlyArray<string>
  copyLeft: boolean
  waiting: boolean
  attachable: boolean
  held: boolean
  readonly shardTables: Array<number>
  readonly shardNumbers: Array<number>
  /** Node lists of the rows; one entry where all are equal. */
  readonly lists: Array<ReadonlyArray<string>>
}

const sameList = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): boolean =>
  left === right || (left.length === right.length && left.every((name, index) => name === right[index]))

/**
 * Collects the rows of RF ≥ 2 into groups. A group that tables of several RFs share has the highest of them.
 *
 * Rows without a group's name that have equal nodes (shards whose RF was raised from 1) make new groups. `sizeOf` says how
 * many of a number of such shards go into one group.
 */
const draftGroups = (
  input: PlacementInput,
  topology: Topology,
  tables: ReadonlyArray<TableState>,
  rfOfGroup: ReadonlyMap<string, number>,
  sizeOf: (classIndex: number, shards: number) => number,
): ReadonlyArray<Draft> => {
  const named = new Map<string, Draft>()
  const unnamed = new Map<string, Draft>()
  const nodesKey = (row: PlacementRow, rf: number) => JSON.stringify([rf, ...row.nodes.toSorted(byName)])
  const ungrouped = new Map<string, number>()
  for (const { rf, rows } of tables) {
    for (const row of rows) {
      if (row === undefined || row.group !== null || rf < 2) continue
      const nodes = nodesKey(row, rf)
      ungrouped.set(nodes, (ungrouped.get(nodes) ?? 0) + 1)
    }
  }
  const seen = new Map<string, number>()
  tables.forEach((table, tableIndex) => {
    for (const [shard, row] of table.rows.entries()) {
      if (row === undefined) continue
      if (table.rf < 2 && (row.group === null || (rfOfGroup.get(row.group) ?? 1) < 2)) continue
      const drafts = row.group === null ? unnamed : named
      let key = row.group ?? ""
      if (row.group === null) {
        const nodes = nodesKey(row, table.rf)
        const before = seen.get(nodes) ?? 0
        seen.set(nodes, before + 1)
        key = `${nodes}/${Math.floor(before / sizeOf(table.classIndex, ungrouped.get(nodes) ?? 1))}`
      }
      let draft = drafts.get(key)
      if (draft === undefined) {
        draft = {
          name: key,
          fresh: row.group === null,
          rf: table.rf,
          classIndex: table.classIndex,
          listed: [],
          home: [],
          leaving: [],
          copyLeft: true,
          waiting: false,
          attachable: true,
          held: false,
          shardTables: [],
          shardNumbers: [],
          lists: [row.nodes],
        }
        drafts.set(key, draft)
      }
      if (table.rf > draft.rf) {
        draft.rf = table.rf
        draft.classIndex = table.classIndex
      }
      draft.shardTables.push(tableIndex)
      draft.shardNumbers.push(shard)
      if (!sameList(row.nodes, item(draft.lists, 0))) draft.lists.push(row.nodes)
    }
  })
  const closed = new Set(input.closedGroups ?? [])
  const order = (drafts: Map<string, Draft>) =>
    [...drafts.values()].sort((left, right) => byName(left.name, right.name))
  const all = [...order(named), ...order(unnamed)]
  for (const draft of all) classify(draft, topology, input, closed)
  return all
}

/** Sorts the holders of a group into those that stay and those that go. */
const classify = (draft: Draft, topology: Topology, input: PlacementInput, closed: ReadonlySet<string>): void => {
  draft.listed = [...new Set(draft.lists.flat())].sort(byName)
  const home: Array<number> = []
  const away: Array<string> = []
  const draining: Array<string> = []
  for (const name of draft.listed) {
    const node = topology.index.get(name)
    if (node !== undefined) home.push(node)
    else if (topology.draining.has(name)) draining.push(name)
    else away.push(name)
  }
  draft.home = home
  draft.leaving = [...away, ...draining]
  draft.copyLeft = home.length + draining.length > 0
  draft.waiting = !draft.copyLeft && away.length > 0 && input.whenNoCopyIsLeft !== "replace"
  draft.attachable = !closed.has(draft.name) && !draft.waiting
  draft.held = input.heldGroups?.includes(draft.name) === true
}

const adoptGroup = (model: Model, draft: Draft): void => {
  const group: Group = {
    index: model.groups.length,
    name: draft.fresh ? model.nextGroupName() : draft.name,
    rf: draft.rf,
    classIndex: draft.classIndex,
    fresh: draft.fresh,
    listed: draft.listed,
    home: draft.home,
    members: [],
    leaving: draft.leaving,
    copyLeft: draft.copyLeft,
    waiting: draft.waiting,
    attachable: draft.attachable,
    pinned: draft.held || draft.shardTables.some((table) => item(model.tables, table).pinned),
    bytes: draft.shardTables.reduce(
      (sum, table, entry) => sum + at(item(model.tables, table).bytes, entryOf(draft.shardNumbers, entry)),
      0,
    ),
    tables: [],
    counts: [],
    size: 0,
    shardTables: draft.shardTables,
    shardNumbers: draft.shardNumbers,
    reasons: new Map(),
  }
  model.groups.push(group)
  const counts = new Map<number, number>()
  for (let entry = 0; entry < group.shardTables.length; entry++) {
    const table = entryOf(group.shardTables, entry)
    item(model.tables, table).groupOf[entryOf(group.shardNumbers, entry)] = group.index + 1
    counts.set(table, (counts.get(table) ?? 0) + 1)
  }
  for (const [table, count] of counts) enlarge(model, group, table, count)
  if (!draft.waiting) {
    for (const node of draft.home) join(model, group, node)
    return
  }
  for (let entry = 0; entry < group.shardTables.length; entry++) {
    const reason = `every copy is on a node that is away: ${draft.listed.join(", ")}`
    giveUp(model, entryOf(group.shardTables, entry), entryOf(group.shardNumbers, entry), reason)
  }
}

/** Puts the shards of a table of RF 1 where they are; of several copies the one on the least loaded node stays. */
const adoptSingles = (model: Model, table: TableState, tableIndex: number): void => {
  const { topology } = model
  for (const [shard, row] of table.rows.entries()) {
    if (row === undefined || table.groupOf[shard] !== 0) continue
    let best = -1
    for (const name of row.nodes) {
      const node = topology.index.get(name) ?? -1
      if (node < 0 || node === best) continue
      if (best < 0 || compareHolders(model, node, best) < 0) best = node
    }
    const draining = row.nodes.some((name) => topology.draining.has(name))
    if (best >= 0) stack(model, tableIndex, best, shard, false)
    else if (draining || row.nodes.length === 0 || model.replaceLostForGood) {
      model.stranded.push({ table: tableIndex, shard })
    } else {
      giveUp(
        model,
        tableIndex,
        shard,
        `its only copy is on a node that is away: ${row.nodes.toSorted(byName).join(", ")}`,
      )
    }
  }
}

const compareHolders = (model: Model, left: number, right: number): number =>
  int(model.topology.closed, left) - int(model.topology.closed, right) ||
  at(model.load, left) - at(model.load, right) ||
  left - right
