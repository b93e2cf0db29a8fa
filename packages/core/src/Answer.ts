/**
 * What came back for one SQL statement sent to one node: rows, a success without rows, a refusal, or nothing.
 *
 * Transports report, they never interpret: a lost connection or an expired deadline is `NoAnswer` (the statement may
 * or may not have taken effect), and what a refusal means is decided by `ErrorClass`.
 */

/** One value of a row: 64-bit columns arrive as decimal strings, 32-bit and float columns as numbers. */
export type Cell = string | number | null

/** A result set: `rows[i][j]` belongs to `columns[j]`. */
export interface Rows {
  readonly _tag: "Rows"
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<Cell>>
}

/** A success without rows. */
export interface Ok {
  readonly _tag: "Ok"
  readonly affectedRows: number
  readonly warnings: number
}

/** The server answered with an error packet. */
export interface Refused {
  readonly _tag: "Refused"
  readonly errno: number
  readonly sqlState: string
  readonly message: string
}

/** Why there is no answer. Only `connection refused` proves that the statement never reached a server. */
export type NoAnswerReason = "timeout" | "connection refused" | "connection lost"

/** No answer: unless the connection was refused, the statement may still take effect, now or later. */
export interface NoAnswer {
  readonly _tag: "NoAnswer"
  readonly reason: NoAnswerReason
}

/** Everything that can come back for one statement. */
export type Answer = Rows | Ok | Refused | NoAnswer

/** Builds a result set. */
export const rows = (columns: ReadonlyArray<string>, data: ReadonlyArray<ReadonlyArray<Cell>>): Rows => ({
  _tag: "Rows",
  columns,
  rows: data,
})

/** Builds a success without rows. */
export const ok = (affectedRows = 0, warnings = 0): Ok => ({ _tag: "Ok", affectedRows, warnings })

/** Builds a refusal; 1064 and 42000 are what the server uses for nearly all of them. */
export const refused = (message: string, errno = 1064, sqlState = "42000"): Refused => ({
  _tag: "Refused",
  errno,
  sqlState,
  message,
})

/** Builds a missing answer. */
export const noAnswer = (reason: NoAnswerReason): NoAnswer => ({ _tag: "NoAnswer", reason })
