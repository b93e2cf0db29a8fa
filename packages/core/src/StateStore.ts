/**
 * Versioned records under keys, changed by compare-and-set, kept in the coordination cluster through the daemon of the
 * own node. What makes it safe: rows are selected by id, conditions name the version, each attempt carries a nonce,
 * and an outcome that is not known is settled by a barrier and a look (safety rule 3).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import type { Answer, Cell } from "./Answer.ts"
import type { EngineConfig } from "./EngineConfig.ts"
import { failureOf } from "./ErrorClass.ts"
import { rowId } from "./Identifier.ts"
import { journal } from "./Journal.ts"
import { Manticore } from "./Manticore.ts"
import { type Mutation, Mutations } from "./Mutation.ts"
import { cellText } from "./Observe.ts"
import { readRecordText } from "./RecordText.ts"
import * as Sql from "./Sql.ts"
import { Key } from "./State.ts"
import { StoreCalls, type StoreWrite } from "./StoreCalls.ts"

/** A record as it was last seen. */
export interface Entry {
  readonly key: string
  /** Parsed JSON, not yet checked against a schema. */
  readonly value: unknown
  readonly version: number
  readonly term: number
}

/** Somebody else changed the record; `current` is what it says now, if that is known. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", { key: Schema.String }) {}

/** The store cannot be used now: the coordination cluster does not answer or has lost its majority. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  message: Schema.String,
}) {}

/** All live records at one moment. */
export interface Snapshot {
  /** Records by key, heartbeats left out. The same object as before if none of them changed. */
  readonly records: ReadonlyMap<string, Entry>
  /** Versions of the heartbeats, by node. */
  readonly heartbeats: ReadonlyMap<string, number>
}

/** How a record is written beside its value. */
export interface WriteOptions {
  readonly term: number
  /** False for records that nobody needs to look at any more: they leave the listing but are never deleted. */
  readonly live?: boolean
  /** Further columns of the row, for people who read the tables. */
  readonly columns?: Sql.ColumnValues
}

/** A record that is to be made, for `createAll`. */
export interface NewRecord {
  readonly key: string
  readonly value: unknown
  /** Further columns of the row; the same ones in all records of a call. */
  readonly columns?: Sql.ColumnValues
}

/** Versioned records with compare-and-set. */
export class StateStore extends Context.Service<
  StateStore,
  {
    /**
     * Writes the own node's row, so that reads that follow on this node see all that was committed before
     * (semantics 0.1). Also the node's sign of life.
     */
    readonly barrier: Effect.Effect<void, StoreUnavailable>
    /** The record under a key; read what must be current after a `barrier`. */
    readonly get: (key: string) => Effect.Effect<Entry | undefined, StoreUnavailable>
    /**
     * All live records, by key. Reads only what changed since the last call, and answers the same map while nothing but
     * heartbeats did; steps are not looked for while no operation is live.
     */
    readonly sync: Effect.Effect<Snapshot, StoreUnavailable>
    /** Makes a record that does not exist. */
    readonly create: (
      key: string,
      value: unknown,
      options: WriteOptions,
    ) => Effect.Effect<Entry, Conflict | StoreUnavailable>
    /**
     * Makes many records of one table that do not exist, in chunks of a bounded size; each chunk is there as a whole or
     * not at all. `goOn` is asked before each chunk: answers false if it did.
     */
    readonly createAll: <E>(
      records: ReadonlyArray<NewRecord>,
      options: Omit<WriteOptions, "columns">,
      goOn: Effect.Effect<boolean, E>,
    ) => Effect.Effect<boolean, Conflict | StoreUnavailable | E>
    /** Takes finished records out of the listing, without touching their versions. */
    readonly retire: (keys: ReadonlyArray<string>) => Effect.Effect<void, StoreUnavailable>
    /**
     * Records that left the listing before a time of the wall clock, at most so many; further calls go on where the last
     * one ended, and begin anew after the last.
     */
    readonly retired: (
      table: "state" | "queue",
      beforeMs: number,
      limit: number,
    ) => Effect.Effect<ReadonlyArray<Entry>, StoreUnavailable>
    /** Deletes the rows of records that left the listing. */
    readonly remove: (keys: ReadonlyArray<string>) => Effect.Effect<void, StoreUnavailable>
    /** Replaces a record if it still has the version of `entry`. */
    readonly compareAndSet: (
      entry: Entry,
      value: unknown,
      options: WriteOptions,
    ) => Effect.Effect<Entry, Conflict | StoreUnavailable>
  }
