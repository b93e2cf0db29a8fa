/**
 * Plans: which records change when an operation goes live, and which steps follow, in which order. Everything here is
 * a function of a view of the records and of who is away; nothing acts.
 *
 * There is one way to plan changes of groups: records say who shall be a member and who shall leave, and `convergeSteps`
 * derives the steps from that. An operation that was given up half-way needs no memory of its own: its records say
 * what is left to do, and the next plan does it.
 */
import type { EngineConfig } from "./EngineConfig.ts"
import { groupName, physicalShard, probeTable } from "./Identifier.ts"
import { place } from "./Placement.ts"
import type { Group, GroupShard, ObservedGroup, OperationKind, ShardPlacement, StepRow, Table } from "./State.ts"
import type { Step } from "./Step.ts"
import type { Stored, View } from "./View.ts"

/** A step of a plan; `dependsOn` are indices into the same plan. `node` null: the leader executes it. */
export interface PlannedStep {
  readonly node: string | null
  readonly step: Step
  readonly dependsOn: ReadonlyArray<number>
}

/** What a planner knows of nodes beside the records. */
export interface Presence {
  /** Registered nodes whose heartbeat stands still. */
  readonly away: ReadonlySet<string>
  /** Those of them that are given up: away for longer than the grace period. */
  readonly lost: ReadonlySet<string>
}

/** Records to change and steps to execute. */
export interface Plan {
  readonly kind: OperationKind
  readonly table: string | null
  readonly reason: string
  readonly tables: ReadonlyMap<string, Table>
  readonly groups: ReadonlyMap<string, Group>
  readonly steps: ReadonlyArray<PlannedStep>
}

/** Collects steps and hands out their indices. */
class StepList {
  readonly steps: Array<PlannedStep> = []

  add(node: string | null, step: Step, dependsOn: ReadonlyArray<number | undefined> = []): number {
    const known = dependsOn.filter((index) => index !== undefined)
    this.steps.push({ node, step, dependsOn: [...new Set(known)].toSorted((a, b) => a - b) })
    return this.steps.length - 1
  }
}

const without = (list: ReadonlyArray<string>, gone: Iterable<string>): ReadonlyArray<string> => {
  const set = new Set(gone)
  return list.filter((item) => !set.has(item))
}

