/**
 * The structure of a table: its columns, how a constant of SQL becomes a value of a column, and how a value is printed.
 */
import type { Cell } from "@shardwright/core/Answer"
import type { ColumnDeclaration, ColumnType, Literal } from "../sql/Statement.ts"
import { toJsonText } from "./json.ts"

/** A stored value: `bigint` for 64-bit columns, `number` for narrower ones and floats, text (also of json), lists. */
export type Value = bigint | number | string | null | ReadonlyArray<bigint>

/** The values of a document in the order of the structure's columns; the first is its id. Never changed in place. */
export type Row = ReadonlyArray<Value>

export interface Column {
  readonly name: string
  readonly type: ColumnType
  readonly bits: number | undefined
  /** Full-text searchable. */
  readonly field: boolean
  /** Kept as text that SELECT can show, though it is no attribute. */
  readonly stored: boolean
  /** Can be filtered, sorted and updated. */
  readonly attribute: boolean
  readonly options: ColumnDeclaration["options"]
}

/** Columns of a table, id first. Never changed in place. */
export class Structure {
  /** In the order of declaration. */
  readonly columns: ReadonlyArray<Column>
  /** Positions in `columns`, as DESC lists them: id, fields, then the other columns. */
  readonly described: ReadonlyArray<number>
  /** Positions of what `SELECT *` shows when there are rows, and when there are none. */
  readonly shown: ReadonlyArray<number>
  readonly shownWithoutRows: ReadonlyArray<number>
  readonly #positions: ReadonlyMap<string, number>

  constructor(columns: ReadonlyArray<Column>) {
    this.columns = columns
    this.#positions = new Map(columns.map((column, position) => [column.name, position]))
    const positions = columns.map((_, position) => position).slice(1)
    const is = (position: number, property: "field" | "stored" | "attribute"): boolean =>
      columns[position]?.[property] ?? false
    const textual = positions.filter(
      (position) => is(position, "field") || (is(position, "stored") && !is(position, "attribute")),
    )
    const rest = positions.filter((position) => !textual.includes(position))
    this.described = [0, ...textual, ...rest]
    this.shown = this.described.filter((position) => is(position, "attribute") || is(position, "stored"))
    this.shownWithoutRows = [
      0,
      ...positions.filter((position) => is(position, "attribute")),
      ...positions.filter((position) => !is(position, "attribute") && is(position, "stored")),
    ]
  }

  /** The position of a column, or -1. */
  positionOf(name: string): number {
    return this.#positions.get(name) ?? -1
  }

  column(position: number): Column {
    const column = this.columns[position]
    if (column === undefined) {
      throw new Error(`no column at position ${position} of ${this.columns.length}`)
    }
    return column
  }

  /** True if documents of both could stand in for each other: same names and types in the same order. */
  isCompatibleWith(other: Structure): boolean {
    return (
      this === other ||
      (this.columns.length === other.columns.length &&
        this.columns.every((column, position) => {
          const mate = other.columns[position]
          return (
            mate !== undefined &&
            column.name === mate.name &&
            storedType(column.type) === storedType(mate.type) &&
            column.bits === mate.bits &&
            column.field === mate.field &&
            column.stored === mate.stored &&
            column.attribute === mate.attribute
          )
        }))
    )
  }
}

/** Structures by their columns: bounded, and emptied as a whole because that is cheapest. */
const structures = new Map<string, Structure>()
const structuresMax = 1000

/** The structure of these columns; tables that are made alike share one, and with it what was prepared for it. */
export const structureOf = (columns: ReadonlyArray<Column>): Structure => {
  const signature = JSON.stringify(columns)
  const known = structures.get(signature)
  if (known !== undefined) {
    return known
  }
  if (structures.size >= structuresMax) {
    structures.clear()
  }
  const structure = new Structure(columns)
  structures.set(signature, structure)
  return structure
}

const storedType = (type: ColumnType): ColumnType => (type === "int" ? "uint" : type)

export const idColumn: Column = {
  name: "id",
  type: "bigint",
  bits: undefined,
  field: false,
  stored: false,
  attribute: true,
  options: [],
}

/** A column as the daemon understands its declaration. */
export const toColumn = (declaration: ColumnDeclaration): Column => {
  const { name, type, bits, indexed, stored, attribute, options } = declaration
  if (type === "text" && !attribute) {
    const plain = !indexed && !stored
    return { name, type, bits, field: plain || indexed, stored: plain || stored, attribute: false, options }
  }
  if (type === "text" || type === "string") {
    return { name, type: "string", bits, field: indexed, stored: false, attribute: true, options }
  }
  return { name, type, bits, field: false, stored: false, attribute: true, options }
}

