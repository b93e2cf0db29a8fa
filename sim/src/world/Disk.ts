/**
 * What one node stores, and what a crash makes of it. Tables survive a kill as they are, with two exceptions that the
 * real server has. A table that was overwritten by a copy while its binlog still held writes of its own (finding 4) is
 * restored from the copy plus everything in the binlog whose number is not taken yet, so old rows return and new ones
 * vanish. And of logs that are opened at the same moment the list of logs may lack one: what is in it is not replayed,
 * while the numbers of the clusters, which are kept elsewhere, say that nothing is missing.
 */
import type { TableView } from "./SimulatedCluster.ts"
import { Database } from "./storage/Database.ts"
import type { Table, TableSnapshot } from "./storage/Table.ts"
import type { Applied, WriteSet } from "./storage/write.ts"
import type { Wrapper } from "./storage/Wrapper.ts"
import { rowsView } from "./TableRows.ts"

/** The binlog of one table. */
interface TableLog {
  /** Transactions of the table so far. */
  number: number
  /** Writes that are only in the log, and the number of each. Two lists: most entries are never looked at. */
  writes: Array<WriteSet>
  numbers: Array<number>
  /** The copy that overwrote the table, and the number that came with it. */
  copy: { readonly snapshot: TableSnapshot; readonly number: number } | undefined
  /** The table as it was when its log began, if the list of logs lacks it: a crash makes it that again. */
  unlisted: TableSnapshot | undefined
  /** A crash took rows of the table, and no other copy has overwritten it since. */
  lacksRows: boolean
}

/** Entries beyond this many are flushed: the server writes a table out now and then. */
const entriesMax = 20_000

/** The storage of a node. */
export class Disk {
  readonly database: Database
  readonly #logs = new Map<string, TableLog>()

  constructor(dataDirectory: string, autoId: () => bigint) {
    this.database = new Database({ dataDirectory, autoId })
  }

  /** Applies a write to its table. */
  apply(writeSet: WriteSet): Applied {
    const applied = writeSet.apply(this.database)
    const log = this.#log(writeSet.table)
    log.number++
    if (writeSet.keys === "whole table" && this.database.table(writeSet.table)?.size === 0) {
      // TRUNCATE, or a DELETE of everything: nothing is left that a crash could bring back.
      forget(log)
    } else {
      log.writes.push(writeSet)
      log.numbers.push(log.number)
      if (log.writes.length > entriesMax && log.copy === undefined) {
        log.writes = log.writes.slice(entriesMax >> 1)
        log.numbers = log.numbers.slice(entriesMax >> 1)
      }
    }
    return applied
  }

  /** The process ended without warning. */
  crash(): void {
    for (const [name, log] of this.#logs) {
      const table = this.database.table(name)
      if (log.copy !== undefined && table !== undefined) this.#replay(table, log)
      if (log.unlisted !== undefined && table !== undefined) {
        table.restore(log.unlisted)
        log.lacksRows = true
      }
      settle(log)
    }
  }

  /** The log of a table that begins now is in no list; or it is, from now on. */
  unlist(name: string, isUnlisted: boolean): void {
    const table = this.database.table(name)
    if (table !== undefined) this.#log(name).unlisted = isUnlisted ? table.snapshot() : undefined
  }