const union = (...lists: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> =>
  [...new Set(lists.flat())].toSorted()

/** Registered nodes, sorted. */
export const registeredNodes = (view: View): ReadonlyArray<string> =>
  Object.keys(view.registry?.record.nodes ?? {}).toSorted()

/** Tables that a group's members hold, its probe table included. */
export const groupTables = (group: Group): ReadonlyArray<string> => [
  probeTable(group.name),
  ...group.shards.map((shard) => shard.physical),
]

/** Tables of a group that serve: those of a table that is being dropped are on their way out. */
export const servingTables = (view: View, group: Group): ReadonlyArray<string> => [
  probeTable(group.name),
  ...group.shards.flatMap((shard) => {
    const status = view.tables.get(shard.table)?.record.status
    return status === "ready" || status === "creating" ? [shard.physical] : []
  }),
]

/** Members that the wrappers may show once the group's records are carried out. */
const servingMembers = (group: Group): ReadonlyArray<string> => without(group.members, group.leaving)

const groupOf = (groups: ReadonlyMap<string, Group>, table: string, shard: number): Group | undefined => {
  for (const group of groups.values()) {
    if (group.status !== "dissolved" && group.shards.some((item) => item.table === table && item.shard === shard)) {
      return group
    }
  }
  return undefined
}

/**
 * What the wrappers of a table shall show when its groups have converged: the serving members. One that is away and not
 * in sync is not added, but one that is shown already stays until it is given up.
 */
export const targetMirrors = (
  table: Table,
  groups: ReadonlyMap<string, Group>,
  presence: Presence,
): ReadonlyArray<ReadonlyArray<string>> =>
  table.layout.map((placement) => {
    const group = groupOf(groups, table.name, placement.shard)
    if (group === undefined) return placement.nodes
    const shown = table.wrapper.mirrors?.[placement.shard] ?? []
    return servingMembers(group).filter(
      (node) => group.inSync.includes(node) || !presence.away.has(node) || shown.includes(node),
    )
  })

const sameLists = (
  a: ReadonlyArray<ReadonlyArray<string>> | null,
  b: ReadonlyArray<ReadonlyArray<string>> | null,
): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Publishes wrappers and swaps them on every node that is not away. Answers the indices of the swaps. */
const publishSteps = (
  list: StepList,
  view: View,
  presence: Presence,
  table: string,
  mirrors: ReadonlyArray<ReadonlyArray<string>> | null,
  dependsOn: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const publish = list.add(null, { _tag: "PublishWrapper", table, mirrors }, dependsOn)
  return registeredNodes(view)
    .filter((node) => !presence.away.has(node))
    .map((node) => list.add(node, { _tag: "SwapWrapper", table }, [publish]))
}

// ---------------------------------------------------------------- create

/** What a new table shall be. */
export interface TableWish {
  readonly table: string
  readonly structure: string
  readonly options: Readonly<Record<string, string>>
  readonly shards: number
  readonly rf: number
}

/** A group may take a new table only if nobody of it is away, exiled or leaving (safety rule 13). */
const isWhole = (group: Group, presence: Presence): boolean =>
  group.status === "live" &&
  group.operation === null &&
  group.exiled.length === 0 &&
  group.leaving.length === 0 &&
  group.members.length === group.inSync.length &&
  group.members.every((member) => !presence.away.has(member))

/** Plans a new table, or answers why it cannot be placed. */
export const planCreate = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  wish: TableWish,
): Plan | string => {
  const nodes = placementNodes(view, presence.away)
  const known = layoutInput(view)
  const closedGroups = [...view.groups.values()]
    .map(({ record }) => record)
    .filter((group) => !isWhole(group, presence))
  const placement = place({
    nodes,
    tables: [...known.tables, { name: wish.table, shards: wish.shards, rf: wish.rf }],
    layout: known.layout,
    // What is there stays where it is: only the new shards are placed.
    rebalance: false,
    closedGroups: closedGroups.map((group) => group.name),
    groupsPerNode: config.groupsPerNode,
    nameGroup: (index) => groupName(operation, index),
  })
  const problem = placement.unplaceable.find((item) => item.table === wish.table)
  if (problem !== undefined) return problem.reason
  const generation = (view.tables.get(wish.table)?.record.generation ?? 0) + 1
  const list = new StepList()
  const groups = new Map<string, Group>()
  const layout: Array<ShardPlacement> = []
  const byGroup = new Map<string, Array<ShardPlacement>>()
  const ready: Array<number> = []
  for (const item of placement.layout
    .filter((entry) => entry.table === wish.table)
    .toSorted((a, b) => a.shard - b.shard)) {
    const shard: ShardPlacement = {
      shard: item.shard,
      physical: physicalShard(wish.table, generation, item.shard),
      group: item.group,
      nodes: item.nodes.toSorted(),
    }
    layout.push(shard)
    if (shard.group === null) {
      const step = {
        _tag: "CreateShard",
        physical: shard.physical,
        structure: wish.structure,
        options: wish.options,
      } as const
      for (const node of shard.nodes) ready.push(list.add(node, step))
    } else {
      const items = byGroup.get(shard.group)
      if (items === undefined) byGroup.set(shard.group, [shard])
      else items.push(shard)
    }
  }
  for (const [name, shards] of byGroup) {
    const existing = view.groups.get(name)?.record
    const members = existing?.members ?? shards[0]?.nodes ?? []
    const carriedShards: ReadonlyArray<GroupShard> = shards.map(({ shard, physical }) => ({
      table: wish.table,
      shard,
      physical,
    }))
    groups.set(name, {
      ...(existing ?? {
        name,
        rf: wish.rf,
        status: "forming",
        members,
        inSync: [],
        exiled: [],
        leaving: [],
        lastPrimary: [],
        shards: [],
        epoch: 0,
      }),
      shards: [...(existing?.shards ?? []), ...carriedShards],
      operation,
    })
    ready.push(...formSteps(list, name, members, existing === undefined, shards, wish))
  }
  const table: Table = {
    name: wish.table,
    structure: wish.structure,
    options: wish.options,
    shards: wish.shards,
    rf: wish.rf,
    generation,
    status: "creating",
    layout,
    wrapper: { version: view.tables.get(wish.table)?.record.wrapper.version ?? 0, mirrors: null },
    operation,
  }
  const mirrors = layout.map((shard) => shard.nodes)
  const swaps = publishSteps(list, view, presence, wish.table, mirrors, ready)
  list.add(null, { _tag: "CommitLayout" }, swaps)
  return {
    kind: "create",
    table: wish.table,
    reason: `create ${wish.table}: ${wish.shards} shards, RF ${wish.rf}`,
    tables: new Map([[wish.table, table]]),
    groups,
    steps: list.steps,
  }
}

