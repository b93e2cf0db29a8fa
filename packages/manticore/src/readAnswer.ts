/**
 * What mysql2 gives, as the engine's `Answer`: rows, a success, a refusal by the server, or no answer. Nothing is interpreted.
 */
import { type Answer, type Cell, noAnswer, ok, refused, rows } from "@shardwright/core/Answer"
import type { FieldPacket, QueryError, TypeCast } from "mysql2"

/** Types of columns whose values JavaScript holds as numbers without loss; 64-bit ones stay text. */
const numbers: ReadonlySet<string> = new Set(["TINY", "SHORT", "INT24", "LONG", "FLOAT", "DOUBLE"])

/** Reads a value: mysql2 itself would lose digits of 64-bit numbers, and reads what is not in the BMP as if it were CESU-8. */
export const readCell: Exclude<TypeCast, boolean> = (field): Cell => {
  const value = field.string("utf8")
  return value !== null && numbers.has(field.type) ? Number(value) : value
}

/** Errors before a statement was sent that prove that nobody listens there. */
const refusals: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "ECONNABORTED"])

/**
 * An error of mysql2. The server's own have a SQLSTATE; all others are of the connection. `sent`: the statement may have
 * reached the server.
 */
export const answerOfError = (error: QueryError, sent: boolean): Answer => {
  if (typeof error.sqlState === "string" && error.errno !== undefined) {
    return refused(error.message, error.errno, error.sqlState)
  }
  if (!sent && refusals.has(error.code)) return noAnswer("connection refused")
  return noAnswer(error.code === "ETIMEDOUT" ? "timeout" : "connection lost")
}

/** A result of mysql2 with `rowsAsArray`. */
export const answerOfResult = (result: unknown, fields: ReadonlyArray<FieldPacket> | undefined): Answer => {
  if (fields !== undefined && Array.isArray(result)) {
    // The rows are what `readCell` made of each value.
    return rows(
      fields.map(({ name }) => name),
      result as ReadonlyArray<ReadonlyArray<Cell>>,
    )
  }
  // Without columns it is the OK packet.
  const { affectedRows = 0, warningStatus = 0 } = result as { affectedRows?: number; warningStatus?: number }
  return ok(affectedRows, warningStatus)
}
