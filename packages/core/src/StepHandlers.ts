/**
 * What each step does. A handler looks first, acts only if the postcondition does not hold, and looks again, so it may
 * be run any number of times and after any crash: nothing is concluded from what was sent, only from what is seen.
 *
 * Handlers never wait long: whatever is not possible now answers `Retry` with a reason, and the executor comes back.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Answer } from "./Answer.ts"
import type { EngineConfig } from "./EngineConfig.ts"
import { failureOf } from "./ErrorClass.ts"
import { probeTable, rowId } from "./Identifier.ts"
import { promotable } from "./Health.ts"
import { journal } from "./Journal.ts"
import { Manticore } from "./Manticore.ts"
import { Mutations } from "./Mutation.ts"
import { NodeFiles } from "./NodeFiles.ts"
import { cellText, firstColumn, isPrimary, observedGroups } from "./Observe.ts"
import { groupTables, registeredNodes, servingTables } from "./plan/records.ts"
import * as Sql from "./Sql.ts"
import type { Group, ObservedGroup, StepRow, Table } from "./State.ts"
import { Key } from "./State.ts"
import { type Conflict, type StateStore, StoreUnavailable } from "./StateStore.ts"
import type { Step } from "./step/Step.ts"
import type { Stored, View } from "./View.ts"

/** How a run of a handler ended. */
export type Outcome =
  | { readonly _tag: "Done"; readonly detail: string }
  | { readonly _tag: "Retry"; readonly reason: string }
  | { readonly _tag: "Failed"; readonly error: string }

const done = (detail = ""): Outcome => ({ _tag: "Done", detail })
const retry = (reason: string): Outcome => ({ _tag: "Retry", reason })
const failed = (error: string): Outcome => ({ _tag: "Failed", error })

/** What a handler may use beside its step. */
export interface StepContext {
  readonly node: string
  readonly config: EngineConfig
  readonly store: StateStore["Service"]
  readonly term: number
  /** The records after a barrier. */
  readonly refresh: Effect.Effect<View, StoreUnavailable>
  /** True while the agent may send destructive statements for this step. */
  readonly permitted: Effect.Effect<boolean, StoreUnavailable>
  /** When this agent began to work on the step, by its own clock. */
  readonly startedMs: number
  readonly away: () => ReadonlySet<string>
  readonly row: StepRow
  /** Restarts the own daemon if that endangers nothing; answers why it does not. */
  readonly restart: (why: string) => Effect.Effect<string | undefined>
  /** What earlier runs of the handler for this claim have sent. */
  readonly sent: { join: boolean }
}

/** The context of the step that is being executed. */
export class CurrentStep extends Context.Service<CurrentStep, StepContext>()("shardwright/core/CurrentStep") {}

type HandlerError = StoreUnavailable | Conflict

const query = Effect.fnUntraced(function* (sql: string, timeout?: Duration.Duration, node?: string) {
  const { node: own, config } = yield* CurrentStep
  const manticore = yield* Manticore
  return yield* manticore.query(node ?? own, sql, timeout ?? config.statementTimeout)
})

/**
 * A statement about a replication cluster on the own node. The daemon works on one at a time: behind one that never
 * ends (semantics 18-21), none is answered, and only a restart of the daemon helps.
 */
const clusterStatement = Effect.fnUntraced(function* (sql: string, timeout?: Duration.Duration) {
  const { config, startedMs } = yield* CurrentStep
  const answer = yield* query(sql, timeout)
  if (answer._tag === "NoAnswer" && answer.reason === "timeout") {
    const waitedMs = (yield* Clock.currentTimeMillis) - startedMs
    if (waitedMs > Duration.toMillis(config.joinTimeout)) yield* restartDaemon(`no answer to ${sql.slice(0, 60)}`)
  }
  return answer
})

/** A success, or a retry that says why not; a plain error of logic fails the step. */
const verdict = (answer: Answer, what: string): Outcome | undefined => {
  const failure = failureOf(answer)
  if (failure === undefined) return undefined
  const text = `${what}: ${failure.message}`
  return failure.class === "logic" ? failed(text) : retry(text)
}

const ownGroups = Effect.gen(function* () {
  const groups = observedGroups(yield* query(Sql.showClusters))
  if (groups === undefined) return yield* new StoreUnavailable({ message: "the own daemon does not answer" })
  return groups
})

const ownGroup = (name: string) => Effect.map(ownGroups, (groups) => groups.get(name))

