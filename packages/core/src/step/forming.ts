/**
 * How groups come to be and grow: a first member, tables that are attached, members that join.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { failureOf } from "../ErrorClass.ts"
import { probeTable } from "../Identifier.ts"
import { journal } from "../Journal.ts"
import { Mutations } from "../Mutation.ts"
import { NodeFiles } from "../NodeFiles.ts"
import { hasGivenUp, isPrimary, observedGroups } from "../Observe.ts"
import { groupTables, isBeginning, without } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import type { Group } from "../State.ts"
import type { Stored, View } from "../View.ts"
import {
  clusterStatement,
  CurrentStep,
  groupAfter,
  ownGroup,
  query,
  restartDaemon,
  systemTablesOf,
  triedForMs,
} from "./CurrentStep.ts"
import { dropOnce, settleDrops } from "./dropOnce.ts"
import { clearPeers, completeness, donors, groupRecord, isFoundedAnew, plus, updateGroup, wholeness } from "./groups.ts"
import { holdLeaving, releaseLeaving, settleLeaving } from "./leavingLock.ts"
import { done, failed, retry, retryFor, verdict } from "./Outcome.ts"

/** Makes a group of this node alone, with its probe table. */
export const createGroup = Effect.fnUntraced(function* (name: string) {
  const { node } = yield* CurrentStep
  const files = yield* NodeFiles
  if ((yield* groupAfter(name)) === undefined) {
    const made = yield* Effect.result(files.makeClusterDirectory(name))
    if (made._tag === "Failure") return retry("directory-failed", made.failure.message)
    const answer = yield* clusterStatement(Sql.createCluster(name, name))
    if (failureOf(answer) !== undefined && (yield* groupAfter(name)) === undefined) {
      return verdict(answer, "CREATE CLUSTER") ?? retry("no-effect", "CREATE CLUSTER took no effect")
    }
  }
  const probe = probeTable(name)
  const attached = yield* attach(name, [probe], [Sql.createProbe(probe)])
  if (attached._tag !== "Done") return attached
  const stored = yield* groupRecord(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  yield* updateGroup(stored, (group) => ({
    ...group,
    // A group that starts from copies has nobody in sync before they are attached.
    inSync: isBeginning(group) ? group.inSync : plus(group.inSync, node),
    lastPrimary: plus(group.lastPrimary, node),
  }))
  return done()
})

/** The record of a group whose origin has attached its shards. Copies of shards that it took over stay elsewhere for now. */
export const attached = ({ origin, ...group }: Group): Group => ({
  ...group,
  ...(origin === undefined || origin.group === null ? {} : { origin: { ...origin, attached: true } }),
  inSync: origin === undefined ? group.inSync : plus(group.inSync, origin.node),
})

/** Adds tables that this node holds to the group; if the group starts from them, its origin is in sync now. */
export const attachShard = Effect.fnUntraced(function* (name: string, tables: ReadonlyArray<string>) {
  const { node } = yield* CurrentStep
  const outcome = yield* attach(name, tables, [])
  if (outcome._tag !== "Done") return outcome
  const stored = yield* groupRecord(name)
  if (stored?.record.origin?.node !== node) return outcome
  yield* updateGroup(stored, attached)
  return outcome
})

/** Makes tables if asked to, and adds them to the group; only where every other member is seen and lacks them. */
const attach = Effect.fnUntraced(function* (
  name: string,
  tables: ReadonlyArray<string>,
  creates: ReadonlyArray<string>,
) {
  const { node } = yield* CurrentStep
  const seen = yield* ownGroup(name)
  const missing = tables.filter((table) => seen?.tables.includes(table) !== true)
  if (missing.length === 0) return done()
  if (!isPrimary(seen))
    return retry("no-primary", `group ${name} is ${seen?.status ?? "absent"} (${seen?.nodeState ?? ""})`)
  const stored = yield* groupRecord(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  const cleared = yield* clearPeers(stored.record, seen, node)
  if (cleared !== undefined) return cleared
  const mutations = yield* Mutations
  const whole = mutations.has("attach-beside-missing") ? undefined : completeness(stored.record, seen, node)
  if (whole !== undefined) return retryFor(whole)
  for (const member of seen?.members ?? []) {
    if (member === node || mutations.has("attach-over-copies")) continue
    const held = yield* systemTablesOf(member)
    const taken = missing.find((table) => held.has(table))
    // ADD would overwrite that copy (semantics 6).
    if (taken !== undefined) return retry("table-taken", `${member} holds a table ${taken} of its own`)
  }
  for (const sql of creates) {
    const outcome = verdict(yield* query(sql), "CREATE TABLE")
    if (outcome !== undefined) return outcome
  }
  const held = yield* systemTablesOf(node)
  const absent = missing.find((table) => !held.has(table))
  if (absent !== undefined) return retry("table-missing", `this node does not hold ${absent}`)
  // Whoever was asked may have been evicted before its answer came.
  const still = mutations.has("attach-beside-missing")
    ? undefined
    : completeness(stored.record, yield* ownGroup(name), node)
  if (still !== undefined) return retryFor(still)
  const answer = yield* clusterStatement(Sql.addTables(name, missing))
  const after = yield* ownGroup(name)
  return tables.every((table) => after?.tables.includes(table))
    ? done()
    : (verdict(answer, "ALTER CLUSTER ADD") ?? retry("no-effect", "ALTER CLUSTER ADD took no effect"))
})

/** Joins a group through a member that is in sync. */
export const joinGroup = Effect.fnUntraced(function* (name: string) {
  const { node, config, refresh, away, sent } = yield* CurrentStep
  yield* settleLeaving(name)
  const seen = yield* ownGroup(name)
  const view = yield* refresh
  const stored = view.groups.get(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  if (seen !== undefined && isPrimary(seen)) {
    if (isFoundedAnew(stored.record, seen, node)) return yield* leaveEmpty(name)
    if (sent.join) return yield* joined(stored.record, "as found")
    // It came back by itself: the others do not learn of that, and would not ask it after a restart (semantics 61).
    const refreshed = verdict(yield* clusterStatement(Sql.updatePeers(name)), "ALTER CLUSTER UPDATE nodes")
    return refreshed ?? done("is a member already")
  }
  const waitedMs = yield* triedForMs
  if (seen !== undefined) {
    // A JOIN that lost its donor never ends; only a restart of the joiner helps (semantics 20, 48, 49, 59).
    const stuck = seen.nodeState === "joining" && waitedMs > Duration.toMillis(config.joinTimeout)
    if (seen.nodeState === "destroyed" || stuck) return yield* restartDaemon(`${name} is ${seen.nodeState}`)
    if (!hasGivenUp(seen) && seen.status !== "non-primary")
      return retry("member-joining", `${name} is ${seen.status} (${seen.nodeState})`)
  }
  const candidates = donors(yield* refresh, stored.record, node, away())
  const donor = candidates[Math.floor(waitedMs / 5000) % Math.max(1, candidates.length)]
  if (donor === undefined) return retry("no-donor", `no member of ${name} that is in sync can be asked`)
  const donorSees = observedGroups(yield* query(Sql.showClusters, undefined, donor))?.get(name)
  if (!isPrimary(donorSees)) return retry("no-primary", `${name} is ${donorSees?.status ?? "absent"} on ${donor}`)
  if (seen !== undefined && !hasGivenUp(seen)) {
    // Who began the group alone is not always found by a member that waits for a primary view, and shows old rows meanwhile; its
    // start asks for it. Views that do find each other do so within seconds.
    const isApart = donorSees?.members.includes(node) === false && stored.record.estranged?.includes(node) !== true
    return isApart && waitedMs > Duration.toMillis(config.awayAfter)
      ? yield* restartDaemon(`${name} is primary on ${donor}, and not found from here`)
      : retry("member-joining", `${name} is ${seen.status} (${seen.nodeState})`)
  }
  if (seen !== undefined) {
    // It came back when nobody answered, and asks again only when it starts again. Its copy is refused to writers until then,
    // which it would not be if the daemon forgot the group: wrappers may list it (semantics 1, 12, 27).
    return seen.nodesSet.includes(donor)
      ? yield* restartDaemon(`${name} is closed here, and ${donor} is there again`)
      : retry("restart-needed", `${name} is closed here, and would not ask ${donor} for its way back`)
  }
  const held = yield* systemTablesOf(node)
  yield* settleDrops(held)
  const isLeft = (yield* Mutations).has("d31-tables-before-join")
  const leftover = isLeft ? undefined : groupTables(stored.record).find((table) => held.has(table))
  if (leftover !== undefined) return yield* dropLeftover(stored, leftover)
  if (isLeft && stored.record.status !== "forming") yield* makeShards(view, stored.record)
  const cleared = yield* clearPeers(stored.record, donorSees, donor, outsiders(view, stored.record, node))
  if (cleared !== undefined) return cleared
  const whole = wholeness(stored.record, donorSees, donor)
  if (whole !== undefined) return retryFor(whole)
  const files = yield* NodeFiles
  const made = yield* Effect.result(files.makeClusterDirectory(name))
  if (made._tag === "Failure") return retry("directory-failed", made.failure.message)
  sent.join = true
  const answer = yield* clusterStatement(Sql.joinCluster(name, donor, name), config.joinTimeout)
  const after = yield* ownGroup(name)
  if (after !== undefined && isPrimary(after)) {
    if (isFoundedAnew(stored.record, after, node)) return yield* leaveEmpty(name)
    return yield* joined(stored.record, `from ${donor}`)
  }
  return verdict(answer, "JOIN CLUSTER") ?? retry("no-effect", "JOIN CLUSTER took no effect")
})

/** Makes the tables that a JOIN will bring: a mutant. */
const makeShards = (view: View, { shards }: Group) =>
  Effect.forEach(shards, ({ physical, table }) =>
    query(Sql.createShard(physical, view.tables.get(table)?.record.structure ?? "", {})),
  )

/** This node and others that are still to join: they are not in sync, and their daemons show nothing of the group. */
const outsiders = (view: View, group: Group, node: string): ReadonlyArray<string> =>
  without(group.members, group.inSync).filter((member) => {
    const shown = view.observations.get(member)?.record.groups
    return member === node || (shown !== undefined && shown[group.name] === undefined)
  })

/** Leaves an empty cluster of the group's name in which nobody else is; the JOIN is tried again then. */
const leaveEmpty = Effect.fnUntraced(function* (name: string) {
  const { node, permitted, sent } = yield* CurrentStep
  if (!(yield* permitted)) return retry("not-permitted", "not permitted now")
  const inTheWay = yield* holdLeaving(name, [node])
  if (inTheWay !== undefined) return retryFor(inTheWay)
  const answer = yield* clusterStatement(Sql.exitCluster(name))
  if (answer._tag !== "NoAnswer") yield* releaseLeaving(name)
  sent.join = false
  return verdict(answer, "EXIT CLUSTER") ?? retry("no-donor", `the JOIN founded an empty ${name}: it had nobody to ask`)
})

/** A copy was made; for a group that serves already that is a move. */
const joined = Effect.fnUntraced(function* (group: Group, detail: string) {
  const { node } = yield* CurrentStep
  let rows = 0
  if (group.status !== "forming") {
    const from = group.leaving[0] ?? group.exiled[0] ?? null
    for (const { physical } of group.shards) {
      const counted = yield* query(Sql.countRows(physical))
      rows += counted._tag === "Rows" ? Number(counted.rows[0]?.[0] ?? 0) : 0
    }
    yield* journal({ kind: "move", node, group: group.name, from, to: node, replicas: group.shards.length, rows })
  }
  return done(detail, rows)
})

/** A copy from an earlier membership must go before the JOIN, which would copy over it (semantics 4, 5). */
const dropLeftover = Effect.fnUntraced(function* (stored: Stored<Group>, table: string) {
  const { node, permitted } = yield* CurrentStep
  const group = stored.record
  if (group.inSync.includes(node)) return failed(`${table} is here, ${node} counts as in sync, but the group is absent`)
  if (!(yield* permitted)) return retry("not-permitted", "not permitted now")
  return (yield* dropOnce(table)) ?? retry("leftover-dropped", `dropped an old copy of ${table}`)
})
