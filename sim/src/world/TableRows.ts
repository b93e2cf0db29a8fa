/** A table's rows as checkers see them: nothing is copied, values are printed when asked for. */
import type { Cell } from "@shardwright/core/Answer"
import { print } from "./storage/Structure.ts"
import type { Row, Structure } from "./storage/Structure.ts"
import type { Table } from "./storage/Table.ts"

/** One row; columns by name. */
class RowView implements ReadonlyMap<string, Cell> {
  readonly #structure: Structure
  readonly #row: Row

  constructor(structure: Structure, row: Row) {
    this.#structure = structure
    this.#row = row
  }

  get size(): number {
    return this.#structure.columns.length
  }

  get(name: string): Cell | undefined {
    const position = this.#structure.positionOf(name)
    return position < 0 ? undefined : this.#cell(position)
  }

  has(name: string): boolean {
    return this.#structure.positionOf(name) >= 0
  }

  *entries(): MapIterator<[string, Cell]> {
    for (let position = 0; position < this.size; position++)
      yield [this.#structure.column(position).name, this.#cell(position)]
  }

  *keys(): MapIterator<string> {
    for (const [name] of this.entries()) yield name
  }

  *values(): MapIterator<Cell> {
    for (const [, value] of this.entries()) yield value
  }

  forEach(visit: (value: Cell, key: string, map: ReadonlyMap<string, Cell>) => void): void {
    for (const [name, value] of this.entries()) visit(value, name, this)
  }

  [Symbol.iterator](): MapIterator<[string, Cell]> {
    return this.entries()
  }

  #cell(position: number): Cell {
    return print(this.#structure.column(position), this.#row[position] ?? null)
  }
}

/** All rows, by document id. */
class RowsView implements ReadonlyMap<bigint, ReadonlyMap<string, Cell>> {
  readonly #table: Table

  constructor(table: Table) {
    this.#table = table
  }

  get size(): number {
    return this.#table.size
  }

  get(id: bigint): ReadonlyMap<string, Cell> | undefined {
    const row = this.#table.get(id)
    return row === undefined ? undefined : new RowView(this.#table.structure, row)
  }

  has(id: bigint): boolean {
    return this.#table.has(id)
  }

  *entries(): MapIterator<[bigint, ReadonlyMap<string, Cell>]> {
    const structure = this.#table.structure
    for (const [key, row] of this.#table.rows) yield [BigInt(key), new RowView(structure, row)]
  }

  *keys(): MapIterator<bigint> {
    for (const key of this.#table.rows.keys()) yield BigInt(key)
  }

  *values(): MapIterator<ReadonlyMap<string, Cell>> {
    for (const [, row] of this.entries()) yield row
  }

  forEach(
    visit: (value: ReadonlyMap<string, Cell>, key: bigint, map: ReadonlyMap<bigint, ReadonlyMap<string, Cell>>) => void,
  ): void {
    for (const [id, row] of this.entries()) visit(row, id, this)
  }

  [Symbol.iterator](): MapIterator<[bigint, ReadonlyMap<string, Cell>]> {
    return this.entries()
  }
}

/** The rows of a table, as they are whenever they are read. */
export const rowsView = (table: Table): ReadonlyMap<bigint, ReadonlyMap<string, Cell>> => new RowsView(table)
