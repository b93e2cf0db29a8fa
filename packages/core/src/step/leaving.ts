/**
 * How a member leaves its group, and how the copy that it keeps is watched.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Answer } from "../Answer.ts"
import { provenMembers, staleSet } from "../Health.ts"
import { journal } from "../Journal.ts"
import { Mutations } from "../Mutation.ts"
import { hasGivenUp, isPrimary, observedGroups } from "../Observe.ts"
import { type Wait, wait } from "../operation/WaitCode.ts"
import { carriers, groupRecords, registeredNodes, servingTables } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import type { Group, ObservedGroup } from "../State.ts"
import type { View } from "../View.ts"
import { compareTable, localDigest, rowsElsewhere } from "./comparison.ts"
import {
  clusterStatement,
  CurrentStep,
  ownGroup,
  query,
  restartDaemon,
  systemTablesOf,
  triedForMs,
} from "./CurrentStep.ts"
import { donors, groupRecord, minus, plus, updateGroup } from "./groups.ts"
import { holdLeaving, isLeaving, releaseLeaving, settleLeaving } from "./leavingLock.ts"
import { done, failed, retry, retryFor, verdict } from "./Outcome.ts"
import { unconfirmed } from "./wrappers.ts"

/** Rows that a report names. */
const reportedRowsMax = 20

/** The server refuses: in truth the group has no primary, whatever its status says. */
const isNotPrimary = (answer: Answer): boolean =>
  answer._tag === "Refused" && answer.message.endsWith("cluster is not primary")

/** Takes this node out of a group's record, then out of the group. */
export const exitGroup = Effect.fnUntraced(function* (name: string, redundancy: number) {
  const { node, permitted, refresh, config, away } = yield* CurrentStep
  yield* settleLeaving(name)
  const view = yield* refresh
  const stored = view.groups.get(name)
  const seen = yield* ownGroup(name)
  if (stored === undefined)
    return seen === undefined ? done("no record, no group") : failed(`no record of group ${name}`)
  if (seen !== undefined && (seen.nodeState === "destroyed" || seen.nodeState === "joining")) {
    const waitedMs = yield* triedForMs
    const patient = seen.nodeState === "joining" && waitedMs < Duration.toMillis(config.joinTimeout)
    return patient
      ? retry("member-joining", `${name} is joining`)
      : yield* restartDaemon(`${name} is ${seen.nodeState}`)
  }
  const mutations = yield* Mutations
  const reckless = mutations.has("drop-source-before-verification") || mutations.has("leave-without-asking")
  const equal = reckless || redundancy === 0 ? [] : yield* doubtfulButEqual(view, stored.record)
  const refusal = reckless ? undefined : exitRefusal(view, stored.record, seen, node, redundancy, away(), equal)
  if (refusal !== undefined) return retryFor(refusal)
  const asks = !reckless && !mutations.has("rejoin-through-who-leaves") && redundancy > 0 && seen !== undefined
  const missing = asks ? yield* unseenPeer(stored.record) : undefined
  if (missing !== undefined) return retryFor(missing)
  // The set shrinks before anything relies on it (safety rule 5).
  const late = mutations.has("leave-before-record") && seen !== undefined
  const shrunk = (group: Group): Group => ({
    ...group,
    members: minus(group.members, node),
    inSync: minus(group.inSync, node),
    leaving: plus(group.leaving, node),
    status: group.status === "temporary" && redundancy === 0 ? "dissolved" : group.status,
  })
  if (!late) yield* updateGroup(stored, shrunk)
  if (seen === undefined) return yield* wasAnswered(name)
  if (!(yield* permitted)) return retry("not-permitted", "not permitted now")
  const alone = seen.status !== "primary"
  if (alone && stored.record.status !== "dissolved" && !(yield* isShutOut(view, stored.record, seen, node))) {
    // Who was stalled while the group went on is not always found again by those who serve it; its start asks for them.
    const isLost = goesOnWithout(view, stored.record, node) && stored.record.leaving.includes(node)
    const waitedMs = yield* triedForMs
    return isLost && waitedMs > Duration.toMillis(config.joinTimeout)
      ? yield* restartDaemon(`${name} goes on elsewhere, and is ${seen.status} here`)
      : retry("no-primary", `${name} is ${seen.status}`)
  }
  // A member of a group that is gone cannot EXIT without a majority; DELETE then concerns this node alone (27).
  const inTheWay = mutations.has("leave-crosswise") ? undefined : yield* holdLeaving(name, seen.members)
  if (inTheWay !== undefined) return retryFor(inTheWay)
  const deletes = alone || mutations.has("delete-to-leave")
  const answer = yield* clusterStatement(deletes ? Sql.deleteCluster(name) : Sql.exitCluster(name))
  if (answer._tag !== "NoAnswer") yield* releaseLeaving(name)
  if (!late && (yield* ownGroup(name)) === undefined) return yield* wasAnswered(name)
  if (!alone && stored.record.status === "dissolved" && isNotPrimary(answer)) {
    // Who was stalled while the others left goes on saying what it said before, for ever (semantics 21).
    return yield* restartDaemon(`${name} is gone, and the daemon shows it as it was`)
  }
  return (
    verdict(answer, deletes ? "DELETE CLUSTER" : "EXIT CLUSTER") ?? retry("no-effect", "EXIT CLUSTER took no effect")
  )
})

