/**
 * How wrappers are published, shown on every node, and confirmed.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import type { EngineConfig } from "../EngineConfig.ts"
import { journal } from "../Journal.ts"
import { Manticore } from "../Manticore.ts"
import { Mutations } from "../Mutation.ts"
import { tableKinds } from "../Observe.ts"
import { type Wait, wait } from "../operation/WaitCode.ts"
import { groupOf, groupRecords, registeredNodes } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import { Key, type Table } from "../State.ts"
import type { StateStore, StoreUnavailable } from "../StateStore.ts"
import type { View } from "../View.ts"
import { CurrentStep, ownGroups } from "./CurrentStep.ts"
import { done, failed, retry, retryFor, verdict } from "./Outcome.ts"

/** Writes what the wrappers of a table must show; every replica that is new there must be in sync. */
export const publishWrapper = Effect.fnUntraced(function* (
  name: string,
  mirrors: ReadonlyArray<ReadonlyArray<string>> | null,
) {
  const { refresh, store, term } = yield* CurrentStep
  const view = yield* refresh
  const stored = view.tables.get(name)
  if (stored === undefined) return failed(`no record of table ${name}`)
  const { wrapper } = stored.record
  if (wrapper.version > 0 && JSON.stringify(wrapper.mirrors) === JSON.stringify(mirrors)) return done()
  const mutations = yield* Mutations
  const reckless = mutations.has("drop-source-before-verification") || mutations.has("publish-before-verification")
  if (mirrors !== null && !reckless) {
    for (const { shard } of stored.record.layout) {
      const unverified = unverifiedMirror(view, stored.record, shard, mirrors[shard] ?? [])
      if (unverified !== undefined) return retryFor(unverified)
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
): Wait | undefined => {
  if (mirrors.length === 0) return wait("not-in-sync", `shard ${shard} of ${table.name} would have no replica`)
  const group = groupOf(groupRecords(view), table.name, shard)
  const verified = group?.inSync ?? table.layout.find((item) => item.shard === shard)?.nodes ?? []
  // One that is shown already was verified once; it goes when it is given up.
  const shown = table.wrapper.mirrors?.[shard] ?? []
  const missing = mirrors.find((node) => !verified.includes(node) && !shown.includes(node))
  return missing === undefined
    ? undefined
    : wait("not-in-sync", `${missing} is not in sync for shard ${shard} of ${table.name}`)
}

/** Shows the published wrapper on this node, and confirms it. Also run outside of operations, for nodes that return. */
export const swapWrapper = Effect.fnUntraced(function* (
  node: string,
  config: EngineConfig,
  store: StateStore["Service"],
  view: View,
  name: string,
  term: number,
  options: { readonly again: boolean; readonly mayGoOn: Effect.Effect<boolean, StoreUnavailable> },
) {
  const manticore = yield* Manticore
  const table = view.tables.get(name)?.record
  if (table === undefined) return failed(`no record of table ${name}`)
  const confirmed = view.wrappers.get(node)
  const version = table.wrapper.version
  const isConfirmed = (confirmed?.record.versions[name] ?? 0) >= version
  if (isConfirmed && !options.again) return done()
  const send = (sql: string) => manticore.query(node, sql, config.statementTimeout)
  const shown = yield* send(Sql.showTables)
  const unseen = verdict(shown, "tables")
  if (unseen !== undefined) return unseen
  const kind = tableKinds(shown).get(name.toLowerCase())
  // What is no wrapper is the user's own, whatever its name (safety rule 10).
  const isUsers = kind !== undefined && kind !== "shard" && !(yield* Mutations).has("drop-any-table")
  if (isUsers && table.wrapper.mirrors !== null)
    return retry("table-taken", `${node} has a table ${name} of somebody's own`)
  if (!(yield* options.mayGoOn)) return retry("not-permitted", "somebody else may act for this node")
  if (!isUsers) {
    const dropped = verdict(yield* send(Sql.dropWrapper(name)), "DROP TABLE")
    if (dropped !== undefined) return dropped
  }
  const mutations = yield* Mutations
  const isBare = mutations.has("d19-no-shards-no-wrapper") && table.wrapper.mirrors?.flat().includes(node) !== true
  if (table.wrapper.mirrors !== null && !isBare) {
    const mirrors = table.wrapper.mirrors
    const shards = table.layout.map(({ shard, physical }) => ({ physical, mirrors: mirrors[shard] ?? [] }))
    if (!(yield* options.mayGoOn)) return retry("not-permitted", "somebody else may act for this node")
    const created = verdict(yield* send(Sql.createWrapper(name, table.structure, shards)), "CREATE TABLE")
    if (created !== undefined && !mutations.has("d14-errors-are-done")) return created
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
  const reckless = (yield* Mutations).has("drop-any-table")
  const shown = tableKinds(answer)
  const confirmed = view.wrappers.get(node)?.record.versions ?? {}
  return [...view.tables.values()].flatMap(({ record: table }) => {
    if (table.wrapper.version === 0 || (confirmed[table.name] ?? 0) < table.wrapper.version) return []
    const kind = shown.get(table.name.toLowerCase())
    // A table of another kind under that name is the user's own: it is not touched.
    const isOurs = kind === "shard" || (kind !== undefined && reckless)
    const strayed = table.wrapper.mirrors === null ? isOurs : kind === undefined
    return strayed ? [table.name] : []
  })
})

/** Why wrappers are not confirmed everywhere yet, or undefined. */
export const unconfirmed = (
  view: View,
  tables: ReadonlyArray<string>,
  nodes: ReadonlyArray<string>,
): Wait | undefined => {
  for (const name of tables) {
    const version = view.tables.get(name)?.record.wrapper.version ?? 0
    const behind = nodes.find((node) => (view.wrappers.get(node)?.record.versions[name] ?? 0) < version)
    if (behind !== undefined)
      return wait("wrapper-unconfirmed", `${behind} has not confirmed version ${version} of the wrapper of ${name}`)
  }
  return undefined
}

/** Waits until nodes have confirmed the wrappers and, if it is about all of them, until older statements have ended. */
export const confirmWrappers = Effect.fnUntraced(function* (tables: ReadonlyArray<string>, all: boolean) {
  const { refresh, away, config, startedMs } = yield* CurrentStep
  const view = yield* refresh
  const gone = away()
  // A daemon that is alive shows its wrapper, whether or not its agent is there.
  const alive = (yield* ownGroups).get(config.coordination)?.members ?? []
  const nodes = registeredNodes(view).filter((node) => all || !gone.has(node) || alive.includes(node))
  const reason = unconfirmed(view, tables, nodes)
  if ((yield* Mutations).has("leave-without-asking")) return done()
  if (reason !== undefined) return retryFor(reason)
  if (!all) return done()
  // Statements that began through an older wrapper end before their targets go away.
  const waitedMs = (yield* monotonicMs) - startedMs
  const drainMs = Duration.toMillis(config.drainDelay)
  if (waitedMs < drainMs) yield* Effect.sleep(Duration.millis(drainMs - waitedMs))
  return done()
})
