/**
 * Plans that half of a group's shards get a group of their own.
 *
 * The new group begins on one member of the old one and is joined by nodes that hold none of these shards: where another
 * member still holds a copy nothing may be attached (it would be overwritten, semantics 6, and could return at a crash,
 * semantics 4), and copies may be dropped only while as many others are in sync as the group asks for. So copies that
 * the other old members are left with go last, like those of any member that leaves.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import { groupName } from "../Identifier.ts"
import type { Group, GroupShard, Table } from "../State.ts"
import type { View } from "../View.ts"
import { joinSteps, leaveSteps } from "./membership.ts"
import { notYet, type Plan, type Presence, type Refusal, refused, StepList } from "./Plan.ts"
import { groupRecords, isWhole, servingMembers } from "./records.ts"
import { publishSteps, targetMirrors } from "./wrappers.ts"

/** Plans that half of a group's shards get a group of their own, or answers why not. */
export const planSplit = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  wish: { readonly group: string },
): Plan | Refusal => {
  const group = view.groups.get(wish.group)?.record
  if (group === undefined || group.status === "dissolved") return refused(`there is no group '${wish.group}'`)
  if (group.shards.length < 2)
    return refused(`group ${group.name} carries ${group.shards.length} shard: nothing to split`)
  const waiting = obstacle(view, presence, group)
  if (waiting !== undefined) return notYet(waiting)
  const [holder, ...others] = group.members
  if (holder === undefined) return refused(`group ${group.name} has no member`)
  const joiners = chooseJoiners(view, config, group, holder)
  if (joiners.length < group.rf - 1) {
    return refused(
      `needs ${group.rf - 1} active nodes outside of ${group.name} that may join one more group, in zones of their own; ` +
        `there ${joiners.length === 1 ? "is one" : `are ${joiners.length}`}`,
    )
  }
  const shards = everyOther(group.shards)
  const names = [...new Set(shards.map(({ table }) => table))]
  const fresh: Group = {
    name: groupName(operation, 0),
    rf: group.rf,
    status: "forming",
    members: [holder, ...joiners].toSorted(),
    inSync: [],
    exiled: [],
    leaving: [],
    lastPrimary: [],
    shards: [],
    epoch: 0,
    operation,
  }
  /** What its record becomes when the shards have been moved to it. */
  const moved: Group = {
    ...fresh,
    status: "live",
    shards,
    leaving: others,
    origin: { node: holder, group: group.name },
  }
  const list = new StepList()
  const formed = list.add(holder, { _tag: "CreateGroup", group: fresh.name })
  // Wrappers go, older statements end, and nothing is written any more: then all copies are equal.
  const areServed = presence.mutations?.has("d21-detach-then-attach") === true
  const gone = areServed ? [formed] : names.flatMap((name) => publishSteps(list, view, presence, name, null, [formed]))
  const confirmed = list.add(null, { _tag: "ConfirmWrappers", tables: names, all: true }, gone)
  let last = confirmed
  for (const node of others) last = list.add(node, { _tag: "VerifyReplica", group: group.name }, [last])
  last = joinSteps(list, presence, moved, last) ?? last
  const after = new Map(groupRecords(view).map((record) => [record.name, record]))
  after.set(group.name, { ...group, shards: group.shards.filter((shard) => !shards.includes(shard)) })
  after.set(moved.name, moved)
  const swapped = new Map<string, ReadonlyArray<number>>()
  const tables = new Map<string, Table>()
  for (const name of names) {
    const table = view.tables.get(name)?.record
    if (table === undefined) continue
    tables.set(name, { ...table, operation })
    swapped.set(
      name,
      publishSteps(list, view, presence, name, targetMirrors(table, view, after, presence, new Set([moved.name])), [
        last,
      ]),
    )
  }
  const ends = leaveSteps(list, presence, moved, swapped, last)
  list.add(null, { _tag: "CommitLayout" }, [...[...swapped.values()].flat(), ...ends])
  const replicas = shards.length
  return {
    kind: "split",
    table: null,
    reason: `split ${group.name}: ${replicas} of ${group.shards.length} shards to ${fresh.name}`,
    tables,
    groups: new Map([
      [group.name, { ...group, operation }],
      [fresh.name, fresh],
    ]),
    steps: list.steps,
    explanation: [
      {
        group: fresh.name,
        from: null,
        to: holder,
        replicas,
        reason: `keeps its copies, which the new group begins with`,
      },
      ...joiners.map((to, index) => ({
        group: fresh.name,
        from: others[index] ?? null,
        to,
        replicas,
        reason: `${to} carries least; where another copy is nothing can be attached`,
      })),
    ],
  }
}

/** Why the group cannot be split now. */
const obstacle = (view: View, presence: Presence, group: Group): string | undefined => {
  const [away] = presence.away
  if (away !== undefined) return `${away} is away, and every node must confirm that the wrappers are gone`
  if (group.operation !== null) return `group ${group.name} is held by operation ${group.operation}`
  if (!isWhole(group, presence))
    return `group ${group.name} is not whole: no table is detached while a member is missing`
  for (const name of new Set(group.shards.map(({ table }) => table))) {
    const table = view.tables.get(name)?.record
    if (table?.status !== "ready") return `table ${name} is ${table?.status ?? "unknown"}`
    if (table.operation !== null) return `table '${name}' is held by operation ${table.operation}`
  }
  return undefined
}

/** Half of the shards, table by table, so that both groups carry about as many of each. */
const everyOther = (shards: ReadonlyArray<GroupShard>): ReadonlyArray<GroupShard> =>
  shards
    .toSorted((left, right) =>
      left.table < right.table ? -1 : left.table > right.table ? 1 : left.shard - right.shard,
    )
    .filter((_, index) => index % 2 === 1)

/** The nodes that carry least, in zones of their own where the group's members are. */
const chooseJoiners = (view: View, config: EngineConfig, group: Group, holder: string): ReadonlyArray<string> => {
  const nodes = view.registry?.record.nodes ?? {}
  const replicas = new Map<string, number>()
  const memberships = new Map<string, number>()
  for (const record of groupRecords(view)) {
    if (record.status === "dissolved") continue
    for (const node of servingMembers(record)) {
      replicas.set(node, (replicas.get(node) ?? 0) + record.shards.length)
      memberships.set(node, (memberships.get(node) ?? 0) + 1)
    }
  }
  const perWeight = (node: string) => (replicas.get(node) ?? 0) / Math.max(nodes[node]?.weight ?? 1, Number.MIN_VALUE)
  const candidates = Object.keys(nodes)
    .filter((node) => nodes[node]?.state === "active" && !group.members.includes(node))
    .filter((node) => (memberships.get(node) ?? 0) < config.groupBudget)
    .toSorted((left, right) => perWeight(left) - perWeight(right) || (left < right ? -1 : 1))
  const zoneOf = (node: string) => nodes[node]?.zone ?? `of ${node}`
  const bound = new Set(Object.keys(nodes).map(zoneOf)).size >= group.rf
  const chosen: Array<string> = []
  for (const node of candidates) {
    if (chosen.length >= group.rf - 1) break
    if (bound && [holder, ...chosen].some((other) => zoneOf(other) === zoneOf(node))) continue
    chosen.push(node)
  }
  return chosen
}