>()("shardwright/core/StateStore") {}

/** Bounds of the store's loops. */
const beatsMax = 3
const attemptsMax = 12
const rowsMax = 100_000
const fetchChunk = 200
/** One INSERT: rows, and about as many characters as a packet may safely have (the server takes 8 MB by default). */
const insertRowsMax = 200
const insertCharactersMax = 1_000_000
const retryPause = Duration.millis(500)

const tableOf = (key: string): string =>
  key.startsWith("step/") ? Sql.queueTable : key.startsWith("listing/") ? Sql.layoutTable : Sql.stateTable

const heartbeatPrefix = "heartbeat/"

const encode = (value: unknown): string => {
  const json = JSON.stringify(value)
  // Anything but an object or an array is stored as NULL by the server (semantics 14).
  if (json === undefined || (json[0] !== "{" && json[0] !== "[")) throw new Error(`not a record: ${json}`)
  return json
}

interface StoredRow extends Entry {
  readonly nonce: string
}

const decodeRow = (cells: ReadonlyArray<unknown>): StoredRow | undefined => {
  const [, key, value, version, term, nonce] = cells
  if (typeof key !== "string" || typeof value !== "string") return undefined
  return { key, value: readRecordText(value), version: Number(version), term: Number(term), nonce: String(nonce) }
}

/** What mutants make of a statement; see `Mutation`. */
const rendered = (sql: string, cluster: string, mutations: ReadonlySet<Mutation>): string => {
  if (mutations.has("d24-strings-as-they-are")) return sql.replaceAll("\\'", "'")
  return mutations.has("d32-records-in-no-cluster") ? sql.replace(` ${cluster}:system.`, " system.") : sql
}

/** A live row as a table listed it; `beating` is the node if it is a heartbeat. */
interface ListedRow {
  readonly id: string
  readonly version: number
  readonly beating: string | undefined
}

/** The live rows of a table, and what they are the rows of: heartbeats left out. */
interface Listing {
  readonly rows: ReadonlyArray<ListedRow>
  readonly entries: ReadonlyArray<Entry>
}

/** True if a table lists the same rows in the same versions as before, but for heartbeats, which are noted. */
const listsTheSame = (
  before: ReadonlyArray<ListedRow>,
  now: ReadonlyArray<ReadonlyArray<Cell>>,
  heartbeats: Map<string, number>,
): boolean => {
  if (before.length !== now.length) return false
  for (const [index, row] of before.entries()) {
    const cells = now[index]
    if (cells === undefined || cells[0] !== row.id) return false
    const version = Number(cells[1])
    if (row.beating !== undefined) heartbeats.set(row.beating, version)
    else if (version !== row.version) return false
  }
  return true
}

/** Options of a store. `node` is the own node. */
export interface StateStoreOptions {
  readonly node: string
  readonly incarnation: string
  readonly config: EngineConfig
}

