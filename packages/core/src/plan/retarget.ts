/**
 * Which groups change so that the layout becomes what the placement asks for: moves, copies that are missing or too
 * many, single copies that become groups, groups that become single copies.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import { groupName } from "../Identifier.ts"
import { buddyLayout, type Placement, place } from "../Placement.ts"
import type { Group, ShardPlacement, Table } from "../State.ts"
import type { Stored, View } from "../View.ts"
import { reasonKey } from "./explain.ts"
import { groupNames, layoutInput, placementLimits, keepers, placementNodes } from "./placementInput.ts"
import type { Presence } from "./Plan.ts"
import { carriers, servingMembers, union, without } from "./records.ts"

/** What of the layout may change. */
export interface Scope {
  /** Tables whose groups may change; null: all. */
  readonly tables: ReadonlySet<string> | null
  /** False: only what tables ask for and what was lost, nothing for balance. */
  readonly balance: boolean
}

/** Changes of groups, and why copies come to nodes. */
export interface Retargeted {
  readonly changes: ReadonlyMap<string, Group>
  readonly reasons: ReadonlyMap<string, { readonly from: string | null; readonly reason: string }>
}

/** What the parts of a change of layout share. */
interface Work {
  readonly view: View
  readonly presence: Presence
  readonly operation: string
  /** All groups as they are to be so far. */
  readonly groups: ReadonlyMap<string, Group>
  readonly scope: Scope
  readonly target: Placement
  readonly changes: Map<string, Group>
  readonly reasons: Map<string, { readonly from: string | null; readonly reason: string }>
}

/** Group records that bring the layout to what the placement asks for. `groups` are the records as settled so far. */
export const retarget = (
  records: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  groups: ReadonlyMap<string, Group>,
  scope: Scope,
): Retargeted => {
  const asSeen = scope.balance && presence.mutations?.has("d13-rf-as-seen") === true
  const view = asSeen ? rfAsSeen(records, groups) : records
  const settled = {
    ...view,
    groups: new Map(
      [...view.groups].map(([name, stored]) => [name, { ...stored, record: groups.get(name) ?? stored.record }]),
    ),
  }
  const placed = place({
    nodes: placementNodes(view, presence.lost, keepers(presence)),
    ...layoutInput(settled),
    ...placementLimits(config),
    // What cannot move now must not be counted on: half of an exchange leaves the layout less even than it was.
    heldGroups: [...groups.values()].flatMap((group) =>
      isHeld(view, group) || !inScope(scope, tablesOf(group)) || isClearing(group, presence) ? [group.name] : [],
    ),
    heldTables: [...view.tables.values()].flatMap(({ record: { name, operation } }) =>
      operation !== null || !inScope(scope, [name]) ? [name] : [],
    ),
    rebalance: scope.balance,
    nameGroup: groupNames(view, presence, operation),
  })
  const anew = scope.balance && presence.mutations?.has("d01-layout-made-anew") === true
  const target = anew ? madeAnew(view, presence, placed) : placed
  const work: Work = {
    view,
    presence,
    operation,
    groups,
    scope,
    target,
    changes: new Map(),
    reasons: new Map(target.moves.map(({ from, group, reason, to }) => [reasonKey(group ?? "", to), { from, reason }])),
  }
  formGroups(work)
  changeGroups(work)
  endGroups(work)
  moveSingles(work)
  return work
}

/** A mutant: see `Mutation`. */
const rfAsSeen = (view: View, groups: ReadonlyMap<string, Group>): View => {
  const carrier = carriers(groups.values())
  const copies = ({ nodes, physical }: ShardPlacement) => {
    const group = carrier.get(physical)
    return group === undefined ? nodes.length : servingMembers(group).length
  }
  const seen = ({ layout, rf }: Table) => (layout.length === 0 ? rf : Math.max(1, ...layout.map(copies)))
  const tables = [...view.tables].map(([name, stored]): [string, Stored<Table>] => [
    name,
    { ...stored, record: { ...stored.record, rf: seen(stored.record) } },
  ])
  return { ...view, tables: new Map(tables) }
}

