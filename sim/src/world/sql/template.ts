/**
 * Statements that differ only in their constants are read once: later ones of the same shape are recognised by the text
 * between the constants, and their constants put into the places of the first.
 *
 * Exact: the text between constants must be equal, and anything out of the ordinary (signs, decimals, numbers beyond 63
 * bits) is left to the grammar.
 */
import type { Condition, Delete, Insert, Literal, ParsedStatement, Select, Update } from "./Statement.ts"
import { unquote } from "./Tokens.ts"

type Shaped = Insert | Update | Delete | Select

interface Template {
  readonly statement: Shaped
  /** Text before, between and after the constants; of an INSERT those of its first row, without what follows it. */
  readonly segments: ReadonlyArray<string>
  /** Per constant: true for quoted text, false for an integer. */
  readonly quoted: ReadonlyArray<boolean>
}

const templates = new Map<string, Array<Template>>()
const headsMax = 10_000
const perHeadMax = 16
/** Statements with more constants (of an INSERT: values in a row) are rare. */
const constantsMax = 32

/** What keeps shapes apart, tables above all: the text before the first constant. */
const headOf = (sql: string): string => {
  const first = sql.charCodeAt(0) | 32
  const isInsert = first === 0x69 || first === 0x72
  const isUpdate = first === 0x75
  const end = sql.indexOf(isInsert ? "(" : isUpdate ? "=" : "WHERE")
  return end < 0 || end > headLengthMax ? sql.slice(0, headLengthMax) : sql.slice(0, end)
}

const headLengthMax = 100
/** Integers of up to 18 digits are within 64 bits, signed or not; of those with 19, the ones up to this are. */
const digitsMax = 19
const int64Max = "9223372036854775807"

/** The statement, if one of its shape was learned before. */
export const recall = (sql: string): Shaped | undefined => {
  const candidates = templates.get(headOf(sql))
  if (candidates === undefined) {
    return undefined
  }
  for (const template of candidates) {
    const { statement } = template
    if (statement.kind === "insert") {
      const rows = matchRows(template, sql)
      if (rows !== undefined) {
        const { kind, replace, target, columns } = statement
        return { kind, replace, target, columns, rows }
      }
      continue
    }
    const values = new Array<Literal>(template.quoted.length)
    if (match(template, sql, 0, values) === sql.length) {
      return fill(statement, values)
    }
  }
  return undefined
}

/** Reads constants from `at` on, where the first segment must stand; answers where the last segment ends, or -1. */
const match = ({ segments, quoted }: Template, sql: string, from: number, values: Array<Literal>): number => {
  const first = segments[0] ?? ""
  if (from === 0 && !sql.startsWith(first)) {
    return -1
  }
  let at = from === 0 ? first.length : from
  for (let index = 0; index < quoted.length; index++) {
    let end: number
    if (quoted[index] === true) {
      end = endOfText(sql, at)
      if (end < 0) {
        return -1
      }
      values[index] = unquote(sql.slice(at, end))
    } else {
      end = at
      let small = 0
      for (let code = sql.charCodeAt(end); code >= 48 && code <= 57; code = sql.charCodeAt(end)) {
        small = small * 10 + (code - 48)
        end++
      }
      const digits = end - at
      if (digits === 0 || digits > digitsMax) {
        return -1
      }
      if (digits < 16) {
        values[index] = BigInt(small)
      } else {
        const text = sql.slice(at, end)
        if (digits === digitsMax && text > int64Max) {
          return -1
        }
        values[index] = BigInt(text)
      }
    }
    const segment = segments[index + 1] ?? ""
    if (segment.length === 1 ? sql.charCodeAt(end) !== segment.charCodeAt(0) : !sql.startsWith(segment, end)) {
      return -1
    }
    at = end + segment.length
  }
  return at
}

/** The place after a quoted text that begins at `at`; -1 if there is none. */
const endOfText = (sql: string, at: number): number => {
  if (sql.charCodeAt(at) !== quote) {
    return -1
  }
  for (let place = at + 1; place < sql.length; place++) {
    const code = sql.charCodeAt(place)
    if (code === backslash) {
      place++
    } else if (code === quote) {
      return place + 1
    }
  }
  return -1
}

const quote = 39
const backslash = 92
const comma = 44
const open = 40

/** The rows of an INSERT, each as the first one: `(1,'a'),(2,'b')`. */
const matchRows = (template: Template, sql: string): ReadonlyArray<ReadonlyArray<Literal>> | undefined => {
  const rows: Array<ReadonlyArray<Literal>> = []
  let at = 0
  for (;;) {
    const values = new Array<Literal>(template.quoted.length)
    at = match(template, sql, at, values)
    if (at < 0) {
      return undefined
    }
    rows.push(values)
    if (at === sql.length) {
      return rows
    }
    if (sql.charCodeAt(at) !== comma || sql.charCodeAt(at + 1) !== open) {
      return undefined
    }
    at += 2
  }
}