/** Makes a store over the own node's daemon. */
export const make = Effect.fnUntraced(function* ({ node, incarnation, config }: StateStoreOptions) {
  const manticore = yield* Manticore
  const mutations = yield* Mutations
  const unconditional = mutations.has("d22-set-without-condition")
  const trusting = mutations.has("trust-lost-answers") || unconditional
  const onWrite = yield* StoreCalls
  const cluster = config.coordination
  const known = new Map<string, { readonly version: number; readonly entry: Entry }>()
  let beat: number | undefined

  const query = (sql: string) => manticore.query(node, rendered(sql, cluster, mutations), config.statementTimeout)

  const unavailable = (answer: Answer): StoreUnavailable => {
    const failure = failureOf(answer)
    return new StoreUnavailable({ message: failure?.message ?? `unexpected answer ${answer._tag}` })
  }

  const columns = (
    key: string,
    value: unknown,
    version: number,
    nonce: string,
    nowMs: number,
    options: WriteOptions,
  ) => ({
    key,
    value: encode(value),
    version,
    term: options.term,
    nonce,
    live: options.live === false ? 0 : 1,
    updated_at: Math.floor(nowMs / 1000),
    ...options.columns,
  })

  const read = Effect.fnUntraced(function* (key: string) {
    const answer = yield* query(Sql.selectRecords(tableOf(key), [rowId(key)]))
    if (answer._tag !== "Rows") return yield* unavailable(answer)
    const row = answer.rows[0] === undefined ? undefined : decodeRow(answer.rows[0])
    if (row !== undefined && row.key !== key) {
      return yield* new StoreUnavailable({ message: `row of ${key} carries key ${row.key}` })
    }
    return row
  })

  const beatKey = Key.heartbeat(node)

  /** One write of the own row; the answer if it failed. The version is not a condition: any write of the row is a barrier. */
  const tryBeat = Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    if (beat === undefined) {
      const row = yield* read(beatKey)
      if (row === undefined) {
        const values = columns(beatKey, { incarnation }, 1, incarnation, nowMs, { term: 0 })
        const created = yield* query(Sql.insertRow(cluster, Sql.stateTable, rowId(beatKey), values))
        if (created._tag !== "Ok") return created
        beat = 1
        return undefined
      }
      beat = row.version
    }
    beat += 1
    const values = columns(beatKey, { incarnation }, beat, incarnation, nowMs, { term: 0 })
    const answer = yield* query(Sql.updateRow(cluster, Sql.stateTable, rowId(beatKey), values, undefined))
    if (answer._tag === "Ok" && answer.affectedRows === 1) return undefined
    if (answer._tag === "Ok") beat = undefined
    return answer
  })

  /** An operator's command on the same node writes the same row: whoever loses against it writes once more. */
  const writeBeat = Effect.gen(function* () {
    for (let attempt = 1; ; attempt++) {
      const answer = yield* tryBeat
      if (answer === undefined) return
      if (failureOf(answer)?.class !== "state" || attempt === beatsMax) return yield* unavailable(answer)
    }
  })

  // Two beats at once would compete for one row.
  const beatPermit = yield* Semaphore.make(1)
  const barrier = beatPermit.withPermits(1)(writeBeat)

  /** Lets whoever listens know of a write, and of what came of it. */
  const told = <E>(write: Omit<StoreWrite, "node">, outcome: Effect.Effect<"won" | "lost", E>) =>
    onWrite === undefined
      ? outcome
      : Effect.suspend(() => {
          const ended = onWrite({ node, ...write })
          return Effect.tap(outcome, (it) => Effect.sync(() => ended(it)))
        })

  /**
   * Repeats one write until its outcome is known. The statement and its nonce stay the same, so it can take effect
   * only once: its condition (or the id) is gone after that.
   */
  const settle = Effect.fnUntraced(function* (
    sql: string,
    key: string,
    { nonce, term, version }: { readonly nonce: string; readonly term: number; readonly version: number },
    isStillOpen: (row: StoredRow | undefined) => boolean,
    rows = 1,
  ): Effect.fn.Return<"won" | "lost", StoreUnavailable> {
    let unknown = false
    /** An attempt may have taken effect late, also after it was seen not to have. */
    let mayBeStored = false
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const answer = yield* query(sql)
      if (answer._tag === "Ok" && answer.affectedRows === rows) return "won"
      const failure = failureOf(answer)
      if (failure !== undefined && failure.class === "logic") return yield* unavailable(answer)
      if (trusting && failure?.effect === "unknown") return "won"
      unknown ||= failure !== undefined && failure.effect !== "none"
      mayBeStored ||= unknown
      // Not done, or not known: what counts is what stands there after a barrier.
      const current = yield* barrier.pipe(
        Effect.andThen(read(key)),
        Effect.map((row) => ({ row })),
        Effect.catchTag("StoreUnavailable", () => Effect.succeed(undefined)),
      )
      if (current !== undefined) {
        if (current.row?.nonce === nonce) {
          if (unknown) yield* journal({ kind: "write", node, key, event: "unknown-stored" })
          return "won"
        }
        // Others have gone on since: whether from this write or from another one, the row does not tell any more.
        if (mayBeStored && (current.row?.version ?? 0) > version) break
        if (unknown) yield* journal({ kind: "write", node, key, event: "unknown-absent" })
        unknown = false
        // Of several rows another one than the first is there already: none of them was made.
        const isTaken = rows > 1 && failure?.message.includes("duplicate id") === true
        if (isTaken || !isStillOpen(current.row)) {
          if ((current.row?.term ?? 0) > term && term > 0) yield* journal({ kind: "write", node, key, event: "fenced" })
          return "lost"
        }
      } else if (failure?.effect === "none") {
        // Refused, and the store does not answer now: nothing was written.
        return yield* unavailable(answer)
      }
      yield* Effect.sleep(retryPause)
    }
    return yield* new StoreUnavailable({ message: `outcome of a write to ${key} stayed unknown` })
  })

  const remember = (entry: Entry): Entry => {
    known.set(rowId(entry.key), { version: entry.version, entry })
    return entry
  }

  const nextNonce = Effect.map(Random.nextInt, (number) => `${incarnation}.${number}`)

  const create = Effect.fnUntraced(function* (key: string, value: unknown, options: WriteOptions) {
    const nonce = yield* nextNonce
    const nowMs = yield* Clock.currentTimeMillis
    const values = columns(key, value, 1, nonce, nowMs, options)
    const outcome = yield* told(
      { keys: [key], version: 1, nonce },
      settle(
        Sql.insertRow(cluster, tableOf(key), rowId(key), values),
        key,
        { nonce, term: options.term, version: 1 },
        (row) => row === undefined,
      ),
    )
    if (outcome === "lost") return yield* new Conflict({ key })
    return remember({ key, value, version: 1, term: options.term })
  })

  const createAll = Effect.fnUntraced(function* <E>(
    records: ReadonlyArray<NewRecord>,
    options: Omit<WriteOptions, "columns">,
    goOn: Effect.Effect<boolean, E>,
  ): Effect.fn.Return<boolean, Conflict | StoreUnavailable | E> {
    for (let start = 0; start < records.length;) {
      if (!(yield* goOn)) return false
      const nonce = yield* nextNonce
      const nowMs = yield* Clock.currentTimeMillis
      const chunk: Array<NewRecord> = []
      const rows: Array<{ id: string; values: Sql.ColumnValues }> = []
      let characters = 0
      for (const record of records.slice(start, start + insertRowsMax)) {
        const values = columns(record.key, record.value, 1, nonce, nowMs, { ...options, columns: record.columns ?? {} })
        characters += Object.values(values).reduce<number>((sum, value) => sum + String(value).length, 0)
        if (chunk.length > 0 && characters > insertCharactersMax) break
        chunk.push(record)
        rows.push({ id: rowId(record.key), values })
      }
      const [first] = chunk
      if (first === undefined) return true
      const sql = Sql.insertRows(cluster, tableOf(first.key), rows)
      const outcome = yield* told(
        { keys: chunk.map(({ key }) => key), version: 1, nonce },
        settle(sql, first.key, { nonce, term: options.term, version: 1 }, (row) => row === undefined, rows.length),
      )
      if (outcome === "lost") return yield* new Conflict({ key: first.key })
      for (const { key, value } of chunk) remember({ key, value, version: 1, term: options.term })
      start += chunk.length
    }
    return true
  })

  const compareAndSet = Effect.fnUntraced(function* (entry: Entry, value: unknown, options: WriteOptions) {
    const nonce = yield* nextNonce
    const nowMs = yield* Clock.currentTimeMillis
    const version = entry.version + 1
    const values = columns(entry.key, value, version, nonce, nowMs, options)
    const condition = unconditional ? undefined : entry.version
    const outcome = yield* told(
      { keys: [entry.key], version, nonce },
      settle(
        Sql.updateRow(cluster, tableOf(entry.key), rowId(entry.key), values, condition),
        entry.key,
        { nonce, term: options.term, version },
        (row) => row?.version === entry.version,
      ),
    )
    if (outcome === "lost") return yield* new Conflict({ key: entry.key })
    return remember({ key: entry.key, value, version, term: options.term })
  })

  const operationPrefix = "operation/"
  let listed: ReadonlyArray<Entry> = []
  let snapshot: ReadonlyMap<string, Entry> = new Map()

  /** What each table listed last. */
  const listings = new Map<string, Listing>()

  /** Live records of one table; those that were seen before with the same version are not read again. */
  const syncTable = Effect.fnUntraced(function* (table: string, heartbeats: Map<string, number>) {
    const answer = yield* query(Sql.selectVersions(table, mutations.has("d25-twenty-rows") ? 20 : rowsMax))
    if (answer._tag !== "Rows") return yield* unavailable(answer)
    const before = listings.get(table)
    if (before !== undefined && listsTheSame(before.rows, answer.rows, heartbeats)) return before.entries
    const changed: Array<string> = []
    for (const [idCell, versionCell, termCell] of answer.rows) {
      const id = cellText(idCell)
      const version = Number(versionCell)
      const entry = known.get(id)?.entry
      if (entry === undefined) changed.push(id)
      else if (entry.version === version || entry.key.startsWith(heartbeatPrefix)) continue
      // Of one term only the time of the lease changes, which is its version.
      else if (entry.key === Key.lease && entry.term === Number(termCell)) remember({ ...entry, version })
      else changed.push(id)
    }
    for (let start = 0; start < changed.length; start += fetchChunk) {
      const records = yield* query(Sql.selectRecords(table, changed.slice(start, start + fetchChunk)))
      if (records._tag !== "Rows") return yield* unavailable(records)
      for (const cells of records.rows) {
        const row = decodeRow(cells)
        if (row !== undefined) remember({ key: row.key, value: row.value, version: row.version, term: row.term })
      }
    }
    const rows: Array<ListedRow> = []
    const entries: Array<Entry> = []
    for (const [idCell, versionCell] of answer.rows) {
      const id = cellText(idCell)
      const entry = known.get(id)?.entry
      if (entry === undefined) continue
      // Of a heartbeat only the version counts: it need not be read again.
      const beating = entry.key.startsWith(heartbeatPrefix) ? entry.key.slice(heartbeatPrefix.length) : undefined
      rows.push({ id, version: entry.version, beating })
      if (beating !== undefined) heartbeats.set(beating, Number(versionCell))
      else entries.push(entry)
    }
    listings.set(table, { rows, entries })
    return entries
  })

  const retire = Effect.fnUntraced(function* (keys: ReadonlyArray<string>) {
    for (const table of [Sql.stateTable, Sql.queueTable]) {
      const ids = keys.filter((key) => tableOf(key) === table).map(rowId)
      for (let start = 0; start < ids.length; start += fetchChunk) {
        const answer = yield* query(Sql.retireRows(cluster, table, ids.slice(start, start + fetchChunk)))
        if (answer._tag !== "Ok") return yield* unavailable(answer)
      }
    }
  })

  /** The id after which the next look for retired rows begins, by table. */
  const retiredAfter = new Map<string, string>()

  const retired = Effect.fnUntraced(function* (kind: "state" | "queue", beforeMs: number, limit: number) {
    const table = kind === "queue" ? Sql.queueTable : Sql.stateTable
    const after = retiredAfter.get(table) ?? "0"
    const answer = yield* query(Sql.selectRetired(table, Math.floor(beforeMs / 1000), after, limit))
    if (answer._tag !== "Rows") return yield* unavailable(answer)
    const ids = answer.rows.map((row) => cellText(row[0]))
    retiredAfter.set(table, ids.length < limit ? "0" : (ids.at(-1) ?? "0"))
    if (ids.length === 0) return []
    const records = yield* query(Sql.selectRecords(table, ids))
    if (records._tag !== "Rows") return yield* unavailable(records)
    return records.rows.flatMap((cells): ReadonlyArray<Entry> => {
      const row = decodeRow(cells)
      return row === undefined ? [] : [row]
    })
  })

  const remove = Effect.fnUntraced(function* (keys: ReadonlyArray<string>) {
    for (const table of [Sql.stateTable, Sql.queueTable]) {
      const ids = keys.filter((key) => tableOf(key) === table).map(rowId)
      for (let start = 0; start < ids.length; start += fetchChunk) {
        const chunk = ids.slice(start, start + fetchChunk)
        const answer = yield* query(Sql.deleteRows(cluster, table, chunk))
        if (answer._tag !== "Ok") return yield* unavailable(answer)
        for (const id of chunk) known.delete(id)
      }
    }
  })

  const sync = Effect.gen(function* () {
    const heartbeats = new Map<string, number>()
    const state = yield* syncTable(Sql.stateTable, heartbeats)
    const steps = state.some(({ key }) => key.startsWith(operationPrefix))
      ? yield* syncTable(Sql.queueTable, heartbeats)
      : []
    const entries = steps.length === 0 ? state : [...state, ...steps]
    const same = entries.length === listed.length && entries.every((entry, index) => entry === listed[index])
    if (!same) {
      listed = entries
      snapshot = new Map(entries.map((entry) => [entry.key, entry]))
    }
    return { records: snapshot, heartbeats }
  })

  return StateStore.of({
    barrier,
    get: (key) =>
      Effect.map(read(key), (row) =>
        row === undefined ? undefined : { key, value: row.value, version: row.version, term: row.term },
      ),
    sync,
    retire,
    retired,
    remove,
    create,
    createAll,
    compareAndSet,
  })
})
