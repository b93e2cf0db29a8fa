/**
 * What the clients of one table know: for each row, what must be there, and what may be. An acknowledged write must
 * be there for ever; one whose outcome is unknown may be there or not; a refused one changes nothing.
 *
 * A row belongs to one writer, which has at most one statement for it under way. After an unknown outcome the writer
 * repeats the same statement for the row, and never writes another one to it, so that a late effect of the first
 * cannot be taken for a loss.
 */

/** A state of a row: the value of its checked column, or absent. */
export type RowState = { readonly present: true; readonly value: number } | { readonly present: false }

export const absent: RowState = { present: false }
export const present = (value: number): RowState => ({ present: true, value })

const same = (a: RowState, b: RowState): boolean => (a.present ? b.present && a.value === b.value : !b.present)

/** How a statement ended for one row. */
export type RowOutcome = "acknowledged" | "refused" | "unknown"

/** What is known of one row. */
export interface RowModel {
  readonly id: number
  /** States in which the row may be. One only: it must be that. */
  readonly possible: ReadonlyArray<RowState>
  /** True if the row's existence was ever acknowledged (or its deletion). */
  readonly acknowledged: boolean
  /** No further statement will be sent for it. */
  readonly retired: boolean
  /** A statement for it is under way. */
  readonly busy: boolean
  /** What that statement wants, if it has been sent and not answered yet. */
  readonly underway: RowState | undefined
  /** When the last outcome came in. */
  readonly atMicros: number
}

/** The rows of one table, and figures of its clients. */
export class ClientModel {
  readonly table: string
  readonly #rows = new Map<number, RowModel>()
  acknowledged = 0
  refused = 0
  unknown = 0
  /** How long acknowledged statements took, each from its sending to its answer. */
  readonly latenciesMicros: Array<number> = []
  /** Reads that were answered. */
  reads = 0
  firstSentMicros: number | undefined
  lastSentMicros: number | undefined
  #lastAcknowledgedMicros: number | undefined
  #longestGapMicros = 0

  constructor(table: string) {
    this.table = table
  }

  get rows(): ReadonlyMap<number, RowModel> {
    return this.#rows
  }

  /** Notes that the first statement was sent: gaps count from here. */
  sent(nowMicros: number): void {
    this.lastSentMicros = nowMicros
    if (this.firstSentMicros !== undefined) return
    this.firstSentMicros = nowMicros
    this.#lastAcknowledgedMicros = nowMicros
  }

  /** Notes that a statement that wants the row in `wanted` is under way: from now on it may take effect. */
  touch(id: number, wanted: RowState): void {
    const row = this.#rows.get(id)
    if (row !== undefined) this.#rows.set(id, { ...row, busy: true, underway: wanted })
  }

  /** Notes how a statement that wants a row in `wanted` ended. `final` is false if the writer repeats it. */
  settle(id: number, wanted: RowState, outcome: RowOutcome, nowMicros: number, final: boolean): void {
    const before = this.#rows.get(id)
    const possible = before?.possible ?? [absent]
    if (outcome === "acknowledged") {
      this.acknowledged++
      const gap = nowMicros - (this.#lastAcknowledgedMicros ?? nowMicros)
      this.#longestGapMicros = Math.max(this.#longestGapMicros, gap)
      this.#lastAcknowledgedMicros = nowMicros
      const uncertain = possible.length > 1
      this.#rows.set(id, {
        id,
        possible: [wanted],
        acknowledged: true,
        retired: uncertain || !wanted.present,
        busy: false,
        underway: undefined,
        atMicros: nowMicros,
      })
    } else if (outcome === "unknown") {
      if (final) this.unknown++
      const known = possible.some((state) => same(state, wanted)) ? possible : [...possible, wanted]
      this.#rows.set(id, {
        id,
        possible: known,
        acknowledged: before?.acknowledged ?? false,
        retired: final,
        busy: !final,
        underway: undefined,
        atMicros: nowMicros,
      })
    } else {
      this.refused++
      // A row that was refused is remembered: it must never be there.
      this.#rows.set(id, {
        id,
        possible,
        acknowledged: before?.acknowledged ?? false,
        retired: before === undefined || possible.length > 1,
        busy: false,
        underway: undefined,
        atMicros: nowMicros,
      })
    }
  }

  /** The longest time without an acknowledgement between the first statement and `untilMicros`. */
  longestGapMicros(untilMicros: number): number {
    if (this.#lastAcknowledgedMicros === undefined) return 0
    return Math.max(this.#longestGapMicros, untilMicros - this.#lastAcknowledgedMicros)
  }

  /** Whether a state that was found is one in which the row may be. */
  static allows(row: RowModel, found: RowState): boolean {
    return row.possible.some((state) => same(state, found)) || (row.underway !== undefined && same(row.underway, found))
  }
}