/** Members in sync whose copies went through a crash, and have all the same what this one has, which did not. */
const doubtfulButEqual = Effect.fnUntraced(function* (view: View, group: Group) {
  const { away, node } = yield* CurrentStep
  const proven = provenMembers(view, group)
  if (!proven.includes(node)) return []
  const doubtful = group.inSync.filter((member) => !proven.includes(member) && !away().has(member))
  const differs = Effect.fnUntraced(function* (member: string) {
    for (const table of servingTables(view, group))
      if ((yield* compareTable(table, member))._tag !== "Done") return true
    return false
  })
  return yield* Effect.filter(doubtful, (member) => Effect.map(differs(member), (differ) => !differ))
})

/**
 * Another member in sync that does not serve the group at this moment, or undefined. The view names a member that has died for
 * seconds, and whoever starts again meanwhile may ask just this node for its way back, and elect itself if it has left
 * (semantics 1).
 */
const unseenPeer = Effect.fnUntraced(function* (group: Group) {
  const { node } = yield* CurrentStep
  for (const member of minus(group.inSync, node)) {
    // The other half of a group that has become two goes on by itself.
    if (group.leaving.includes(member) || group.estranged?.includes(node) === true) continue
    const shown = observedGroups(yield* query(Sql.showClusters, undefined, member))?.get(group.name)
    if (!isPrimary(shown)) return wait("member-missing", `${member} does not serve ${group.name} now`)
  }
  return undefined
})

/** A node that is out is done when its daemon works on nothing any more: the statement may have had no answer. */
const wasAnswered = Effect.fnUntraced(function* (name: string) {
  if (!(yield* isLeaving(name))) return done()
  const answer = yield* clusterStatement(Sql.exitCluster(name))
  if (answer._tag === "NoAnswer") return retry("cluster-blocked", `the daemon still works on leaving ${name}`)
  yield* releaseLeaving(name)
  return done()
})

/**
 * A copy that came back when nobody was there stays closed for good (semantics 1, 27). It may forget the group while
 * another member in sync is primary without it. Never for `destroyed`: there DELETE deletes the group everywhere (48); and
 * never while it may still come in, for the same reason.
 */
const isShutOut = Effect.fnUntraced(function* (view: View, group: Group, seen: ObservedGroup, node: string) {
  const isEarly = (yield* Mutations).has("delete-as-it-starts") && seen.nodeState === "closed"
  if (!(hasGivenUp(seen) || isEarly) || !group.leaving.includes(node)) return false
  return goesOnWithout(view, group, node)
})

/** True if another member in sync is primary without this node. */
const goesOnWithout = (view: View, group: Group, node: string): boolean =>
  group.inSync.some((member) => {
    const shown = view.observations.get(member)?.record.groups[group.name]
    return member !== node && isPrimary(shown) && shown?.members.includes(node) === false
  })

/** A shard of a table in use that the layout has in a group which is to end, and that is in no other one. */
const onlyCarried = (view: View, group: Group): string | undefined => {
  const carrier = carriers(groupRecords(view))
  return group.shards.find(({ physical, table }) => {
    const record = view.tables.get(table)?.record
    const placement = record?.layout.find((item) => item.physical === physical)
    return record?.status === "ready" && placement?.group === group.name && !carrier.has(physical)
  })?.physical
}

