/**
 * Plans whatever is left to do: groups that are not what their records say, tables that are not what their groups say,
 * and what the placement asks for. Every change of a layout but creation and drop is planned here: a wish changes the
 * records that it is about, and the rest follows.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import type { Group, OperationKind, Table } from "../State.ts"
import { splitSides } from "../SplitBrain.ts"
import type { View } from "../View.ts"
import { explainGroups, type Reasons } from "./explain.ts"
import { convergeSteps, isStuck } from "./membership.ts"
import { type Plan, type Presence, StepList } from "./Plan.ts"
import { replaceOrigins } from "./origin.ts"
import { groupOf, isBeginning, servingMembers, union } from "./records.ts"
import { retarget, type Scope } from "./retarget.ts"
import { settleMembers } from "./settle.ts"
import { sameLists, targetMirrors } from "./wrappers.ts"

/** What a change of layout is about. */
export interface Change {
  readonly kind: OperationKind
  readonly table: string | null
  /** How the reason begins; what changes is added to it. */
  readonly reason: string
  /** What may follow the placement; null: nothing, only what records say already. */
  readonly scope: Scope | null
  /** Groups that the wish itself changes. */
  readonly groups: ReadonlyMap<string, Group>
  readonly reasons: Reasons
}

/** Plans whatever the records and the placement ask for; undefined if nothing is to do or can be done now. */
export const planConverge = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  options: {
    readonly rebalance: boolean
    /** False: only what tables ask for and what was lost, nothing for balance; by default true. */
    readonly balance?: boolean
    readonly requested: boolean
    /** Only groups that carry one of these tables change; null or absent: all. */
    readonly tables?: ReadonlySet<string> | null
  },
): Plan | undefined =>
  planChange(view, presence, config, operation, {
    kind: "rebalance",
    table: null,
    reason: options.requested ? "requested" : "",
    scope: options.rebalance ? { tables: options.tables ?? null, balance: options.balance ?? true } : null,
    groups: new Map(),
    reasons: new Map(),
  })

/** True if a group's records ask for steps that can be done now. */
const needsWork = (group: Group, presence: Presence): boolean => {
  const canLeave = presence.away.size === 0
  if (group.status === "dissolved") return union(group.leaving, group.exiled).some((node) => !presence.away.has(node))
  if (isStuck(group, presence)) return false
  const joining = servingMembers(group).some((node) => !group.inSync.includes(node) && !presence.away.has(node))
  return joining || (group.leaving.length > 0 && canLeave) || (group.status === "temporary" && canLeave)
}

/** True if a change may touch the group. */
const isConcerned = (change: Change, group: Group): boolean => {
  const tables = change.scope?.tables ?? null
  if (tables === null) return change.groups.size === 0 || change.groups.has(group.name)
  return group.shards.some(({ table }) => tables.has(table))
}

/** True if the drop of a table waits for a group that ends: its shards go when they have left the group. */
const isWaitedFor = (view: View, group: Group, table: string): boolean =>
  group.status === "dissolved" && view.tables.get(table)?.record.status === "dropping"

/** True for a group that ended with a table whose drop was stopped before any wrapper went: what clients read stays. */
const isStillShown = (view: View, group: Group): boolean =>
  group.status === "dissolved" &&
  group.shards.some(({ table }) => {
    const record = view.tables.get(table)?.record
    return record?.status === "dropping" && record.wrapper.mirrors !== null
  })