/** Forms a group (if it is new), makes its shards on the first member, attaches them, and verifies the others. */
const formSteps = (
  list: StepList,
  group: string,
  members: ReadonlyArray<string>,
  isNew: boolean,
  shards: ReadonlyArray<ShardPlacement>,
  wish: TableWish,
): ReadonlyArray<number> => {
  const [first, ...others] = members
  if (first === undefined) return []
  let last: number | undefined
  if (isNew) {
    last = list.add(first, { _tag: "CreateGroup", group })
    for (const member of others) last = list.add(member, { _tag: "JoinGroup", group }, [last])
  }
  const created = shards.map(({ physical }) =>
    list.add(first, { _tag: "CreateShard", physical, structure: wish.structure, options: wish.options }),
  )
  const tables = shards.map(({ physical }) => physical)
  const attach = list.add(first, { _tag: "AttachShard", group, tables }, [last, ...created])
  const verified = others.map((member) => list.add(member, { _tag: "VerifyReplica", group }, [attach]))
  return verified.length === 0 ? [attach] : verified
}

// ---------------------------------------------------------------- drop

/** Plans the end of a table. What away nodes hold stays in the records of its groups, and is tidied when they return. */
export const planDrop = (view: View, presence: Presence, operation: string, table: Table): Plan | string => {
  const list = new StepList()
  const groups = new Map<string, Group>()
  const swaps = publishSteps(list, view, presence, table.name, null, [])
  const confirmed = list.add(null, { _tag: "ConfirmWrappers", tables: [table.name], all: false }, swaps)
  const ends: Array<number> = [confirmed]
  for (const stored of view.groups.values()) {
    const group = stored.record
    const dropped = group.shards.filter((shard) => shard.table === table.name)
    if (group.status === "dissolved" || dropped.length === 0) continue
    if (group.operation !== null && group.operation !== operation)
      return `group ${group.name} is held by ${group.operation}`
    if (dropped.length === group.shards.length) {
      const dissolved = dissolve(group, operation)
      groups.set(group.name, dissolved)
      ends.push(...tidySteps(list, dissolved, presence, confirmed))
    } else {
      if (!isWhole({ ...group, operation: null }, presence)) return `group ${group.name} has a member that is missing`
      const tables = dropped.map((shard) => shard.physical)
      const [first] = group.members
      const detach = list.add(first ?? null, { _tag: "DetachShard", group: group.name, tables }, [confirmed])
      // The record keeps the shards until every member has dropped them: it is what a later plan knows of them.
      groups.set(group.name, { ...group, operation })
      for (const node of group.members) ends.push(list.add(node, { _tag: "DropShard", group: null, tables }, [detach]))
    }
  }
  for (const shard of table.layout) {
    if (shard.group !== null) continue
    for (const node of shard.nodes) {
      if (presence.away.has(node)) return `node ${node}, which holds the only copy of shard ${shard.shard}, is away`
      ends.push(list.add(node, { _tag: "DropShard", group: null, tables: [shard.physical] }, [confirmed]))
    }
  }
  list.add(null, { _tag: "CommitLayout" }, ends)
  return {
    kind: "drop",
    table: table.name,
    reason: `drop ${table.name}`,
    tables: new Map([[table.name, { ...table, status: "dropping", operation }]]),
    groups,
    steps: list.steps,
  }
}

/** The record of a group that shall not exist any more. */
export const dissolve = (group: Group, operation: string | null): Group => ({
  ...group,
  status: "dissolved",
  members: [],
  inSync: [],
  leaving: union(group.members, group.leaving),
  operation,
  epoch: group.epoch + 1,
})