/** A mutant: see `Mutation`. */
const madeAnew = (view: View, presence: Presence, placed: Placement): Placement => {
  const nodes = placementNodes(view, presence.lost).flatMap(({ name, state }) => (state === "active" ? [name] : []))
  return {
    ...placed,
    groups: placed.groups.map((group, index) => ({
      ...group,
      nodes: (group.fresh ? null : buddyLayout(nodes, placed.groups.length, group.rf)?.[index]) ?? group.nodes,
    })),
  }
}

const inScope = (scope: Scope, tables: Iterable<string>): boolean => {
  if (scope.tables === null) return true
  for (const table of tables) if (!scope.tables.has(table)) return false
  return true
}

const tablesOf = (group: Group): ReadonlySet<string> => new Set(group.shards.map(({ table }) => table))

/** True while an operation works on the group, or on a table that it carries. */
const isHeld = (view: View, group: Group): boolean =>
  group.operation !== null || group.shards.some(({ table }) => view.tables.get(table)?.record.operation !== null)

/** True while a node that placement counts on has to leave the group before it can come in again. */
const isClearing = ({ exiled, leaving }: Group, { lost }: Presence): boolean =>
  [...exiled, ...leaving].some((node) => !lost.has(node))

const placementOf = (view: View, table: string, shard: number): ShardPlacement | undefined =>
  view.tables.get(table)?.record.layout.find((item) => item.shard === shard)

/** Single copies whose table asks for more: the one that holds them begins a group, and others join it. */
const formGroups = (work: Work): void => {
  const { changes, groups, presence, reasons, target, view } = work
  const carrier = carriers(groups.values())
  for (const { fresh, name, nodes, rf, shards } of target.groups) {
    if (!fresh || !inScope(work.scope, new Set(shards.map(({ table }) => table)))) continue
    const carried = shards.map(({ shard, table }) => ({ table, placement: placementOf(view, table, shard) }))
    const holder = carried[0]?.placement?.nodes[0]
    if (holder === undefined || presence.away.has(holder)) continue
    if (carried.some(({ table }) => view.tables.get(table)?.record.operation !== null)) continue
    // A copy that is on its way through a temporary group arrives first: it cannot be in two groups.
    if (carried.some(({ placement }) => placement !== undefined && carrier.has(placement.physical))) continue
    for (const to of without(nodes, [holder])) {
      reasons.set(reasonKey(name, to), { from: null, reason: `${rf} copies are asked for, there is one` })
    }
    changes.set(name, {
      name,
      rf,
      status: "live",
      members: union(nodes, [holder]),
      inSync: [],
      exiled: [],
      leaving: without([holder], nodes),
      lastPrimary: [],
      shards: carried.flatMap(({ placement, table }) =>
        placement === undefined ? [] : [{ table, shard: placement.shard, physical: placement.physical }],
      ),
      origin: { node: holder, group: null },
      epoch: 0,
      operation: null,
    })
  }
}

