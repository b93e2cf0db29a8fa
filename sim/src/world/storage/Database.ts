/**
 * Everything that one daemon stores: its real-time tables and its wrapper tables, by name.
 */
import { Table } from "./Table.ts"
import type { TableSnapshot } from "./Table.ts"
import type { Wrapper } from "./Wrapper.ts"

export interface DatabaseOptions {
  /** The data directory as messages show it. */
  readonly dataDirectory: string
  /** Gives a document id of the server's choice: positive, never twice. */
  readonly autoId: () => bigint
}

export class Database {
  readonly dataDirectory: string
  readonly autoId: () => bigint
  readonly #tables = new Map<string, Table>()
  readonly #wrappers = new Map<string, Wrapper>()
  #listed: ReadonlyArray<readonly [string, string]> | undefined

  constructor(options: DatabaseOptions) {
    this.dataDirectory = options.dataDirectory
    this.autoId = options.autoId
  }

  get tables(): ReadonlyMap<string, Table> {
    return this.#tables
  }

  get wrappers(): ReadonlyMap<string, Wrapper> {
    return this.#wrappers
  }

  table(name: string): Table | undefined {
    return this.#tables.get(name)
  }

  wrapper(name: string): Wrapper | undefined {
    return this.#wrappers.get(name)
  }

  /** Names and kinds of all tables and wrappers, by name. */
  list(): ReadonlyArray<readonly [string, string]> {
    this.#listed ??= [...this.#tables.values(), ...this.#wrappers.values()]
      .map(({ name, kind }) => [name, kind] as const)
      .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    return this.#listed
  }

  has(name: string): boolean {
    return this.#tables.has(name) || this.#wrappers.has(name)
  }

  /** Adds a table, or puts it in the place of the one of that name. */
  addTable(table: Table): void {
    this.#listed = undefined
    this.#tables.set(table.name, table)
    this.#wrappers.delete(table.name)
  }

  addWrapper(wrapper: Wrapper): void {
    this.#listed = undefined
    this.#wrappers.set(wrapper.name, wrapper)
  }

  /** Forgets a table or a wrapper; true if there was one. */
  drop(name: string): boolean {
    this.#listed = undefined
    return this.#tables.delete(name) || this.#wrappers.delete(name)
  }

  /** Takes over a table from another node: structure and documents become those of the snapshot, the cluster stays. */
  receive(snapshot: TableSnapshot): Table {
    const known = this.#tables.get(snapshot.name)
    if (known !== undefined && known.kind === snapshot.kind) {
      known.restore(snapshot)
      return known
    }
    const table = Table.fromSnapshot(snapshot)
    this.addTable(table)
    return table
  }
}