/** Members of a dissolved group leave one by one and drop what they held. */
const tidySteps = (
  list: StepList,
  group: Group,
  presence: Presence,
  after: number | undefined,
): ReadonlyArray<number> => {
  let last = after
  const drops: Array<number> = []
  for (const node of union(group.leaving, group.exiled)) {
    if (presence.away.has(node)) continue
    last = list.add(node, { _tag: "ExitGroup", group: group.name, redundancy: 0 }, [last])
    drops.push(list.add(node, { _tag: "DropShard", group: group.name, tables: groupTables(group) }, [last]))
  }
  return drops
}

// ---------------------------------------------------------------- converge

/** Nodes as the placement sees them. */
const placementNodes = (view: View, unusable: ReadonlySet<string>) =>
  Object.entries(view.registry?.record.nodes ?? {}).map(([name, node]) => ({
    name,
    ...(node.zone === null ? {} : { zone: node.zone }),
    weight: node.weight,
    state: unusable.has(name)
      ? ("away" as const)
      : node.state === "active"
        ? ("active" as const)
        : ("draining" as const),
  }))

/** The layout of all tables as the placement takes it. */
const layoutInput = (view: View) => {
  const tables: Array<{ name: string; shards: number; rf: number }> = []
  const layout: Array<{ table: string; shard: number; group: string | null; nodes: ReadonlyArray<string> }> = []
  for (const { record: table } of view.tables.values()) {
    if (table.status !== "ready") continue
    // A table is taken whole or not at all: a shard that is left out would look like one without any replica.
    if (!table.layout.every(({ group }) => group === null || view.groups.has(group))) continue
    tables.push({ name: table.name, shards: table.shards, rf: table.rf })
    for (const shard of table.layout) {
      const group = shard.group === null ? undefined : view.groups.get(shard.group)?.record
      const nodes = group === undefined ? shard.nodes : servingMembers(group)
      layout.push({ table: table.name, shard: shard.shard, group: shard.group, nodes })
    }
  }
  return { tables, layout }
}

/** The record of a group after nodes that are gone have been given up. */
const settleMembers = (group: Group, presence: Presence, view: View): Group => {
  // Who never got in sync holds nothing that counts: it is given up at once. Others have the grace period.
  const given = group.members.filter(
    (node) => presence.lost.has(node) || (presence.away.has(node) && !group.inSync.includes(node)),
  )
  // The last copies in sync are never given up.
  const gone = group.inSync.every((node) => given.includes(node)) ? [] : given
  const back = group.exiled.filter((node) => !presence.away.has(node))
  const fallenOut = fallenOutMembers(group, presence, view)
  if (gone.length === 0 && back.length === 0 && fallenOut.length === 0) return group
  const kept = without(group.members, gone)
  const leaving = without(group.leaving, gone)
  // Who returns is taken back while its place is empty, and leaves otherwise.
  const vacant = Math.max(0, group.rf - without(kept, leaving).length)
  const readmitted = group.status === "live" ? back.slice(0, vacant) : []
  const members = union(kept, readmitted)
  // Nobody leaves when nobody would be left: a move whose target died is called off.
  const calledOff = members.every((node) => leaving.includes(node))
  return {
    ...group,
    members,
    inSync: without(group.inSync, [...gone, ...fallenOut]),
    leaving: union(calledOff ? without(leaving, members) : leaving, without(back, readmitted)),
    exiled: union(without(group.exiled, back), gone),
    epoch: group.epoch + 1,
  }
}

/** Members whose daemons are there without the group: they must join again, while somebody else still has it. */
const fallenOutMembers = (group: Group, presence: Presence, view: View): ReadonlyArray<string> => {
  if (group.status !== "live") return []
  const shown = (node: string) => view.observations.get(node)?.record.groups[group.name]
  const here = group.inSync.filter((node) => !presence.away.has(node) && view.observations.has(node))
  return here.filter((node) => {
    const seen = shown(node)
    const out = seen === undefined || seen.nodeState === "destroyed" || seen.nodeState === "closed"
    // What a daemon shows while it starts means little: the others must have gone on without it.
    return out && here.some((other) => isServing(shown(other)) && shown(other)?.members.includes(node) === false)
  })
}

const isServing = (seen: ObservedGroup | undefined): boolean =>
  seen?.status === "primary" && seen.nodeState === "synced"

