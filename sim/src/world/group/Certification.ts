/**
 * Certification as Galera does it: a change loses against one of another node that came before it in the order, touches
 * the same row, and had not been applied where the loser was prepared. Changes of one node never lose against each
 * other. Rows are known by table and id; what was selected by anything but ids counts as the whole table.
 */
import { type Key, keyOf } from "../storage/Key.ts"

/** What a change touches: ids of a table, or the whole table. */
export interface Touched {
  readonly table: string
  readonly ids: ReadonlyArray<bigint> | undefined
}

/** Nodes are small numbers here, so that a row needs one number: where it was changed last, and by whom. */
const nodesMax = 1024

class TableHistory {
  readonly rows = new Map<Key, number>()
  /** Per node, the last change of any row, and the last one of the whole table. */
  readonly any = new Map<number, number>()
  readonly wide = new Map<number, number>()
  last = 0
}

const changedByOther = (places: ReadonlyMap<number, number>, node: number, seen: number): boolean => {
  for (const [other, seqno] of places) {
    if (other !== node && seqno > seen) return true
  }
  return false
}

/** The last number at which each row was changed. */
export class Certification {
  #tables = new Map<string, TableHistory>()
  #rows = 0

  /** True if no other node has changed after `seen` what the change of `node` touches. */
  passes({ table, ids }: Touched, node: number, seen: number): boolean {
    const history = this.#tables.get(table)
    if (history === undefined || history.last <= seen) return true
    if (ids === undefined) return !changedByOther(history.any, node, seen)
    if (changedByOther(history.wide, node, seen)) return false
    for (const id of ids) {
      const place = history.rows.get(keyOf(id))
      if (place !== undefined && place % nodesMax !== node && Math.floor(place / nodesMax) > seen) return false
    }
    return true
  }

  /** Notes that the change of `node` stands at `seqno`. */
  record({ table, ids }: Touched, node: number, seqno: number): void {
    let history = this.#tables.get(table)
    if (history === undefined) {
      history = new TableHistory()
      this.#tables.set(table, history)
    }
    history.last = seqno
    history.any.set(node, seqno)
    if (ids === undefined) {
      history.wide.set(node, seqno)
      return
    }
    for (const id of ids) history.rows.set(keyOf(id), seqno * nodesMax + node)
    this.#rows += ids.length
  }

  /** True when it is worth to call `forget`. */
  get isLarge(): boolean {
    return this.#rows > 20_000
  }

  /** Drops what every member has applied; no change can be prepared before that any more. */
  forget(seenByAll: number): void {
    this.#rows = 0
    for (const history of this.#tables.values()) {
      for (const [id, place] of history.rows) {
        if (Math.floor(place / nodesMax) <= seenByAll) history.rows.delete(id)
      }
      this.#rows += history.rows.size
    }
    // Rows that a slow member has not applied stay; count from them, or every write would come here again.
    this.#rows = Math.floor(this.#rows / 2)
  }
}
