/**
 * A real-time table on one node: its structure and its documents by id.
 *
 * Rows are never changed in place and the map is copied only when someone writes while a snapshot holds it, so a
 * snapshot costs nothing until then.
 */
import { byteSize } from "./Structure.ts"
import type { Row, Structure } from "./Structure.ts"
import type { TableOption } from "../sql/Statement.ts"
import { type Key, keyOf } from "./Key.ts"

export type TableKind = "rt" | "percolate"

/** A table at one moment; stays as it is whatever is written later. */
export interface TableSnapshot {
  readonly name: string
  readonly kind: TableKind
  readonly structure: Structure
  readonly options: ReadonlyArray<TableOption>
  readonly rows: ReadonlyMap<Key, Row>
  readonly bytes: number
  /** No document has an id above this. */
  readonly highest: bigint
}

const lowestId = -(2n ** 63n)

const answersMax = 32

/** How many documents may be moved one by one before the sorted list is thrown away and made anew at the next use. */
const sortedMovesMax = 64

export class Table {
  readonly name: string
  readonly kind: TableKind
  /** The replication cluster that the table is part of on this node; set by whoever replicates. */
  cluster: string | undefined
  /** Parts of the table that a FLUSH RAMCHUNK has written out; only shown, never used. */
  diskChunks = 0
  #structure: Structure
  #options: ReadonlyArray<TableOption>
  #rows: Map<Key, Row>
  #shared: boolean
  #bytes: number
  #sorted: Array<Row> | undefined
  #sortedMoves = 0
  #answers: Map<object, unknown> | undefined
  /** No document has an id above this: most new ids are higher than all others, and need not be looked for. */
  #highest = lowestId

  constructor(name: string, structure: Structure, options: ReadonlyArray<TableOption> = [], kind: TableKind = "rt") {
    this.name = name
    this.kind = kind
    this.cluster = undefined
    this.#structure = structure
    this.#options = options
    this.#rows = new Map()
    this.#shared = false
    this.#bytes = 0
    this.#sorted = []
  }

  /** A table of its own with the content of a snapshot, in no cluster. */
  static fromSnapshot(snapshot: TableSnapshot): Table {
    const table = new Table(snapshot.name, snapshot.structure, snapshot.options, snapshot.kind)
    table.restore(snapshot)
    return table
  }

  get structure(): Structure {
    return this.#structure
  }

  get options(): ReadonlyArray<TableOption> {
    return this.#options
  }

  /** Number of documents. */
  get size(): number {
    return this.#rows.size
  }

  /** About how many bytes the documents take. */
  get bytes(): number {
    return this.#bytes
  }

  /** Documents in the order of their arrival; not to be changed by the caller. */
  get rows(): ReadonlyMap<Key, Row> {
    return this.#rows
  }

  get(id: bigint): Row | undefined {
    return id > this.#highest ? undefined : this.#rows.get(keyOf(id))
  }

  has(id: bigint): boolean {
    return id <= this.#highest && this.#rows.has(keyOf(id))
  }

  /** Documents in the order of their ids; not to be changed by the caller. */
  get sortedRows(): ReadonlyArray<Row> {
    if (this.#sorted === undefined) {
      this.#sorted = [...this.#rows.values()].sort(byId)
      this.#sortedMoves = 0
    }
    return this.#sorted
  }

  /** The first position in `sortedRows` whose id is not below the given one. */
  firstPosition(id: bigint): number {
    return lowerBound(this.sortedRows, id)
  }

  /** What was worked out before from the documents as they are now, for this question. */
  recall(question: object): unknown {
    return this.#answers?.get(question)
  }

  /** Keeps an answer until the next change: the same question is often asked by many. */
  note(question: object, answer: unknown): void {
    this.#answers ??= new Map()
    if (this.#answers.size >= answersMax) {
      this.#answers.clear()
    }
    this.#answers.set(question, answer)
  }