/** Group records that bring the layout to what the placement asks for. */
const rebalanced = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  groups: Map<string, Group>,
  changes: Map<string, Group>,
): void => {
  const settled = {
    ...view,
    groups: new Map(
      [...view.groups].map(([name, stored]) => [name, { ...stored, record: groups.get(name) ?? stored.record }]),
    ),
  }
  const known = layoutInput(settled)
  const someAway = presence.away.size > 0
  const target = place({
    nodes: placementNodes(view, presence.lost),
    ...known,
    groupsPerNode: config.groupsPerNode,
    nameGroup: (index) => groupName(operation, index),
  })
  const seen = new Set<string>()
  let temporary = 0
  for (const item of target.layout) {
    if (item.group === null) {
      const [to] = item.nodes
      const table = view.tables.get(item.table)?.record
      const placement = table?.layout.find((shard) => shard.shard === item.shard)
      const [from] = placement?.nodes ?? []
      // A move of a single copy ends with an EXIT, which waits for every registered node.
      if (someAway || to === undefined || from === undefined || placement === undefined || from === to) continue
      if (groupOf(groups, item.table, item.shard) !== undefined || table?.operation !== null) continue
      const name = groupName(`${operation}_m`, temporary++)
      changes.set(name, {
        name,
        rf: 1,
        status: "temporary",
        members: union([from, to]),
        inSync: [],
        exiled: [],
        leaving: [from],
        lastPrimary: [],
        shards: [{ table: item.table, shard: item.shard, physical: placement.physical }],
        epoch: 0,
        operation: null,
      })
      continue
    }
    if (seen.has(item.group)) continue
    seen.add(item.group)
    const group = groups.get(item.group)
    if (group === undefined || group.status !== "live" || group.operation !== null) continue
    const wanted = item.nodes.toSorted()
    const serving = servingMembers(group)
    const added = without(wanted, serving)
    const removed = without(serving, wanted)
    if (added.length === 0 && removed.length === 0) continue
    // Voluntary moves wait until everybody is there; lost replicas are made anew all the same.
    if (someAway && serving.length >= group.rf) continue
    if (added.some((node) => group.exiled.includes(node) || group.leaving.includes(node))) continue
    changes.set(group.name, {
      ...group,
      members: union(group.members, added),
      leaving: someAway ? group.leaving : union(group.leaving, removed),
      epoch: group.epoch + 1,
    })
  }
}

/** True if a group's records ask for steps that can be done now. */
const needsWork = (group: Group, presence: Presence): boolean => {
  const canLeave = presence.away.size === 0
  if (group.status === "dissolved") return union(group.leaving, group.exiled).some((node) => !presence.away.has(node))
  const joining = servingMembers(group).some((node) => !group.inSync.includes(node) && !presence.away.has(node))
  return joining || (group.leaving.length > 0 && canLeave) || (group.status === "temporary" && canLeave)
}

/** Plans whatever the records and the placement ask for; undefined if nothing is to do or can be done now. */
export const planConverge = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  options: { readonly rebalance: boolean; readonly requested: boolean },
): Plan | undefined => {
  const groups = new Map<string, Group>()
  const changes = new Map<string, Group>()
  for (const [name, { record }] of view.groups) {
    const settled = record.operation === null ? settleMembers(record, presence, view) : record
    groups.set(name, settled)
    if (settled !== record) changes.set(name, settled)
  }
  if (options.rebalance) rebalanced(view, presence, config, operation, groups, changes)
  for (const [name, group] of changes) groups.set(name, group)
  const working = [...groups.values()].filter((group) => group.operation === null && needsWork(group, presence))
  const held = new Set(
    [...view.tables.values()].filter(({ record }) => record.operation !== null).map(({ record }) => record.name),
  )
  const free = working.filter((group) => !group.shards.some((shard) => held.has(shard.table)))
  const list = new StepList()
  const stale = staleTables(
    view,
    presence,
    groups,
    new Set(free.flatMap((group) => group.shards.map(({ table }) => table))),
  )
  convergeSteps(list, view, presence, groups, free, stale)
  const touched = new Map<string, Group>()
  for (const group of free) touched.set(group.name, { ...group, operation })
  // Records whose only change is that a node was given up are written too, but held by nobody.
  for (const [name, group] of changes) {
    if (!touched.has(name) && view.groups.has(name)) touched.set(name, group)
  }
  if (list.steps.length === 0) {
    // Nothing can be done now; members that were given up are written down all the same.
    const given = new Map([...changes].filter(([name]) => view.groups.has(name)))
    if (given.size === 0) return undefined
    const reason = `${given.size} groups gave up members`
    return { kind: "rebalance", table: null, reason, tables: new Map(), groups: given, steps: [] }
  }
  const tables = new Map<string, Table>()
  for (const group of free) {
    for (const { table } of group.shards) {
      const record = view.tables.get(table)?.record
      if (record !== undefined && record.status === "ready") tables.set(table, { ...record, operation })
    }
  }
  for (const table of stale) tables.set(table.name, { ...table, operation })
  const moves = free.filter((group) => group.status !== "dissolved")
  return {
    kind: "rebalance",
    table: null,
    reason: `${options.requested ? "requested: " : ""}${moves.length} groups change, ${free.length - moves.length} end`,
    tables,
    groups: touched,
    steps: list.steps,
  }
}