const systemTablesOf = Effect.fnUntraced(function* (node: string) {
  const tables = firstColumn(yield* query(Sql.showSystemTables, undefined, node))
  if (tables === undefined) return yield* new StoreUnavailable({ message: `${node} does not answer` })
  return new Set(tables)
})

const groupRecord = Effect.fnUntraced(function* (name: string) {
  const { refresh } = yield* CurrentStep
  return (yield* refresh).groups.get(name)
})

/** Changes a group's record; a change that leaves it as it is writes nothing. */
const updateGroup = Effect.fnUntraced(function* (stored: Stored<Group>, change: (group: Group) => Group) {
  const { store, term } = yield* CurrentStep
  const next = change(stored.record)
  if (JSON.stringify(next) === JSON.stringify(stored.record)) return
  const empty = next.status === "dissolved" && next.leaving.length === 0 && next.exiled.length === 0
  yield* store.compareAndSet(stored, { ...next, epoch: next.epoch + 1 }, { term, live: !empty })
})

const minus = (list: ReadonlyArray<string>, node: string) => list.filter((item) => item !== node)
const plus = (list: ReadonlyArray<string>, node: string) => (list.includes(node) ? list : [...list, node].toSorted())

/** Members that hold the group's data and can be asked for it. */
const donors = (group: Group, node: string, away: ReadonlySet<string>) =>
  group.inSync.filter((member) => member !== node && !away.has(member))

// ---------------------------------------------------------------- forming groups

