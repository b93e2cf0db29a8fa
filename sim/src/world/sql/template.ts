/**
 * Statements that differ only in their constants are read once: later ones of the same shape are recognised by the text
 * between the constants, and their constants put into the places of the first.
 *
 * Exact: the text between constants must be equal, and anything out of the ordinary (signs, decimals, escapes, numbers
 * near 64 bits) is left to the grammar.
 */
import type { Condition, Delete, Insert, Literal, ParsedStatement, Select, Update } from "./Statement.ts"

type Shaped = Insert | Update | Delete | Select

interface Template {
  readonly statement: Shaped
  /** Text before, between and after the constants. */
  readonly segments: ReadonlyArray<string>
  /** Per constant: true for quoted text, false for an integer. */
  readonly quoted: ReadonlyArray<boolean>
}

const templates = new Map<string, Array<Template>>()
const headsMax = 10_000
const perHeadMax = 8
/** Longer statements are inserts of many rows, which rarely have the same number of rows again. */
const constantsMax = 24

/** What keeps shapes apart, tables above all: the text before the first comparison or the first list. */
const headOf = (sql: string): string => {
  const first = sql.charCodeAt(0) | 32
  const list = first === 0x69 || first === 0x72
  // A SELECT may hold lists before its table is named.
  const end = sql.indexOf(list ? "(" : "=")
  return end < 0 || end > headLengthMax ? sql.slice(0, headLengthMax) : sql.slice(0, end)
}

const headLengthMax = 100
/** Integers of up to 18 digits are within 64 bits, signed or not. */
const digitsMax = 18

/** The statement, if one of its shape was learned before. */
export const recall = (sql: string): Shaped | undefined => {
  const candidates = templates.get(headOf(sql))
  if (candidates === undefined) {
    return undefined
  }
  for (const template of candidates) {
    const values = match(template, sql)
    if (values !== undefined) {
      return fill(template.statement, values)
    }
  }
  return undefined
}

const match = (template: Template, sql: string): ReadonlyArray<Literal> | undefined => {
  const { segments, quoted } = template
  const first = segments[0] ?? ""
  if (!sql.startsWith(first)) {
    return undefined
  }
  const values: Array<Literal> = []
  let at = first.length
  for (let index = 0; index < quoted.length; index++) {
    let end: number
    if (quoted[index] === true) {
      end = sql.charCodeAt(at) === 39 ? sql.indexOf("'", at + 1) : -1
      if (end < 0) {
        return undefined
      }
      const text = sql.slice(at + 1, end)
      if (text.includes("\\") || text.includes("\0")) {
        return undefined
      }
      values.push(text)
      end++
    } else {
      end = at
      for (let code = sql.charCodeAt(end); code >= 48 && code <= 57; code = sql.charCodeAt(end)) {
        end++
      }
      if (end === at || end - at > digitsMax) {
        return undefined
      }
      values.push(end - at < 16 ? BigInt(Number(sql.slice(at, end))) : BigInt(sql.slice(at, end)))
    }
    const segment = segments[index + 1] ?? ""
    if (!sql.startsWith(segment, end)) {
      return undefined
    }
    at = end + segment.length
  }
  return at === sql.length ? values : undefined
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
  const constants = /'[^'\\\0]*'|(?<![\w.`-])\d+(?![\w.])/g
  for (const found of sql.matchAll(constants)) {
    const [text] = found
    const value = places[quoted.length]
    if (value === undefined) {
      // Numbers after the last constant (LIMIT, OPTION) stay part of the text.
      break
    }
    const isText = text.startsWith("'")
    if (isText ? value !== text.slice(1, -1) : text.length > digitsMax || value !== BigInt(text)) {
      return undefined
    }
    segments.push(sql.slice(from, found.index))
    quoted.push(isText)
    from = found.index + text.length
  }
  segments.push(sql.slice(from))
  const template: Template = { statement, segments, quoted }
  return quoted.length === places.length && match(template, sql) !== undefined ? template : undefined
}

/** All constants of a statement in the order of its text; undefined if some could stand elsewhere. */
const constantsOf = (statement: Shaped): ReadonlyArray<Literal> | undefined => {
  const constants: Array<Literal> = []
  switch (statement.kind) {
    case "insert":
      statement.rows.forEach((row) => constants.push(...row))
      break
    case "update":
      statement.assignments.forEach((assignment) => constants.push(assignment.value))
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

const fill = (statement: Shaped, values: ReadonlyArray<Literal>): Shaped => {
  const dealer = new Dealer(values)
  switch (statement.kind) {
    case "insert": {
      const { kind, replace, target, columns } = statement
      return { kind, replace, target, columns, rows: statement.rows.map((row) => row.map(() => dealer.take())) }
    }
    case "update": {
      const { kind, target } = statement
      const assignments = statement.assignments.map(({ column }) => ({ column, value: dealer.take() }))
      return { kind, target, assignments, where: fillCondition(statement.where, dealer) }
    }
    case "delete":
      return { kind: "delete", target: statement.target, where: fillCondition(statement.where, dealer) }
    case "select": {
      const { where } = statement
      return where === undefined ? statement : { ...statement, where: fillCondition(where, dealer) }
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