/** Groups that exist get the members that the placement gives them. */
const changeGroups = (work: Work): void => {
  const { changes, groups, presence, reasons, target, view } = work
  const someAway = presence.away.size > 0
  for (const wanted of target.groups) {
    const group = groups.get(wanted.name)
    if (group === undefined || group.status !== "live" || isHeld(view, group)) continue
    if (!inScope(work.scope, tablesOf(group))) continue
    const rf = Math.max(1, ...[...tablesOf(group)].map((table) => view.tables.get(table)?.record.rf ?? 1))
    if (rf === 1) continue
    const serving = servingMembers(group)
    const missing = without(wanted.nodes, serving)
    const isOne = presence.mutations?.has("d12-one-replacement") === true && group.exiled.length > 1
    const added = isOne ? missing.slice(0, Math.max(0, missing.length + 1 - group.exiled.length)) : missing
    const removed = without(serving, wanted.nodes)
    if (added.length === 0 && removed.length === 0 && rf === group.rf) continue
    // Voluntary moves wait until everybody is there; lost replicas are made anew all the same.
    if (someAway && serving.length >= rf && rf === group.rf) continue
    if (added.some((node) => group.exiled.includes(node) || group.leaving.includes(node))) continue
    for (const node of added) {
      const key = reasonKey(group.name, node)
      if (rf > group.rf && reasons.get(key)?.from === null) {
        reasons.set(key, {
          from: null,
          reason: `${rf} copies are asked for, there ${serving.length === 1 ? "is one" : `are ${serving.length}`}`,
        })
      }
    }
    changes.set(group.name, {
      ...group,
      rf,
      members: union(group.members, added),
      leaving: someAway ? group.leaving : union(group.leaving, removed),
      epoch: group.epoch + 1,
    })
  }
}

/**
 * Groups all of whose tables ask for a single copy end: one member in sync keeps its copies, the others leave. Those
 * that keep are chosen so that each has about as many.
 */
const endGroups = (work: Work): void => {
  const { changes, groups, presence, view } = work
  if (presence.away.size > 0) return
  const kept = new Map<string, number>()
  const ending = [...groups.values()]
    .filter((group) => {
      const isFree = group.status === "live" && !isHeld(view, group) && group.origin === undefined
      const single = [...tablesOf(group)].every((table) => view.tables.get(table)?.record.rf === 1)
      return isFree && group.shards.length > 0 && single && inScope(work.scope, tablesOf(group))
    })
    .toSorted((left, right) => right.shards.length - left.shards.length || (left.name < right.name ? -1 : 1))
  for (const group of ending) {
    const active = (node: string) => view.registry?.record.nodes[node]?.state === "active"
    const candidates = group.inSync.filter((node) => group.members.includes(node) && !group.leaving.includes(node))
    const [keeper] = candidates.toSorted(
      (left, right) =>
        Number(active(right)) - Number(active(left)) ||
        (kept.get(left) ?? 0) - (kept.get(right) ?? 0) ||
        (left < right ? -1 : 1),
    )
    if (keeper === undefined) continue
    kept.set(keeper, (kept.get(keeper) ?? 0) + group.shards.length)
    changes.set(group.name, {
      ...group,
      rf: 1,
      status: "temporary",
      leaving: union(group.leaving, without(group.members, [keeper])),
      epoch: group.epoch + 1,
    })
  }
}

/** Single copies move through a temporary group of the node that has them and the one that gets them. */
const moveSingles = (work: Work): void => {
  const { changes, groups, operation, presence, reasons, target, view } = work
  // A move of a single copy ends with an EXIT, which waits for every registered node.
  if (presence.away.size > 0) return
  const carrier = carriers([...groups.values(), ...changes.values()])
  let temporary = 0
  for (const { group, kind, reason, shard, table: name, to } of target.moves) {
    const table = view.tables.get(name)?.record
    const placement = placementOf(view, name, shard)
    const [from] = placement?.nodes ?? []
    if (group !== null || table === undefined || placement === undefined || from === undefined || from === to) continue
    if (table.rf !== 1 || table.operation !== null || carrier.has(placement.physical)) continue
    if (!inScope(work.scope, [name]) || (!work.scope.balance && kind === "balance")) continue
    const temporaryName = groupName(`${operation}_m`, temporary++)
    reasons.set(reasonKey(temporaryName, to), { from, reason })
    changes.set(temporaryName, {
      name: temporaryName,
      rf: 1,
      status: "temporary",
      members: union([from, to]),
      inSync: [],
      exiled: [],
      leaving: [from],
      lastPrimary: [],
      shards: [{ table: name, shard, physical: placement.physical }],
      epoch: 0,
      operation: null,
    })
  }
}