/** Why this copy must stay, or undefined (safety rules 6, 7, 13). */
const exitRefusal = (
  view: View,
  group: Group,
  seen: ObservedGroup | undefined,
  node: string,
  redundancy: number,
  away: ReadonlySet<string>,
  equal: ReadonlyArray<string>,
): Wait | undefined => {
  if (group.status === "dissolved") {
    const needed = onlyCarried(view, group)
    return needed === undefined
      ? undefined
      : wait("layout-behind", `${needed} is in use, and no other group carries it`)
  }
  if (redundancy === 0 && group.status !== "temporary") return undefined
  if (redundancy === 0) {
    const unsettled = group.shards.find(({ table, shard }) => {
      const placement = view.tables.get(table)?.record.layout.find((item) => item.shard === shard)
      return placement !== undefined && placement.nodes.join() !== group.members.join()
    })
    return unsettled === undefined
      ? undefined
      : wait("layout-behind", `the layout does not name ${group.members.join(", ")} yet`)
  }
  const stale = staleSet(view, group, away)
  if (stale !== undefined) return wait("in-sync-stale", stale)
  const counted = [...provenMembers(view, group), ...equal]
  const others = minus(counted, node).filter((member) => !group.leaving.includes(member))
  if (others.length < redundancy)
    return wait("redundancy-short", `only ${others.length} of ${redundancy} other copies are in sync`)
  if (seen !== undefined && seen.status === "primary") {
    // One side of a group that has become two leaves its own half, in which nobody is who stays.
    const isHalf = group.estranged?.includes(node) === true && others.every((member) => !seen.members.includes(member))
    const unseen = isHalf ? undefined : others.find((member) => !seen.members.includes(member))
    if (unseen !== undefined || seen.size !== seen.members.length)
      return wait("member-missing", `${unseen ?? "a member"} is not seen in ${group.name}`)
  }
  const shown = group.shards.find(({ table, shard }) =>
    view.tables.get(table)?.record.wrapper.mirrors?.[shard]?.includes(node),
  )
  if (shown !== undefined) return wait("wrapper-lists-node", `the wrapper of ${shown.table} still lists ${node}`)
  return unconfirmed(view, [...new Set(group.shards.map((shard) => shard.table))], registeredNodes(view))
}

/** Says which rows only the copy of an estranged member has: they go with it. */
const reportDifferences = Effect.fnUntraced(function* (table: string, donor: string) {
  const { node } = yield* CurrentStep
  const ids = yield* rowsElsewhere(table, donor)
  if (ids.length === 0) return
  const shown = ids.slice(0, reportedRowsMax).join(", ")
  const more = ids.length > reportedRowsMax ? ` and ${ids.length - reportedRowsMax} more` : ""
  const detail = `${table} on ${node} has ${ids.length} rows that ${donor} has not, or has otherwise: ${shown}${more}`
  yield* journal({ kind: "finding", node, code: "estranged-copy-differs", detail })
})

/** Watches the copy that was left behind: whoever still writes to it missed the change of the wrappers. */
export const compareCopy = Effect.fnUntraced(function* (name: string, tables: ReadonlyArray<string>) {
  const { node, config, away, refresh } = yield* CurrentStep
  const mutations = yield* Mutations
  if (mutations.has("drop-source-before-verification") || mutations.has("leave-without-asking"))
    return done("not compared")
  const held = yield* systemTablesOf(node)
  const present = tables.filter((table) => held.has(table))
  const first = yield* Effect.forEach(present, localDigest)
  yield* Effect.sleep(config.drainDelay)
  const second = yield* Effect.forEach(present, localDigest)
  const group = (yield* groupRecord(name))?.record
  if (group?.estranged?.includes(node) === true) {
    const donor = donors(yield* refresh, group, node, away())[0]
    if (donor === undefined) return retry("no-donor", `no member of ${name} that is in sync can be asked`)
    for (const table of present) yield* reportDifferences(table, donor)
  }
  const changed = present.find((_, index) => first[index] === undefined || first[index] !== second[index])
  if (changed === undefined) return done(`${present.length} tables at rest`)
  yield* journal({
    kind: "finding",
    node,
    code: "exited-copy-changed",
    detail: `${changed} was written after it left its group`,
  })
  return retry("copy-changed", `${changed} was written after it left its group`)
})