const createGroup = Effect.fnUntraced(function* (name: string) {
  const { node } = yield* CurrentStep
  const files = yield* NodeFiles
  if ((yield* ownGroup(name)) === undefined) {
    const made = yield* Effect.result(files.makeClusterDirectory(name))
    if (made._tag === "Failure") return retry(made.failure.message)
    const answer = yield* clusterStatement(Sql.createCluster(name, name))
    if (failureOf(answer) !== undefined && (yield* ownGroup(name)) === undefined) {
      return verdict(answer, "CREATE CLUSTER") ?? retry("CREATE CLUSTER took no effect")
    }
  }
  const probe = probeTable(name)
  const attached = yield* attach(name, [probe], [Sql.createProbe(probe)])
  if (attached._tag !== "Done") return attached
  const stored = yield* groupRecord(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  yield* updateGroup(stored, (group) => ({
    ...group,
    inSync: plus(group.inSync, node),
    lastPrimary: plus(group.lastPrimary, node),
  }))
  return done()
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
  if (!isPrimary(seen)) return retry(`group ${name} is ${seen?.status ?? "absent"} (${seen?.nodeState ?? ""})`)
  const stored = yield* groupRecord(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  const whole = wholeness(stored.record, seen, node)
  if (whole !== undefined) return retry(whole)
  for (const member of seen?.members ?? []) {
    if (member === node) continue
    const held = yield* systemTablesOf(member)
    const taken = missing.find((table) => held.has(table))
    // ADD would overwrite that copy (semantics 6).
    if (taken !== undefined) return retry(`${member} holds a table ${taken} of its own`)
  }
  for (const sql of creates) {
    const outcome = verdict(yield* query(sql), "CREATE TABLE")
    if (outcome !== undefined) return outcome
  }
  const held = yield* systemTablesOf(node)
  const absent = missing.find((table) => !held.has(table))
  if (absent !== undefined) return retry(`this node does not hold ${absent}`)
  const answer = yield* clusterStatement(Sql.addTables(name, missing))
  const after = yield* ownGroup(name)
  return tables.every((table) => after?.tables.includes(table))
    ? done()
    : (verdict(answer, "ALTER CLUSTER ADD") ?? retry("ALTER CLUSTER ADD took no effect"))
})

/** Why a cluster statement must wait: a member is not seen, or one is seen that the records do not know. */
const wholeness = (group: Group, seen: ObservedGroup | undefined, node: string): string | undefined => {
  if (seen === undefined) return `group ${group.name} is absent on ${node}`
  if (seen.size !== seen.members.length) return `${seen.size} of ${seen.members.join(", ")} are in ${group.name}`
  const dead = seen.nodesSet.filter((member) => !seen.members.includes(member))
  if (dead.length > 0) return `${dead.join(", ")} is missing from ${group.name}`
  return undefined
}

const joinGroup = Effect.fnUntraced(function* (name: string) {
  const { node, config, startedMs, away, sent } = yield* CurrentStep
  const seen = yield* ownGroup(name)
  const stored = yield* groupRecord(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  if (isPrimary(seen)) return sent.join ? yield* joined(stored.record, "as found") : done("is a member already")
  const waitedMs = (yield* Clock.currentTimeMillis) - startedMs
  if (seen !== undefined) {
    // A JOIN that lost its donor never ends; only a restart of the joiner helps (semantics 20, 48, 49, 59).
    const stuck = seen.nodeState === "joining" && waitedMs > Duration.toMillis(config.joinTimeout)
    if (seen.nodeState === "destroyed" || stuck) return yield* restartDaemon(`${name} is ${seen.nodeState}`)
    return retry(`${name} is ${seen.status} (${seen.nodeState})`)
  }
  const held = yield* systemTablesOf(node)
  const leftover = groupTables(stored.record).find((table) => held.has(table))
  if (leftover !== undefined) return yield* dropLeftover(stored, leftover)
  const candidates = donors(stored.record, node, away())
  const donor = candidates[Math.floor(waitedMs / 5000) % Math.max(1, candidates.length)]
  if (donor === undefined) return retry(`no member of ${name} that is in sync can be asked`)
  const donorSees = observedGroups(yield* query(Sql.showClusters, undefined, donor))?.get(name)
  if (!isPrimary(donorSees)) return retry(`${name} is ${donorSees?.status ?? "absent"} on ${donor}`)
  const whole = wholeness(stored.record, donorSees, donor)
  if (whole !== undefined) return retry(whole)
  const files = yield* NodeFiles
  const made = yield* Effect.result(files.makeClusterDirectory(name))
  if (made._tag === "Failure") return retry(made.failure.message)
  sent.join = true
  const answer = yield* clusterStatement(Sql.joinCluster(name, donor, name), config.joinTimeout)
  if (isPrimary(yield* ownGroup(name))) return yield* joined(stored.record, `from ${donor}`)
  return verdict(answer, "JOIN CLUSTER") ?? retry("JOIN CLUSTER took no effect")
})

/** A copy was made; for a group that serves already that is a move. */
const joined = Effect.fnUntraced(function* (group: Group, detail: string) {
  const { node } = yield* CurrentStep
  if (group.status !== "forming") {
    const from = group.leaving[0] ?? group.exiled[0] ?? null
    let rows = 0
    for (const { physical } of group.shards) {
      const counted = yield* query(Sql.countRows(physical))
      rows += counted._tag === "Rows" ? Number(counted.rows[0]?.[0] ?? 0) : 0
    }
    yield* journal({ kind: "move", node, group: group.name, from, to: node, replicas: group.shards.length, rows })
  }
  return done(detail)
})

/** A copy from an earlier membership must go before the JOIN, which would copy over it (semantics 4, 5). */
const dropLeftover = Effect.fnUntraced(function* (stored: Stored<Group>, table: string) {
  const { node, permitted } = yield* CurrentStep
  const group = stored.record
  if (group.inSync.includes(node)) return failed(`${table} is here, ${node} counts as in sync, but the group is absent`)
  if (group.inSync.length === 0) return retry(`${table} is here and nobody is in sync`)
  if (!(yield* permitted)) return retry("not permitted now")
  return verdict(yield* query(Sql.dropTable(table)), "DROP TABLE") ?? retry(`dropped an old copy of ${table}`)
})

const restartDaemon = Effect.fnUntraced(function* (why: string) {
  const { restart } = yield* CurrentStep
  const refusal = yield* restart(why)
  return retry(
    refusal === undefined ? `restarted the daemon: ${why}` : `the daemon must be restarted (${why}), but ${refusal}`,
  )
})

// ---------------------------------------------------------------- verification

const rowsOf = (answer: Answer): ReadonlyArray<string> | undefined =>
  answer._tag === "Rows" ? answer.rows.map((row) => JSON.stringify(row)) : undefined

/** Bounds of the comparison. */
const pageTriesMax = 5
const pagesMax = 1_000_000

/** Compares a table of this node with a donor's, page by page; each page must be equal once within some tries. */
const compareTable = Effect.fnUntraced(function* (table: string, donor: string) {
  const { config } = yield* CurrentStep
  let after: string | undefined
  let compared = 0
  for (let page = 0; page < pagesMax; page++) {
    let equal = false
    for (let attempt = 0; attempt < pageTriesMax && !equal; attempt++) {
      if (attempt > 0) yield* Effect.sleep(Duration.millis(20 * attempt))
      const theirs = yield* query(Sql.selectPage(table, after, undefined, config.compareRows), undefined, donor)
      if (theirs._tag !== "Rows") return retry(`${donor} does not answer for ${table}`)
      const full = theirs.rows.length === config.compareRows
      const upTo = full ? cellText(theirs.rows.at(-1)?.[0]) : undefined
      const ours = yield* query(Sql.selectPage(table, after, upTo, config.compareRows + 1))
      if (ours._tag !== "Rows") return retry(`${table} cannot be read here`)
      const expected = rowsOf(theirs) ?? []
      const found = rowsOf(ours) ?? []
      equal = expected.length === found.length && expected.every((row, index) => row === found[index])
      if (!equal) continue
      compared += expected.length
      if (!full) return done(String(compared))
      after = upTo
    }
    if (!equal) return retry(`${table} differs from ${donor} after row ${after ?? "0"}`)
  }
  return failed(`${table} has too many rows to compare`)
})

const verifyReplica = Effect.fnUntraced(function* (name: string) {
  const { node, away, refresh } = yield* CurrentStep
  const before = yield* ownGroup(name)
  if (!isPrimary(before)) return retry(`${name} is ${before?.status ?? "absent"} (${before?.nodeState ?? ""})`)
  const stored = yield* groupRecord(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  if (!stored.record.members.includes(node)) return failed(`${node} is not a member of ${name}`)
  const donor = donors(stored.record, node, away())[0]
  const skip = (yield* Mutations).has("drop-source-before-verification")
  let compared = 0
  if (!skip) {
    if (donor === undefined) return retry(`no other member of ${name} that is in sync can be asked`)
    const tables = servingTables(yield* refresh, stored.record)
    const missing = tables.find((table) => before?.tables.includes(table) !== true)
    if (missing !== undefined) return retry(`${missing} is not in ${name} here`)
    // An acknowledged write of our own to the group comes after all that the donor had.
    const stamp = yield* Clock.currentTimeMillis
    const probed = yield* query(Sql.writeProbe(name, probeTable(name), rowId(node), stamp))
    if (probed._tag !== "Ok") return verdict(probed, "probe") ?? retry("the probe was not answered")
    for (const table of tables) {
      const outcome = yield* compareTable(table, donor)
      if (outcome._tag !== "Done") return outcome
      compared += Number(outcome.detail)
    }
    const now = yield* ownGroup(name)
    const sameMembers = now?.size === before?.size && now?.members.join() === before?.members.join()
    if (!isPrimary(now) || !sameMembers) return retry("the membership changed during the comparison")
  }
  const lastPrimary = before?.members ?? []
  yield* updateGroup(stored, (group) => ({ ...group, inSync: plus(group.inSync, node), lastPrimary }))
  return done(`${compared} rows equal to ${donor ?? "nobody"}`)
})

// ---------------------------------------------------------------- wrappers

const publishWrapper = Effect.fnUntraced(function* (
  name: string,
  mirrors: ReadonlyArray<ReadonlyArray<string>> | null,
) {
  const { refresh, store, term } = yield* CurrentStep
  const view = yield* refresh
  const stored = view.tables.get(name)
  if (stored === undefined) return failed(`no record of table ${name}`)
  const { wrapper } = stored.record
  if (wrapper.version > 0 && JSON.stringify(wrapper.mirrors) === JSON.stringify(mirrors)) return done()
  if (mirrors !== null && !(yield* Mutations).has("drop-source-before-verification")) {
    for (const { shard } of stored.record.layout) {
      const unverified = unverifiedMirror(view, stored.record, shard, mirrors[shard] ?? [])
      if (unverified !== undefined) return retry(unverified)
    }
  }
  yield* store.compareAndSet(stored, { ...stored.record, wrapper: { version: wrapper.version + 1, mirrors } }, { term })
  return done(`version ${wrapper.version + 1}`)
})

/** Metadata is never ahead of the data: wrappers list verified replicas only (safety rule 11). */
const unverifiedMirror = (
  view: View,
  table: Table,
  shard: number,
  mirrors: ReadonlyArray<string>,
): string | undefined => {
  if (mirrors.length === 0) return `shard ${shard} of ${table.name} would have no replica`
  const group = [...view.groups.values()].find(
    ({ record }) =>
      record.status !== "dissolved" && record.shards.some((item) => item.table === table.name && item.shard === shard),
  )
  const verified = group?.record.inSync ?? table.layout.find((item) => item.shard === shard)?.nodes ?? []
  // One that is shown already was verified once; it goes when it is given up.
  const shown = table.wrapper.mirrors?.[shard] ?? []
  const missing = mirrors.find((node) => !verified.includes(node) && !shown.includes(node))
  return missing === undefined ? undefined : `${missing} is not in sync for shard ${shard} of ${table.name}`
}

/** Shows the published wrapper on this node, and confirms it. Also run outside of operations, for nodes that return. */
export const swapWrapper = Effect.fnUntraced(function* (
  node: string,
  config: EngineConfig,
  store: StateStore["Service"],
  view: View,
  name: string,
  term: number,
  options: { readonly again: boolean } = { again: false },
) {
  const manticore = yield* Manticore
  const table = view.tables.get(name)?.record
  if (table === undefined) return failed(`no record of table ${name}`)
  const confirmed = view.wrappers.get(node)
  const version = table.wrapper.version
  const isConfirmed = (confirmed?.record.versions[name] ?? 0) >= version
  if (isConfirmed && !options.again) return done()
  const send = (sql: string) => manticore.query(node, sql, config.statementTimeout)
  const dropped = verdict(yield* send(Sql.dropWrapper(name)), "DROP TABLE")
  if (dropped !== undefined) return dropped
  if (table.wrapper.mirrors !== null) {
    const mirrors = table.wrapper.mirrors
    const shards = table.layout.map(({ shard, physical }) => ({ physical, mirrors: mirrors[shard] ?? [] }))
    const created = verdict(yield* send(Sql.createWrapper(name, table.structure, shards)), "CREATE TABLE")
    if (created !== undefined) return created
  }
  if (isConfirmed) return done("shown again")
  const versions = { ...confirmed?.record.versions, [name]: version }
  const key = Key.wrapper(node)
  if (confirmed === undefined) yield* store.create(key, { versions }, { term })
  else yield* store.compareAndSet(confirmed, { versions }, { term })
  yield* journal({ kind: "wrapper", node, table: name, version })
  return done(`version ${version}`)
})

/**
 * Tables whose wrapper is not as this node confirmed it: a statement that had no answer took effect later, or the
 * daemon dropped the wrapper at a restart (semantics 13, 21).
 */
export const strayedWrappers = Effect.fnUntraced(function* (node: string, config: EngineConfig, view: View) {
  const manticore = yield* Manticore
  const answer = yield* manticore.query(node, Sql.showTables, config.statementTimeout)
  if (answer._tag !== "Rows") return []
  const shown = new Map(answer.rows.map(([name, kind]) => [cellText(name), cellText(kind)]))
  const confirmed = view.wrappers.get(node)?.record.versions ?? {}
  return [...view.tables.values()].flatMap(({ record: table }) => {
    if (table.wrapper.version === 0 || (confirmed[table.name] ?? 0) < table.wrapper.version) return []
    const kind = shown.get(table.name.toLowerCase())
    // A table of another kind under that name is the user's own: it is not touched.
    const strayed = table.wrapper.mirrors === null ? kind === "shard" : kind === undefined
    return strayed ? [table.name] : []
  })
})

/** Why wrappers are not confirmed everywhere yet, or undefined. */
const unconfirmed = (view: View, tables: ReadonlyArray<string>, nodes: ReadonlyArray<string>): string | undefined => {
  for (const name of tables) {
    const version = view.tables.get(name)?.record.wrapper.version ?? 0
    const behind = nodes.find((node) => (view.wrappers.get(node)?.record.versions[name] ?? 0) < version)
    if (behind !== undefined) return `${behind} has not confirmed version ${version} of the wrapper of ${name}`
  }
  return undefined
}

const confirmWrappers = Effect.fnUntraced(function* (tables: ReadonlyArray<string>, all: boolean) {
  const { refresh, away, config, startedMs } = yield* CurrentStep
  const view = yield* refresh
  const gone = away()
  const nodes = registeredNodes(view).filter((node) => all || !gone.has(node))
  const reason = unconfirmed(view, tables, nodes)
  if (reason !== undefined) return retry(reason)
  if (!all) return done()
  // Statements that began through an older wrapper end before their targets go away.
  const waitedMs = (yield* Clock.currentTimeMillis) - startedMs
  const drainMs = Duration.toMillis(config.drainDelay)
  if (waitedMs < drainMs) yield* Effect.sleep(Duration.millis(drainMs - waitedMs))
  return done()
})

// ---------------------------------------------------------------- leaving groups

const exitGroup = Effect.fnUntraced(function* (name: string, redundancy: number) {
  const { node, permitted, refresh, config, startedMs } = yield* CurrentStep
  const view = yield* refresh
  const stored = view.groups.get(name)
  const seen = yield* ownGroup(name)
  if (stored === undefined)
    return seen === undefined ? done("no record, no group") : failed(`no record of group ${name}`)
  if (seen !== undefined && (seen.nodeState === "destroyed" || seen.nodeState === "joining")) {
    const waitedMs = (yield* Clock.currentTimeMillis) - startedMs
    const patient = seen.nodeState === "joining" && waitedMs < Duration.toMillis(config.joinTimeout)
    return patient ? retry(`${name} is joining`) : yield* restartDaemon(`${name} is ${seen.nodeState}`)
  }
  const reckless = (yield* Mutations).has("drop-source-before-verification")
  const refusal = reckless ? undefined : exitRefusal(view, stored.record, seen, node, redundancy)
  if (refusal !== undefined) return retry(refusal)
  // The set shrinks before anything relies on it (safety rule 5).
  yield* updateGroup(stored, (group) => ({
    ...group,
    members: minus(group.members, node),
    inSync: minus(group.inSync, node),
    leaving: plus(group.leaving, node),
    status: group.status === "temporary" && redundancy === 0 ? "dissolved" : group.status,
  }))
  if (seen === undefined) return done("was out already")
  if (!(yield* permitted)) return retry("not permitted now")
  const alone = seen.status !== "primary"
  if (alone && stored.record.status !== "dissolved" && !isShutOut(view, stored.record, seen, node)) {
    return retry(`${name} is ${seen.status}`)
  }
  // A member of a group that is gone cannot EXIT without a majority; DELETE then concerns this node alone (27).
  const answer = yield* clusterStatement(alone ? Sql.deleteCluster(name) : Sql.exitCluster(name))
  if ((yield* ownGroup(name)) === undefined) return done()
  return verdict(answer, alone ? "DELETE CLUSTER" : "EXIT CLUSTER") ?? retry("EXIT CLUSTER took no effect")
})

/**
 * A copy that came back when nobody was there stays closed for good (semantics 1, 27). It may forget the group while
 * another member in sync is primary without it. Never for `destroyed`: there DELETE deletes the group everywhere (48).
 */
const isShutOut = (view: View, group: Group, seen: ObservedGroup, node: string): boolean =>
  seen.nodeState === "closed" &&
  group.leaving.includes(node) &&
  group.inSync.some((member) => {
    const shown = view.observations.get(member)?.record.groups[group.name]
    return member !== node && isPrimary(shown) && shown?.members.includes(node) === false
  })

/** Why this copy must stay, or undefined (safety rules 6, 7, 13). */
const exitRefusal = (
  view: View,
  group: Group,
  seen: ObservedGroup | undefined,
  node: string,
  redundancy: number,
): string | undefined => {
  if (group.status === "dissolved") return undefined
  if (redundancy === 0 && group.status !== "temporary") return undefined
  if (redundancy === 0) {
    const unsettled = group.shards.find(({ table, shard }) => {
      const placement = view.tables.get(table)?.record.layout.find((item) => item.shard === shard)
      return placement !== undefined && placement.nodes.join() !== group.members.join()
    })
    return unsettled === undefined ? undefined : `the layout does not name ${group.members.join(", ")} yet`
  }
  const others = minus(group.inSync, node).filter((member) => !group.leaving.includes(member))
  if (others.length < redundancy) return `only ${others.length} of ${redundancy} other copies are in sync`
  if (seen !== undefined && seen.status === "primary") {
    const unseen = others.find((member) => !seen.members.includes(member))
    if (unseen !== undefined || seen.size !== seen.members.length)
      return `${unseen ?? "a member"} is not seen in ${group.name}`
  }
  const shown = group.shards.find(({ table, shard }) =>
    view.tables.get(table)?.record.wrapper.mirrors?.[shard]?.includes(node),
  )
  if (shown !== undefined) return `the wrapper of ${shown.table} still lists ${node}`
  return unconfirmed(view, [...new Set(group.shards.map((shard) => shard.table))], registeredNodes(view))
}

/** A digest of a local table, to see whether it changes. */
const localDigest = Effect.fnUntraced(function* (table: string) {
  const { config } = yield* CurrentStep
  const parts: Array<string> = []
  let after: string | undefined
  for (let page = 0; page < pagesMax; page++) {
    const answer = yield* query(Sql.selectPage(table, after, undefined, config.compareRows))
    if (answer._tag !== "Rows") return undefined
    parts.push(rowId((rowsOf(answer) ?? []).join("\n")))
    if (answer.rows.length < config.compareRows) break
    after = cellText(answer.rows.at(-1)?.[0])
  }
  return parts.join(",")
})

/** Watches the copy that was left behind: whoever still writes to it missed the change of the wrappers. */
const compareCopy = Effect.fnUntraced(function* (tables: ReadonlyArray<string>) {
  const { node, config } = yield* CurrentStep
  if ((yield* Mutations).has("drop-source-before-verification")) return done("not compared")
  const held = yield* systemTablesOf(node)
  const present = tables.filter((table) => held.has(table))
  const first = yield* Effect.forEach(present, localDigest)
  yield* Effect.sleep(config.drainDelay)
  const second = yield* Effect.forEach(present, localDigest)
  const changed = present.find((_, index) => first[index] === undefined || first[index] !== second[index])
  if (changed === undefined) return done(`${present.length} tables at rest`)
  yield* journal({
    kind: "finding",
    node,
    code: "exited-copy-changed",
    detail: `${changed} was written after it left its group`,
  })
  return retry(`${changed} was written after it left its group`)
})

const dropShard = Effect.fnUntraced(function* (group: string | null, tables: ReadonlyArray<string>) {
  const { node, refresh, permitted } = yield* CurrentStep
  const view = yield* refresh
  const attached = new Set([...(yield* ownGroups).values()].flatMap((seen) => seen.tables))
  const held = yield* systemTablesOf(node)
  for (const table of tables) {
    if (!held.has(table)) continue
    if (attached.has(table)) return retry(`${table} is still in a group here`)
    const reckless = (yield* Mutations).has("drop-source-before-verification")
    const needed = reckless ? undefined : neededHere(view, node, table)
    if (needed !== undefined) return failed(needed)
    if (!(yield* permitted)) return retry("not permitted now")
    const outcome = verdict(yield* query(Sql.dropTable(table)), "DROP TABLE")
    if (outcome !== undefined) return outcome
  }
  const stored = group === null ? undefined : view.groups.get(group)
  if (stored !== undefined) {
    yield* updateGroup(stored, (record) => ({
      ...record,
      leaving: minus(record.leaving, node),
      exiled: minus(record.exiled, node),
    }))
  }
  return done()
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

const detachShard = Effect.fnUntraced(function* (name: string, tables: ReadonlyArray<string>) {
  const { node, permitted } = yield* CurrentStep
  const seen = yield* ownGroup(name)
  const present = tables.filter((table) => seen?.tables.includes(table))
  if (present.length === 0) return done()
  if (!isPrimary(seen)) return retry(`${name} is ${seen?.status ?? "absent"}`)
  const stored = yield* groupRecord(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  const whole = wholeness(stored.record, seen, node)
  if (whole !== undefined) return retry(whole)
  if (!(yield* permitted)) return retry("not permitted now")
  const answer = yield* clusterStatement(Sql.detachTables(name, present))
  const after = yield* ownGroup(name)
  if (present.some((table) => after?.tables.includes(table))) {
    return verdict(answer, "ALTER CLUSTER DROP") ?? retry("ALTER CLUSTER DROP took no effect")
  }
  return done()
})

// ---------------------------------------------------------------- promotion

const promoteGroup = Effect.fnUntraced(function* (name: string) {
  const { node, refresh, permitted, away, config } = yield* CurrentStep
  const view = yield* refresh
  const stored = view.groups.get(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  const seen = yield* ownGroup(name)
  if (seen === undefined) return failed(`${name} is absent here`)
  if (seen.status === "primary") return done("healed by itself")
  const coordination = (yield* ownGroups).get(config.coordination)
  const survivors = promotable(view, stored.record, away(), coordination?.members ?? [])
  if (typeof survivors === "string") return retry(survivors)
  if (!survivors.includes(node)) return failed(`${node} is not in sync`)
  if (seen.size !== survivors.length) return retry(`${seen.size} members are seen, ${survivors.length} are in sync`)
  if (!(yield* permitted)) return retry("not permitted now")
  const answer = yield* query(Sql.bootstrap(name))
  const after = yield* ownGroup(name)
  return after?.status === "primary" ? done() : (verdict(answer, "pc.bootstrap") ?? retry("not primary yet"))
})

const refreshPeers = Effect.fnUntraced(function* (name: string) {
  const seen = yield* ownGroup(name)
  if (!isPrimary(seen)) return retry(`${name} is ${seen?.status ?? "absent"}`)
  if (seen === undefined) return retry(`${name} is absent`)
  if (seen.nodesSet.join() !== seen.members.join()) {
    const outcome = verdict(yield* clusterStatement(Sql.updatePeers(name)), "ALTER CLUSTER UPDATE nodes")
    if (outcome !== undefined) return outcome
  }
  const stored = yield* groupRecord(name)
  if (stored !== undefined) yield* updateGroup(stored, (group) => ({ ...group, lastPrimary: seen.members }))
  return done()
})

// ---------------------------------------------------------------- layout

/** Writes into the tables where their shards live now; the groups' records say it. */
const commitLayout = Effect.gen(function* () {
  const { refresh, store, term, row } = yield* CurrentStep
  const view = yield* refresh
  const operation = view.operations.get(row.operation)?.record
  if (operation === undefined) return failed(`no record of operation ${row.operation}`)
  for (const name of operation.tables) {
    const stored = view.tables.get(name)
    if (stored === undefined) continue
    const layout = stored.record.layout.map((placement) => {
      const group = [...view.groups.values()].find(
        ({ record }) =>
          record.status !== "dissolved" &&
          record.shards.some((shard) => shard.table === name && shard.shard === placement.shard),
      )?.record
      if (group === undefined) return placement
      const nodes = group.members.filter((node) => !group.leaving.includes(node) && group.inSync.includes(node))
      return nodes.length === 0 ? placement : { ...placement, nodes }
    })
    const status = operation.kind === "create" ? "ready" : operation.kind === "drop" ? "dropped" : stored.record.status
    const next: Table = { ...stored.record, layout: status === "dropped" ? [] : layout, status }
    if (JSON.stringify(next) !== JSON.stringify(stored.record)) yield* store.compareAndSet(stored, next, { term })
    yield* listLayout(stored.record, next)
  }
  for (const name of operation.groups) {
    const stored = view.groups.get(name)
    if (stored?.record.status === "forming") yield* updateGroup(stored, (group) => ({ ...group, status: "live" }))
    if (operation.kind === "drop" && stored !== undefined && stored.record.status !== "dissolved") {
      const shards = stored.record.shards.filter((shard) => !operation.tables.includes(shard.table))
      yield* updateGroup(stored, (group) => ({ ...group, shards }))
    }
  }
  return done()
})

/** Rows of `system.shardwright_table`, for people: which shards of a table each node carries. */
const listLayout = Effect.fnUntraced(function* (before: Table, after: Table) {
  const { store, term, config } = yield* CurrentStep
  const nodes = new Set([...before.layout, ...after.layout].flatMap((placement) => placement.nodes))
  for (const node of nodes) {
    const shards = after.layout.filter((placement) => placement.nodes.includes(node) && after.status !== "dropped")
    const value = { shards: shards.map(({ shard }) => shard) }
    const key = Key.listing(after.name, node)
    const columns = { cluster: config.coordination, node, table: after.name, shards: value.shards.join(",") }
    const stored = yield* store.get(key)
    if (stored === undefined) yield* store.create(key, value, { term, columns, live: false })
    else if (JSON.stringify(stored.value) !== JSON.stringify(value)) {
      yield* store.compareAndSet(stored, value, { term, columns, live: false })
    }
  }
})

/** Runs the handler of a step once. */
export const handleStep = (step: Step): Effect.Effect<Outcome, HandlerError, CurrentStep | Manticore | NodeFiles> => {
  switch (step._tag) {
    case "CreateGroup":
      return createGroup(step.group)
    case "JoinGroup":
      return joinGroup(step.group)
    case "CreateShard":
      return Effect.map(
        query(Sql.createShard(step.physical, step.structure, step.options)),
        (answer) => verdict(answer, "CREATE TABLE") ?? done(),
      )
    case "AttachShard":
      return attach(step.group, step.tables, [])
    case "DetachShard":
      return detachShard(step.group, step.tables)
    case "VerifyReplica":
      return verifyReplica(step.group)
    case "PublishWrapper":
      return publishWrapper(step.table, step.mirrors)
    case "SwapWrapper":
      return Effect.gen(function* () {
        const { node, config, store, refresh, term } = yield* CurrentStep
        return yield* swapWrapper(node, config, store, yield* refresh, step.table, term)
      })
    case "ConfirmWrappers":
      return confirmWrappers(step.tables, step.all)
    case "ExitGroup":
      return exitGroup(step.group, step.redundancy)
    case "CompareCopy":
      return compareCopy(step.tables)
    case "DropShard":
      return dropShard(step.group, step.tables)
    case "PromoteGroup":
      return promoteGroup(step.group)
    case "RefreshPeers":
      return refreshPeers(step.group)
    case "CommitLayout":
      return commitLayout
  }
}