/** The value that a column has when an INSERT does not name it. */
export const defaultValue = (column: Column): Value => {
  switch (column.type) {
    case "text":
    case "string":
      return ""
    case "bigint":
      return 0n
    case "json":
      return null
    case "multi":
    case "multi64":
    case "float_vector":
      return []
    default:
      return 0
  }
}

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/** The leading integer of a text, as C's strtoll reads it. */
const leadingInteger = (text: string): bigint => {
  const digits = /^\s*[-+]?\d+/.exec(text)?.[0]
  return digits === undefined ? 0n : BigInt(digits.trim().replace(/^\+/, ""))
}

const toInteger = (literal: Literal): bigint => {
  if (typeof literal === "bigint") {
    return literal
  }
  if (typeof literal === "number") {
    return BigInt(Math.trunc(literal))
  }
  return typeof literal === "string" ? leadingInteger(literal) : 0n
}

const clamp = (value: bigint): bigint => (value > int64Max ? int64Max : value < int64Min ? int64Min : value)

const wrapUnsigned = (value: bigint, bits: number): number =>
  value >= 0n && value <= 0xffffffffn && bits === 32 ? Number(value) : Number(BigInt.asUintN(bits, value))

const toFloat = (literal: Literal): number => {
  const value =
    typeof literal === "string" ? Number.parseFloat(literal) : typeof literal === "object" ? 0 : Number(literal)
  return Number.isNaN(value) ? 0 : Math.fround(value)
}

const toList = (literal: Literal, bits: number): ReadonlyArray<bigint> => {
  const values =
    typeof literal === "object" ? literal : typeof literal === "string" ? listed(literal) : [toInteger(literal)]
  const wrapped = values.map((value) => (bits === 32 ? BigInt.asUintN(32, value) : clamp(value)))
  return [...new Set(wrapped)].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))
}

const listed = (text: string): ReadonlyArray<bigint> => (text.match(/-?\d+/g) ?? []).map((digits) => BigInt(digits))

/** What became of a constant on its way into a column. */
export interface Coerced {
  readonly value: Value
  /** A json text that could not be read: INSERT warns and stores NULL, UPDATE fails. */
  readonly jsonError: string | undefined
}

/** Turns a constant into a value of the column. Numbers do not become text: such columns stay empty. */
export const coerce = (column: Column, literal: Literal): Value => {
  switch (column.type) {
    case "text":
    case "string":
      return typeof literal === "string" ? literal : ""
    case "bigint":
      return clamp(toInteger(literal))
    case "float":
      return toFloat(literal)
    case "bool":
      // One bit is stored: 2 is false.
      return Number(toInteger(literal) & 1n)
    case "bit":
      return wrapUnsigned(toInteger(literal), column.bits ?? 32)
    case "multi":
      return toList(literal, 32)
    case "multi64":
      return toList(literal, 64)
    case "json":
      return coerceJson(literal).value
    case "float_vector":
      return []
    default:
      return wrapUnsigned(toInteger(literal), 32)
  }
}

/** A json column takes text only, and of that only objects and arrays. */
export const coerceJson = (literal: Literal): Coerced => {
  if (typeof literal !== "string") {
    return { value: null, jsonError: undefined }
  }
  const read = toJsonText(literal)
  return { value: read.value, jsonError: read.error }
}

/** A value as the client receives it. */
export const print = (column: Column, value: Value): Cell => {
  if (typeof value === "bigint") {
    return String(value)
  }
  if (typeof value === "string") {
    return printText(value)
  }
  if (typeof value === "number") {
    return column.type === "float" ? printFloat(value) : value
  }
  return value === null ? null : value.join(",")
}

/** Floats are sent with six digits after the point. */
export const printFloat = (value: number): number => Number(value.toFixed(6))

/** The server announces utf8 without the four-byte characters, so clients show one replacement for each byte of such. */
export const printText = (value: string): string =>
  /[\ud800-\udfff]/.test(value) ? value.replace(/[\ud800-\udbff][\udc00-\udfff]/g, "\ufffd".repeat(4)) : value

/** About how many bytes a value takes: for the size of tables, not for anything that must be exact. */
export const byteSize = (value: Value): number => {
  if (typeof value === "string") {
    return value.length + 4
  }
  return typeof value === "object" && value !== null ? 8 * value.length : 8
}

/** The length of a text in UTF-8. */
export const utf8Length = (text: string): number => {
  let length = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x80) {
      length += 1
    } else if (code < 0x800) {
      length += 2
    } else if (code >= 0xd800 && code < 0xe000) {
      length += 2
    } else {
      length += 3
    }
  }
  return length
}
