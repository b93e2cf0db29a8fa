/**
 * Plans a new table: its shards are placed, their groups are formed or joined, then its wrappers appear.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import { physicalShard } from "../Identifier.ts"
import { place } from "../Placement.ts"
import type { Group, GroupShard, PlacementPolicy, ShardPlacement, Table } from "../State.ts"
import type { View } from "../View.ts"
import { groupNames, layoutInput, placementLimits, keepers, placementNodes } from "./placementInput.ts"
import { type Explanation, type Plan, type Presence, StepList } from "./Plan.ts"
import { isWhole } from "./records.ts"
import { publishSteps } from "./wrappers.ts"

/** What a new table shall be. */
export interface TableWish {
  readonly table: string
  readonly structure: string
  readonly options: Readonly<Record<string, string>>
  readonly shards: number
  readonly rf: number
  readonly placement?: PlacementPolicy
}

/** Plans a new table, or answers why it cannot be placed. */
export const planCreate = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  wish: TableWish,
): Plan | string => {
  const nodes = placementNodes(view, presence.away, keepers(presence))
  const known = layoutInput(view)
  const closedGroups = [...view.groups.values()]
    .map(({ record }) => record)
    .filter((group) => !isWhole(group, presence))
  const isBound = presence.mutations?.has("d27-group-for-each-set") !== true
  const placement = place({
    nodes,
    tables: [
      ...known.tables,
      {
        name: wish.table,
        shards: wish.shards,
        rf: wish.rf,
        ...(wish.placement === undefined ? {} : { placement: wish.placement }),
      },
    ],
    layout: known.layout,
    // What is there stays where it is: only the new shards are placed.
    rebalance: false,
    closedGroups: closedGroups.map((group) => group.name),
    ...(isBound ? placementLimits(config) : { groupsPerNode: 1000, groupBudget: 1000 }),
    nameGroup: groupNames(view, presence, operation),
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
    ...(wish.placement === undefined ? {} : { placement: wish.placement }),
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
    explanation: explain(view, layout),
  }
}

/** Where the copies of a new table are made, group by group. */
const explain = (view: View, layout: ReadonlyArray<ShardPlacement>): ReadonlyArray<Explanation> => {
  const perNode = new Map<string, Explanation>()
  for (const { group, nodes } of layout) {
    for (const to of nodes) {
      const key = `${group ?? ""} ${to}`
      const before = perNode.get(key)
      const reason =
        group === null
          ? "shards of RF 1 need no group"
          : view.groups.has(group)
            ? "the group exists and has room"
            : "the group is new"
      perNode.set(key, { group, from: null, to, replicas: (before?.replicas ?? 0) + 1, reason })
    }
  }
  return [...perNode.values()]
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