/**
 * Tables whose groups changed without their layout or wrapper: an operation was given up between the two. Their
 * groups are at rest, so that nothing but the records and wrappers is left to do.
 */
const staleTables = (
  view: View,
  presence: Presence,
  groups: ReadonlyMap<string, Group>,
  working: ReadonlySet<string>,
): ReadonlyArray<Table> =>
  [...view.tables.values()]
    .map(({ record }) => record)
    .filter((table) => {
      if (table.status !== "ready" || table.operation !== null || working.has(table.name)) return false
      if (!sameLists(targetMirrors(table, groups, presence), table.wrapper.mirrors)) return true
      return table.layout.some((placement) => {
        const group = groupOf(groups, table.name, placement.shard)
        if (group === undefined) return false
        const serving = servingMembers(group)
        const settled = serving.every((node) => group.inSync.includes(node))
        return settled && serving.join() !== placement.nodes.join()
      })
    })

/** Steps that bring groups to what their records say. */
const convergeSteps = (
  list: StepList,
  view: View,
  presence: Presence,
  groups: ReadonlyMap<string, Group>,
  working: ReadonlyArray<Group>,
  stale: ReadonlyArray<Table>,
): void => {
  const verified = new Map<string, Array<number>>(stale.map((table) => [table.name, []]))
  const joinedLast = new Map<string, number | undefined>()
  const ends: Array<number> = []
  for (const group of working) {
    if (group.status === "dissolved") {
      ends.push(...tidySteps(list, group, presence, undefined))
      continue
    }
    const last = joinSteps(list, presence, group)
    joinedLast.set(group.name, last)
    for (const { table } of group.shards) {
      const indices = verified.get(table) ?? []
      if (last !== undefined) indices.push(last)
      verified.set(table, indices)
    }
  }
  const swapped = new Map<string, ReadonlyArray<number>>()
  for (const [name, dependsOn] of verified) {
    const table = view.tables.get(name)?.record
    if (table === undefined || table.status !== "ready") continue
    const mirrors = targetMirrors(table, groups, presence)
    if (sameLists(mirrors, table.wrapper.mirrors)) continue
    swapped.set(name, publishSteps(list, view, presence, name, mirrors, dependsOn))
  }
  for (const indices of swapped.values()) ends.push(...indices)
  for (const group of working) {
    if (group.status !== "dissolved")
      ends.push(...leaveSteps(list, presence, group, swapped, joinedLast.get(group.name)))
  }
  const ending = presence.away.size === 0 && working.some((group) => group.status === "temporary")
  if (list.steps.length === 0 && stale.length === 0 && !ending) return
  const commit = list.add(null, { _tag: "CommitLayout" }, [
    ...ends,
    ...[...joinedLast.values()].filter((index) => index !== undefined),
  ])
  for (const group of working) {
    if (group.status !== "temporary" || presence.away.size > 0) continue
    for (const node of servingMembers(group)) {
      if (presence.away.has(node)) continue
      const exit = list.add(node, { _tag: "ExitGroup", group: group.name, redundancy: 0 }, [commit])
      list.add(node, { _tag: "DropShard", group: group.name, tables: [probeTable(group.name)] }, [exit])
    }
  }
}

