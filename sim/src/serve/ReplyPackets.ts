/**
 * Answers as packets of the MySQL protocol. mysql2 writes rows and OK packets; columns get their types here, and errors
 * their SQLSTATE, for which mysql2 has no parameter.
 */
import type { Answer, Cell, Refused, Rows } from "@shardwright/core/Answer"
import { columnKinds } from "../world/storage/select.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/** utf8, as the real server announces it; the bytes are UTF-8 all the same (finding 39). */
export const utf8Collation = 33

/** `SERVER_STATUS_AUTOCOMMIT` */
const autocommitStatus = 2
const unsignedFlag = 32

/** Types of columns on the wire. */
const wireType = { long: 3, float: 4, double: 5, longlong: 8, varString: 253 } as const
type WireType = (typeof wireType)[keyof typeof wireType]

const wireTypeOfKind = {
  wide: wireType.longlong,
  narrow: wireType.long,
  float: wireType.float,
  text: wireType.varString,
  list: wireType.varString,
} as const

/** The type of a column of which no table says what it holds, as in `SELECT 1` and SHOW. */
const wireTypeOfCell = (cell: Cell | undefined): WireType => {
  if (typeof cell !== "number") return wireType.varString
  return Number.isInteger(cell) && Math.abs(cell) < 2 ** 31 ? wireType.long : wireType.double
}

const wireTypesOf = (answer: Rows): ReadonlyArray<WireType> => {
  const kinds = columnKinds(answer.columns)
  if (kinds !== undefined) return kinds.map((kind) => wireTypeOfKind[kind])
  return answer.columns.map((_, index) => wireTypeOfCell(answer.rows.find((row) => row[index] !== null)?.[index]))
}

/** Writes the answer; the caller sees to sequence numbers. */
export const writeAnswer = (connection: ServerConnection, answer: Exclude<Answer, { _tag: "NoAnswer" }>): void => {
  switch (answer._tag) {
    case "Ok":
      connection.writeOk({
        affectedRows: answer.affectedRows,
        warningCount: answer.warnings,
        serverStatus: autocommitStatus,
      })
      return
    case "Refused":
      connection.writePacket(errorPacket(answer))
      return
    case "Rows":
      writeRows(connection, answer)
      return
  }
}

const writeRows = (connection: ServerConnection, answer: Rows): void => {
  const types = wireTypesOf(answer)
  connection.writeColumns(
    answer.columns.map((name, index) => ({
      catalog: "def",
      schema: "",
      table: "",
      orgTable: "",
      name,
      orgName: name,
      characterSet: utf8Collation,
      columnLength: types[index] === wireType.varString ? 255 : 20,
      columnType: types[index] ?? wireType.varString,
      flags: types[index] === wireType.long && !hasNegative(answer, index) ? unsignedFlag : 0,
      decimals: 0,
    })),
  )
  for (const row of answer.rows) connection.writeTextRow(row)
  connection.writeEof(0, autocommitStatus)
}

const hasNegative = (answer: Rows, index: number): boolean => answer.rows.some((row) => Number(row[index]) < 0)

/** A packet that mysql2 frames and numbers. */
export interface OutgoingPacket {
  readonly buffer: Buffer
  /** With the four bytes of the header. */
  readonly length: () => number
  readonly writeHeader: (sequenceId: number) => void
}

const headerBytes = 4

/** An ERR packet. */
const errorPacket = ({ errno, sqlState, message }: Refused): OutgoingPacket => {
  const code = Buffer.alloc(2)
  code.writeUInt16LE(errno)
  const marker = Buffer.from([0xff])
  const text = Buffer.from(`#${sqlState.padEnd(5).slice(0, 5)}${message}`, "utf8")
  const buffer = Buffer.concat([Buffer.alloc(headerBytes), marker, code, text])
  return {
    buffer,
    length: () => buffer.length,
    writeHeader: (sequenceId) => {
      buffer.writeUIntLE(buffer.length - headerBytes, 0, 3)
      buffer.writeUInt8(sequenceId, 3)
    },
  }
}
