/**
 * Certification as Galera does it: a change loses against one that came before it in the order, touches the same row,
 * and had not been applied where the loser was prepared. Rows are known by table and id; what was selected by anything
 * but ids counts as the whole table.
 */

/** What a change touches: ids of a table, or the whole table. */
export interface Touched {
  readonly table: string
  readonly ids: ReadonlyArray<bigint> | undefined
}

class TableHistory {
  readonly rows = new Map<bigint, number>()
  wide = 0
  any = 0
}

/** The last number at which each row was changed. */
export class Certification {
  #tables = new Map<string, TableHistory>()
  #rows = 0

  /** True if nothing that the change touches was changed after `seen`. */
  passes({ table, ids }: Touched, seen: number): boolean {
    const history = this.#tables.get(table)
    if (history === undefined || history.any <= seen) return true
    if (ids === undefined || history.wide > seen) return false
    for (const id of ids) {
      if ((history.rows.get(id) ?? 0) > seen) return false
    }
    return true
  }

  /** Notes that the change stands at `seqno`. */
  record({ table, ids }: Touched, seqno: number): void {
    let history = this.#tables.get(table)
    if (history === undefined) {
      history = new TableHistory()
      this.#tables.set(table, history)
    }
    history.any = seqno
    if (ids === undefined) {
      history.wide = seqno
      return
    }
    for (const id of ids) history.rows.set(id, seqno)
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
      for (const [id, seqno] of history.rows) {
        if (seqno <= seenByAll) history.rows.delete(id)
      }
      this.#rows += history.rows.size
    }
    // Rows that a slow member has not applied stay; count from them, or every write would come here again.
    this.#rows = Math.floor(this.#rows / 2)
  }
}
