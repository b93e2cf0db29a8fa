/**
 * How shards go: out of their group, and off the disk.
 */
import * as Effect from "effect/Effect"
import { staleSet } from "../Health.ts"
import { probeTable } from "../Identifier.ts"
import { Mutations } from "../Mutation.ts"
import { isPrimary } from "../Observe.ts"
import { type Wait, wait } from "../operation/WaitCode.ts"
import * as Sql from "../Sql.ts"
import type { Group } from "../State.ts"
import type { View } from "../View.ts"
import { clusterStatement, CurrentStep, groupAfter, ownGroup, ownGroups, systemTablesOf } from "./CurrentStep.ts"
import { dropOnce, settleDrops } from "./dropOnce.ts"
import { clearPeers, completeness, groupRecord, minus, updateGroup } from "./groups.ts"
import { done, failed, retry, retryFor, verdict } from "./Outcome.ts"

/** Drops local copies that nothing needs, and ends the membership in the record. */
export const dropShard = Effect.fnUntraced(function* (group: string | null, tables: ReadonlyArray<string>) {
  const { node, refresh, permitted, away } = yield* CurrentStep
  const view = yield* refresh
  const stored = group === null ? undefined : view.groups.get(group)
  const attached = new Set([...(yield* ownGroups).values()].flatMap((seen) => seen.tables))
  const held = yield* systemTablesOf(node)
  yield* settleDrops(held)
  for (const table of tables) {
    if (!held.has(table)) continue
    if (attached.has(table)) return retry("table-attached", `${table} is still in a group here`)
    const reckless = (yield* Mutations).has("drop-source-before-verification")
    const needed = reckless ? undefined : neededHere(view, node, table)
    if (needed !== undefined) return failed(needed)
    const only = reckless || stored === undefined ? undefined : onlyCopy(view, stored.record, node, away())
    if (only !== undefined && !(yield* isWithPlainHolder(view, stored?.record, node))) return retryFor(only)
    if (!(yield* permitted)) return retry("not-permitted", "not permitted now")
    const outcome = yield* dropOnce(table)
    if (outcome !== undefined) return outcome
  }
  if (stored !== undefined) {
    yield* updateGroup(stored, (record) => ({
      ...record,
      // Whose exit was called off is a member, and still to leave.
      leaving: record.members.includes(node) ? record.leaving : minus(record.leaving, node),
      exiled: minus(record.exiled, node),
      ...(record.estranged === undefined ? {} : { estranged: minus(record.estranged, node) }),
    }))
  }
  return done()
})

/** Why the copies of a group that this node left must stay for now, or undefined: nobody else is seen to serve them. */
const onlyCopy = (view: View, group: Group, node: string, away: ReadonlySet<string>): Wait | undefined => {
  if (group.status === "dissolved") return undefined
  const stale = staleSet(view, group, away)
  if (stale !== undefined) return wait("in-sync-stale", stale)
  const serves = (member: string) =>
    member !== node && !away.has(member) && isPrimary(view.observations.get(member)?.record.groups[group.name])
  return group.inSync.some(serves)
    ? undefined
    : wait("redundancy-short", `no other member of ${group.name} that is in sync is seen to serve`)
}

/** True if the one member that a temporary group is left with holds its copies as plain tables: then they serve. */
const isWithPlainHolder = Effect.fnUntraced(function* (view: View, group: Group | undefined, node: string) {
  const holder = group?.members[0]
  if (group?.status !== "temporary" || holder === undefined || holder === node || group.members.length > 1) return false
  const { away } = yield* CurrentStep
  const shown = view.observations.get(holder)?.record.groups
  if (away().has(holder) || !group.inSync.includes(holder) || shown === undefined || shown[group.name] !== undefined)
    return false
  const held = yield* systemTablesOf(holder)
  return group.shards.every(({ physical }) => held.has(physical))
})

/** Why a table of this node must not be dropped, or undefined (safety rules 6 and 10). */
const neededHere = (view: View, node: string, physical: string): string | undefined => {
  for (const { record: group } of view.groups.values()) {
    if (group.status === "dissolved" || !group.members.includes(node)) continue
    const serves = group.shards.some(
      (shard) => shard.physical === physical && view.tables.get(shard.table)?.record.status === "ready",
    )
    if (serves || physical === probeTable(group.name)) {
      return `${physical} belongs to group ${group.name}, of which ${node} is a member`
    }
  }
  const carried = [...view.groups.values()].some(
    ({ record }) => record.status !== "dissolved" && record.shards.some((shard) => shard.physical === physical),
  )
  // While a group carries the shard, its members are what counts; the layout is committed after them.
  if (carried) return undefined
  for (const { record: table } of view.tables.values()) {
    if (table.status !== "ready") continue
    const shard = table.layout.find((item) => item.physical === physical && item.nodes.includes(node))
    if (shard !== undefined) return `${physical} is the copy of shard ${shard.shard} of ${table.name}`
  }
  return undefined
}

/** Takes tables out of a group; every member keeps them as local ones. */
export const detachShard = Effect.fnUntraced(function* (name: string, tables: ReadonlyArray<string>) {
  const { node, permitted } = yield* CurrentStep
  const seen = yield* ownGroup(name)
  const present = tables.filter((table) => seen?.tables.includes(table))
  if (present.length === 0) return done()
  if (!isPrimary(seen)) return retry("no-primary", `${name} is ${seen?.status ?? "absent"}`)
  const stored = yield* groupRecord(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  const cleared = yield* clearPeers(stored.record, seen, node)
  if (cleared !== undefined) return cleared
  if (!(yield* permitted)) return retry("not-permitted", "not permitted now")
  // To read the records can take as long as an eviction does.
  const whole = completeness(stored.record, yield* ownGroup(name), node)
  if (whole !== undefined) return retryFor(whole)
  const answer = yield* clusterStatement(Sql.detachTables(name, present))
  const after = yield* groupAfter(name)
  if (present.some((table) => after?.tables.includes(table))) {
    return verdict(answer, "ALTER CLUSTER DROP") ?? retry("no-effect", "ALTER CLUSTER DROP took no effect")
  }
  return done()
})