  get hasUnlisted(): boolean {
    return [...this.#logs.values()].some(({ unlisted }) => unlisted !== undefined)
  }

  get lacksRows(): boolean {
    return [...this.#logs.values()].some((log) => log.lacksRows)
  }

  /** The process wrote all tables out. */
  saved(): void {
    for (const log of this.#logs.values()) settle(log)
  }

  /** Overwrites a table with another node's. */
  overwrite(name: string, from: Disk): void {
    const source = from.database.table(name)
    if (source === undefined) return
    const snapshot = source.snapshot()
    this.database.receive(snapshot)
    const log = this.#log(name)
    log.number = from.#log(name).number
    log.lacksRows = false
    log.copy = log.writes.length > 0 ? { snapshot, number: log.number } : undefined
  }

  /** A table was dropped. */
  dropped(name: string): void {
    this.#logs.delete(name)
  }

  /** What a starting process makes of its wrappers: one whose local shard has changed is gone (finding 13). */
  loadWrappers(): void {
    for (const wrapper of [...this.database.wrappers.values()]) {
      if (wrapper.targets.some((target) => target.local !== undefined && this.isChangedShard(wrapper, target.local)))
        this.database.drop(wrapper.name)
    }
  }

  /** True if a local shard has not the structure any more that its wrapper was made for. */
  isChangedShard(wrapper: Wrapper, local: string): boolean {
    const table = this.database.table(local)
    return (
      table !== undefined && wrapper.structure !== undefined && !table.structure.isCompatibleWith(wrapper.structure)
    )
  }

  has(name: string): boolean {
    return this.database.table(name) !== undefined
  }

  bytes(name: string): number {
    return this.database.table(name)?.bytes ?? 0
  }

  /** Marks a plain table as part of a cluster, or of none. */
  setCluster(name: string, cluster: string | undefined): void {
    const table = this.database.table(name)
    if (table !== undefined) table.cluster = cluster
  }

  /** Why a table cannot be put into a cluster, if so. */
  addProblem(name: string, cluster: string): string | undefined {
    const table = this.database.table(name)
    if (table !== undefined)
      return table.cluster === undefined ? undefined : `table '${name}' is already part of cluster '${table.cluster}'`
    const wrapper = this.database.wrapper(name)
    if (wrapper === undefined) return unknownTable(name)
    const locals = wrapper.targets.flatMap((target) => (target.local === undefined ? [] : [target.local]))
    const unknown = locals.filter((local) => !this.has(local))
    const outside = locals.filter((local) => this.has(local) && this.database.table(local)?.cluster === undefined)
    const reasons = [
      ...(unknown.length > 0 ? [`has unknown local tables: ${unknown.join(",")}`] : []),
      ...(outside.length > 0 ? [`has tables not in the cluster: ${outside.join(",")}`] : []),
    ]
    return reasons.length === 0
      ? undefined
      : `can not add distributed table '${name}' into cluster '${cluster}';${reasons.join("; ")}`
  }

  /** Why a table cannot be taken out of a cluster, if so. */
  removeProblem(name: string, cluster: string): string | undefined {
    const table = this.database.table(name)
    if (table === undefined && this.database.wrapper(name) === undefined) return unknownTable(name)
    return table?.cluster === undefined ? `table '${name}' is not in cluster '${cluster}'` : undefined
  }

  /** All tables, for checkers. Rows are read where they are. */
  views(clusterOf: (table: string) => string | undefined): ReadonlyArray<TableView> {
    const plain = [...this.database.tables.values()].map((table): TableView => ({
      name: table.name,
      kind: table.kind,
      cluster: clusterOf(table.name),
      rows: rowsView(table),
      agents: [],
    }))
    const wrappers = [...this.database.wrappers.values()].map((wrapper): TableView => ({
      name: wrapper.name,
      kind: wrapper.kind,
      cluster: undefined,
      rows: noRows,
      agents: wrapper.targets.map((target) =>
        target.local === undefined ? target.mirrors : [{ address: "", table: target.local }],
      ),
    }))
    return [...plain, ...wrappers]
  }

  #log(name: string): TableLog {
    let log = this.#logs.get(name)
    if (log === undefined) {
      log = { number: 0, writes: [], numbers: [], copy: undefined, unlisted: undefined, lacksRows: false }
      this.#logs.set(name, log)
    }
    return log
  }

  #replay(table: Table, log: TableLog): void {
    const { copy } = log
    if (copy === undefined) return
    table.restore(copy.snapshot)
    let last = copy.number
    log.writes.forEach((writeSet, index) => {
      const number = log.numbers[index] ?? 0
      if (number <= last) return
      last = number
      writeSet.apply(this.database)
    })
    log.number = last
  }
}

const forget = (log: TableLog): void => {
  log.writes = []
  log.numbers = []
}

/** The table is as it is, and its log begins anew. */
const settle = (log: TableLog): void => {
  forget(log)
  log.copy = undefined
  log.unlisted = undefined
}

const noRows: TableView["rows"] = new Map()

const unknownTable = (name: string): string => `unknown or wrong type of table '${name}'`
