/**
 * The engine's records as they are committed, seen from outside: each commit to the system tables is read from the
 * world's tables, in the order in which commits first take effect anywhere. The engine has no part in this.
 */
import { queueTable, stateTable } from "@shardwright/core/Sql"
import { readRecordText } from "@shardwright/core/RecordText"
import { makeView, type RawEntry, type View } from "@shardwright/core/View"
import type { SimulatedCluster, TableView, WorldEvent } from "../world/SimulatedCluster.ts"

/** One committed version of a record. */
export interface CommittedRecord extends RawEntry {
  readonly live: boolean
  readonly nonce: string
  readonly atMicros: number
  /** Place in the order of commits. */
  readonly order: number
  /** Node on which it was seen first. */
  readonly node: string
}

/** A change of a record; `previous` is undefined for a new one. */
export type RecordListener = (record: CommittedRecord, previous: CommittedRecord | undefined) => void

/** Where and when a version of a record was seen first. */
export interface FirstSight {
  readonly nonce: string
  readonly node: string
  readonly atMicros: number
}

/** Two different commits of one version: the coordination cluster has two histories. */
export type ForkListener = (first: FirstSight, second: CommittedRecord) => void

type CommitEvent = Extract<WorldEvent, { readonly kind: "commit" }>

/** The rows of a table on a node as they are at this moment. Must not make anything happen in the world. */
export type RowsOn = (node: string, table: string) => TableView["rows"] | undefined

const systemTables = [stateTable, queueTable]

const text = (row: ReadonlyMap<string, string | number | null>, column: string): string => String(row.get(column) ?? "")

/** Follows the records of one coordination cluster. */
export class StateWatcher {
  readonly #world: SimulatedCluster
  readonly #rowsOn: RowsOn
  readonly #records = new Map<string, CommittedRecord>()
  /** Of each record, the versions that were seen. */
  readonly #versions = new Map<string, Map<number, FirstSight>>()
  readonly #recordListeners: Array<RecordListener> = []
  readonly #forkListeners: Array<ForkListener> = []
  readonly #beats = new Map<string, { version: string; atMicros: number }>()
  #order = 0
  #view: View | undefined
  #viewOrder = -1

  constructor(
    world: SimulatedCluster,
    rowsOn: RowsOn = (node, table) => world.tables(node).find((candidate) => candidate.name === table)?.rows,
  ) {
    this.#world = world
    this.#rowsOn = rowsOn
  }

  /** Calls the listener at every committed change from now on. Heartbeats are left out. */
  onRecord(listener: RecordListener): void {
    this.#recordListeners.push(listener)
  }

  /** Calls the listener when one version of a record is committed with two values. */
  onFork(listener: ForkListener): void {
    this.#forkListeners.push(listener)
  }

  /** Where and when this version of a record was seen first. */
  sightOf(key: string, version: number): FirstSight | undefined {
    return this.#versions.get(key)?.get(version)
  }

  /** Place of the last commit in the order of commits. */
  get order(): number {
    return this.#order
  }

  /** When the last heartbeat of the node with this address was committed. */
  lastBeatMicros(address: string): number | undefined {
    return this.#beats.get(address)?.atMicros
  }

  /** The record under a key, as it was committed last. */
  get(key: string): CommittedRecord | undefined {
    return this.#records.get(key)
  }

  /** All live records, decoded. The same object until something changes. */
  view(): View {
    if (this.#view === undefined || this.#viewOrder !== this.#order) {
      this.#view = makeView(this.#live())
      this.#viewOrder = this.#order
    }
    return this.#view
  }

  /** To be called with every commit of the world. */
  onCommit(event: CommitEvent): void {
    if (!systemTables.includes(event.table)) return
    const rows = this.#rowsOn(event.node, event.table)
    if (rows === undefined) return
    for (const id of event.ids) {
      const row = rows.get(id)
      if (row !== undefined) this.#see(event.node, row)
    }
  }

  /** The records as they stand in the tables of one node, read anew. */
  readFrom(node: string): ReadonlyArray<RawEntry & { readonly live: boolean }> {
    const entries: Array<RawEntry & { readonly live: boolean }> = []
    for (const name of systemTables) {
      for (const row of this.#rowsOn(node, name)?.values() ?? []) {
        const key = text(row, "key")
        const value = row.get("value")
        if (key === "" || typeof value !== "string") continue
        entries.push({
          key,
          value: readRecordText(value),
          version: Number(row.get("version")),
          term: Number(row.get("term")),
          live: Number(row.get("live") ?? 1) !== 0,
        })
      }
    }
    return entries
  }

  *#live(): Iterable<RawEntry> {
    for (const record of this.#records.values()) if (record.live) yield record
  }

  #see(node: string, row: ReadonlyMap<string, string | number | null>): void {
    const key = text(row, "key")
    if (key.startsWith("heartbeat/")) {
      const version = text(row, "version")
      const address = key.slice("heartbeat/".length)
      if (this.#beats.get(address)?.version !== version)
        this.#beats.set(address, { version, atMicros: this.#world.queue.nowMicros })
      return
    }
    const previous = this.#records.get(key)
    const version = Number(row.get("version"))
    // Most commits are the same one on another node: the value is read only when it is new.
    const nonce = text(row, "nonce")
    const live = Number(row.get("live") ?? 1) !== 0
    if (previous !== undefined && version === previous.version && nonce === previous.nonce && live === previous.live)
      return
    const value = row.get("value")
    if (key === "" || typeof value !== "string") return
    const first = this.#firstSight(key, version, nonce, node)
    if (first.nonce !== nonce) {
      const second = this.#record(node, key, value, row, live, nonce)
      for (const listener of this.#forkListeners) listener(first, second)
      return
    }
    if (previous !== undefined && version < previous.version) return
    this.#order++
    const record = this.#record(node, key, value, row, live, nonce)
    this.#records.set(key, record)
    for (const listener of this.#recordListeners) listener(record, previous)
  }

  #firstSight(key: string, version: number, nonce: string, node: string): FirstSight {
    let versions = this.#versions.get(key)
    if (versions === undefined) {
      versions = new Map()
      this.#versions.set(key, versions)
    }
    const known = versions.get(version)
    if (known !== undefined) return known
    const first = { nonce, node, atMicros: this.#world.queue.nowMicros }
    versions.set(version, first)
    return first
  }

  #record(
    node: string,
    key: string,
    value: string,
    row: ReadonlyMap<string, string | number | null>,
    live: boolean,
    nonce: string,
  ): CommittedRecord {
    return {
      key,
      value: readRecordText(value),
      version: Number(row.get("version")),
      term: Number(row.get("term")),
      live,
      nonce,
      atMicros: this.#world.queue.nowMicros,
      order: this.#order,
      node,
    }
  }
}
