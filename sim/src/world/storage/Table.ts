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
  /** Keys in the order of the ids, if that is known now. */
  #sorted: Array<Key> | undefined
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

  /** The document at a position in the order of ids, from 0. */
  at(position: number): Row | undefined {
    const key = this.#inOrder()[position]
    return key === undefined ? undefined : this.#rows.get(key)
  }

  /** The first position in the order of ids whose id is not below the given one. */
  firstPosition(id: bigint): number {
    return lowerBound(this.#inOrder(), keyOf(id))
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
    const key = keyOf(id)
    if (id > this.#highest) {
      this.#highest = id
      this.#sorted?.push(key)
    } else {
      const old = this.#rows.get(key)
      if (old === undefined) {
        this.#placeSorted(key)
      } else {
        this.#rows.delete(key)
        this.#bytes -= rowBytes(old)
      }
    }
    this.#rows.set(key, row)
    this.#bytes += rowBytes(row)
  }

  /** Changes a document where it is. */
  update(id: bigint, row: Row): void {
    this.#own()
    const key = keyOf(id)
    const old = this.#rows.get(key)
    if (old === undefined) {
      throw new Error(`no document ${id} to update in table '${this.name}'`)
    }
    this.#rows.set(key, row)
    this.#bytes += rowBytes(row) - rowBytes(old)
  }

  /** True if there was such a document. */
  delete(id: bigint): boolean {
    const old = this.get(id)
    if (old === undefined) {
      return false
    }
    this.#own()
    const key = keyOf(id)
    this.#rows.delete(key)
    this.#bytes -= rowBytes(old)
    this.#removeSorted(key)
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

  #inOrder(): ReadonlyArray<Key> {
    if (this.#sorted === undefined) {
      this.#sorted = [...this.#rows.keys()].sort(ascending)
      this.#sortedMoves = 0
    }
    return this.#sorted
  }

  /** Puts a new key into its place; not to be called for one above all that were there before. */
  #placeSorted(key: Key): void {
    const sorted = this.#sorted
    if (sorted === undefined) {
      return
    }
    const last = sorted[sorted.length - 1]
    if (last === undefined || last < key) {
      sorted.push(key)
    } else if (this.#mayMove()) {
      sorted.splice(lowerBound(sorted, key), 0, key)
    }
  }

  #removeSorted(key: Key): void {
    const sorted = this.#sorted
    if (sorted === undefined) {
      return
    }
    if (sorted[sorted.length - 1] === key) {
      sorted.pop()
    } else if (this.#mayMove()) {
      sorted.splice(lowerBound(sorted, key), 1)
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

const ascending = (left: Key, right: Key): number => (left < right ? -1 : left > right ? 1 : 0)

const rowBytes = (row: Row): number => {
  let bytes = 0
  for (const value of row) {
    bytes += byteSize(value)
  }
  return bytes
}

const lowerBound = (sorted: ReadonlyArray<Key>, key: Key): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = sorted[middle]
    if (found !== undefined && found < key) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return low
}