/** New members join one by one and are verified. Answers the last step, if there is any. */
const joinSteps = (list: StepList, presence: Presence, group: Group): number | undefined => {
  let last: number | undefined
  const joining = servingMembers(group).filter((node) => !group.inSync.includes(node) && !presence.away.has(node))
  const [source] = group.leaving
  if (group.status === "temporary" && source !== undefined && group.members.includes(source) && joining.length > 0) {
    // Both look before they act: an earlier operation may have come as far as one of them.
    const tables = group.shards.map((shard) => shard.physical)
    last = list.add(source, { _tag: "CreateGroup", group: group.name })
    last = list.add(source, { _tag: "AttachShard", group: group.name, tables }, [last])
  } else if (joining.length > 0 && group.exiled.length > 0) {
    const donor = group.inSync.find((node) => !presence.away.has(node))
    if (donor !== undefined) last = list.add(donor, { _tag: "RefreshPeers", group: group.name })
  }
  for (const node of joining) {
    last = list.add(node, { _tag: "JoinGroup", group: group.name }, [last])
    last = list.add(node, { _tag: "VerifyReplica", group: group.name }, [last])
  }
  return last
}

/** Who leaves goes only after every registered node has confirmed a wrapper without it. */
const leaveSteps = (
  list: StepList,
  presence: Presence,
  group: Group,
  swapped: ReadonlyMap<string, ReadonlyArray<number>>,
  joined: number | undefined,
): ReadonlyArray<number> => {
  if (presence.away.size > 0 || group.leaving.length === 0) return []
  const tables = [...new Set(group.shards.map((shard) => shard.table))]
  const swaps = tables.flatMap((table) => swapped.get(table) ?? [])
  const confirmed = list.add(null, { _tag: "ConfirmWrappers", tables, all: true }, [...swaps, joined])
  let last: number = confirmed
  const ends: Array<number> = []
  for (const node of group.leaving) {
    // A member that was given up counts as no copy: as many others must be in sync as the group has.
    const redundancy = Math.max(1, Math.min(group.rf, servingMembers(group).length))
    const exit = list.add(node, { _tag: "ExitGroup", group: group.name, redundancy }, [last])
    const compare = list.add(
      node,
      { _tag: "CompareCopy", group: group.name, tables: group.shards.map((shard) => shard.physical) },
      [exit],
    )
    ends.push(list.add(node, { _tag: "DropShard", group: group.name, tables: groupTables(group) }, [compare]))
    last = exit
  }
  return ends
}

// ---------------------------------------------------------------- promotion

/** Makes the members that are left the primary component of their group. `survivors` must be in sync. */
export const planPromotion = (operation: string, group: Group, survivors: ReadonlyArray<string>): Plan => {
  const [survivor] = survivors
  const list = new StepList()
  const promote = list.add(survivor ?? null, { _tag: "PromoteGroup", group: group.name })
  list.add(survivor ?? null, { _tag: "RefreshPeers", group: group.name }, [promote])
  return {
    kind: "repair",
    table: null,
    reason: `promote ${survivor} in ${group.name}: no primary for too long (${operation})`,
    tables: new Map(),
    groups: new Map([[group.name, { ...group, inSync: survivors, epoch: group.epoch + 1 }]]),
    steps: list.steps,
  }
}

/** Proves that members which are back in their group by themselves hold what the others hold. */
export const planVerification = (group: Group, returned: ReadonlyArray<string>): Plan => {
  const list = new StepList()
  for (const node of returned) {
    const verified = list.add(node, { _tag: "VerifyReplica", group: group.name })
    // The others do not learn of a return by themselves, and would not ask it after a restart (semantics 61).
    list.add(node, { _tag: "RefreshPeers", group: group.name }, [verified])
  }
  return {
    kind: "repair",
    table: null,
    reason: `verify ${returned.join(", ")} in ${group.name}: back in the group`,
    tables: new Map(),
    groups: new Map([[group.name, group]]),
    steps: list.steps,
  }
}

// ---------------------------------------------------------------- undo