/** Plans a change and whatever is left to do of what it is about; undefined if nothing is to do or can be done now. */
export const planChange = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  change: Change,
): Plan | undefined => {
  const groups = new Map<string, Group>()
  const changes = new Map<string, Group>(change.groups)
  for (const [name, { record }] of view.groups) {
    const isOne = splitSides(view, record, presence.away).length === 0
    const settles = record.operation === null && isOne && isConcerned(change, record) && !changes.has(name)
    const settled = settles ? settleMembers(record, presence, view) : record
    groups.set(name, settled)
    if (settled !== record) changes.set(name, settled)
  }
  if (change.scope?.tables === null || change.scope === null) {
    for (const [name, group] of replaceOrigins(view, presence, operation, groups)) {
      changes.set(name, group)
      groups.set(name, group)
    }
  }
  for (const [name, group] of change.groups) groups.set(name, group)
  const reasons = new Map(change.reasons)
  if (change.scope !== null) {
    const retargeted = retarget(view, presence, config, operation, groups, change.scope)
    for (const [name, group] of retargeted.changes) changes.set(name, group)
    for (const [key, reason] of retargeted.reasons) reasons.set(key, reason)
  }
  for (const [name, group] of changes) groups.set(name, group)
  const held = new Set(
    [...view.tables.values()].filter(({ record }) => record.operation !== null).map(({ record }) => record.name),
  )
  const free = [...groups.values()].filter(
    (group) =>
      group.operation === null &&
      (change.groups.has(group.name) || splitSides(view, group, presence.away).length === 0) &&
      (changes.has(group.name) || isConcerned(change, group)) &&
      needsWork(group, presence) &&
      !isStillShown(view, group) &&
      !group.shards.some((shard) => held.has(shard.table) && !isWaitedFor(view, group, shard.table)),
  )
  const list = new StepList()
  // What a group that has become two carries stays as it is shown.
  const split = [...groups.values()].filter((group) => splitSides(view, group, presence.away).length > 0)
  const working = new Set([...free, ...split].flatMap((group) => group.shards.map(({ table }) => table)))
  const stale = staleTables(view, presence, groups, working).filter(
    ({ name }) => change.scope === null || change.scope.tables === null || change.scope.tables.has(name),
  )
  convergeSteps(list, view, presence, groups, free, stale)
  const touched = new Map<string, Group>()
  for (const group of free) touched.set(group.name, { ...group, operation })
  // Records whose only change is that a node was given up are written too, but held by nobody.
  for (const [name, group] of changes) {
    if (!touched.has(name) && view.groups.has(name)) touched.set(name, group)
  }
  const base = { kind: change.kind, table: change.table }
  if (list.steps.length === 0) {
    // Nothing can be done now; members that were given up are written down all the same.
    const given = new Map([...changes].filter(([name]) => view.groups.has(name)))
    if (given.size === 0) return undefined
    const reason = `${given.size} groups gave up members`
    const explanation = explainGroups(view, given, reasons)
    return { ...base, reason, tables: new Map(), groups: given, steps: [], explanation }
  }
  const tables = new Map<string, Table>()
  for (const group of free) {
    for (const { table } of group.shards) {
      const record = view.tables.get(table)?.record
      if (record !== undefined && record.status === "ready") tables.set(table, { ...record, operation })
    }
  }
  for (const table of stale) tables.set(table.name, { ...table, operation })
  const ending = free.filter((group) => group.status === "dissolved").length
  const summary =
    free.length > 0
      ? `${free.length - ending} groups change, ${ending} end`
      : `the wrappers of ${stale.length} tables change`
  const restored = stale.map(({ name }) => ({
    group: null,
    from: null,
    to: null,
    replicas: 0,
    reason: `the layout or the wrappers of ${name} are not what its groups are`,
  }))
  return {
    ...base,
    reason: change.reason === "" ? summary : `${change.reason}: ${summary}`,
    tables,
    groups: touched,
    steps: list.steps,
    explanation: [...explainGroups(view, touched, reasons), ...restored],
  }
}

/** A shard that no wrapper can show now; see `isStuck`. */
const isStuckShard = (groups: ReadonlyMap<string, Group>, presence: Presence, physical: string): boolean =>
  [...groups.values()].some(
    (group) => isStuck(group, presence) && group.shards.some((shard) => shard.physical === physical),
  )

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
      if (table.layout.some(({ physical }) => isStuckShard(groups, presence, physical))) return false
      if (!sameLists(targetMirrors(table, view, groups, presence, new Set()), table.wrapper.mirrors)) return true
      return table.layout.some((placement) => {
        const group = groupOf(groups.values(), table.name, placement.shard)
        if (group === undefined || isBeginning(group)) return false
        const serving = servingMembers(group)
        const settled = serving.every((node) => group.inSync.includes(node))
        const carrier = group.status === "temporary" ? null : group.name
        return settled && (serving.join() !== placement.nodes.join() || carrier !== placement.group)
      })
    })