  /** Adds a document, or replaces the one of that id, which then counts as the latest. */
  insert(id: bigint, row: Row): void {
    this.#own()
    const old = this.get(id)
    this.#placeSorted(id, row, old === undefined)
    if (id > this.#highest) this.#highest = id
    if (old !== undefined) {
      this.#rows.delete(keyOf(id))
      this.#bytes -= rowBytes(old)
    }
    this.#rows.set(keyOf(id), row)
    this.#bytes += rowBytes(row)
  }

  /** Changes a document where it is. */
  update(id: bigint, row: Row): void {
    this.#own()
    const old = this.get(id)
    if (old === undefined) {
      throw new Error(`no document ${id} to update in table '${this.name}'`)
    }
    this.#placeSorted(id, row, false)
    this.#rows.set(keyOf(id), row)
    this.#bytes += rowBytes(row) - rowBytes(old)
  }

  /** True if there was such a document. */
  delete(id: bigint): boolean {
    const old = this.get(id)
    if (old === undefined) {
      return false
    }
    this.#own()
    this.#rows.delete(keyOf(id))
    this.#bytes -= rowBytes(old)
    this.#removeSorted(id)
    return true
  }

  truncate(): void {
    this.#answers = undefined
    this.#rows = new Map()
    this.#shared = false
    this.#bytes = 0
    this.#sorted = []
    this.#highest = lowestId
  }

  /** Gives every document another structure. */
  restructure(structure: Structure, convert: (row: Row) => Row): void {
    const rows = new Map<Key, Row>()
    let bytes = 0
    for (const [id, row] of this.#rows) {
      const converted = convert(row)
      rows.set(id, converted)
      bytes += rowBytes(converted)
    }
    this.#answers = undefined
    this.#structure = structure
    this.#rows = rows
    this.#shared = false
    this.#bytes = bytes
    this.#sorted = undefined
  }

  setOptions(options: ReadonlyArray<TableOption>): void {
    this.#options = options
  }

  snapshot(): TableSnapshot {
    this.#shared = true
    return {
      name: this.name,
      kind: this.kind,
      structure: this.#structure,
      options: this.#options,
      rows: this.#rows,
      bytes: this.#bytes,
      highest: this.#highest,
    }
  }

  /** Makes structure and documents what they were in the snapshot; name and cluster stay. */
  restore(snapshot: TableSnapshot): void {
    this.#answers = undefined
    this.#structure = snapshot.structure
    this.#options = snapshot.options
    // Not owned: copied before the first write, so the snapshot stays as it is.
    this.#rows = snapshot.rows as Map<Key, Row>
    this.#shared = true
    this.#bytes = snapshot.bytes
    this.#highest = snapshot.highest
    this.#sorted = undefined
  }

  /** Before every change. */
  #own(): void {
    this.#answers = undefined
    if (this.#shared) {
      this.#rows = new Map(this.#rows)
      this.#shared = false
    }
  }

  #placeSorted(id: bigint, row: Row, isNew: boolean): void {
    const sorted = this.#sorted
    if (sorted === undefined) {
      return
    }
    const last = sorted[sorted.length - 1]
    if (last === undefined || idOf(last) < id) {
      sorted.push(row)
    } else if (!isNew) {
      sorted[lowerBound(sorted, id)] = row
    } else if (this.#mayMove()) {
      sorted.splice(lowerBound(sorted, id), 0, row)
    }
  }

  #removeSorted(id: bigint): void {
    const sorted = this.#sorted
    if (sorted === undefined) {
      return
    }
    const last = sorted[sorted.length - 1]
    if (last !== undefined && idOf(last) === id) {
      sorted.pop()
    } else if (this.#mayMove()) {
      sorted.splice(lowerBound(sorted, id), 1)
    }
  }

  /** Many single moves in a long list cost more than sorting once when the order is next asked for. */
  #mayMove(): boolean {
    this.#sortedMoves++
    if (this.#sortedMoves > sortedMovesMax && this.#rows.size > 1024) {
      this.#sorted = undefined
      return false
    }
    return true
  }
}

const idOf = (row: Row): bigint => {
  const [id] = row
  if (typeof id !== "bigint") {
    throw new Error("the first value of a row is its id")
  }
  return id
}

const byId = (left: Row, right: Row): number => (idOf(left) < idOf(right) ? -1 : idOf(left) > idOf(right) ? 1 : 0)

const rowBytes = (row: Row): number => {
  let bytes = 0
  for (const value of row) {
    bytes += byteSize(value)
  }
  return bytes
}

const lowerBound = (sorted: ReadonlyArray<Row>, id: bigint): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = sorted[middle]
    if (found !== undefined && idOf(found) < id) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return low
}