/** The steps that take back what a step did. `wasNew` tells groups that the operation made from those that it used. */
const undoOf = (
  row: StepRow,
  wasNew: (group: string) => boolean,
  tablesOf: (group: string) => ReadonlyArray<string>,
): ReadonlyArray<Step> => {
  const step = row.step
  switch (step._tag) {
    case "CreateGroup":
    case "JoinGroup":
      return [
        { _tag: "ExitGroup", group: step.group, redundancy: 0 },
        { _tag: "DropShard", group: step.group, tables: tablesOf(step.group) },
      ]
    case "CreateShard":
      return [{ _tag: "DropShard", group: null, tables: [step.physical] }]
    case "AttachShard":
      return wasNew(step.group) ? [] : [{ _tag: "DetachShard", group: step.group, tables: step.tables }]
    case "PublishWrapper":
      return [{ _tag: "PublishWrapper", table: step.table, mirrors: null }]
    case "SwapWrapper":
      return [{ _tag: "SwapWrapper", table: step.table }]
    default:
      return []
  }
}

/** A planned undo step and the index of the step that it takes back. */
export interface PlannedUndo extends PlannedStep {
  readonly undoes: number
}

/**
 * Undo steps for everything of a creation that was begun, in reverse order of dependency; their indices follow those
 * of the operation. Steps of nodes that are away are left out: what those nodes hold stays in the records.
 */
export const planUndo = (
  rows: ReadonlyArray<Stored<StepRow>>,
  view: View,
  table: string,
  presence: Presence,
): ReadonlyArray<PlannedUndo> => {
  const firstIndex = rows.length
  const undo: Array<PlannedUndo> = []
  const indicesOf = new Map<number, Array<number>>()
  const newGroups = new Set(
    rows.flatMap(({ record }) => (record.step._tag === "CreateGroup" ? [record.step.group] : [])),
  )
  const tablesOf = (name: string): ReadonlyArray<string> => {
    const group = view.groups.get(name)?.record
    if (group === undefined) return []
    const ours = group.shards.filter((shard) => shard.table === table).map((shard) => shard.physical)
    return newGroups.has(name) ? [probeTable(name), ...ours] : ours
  }
  const begun = rows.filter(
    ({ record }) => record.undoes === null && record.status !== "pending" && record.status !== "cancelled",
  )
  const add = (
    row: Stored<StepRow>,
    step: Step,
    dependsOn: ReadonlyArray<number>,
    node: string | null = row.record.node,
  ): number => {
    undo.push({ node, step, dependsOn, undoes: row.record.index })
    return firstIndex + undo.length - 1
  }
  const isGone = (row: Stored<StepRow>) => row.record.node !== null && presence.away.has(row.record.node)
  // The wrapper goes first, from whoever shows it: nothing that it lists may be taken away before.
  for (const publish of begun.filter(({ record }) => record.step._tag === "PublishWrapper")) {
    const [step] = undoOf(publish.record, () => false, tablesOf)
    if (step === undefined) continue
    const published = add(publish, step, [])
    const swaps = begun.filter((row) => row.record.step._tag === "SwapWrapper" && !isGone(row))
    indicesOf.set(publish.record.index, [
      published,
      ...swaps.map((row) => add(row, { _tag: "SwapWrapper", table }, [published])),
    ])
  }
  const dependents = (index: number) =>
    begun
      .filter(({ record }) => record.dependsOn.includes(index))
      .flatMap(({ record }) => indicesOf.get(record.index) ?? [])
  for (const row of begun.toReversed()) {
    if (row.record.step._tag === "PublishWrapper" || row.record.step._tag === "SwapWrapper") continue
    const indices: Array<number> = []
    let after = dependents(row.record.index)
    for (const step of isGone(row) ? [] : undoOf(row.record, (group) => newGroups.has(group), tablesOf)) {
      after = [add(row, step, after)]
      indices.push(...after)
    }
    const step = row.record.step
    if (step._tag === "AttachShard" && !newGroups.has(step.group)) {
      // Detached tables stay on every member as local ones.
      const members = view.groups.get(step.group)?.record.members ?? []
      for (const member of members) {
        if (member === row.record.node || presence.away.has(member)) continue
        indices.push(add(row, { _tag: "DropShard", group: null, tables: step.tables }, after, member))
      }
    }
    indicesOf.set(row.record.index, indices.length === 0 ? after : indices)
  }
  return undo
}