/** Remembers the shape of a statement that the grammar has read from this text. */
export const learn = (sql: string, statement: ParsedStatement): void => {
  if (
    statement.kind !== "insert" &&
    statement.kind !== "update" &&
    statement.kind !== "delete" &&
    statement.kind !== "select"
  ) {
    return
  }
  // A number in a comment could be taken for a constant.
  const places = sql.includes("/*") ? undefined : constantsOf(statement)
  if (places === undefined || places.length === 0 || places.length > constantsMax) {
    return
  }
  const template = cut(sql, statement, places)
  if (template === undefined) {
    return
  }
  const head = headOf(sql)
  if ((template.segments[0] ?? "").length < head.length) {
    return
  }
  if (templates.size >= headsMax) {
    templates.clear()
  }
  const known = templates.get(head) ?? []
  if (known.length >= perHeadMax) {
    known.shift()
  }
  known.push(template)
  templates.set(head, known)
}

/** Finds the constants in the text, in order; undefined unless they are exactly those of the statement. */
const cut = (sql: string, statement: Shaped, places: ReadonlyArray<Literal>): Template | undefined => {
  const segments: Array<string> = []
  const quoted: Array<boolean> = []
  let from = 0
  const constants = /'(?:[^'\\]|\\.)*'|(?<![\w.`-])\d+(?![\w.])/gs
  for (const found of sql.matchAll(constants)) {
    const [text] = found
    const value = places[quoted.length]
    if (value === undefined) {
      // Numbers after the last constant (LIMIT, OPTION) stay part of the text, as do further rows of an INSERT.
      break
    }
    const isText = text.startsWith("'")
    if (isText ? value !== unquote(text) : text.length > digitsMax || value !== BigInt(text)) {
      return undefined
    }
    segments.push(sql.slice(from, found.index))
    quoted.push(isText)
    from = found.index + text.length
  }
  if (quoted.length !== places.length) {
    return undefined
  }
  if (statement.kind !== "insert") {
    segments.push(sql.slice(from))
    const template: Template = { statement, segments, quoted }
    return match(template, sql, 0, []) === sql.length ? template : undefined
  }
  segments.push(")")
  const template: Template = { statement: { ...statement, rows: [] }, segments, quoted }
  return matchRows(template, sql) === undefined ? undefined : template
}

/** All constants of a statement (of an INSERT: of its first row) in the order of its text; undefined if some could stand elsewhere. */
const constantsOf = (statement: Shaped): ReadonlyArray<Literal> | undefined => {
  const constants: Array<Literal> = []
  switch (statement.kind) {
    case "insert":
      constants.push(...(statement.rows[0] ?? []))
      break
    case "update":
      constants.push(...statement.values)
      collect(statement.where, constants)
      break
    case "delete":
      collect(statement.where, constants)
      break
    case "select":
      if (
        statement.where !== undefined &&
        statement.items.every(({ expression }) => expression.type === "column" || expression.type === "star")
      ) {
        collect(statement.where, constants)
      }
      break
  }
  return constants.some((constant) => typeof constant === "number" || typeof constant === "object")
    ? undefined
    : constants
}

const collect = (condition: Condition, into: Array<Literal>): void => {
  switch (condition.op) {
    case "and":
    case "or":
      condition.parts.forEach((part) => collect(part, into))
      break
    case "not":
      collect(condition.part, into)
      break
    case "compare":
      into.push(condition.value)
      break
    case "in":
      into.push(...condition.values)
      break
    case "between":
      into.push(condition.low, condition.high)
      break
    case "match":
      into.push(condition.query)
      break
    case "null":
      break
  }
}

/** Deals out the constants of a new statement in the order in which `constantsOf` collected those of the first. */
class Dealer {
  readonly #values: ReadonlyArray<Literal>
  #next = 0

  constructor(values: ReadonlyArray<Literal>) {
    this.#values = values
  }

  take(): Literal {
    const value = this.#values[this.#next]
    if (value === undefined) {
      throw new Error("a statement has more constants than its template")
    }
    this.#next++
    return value
  }
}

const fill = (statement: Exclude<Shaped, Insert>, values: ReadonlyArray<Literal>): Shaped => {
  const dealer = new Dealer(values)
  switch (statement.kind) {
    case "update": {
      const { kind, target, columns } = statement
      const assigned = columns.map(() => dealer.take())
      return { kind, target, columns, values: assigned, where: fillCondition(statement.where, dealer) }
    }
    case "delete":
      return { kind: "delete", target: statement.target, where: fillCondition(statement.where, dealer) }
    case "select": {
      const { where } = statement
      return where === undefined ? statement : { ...statement, where: fillCondition(where, dealer), shared: false }
    }
  }
}

const fillCondition = (condition: Condition, dealer: Dealer): Condition => {
  switch (condition.op) {
    case "and":
      return { op: "and", parts: condition.parts.map((part) => fillCondition(part, dealer)) }
    case "or":
      return { op: "or", parts: condition.parts.map((part) => fillCondition(part, dealer)) }
    case "not":
      return { op: "not", part: fillCondition(condition.part, dealer) }
    case "compare":
      return { op: "compare", column: condition.column, comparison: condition.comparison, value: dealer.take() }
    case "in":
      return { ...condition, values: condition.values.map(() => dealer.take()) }
    case "between":
      return { ...condition, low: dealer.take(), high: dealer.take() }
    case "match": {
      const query = dealer.take()
      return { op: "match", query: typeof query === "string" ? query : "" }
    }
    case "null":
      return condition
  }
}
