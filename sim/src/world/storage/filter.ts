/**
 * WHERE: turned into a function over rows, and looked at for ids, so that statements about single documents never scan.
 */
import type { Comparison, Condition, Literal } from "../sql/Statement.ts"
import { failure, notSimulated } from "../sql/Statement.ts"
import type { SqlFailure } from "../sql/Statement.ts"
import { atPath } from "./json.ts"
import type { Column, Row, Structure, Value } from "./Structure.ts"
import type { Table } from "./Table.ts"

export type Predicate = (row: Row) => boolean

const isFailure = (value: Predicate | SqlFailure): value is SqlFailure => typeof value !== "function"

/** Turns a condition into a predicate; the message of a failure still lacks the name of the table. */
export const compileCondition = (condition: Condition, structure: Structure): Predicate | SqlFailure => {
  switch (condition.op) {
    case "and":
      return combine(condition.parts, structure, true)
    case "or":
      return combine(condition.parts, structure, false)
    case "not": {
      const part = compileCondition(condition.part, structure)
      return isFailure(part) ? part : (row) => !part(row)
    }
    case "match":
      return compileMatch(condition.query, structure)
    default:
      return compileFilter(condition, structure)
  }
}

const combine = (parts: ReadonlyArray<Condition>, structure: Structure, every: boolean): Predicate | SqlFailure => {
  const predicates: Array<Predicate> = []
  for (const part of parts) {
    const predicate = compileCondition(part, structure)
    if (isFailure(predicate)) {
      return predicate
    }
    predicates.push(predicate)
  }
  const [first, second] = predicates
  if (predicates.length === 2 && first !== undefined && second !== undefined) {
    return every ? (row) => first(row) && second(row) : (row) => first(row) || second(row)
  }
  return every
    ? (row) => predicates.every((predicate) => predicate(row))
    : (row) => predicates.some((predicate) => predicate(row))
}

type Filter = Extract<Condition, { readonly column: string }>

const compileFilter = (filter: Filter, structure: Structure): Predicate | SqlFailure => {
  const position = structure.positionOf(filter.column)
  if (position < 0) {
    return compilePathFilter(filter, structure)
  }
  const column = structure.column(position)
  if (!column.attribute) {
    return notSimulated(`a filter on the field '${column.name}'`)
  }
  if (filter.op === "null") {
    return column.type === "json"
      ? (row) => (row[position] === null) !== filter.negated
      : notSimulated(`IS NULL on a column of type ${column.type}`)
  }
  return compileTest(filter, column, (row) => row[position] ?? null)
}

/** `value.owner = …` on a json column. */
const compilePathFilter = (filter: Filter, structure: Structure): Predicate | SqlFailure => {
  const [name, ...path] = filter.column.split(".")
  const quoted = name?.endsWith("`") ?? false
  const position = structure.positionOf(name ?? "")
  if (quoted) {
    return failure(`unterminated ID near '.${path.join(".")}'`)
  }
  if (position < 0 || path.length === 0 || structure.column(position).type !== "json") {
    return failure(`unknown column: ${filter.column}`)
  }
  const read = (row: Row): Value => {
    const text = row[position]
    const value = typeof text === "string" ? atPath(text, path) : null
    return typeof value === "boolean" ? (value ? 1 : 0) : value
  }
  if (filter.op === "null") {
    return (row) => (read(row) === null) !== filter.negated
  }
  return (row) => testAny(filter, read(row))
}

/** Compares whatever the json value is with the constants, if they are of one kind. */
const testAny = (filter: Exclude<Filter, { readonly op: "null" }>, value: Value): boolean => {
  const holds = (comparison: Comparison, literal: Literal): boolean => {
    if (typeof literal === "object" || typeof value === "object") {
      return false
    }
    if (typeof literal === "string" || typeof value === "string") {
      return typeof literal === typeof value && compareBy(comparison, fold(String(value)), fold(String(literal)))
    }
    return compareBy(comparison, Number(value), Number(literal))
  }
  switch (filter.op) {
    case "in":
      return filter.values.some((literal) => holds("=", literal)) !== filter.negated
    case "between":
      return holds(">=", filter.low) && holds("<=", filter.high)
    default:
      return holds(filter.comparison, filter.value)
  }
}

const compileTest = (
  filter: Exclude<Filter, { readonly op: "null" }>,
  column: Column,
  read: (row: Row) => Value,
): Predicate | SqlFailure => {
  const convert = converterOf(column)
  const literals =
    filter.op === "in" ? filter.values : filter.op === "between" ? [filter.low, filter.high] : [filter.value]
  if (convert === undefined || literals.some((literal) => convert(literal) === undefined)) {
    return notSimulated(`a filter that compares a column of type ${column.type} with such a value`)
  }
  const constants = literals.map((literal) => convert(literal) ?? 0)
  const isText = column.type === "string"
  const isList = column.type === "multi" || column.type === "multi64"
  const values = (row: Row): ReadonlyArray<bigint | number | string> => {
    const value = read(row)
    if (typeof value === "object") {
      return value ?? []
    }
    return [isText ? fold(String(value)) : value]
  }
  if (filter.op === "in") {
    const set = new Set(constants)
    return isList || isText
      ? (row) => values(row).some((value) => set.has(value)) !== filter.negated
      : (row) => set.has(scalar(read(row))) !== filter.negated
  }
  if (filter.op === "between") {
    const [low = 0, high = 0] = constants
    return (row) => values(row).some((value) => value >= low && value <= high)
  }
  const [constant = 0] = constants
  const { comparison } = filter
  if (isText && comparison === "=" && typeof constant === "string") {
    return (row) => {
      const value = read(row)
      return (
        typeof value === "string" &&
        value.length === constant.length &&
        (value === constant || fold(value) === constant)
      )
    }
  }
  if (isList || isText) {
    return (row) => values(row).some((value) => compareBy(comparison, value, constant))
  }
  return scalarPredicate(comparison, read, constant)
}

const scalar = (value: Value): bigint | number | string => (typeof value === "object" ? 0 : value)

const scalarPredicate = (
  comparison: Comparison,
  read: (row: Row) => Value,
  constant: bigint | number | string,
): Predicate => {
  switch (comparison) {
    case "=":
      return (row) => read(row) === constant
    case "!=":
      return (row) => read(row) !== constant
    default:
      return (row) => compareBy(comparison, scalar(read(row)), constant)
  }
}

const compareBy = (
  comparison: Comparison,
  left: bigint | number | string,
  right: bigint | number | string,
): boolean => {
  switch (comparison) {
    case "=":
      return left === right
    case "!=":
      return left !== right
    case "<":
      return left < right
    case ">":
      return left > right
    case "<=":
      return left <= right
    case ">=":
      return left >= right
  }
}

/** How a constant must look to be compared with values of the column; undefined where the two do not go together. */
const converterOf = (column: Column): ((literal: Literal) => bigint | number | string | undefined) | undefined => {
  switch (column.type) {
    case "string":
      return (literal) => (typeof literal === "string" ? fold(literal) : undefined)
    case "bigint":
    case "multi":
    case "multi64":
      return (literal) => (typeof literal === "bigint" ? literal : undefined)
    case "float":
      return (literal) =>
        typeof literal === "bigint" || typeof literal === "number" ? Math.fround(Number(literal)) : undefined
    case "int":
    case "uint":
    case "bool":
    case "bit":
    case "timestamp":
      return (literal) => (typeof literal === "bigint" || typeof literal === "number" ? Number(literal) : undefined)
    default:
      return undefined
  }
}

/** The default collation ignores the case of ASCII letters. */
export const fold = (text: string): string => {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 65 && code <= 90) {
      return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    }
  }
  return text
}

/** Only plain words, all of which must occur in one field or another. */
const compileMatch = (query: string, structure: Structure): Predicate | SqlFailure => {
  if (/[|"@!()^$~/\\<=*-]/.test(query)) {
    return notSimulated(`the operators of MATCH('${query}')`)
  }
  const words = wordsOf(query)
  const fields = structure.columns.flatMap((column, position) => (column.field ? [position] : []))
  return (row) => {
    const present = new Set(fields.flatMap((position) => wordsOf(String(row[position] ?? ""))))
    return words.every((word) => present.has(word))
  }
}

const wordsOf = (text: string): ReadonlyArray<string> => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []

/**
 * The ids that alone can satisfy the condition, if it says so: `id = 1 AND …`, `id IN (…)`, `id = 1 OR id IN (…)`.
 * In ascending order; undefined when documents are selected by something else.
 */
export const idsOf = (condition: Condition): ReadonlyArray<bigint> | undefined => {
  switch (condition.op) {
    case "compare":
      return condition.column === "id" && condition.comparison === "=" && typeof condition.value === "bigint"
        ? [condition.value]
        : undefined
    case "in": {
      if (condition.column !== "id" || condition.negated) {
        return undefined
      }
      const ids = condition.values.filter((value) => typeof value === "bigint")
      return ids.length === condition.values.length ? ascending(ids) : undefined
    }
    case "and":
      for (const part of condition.parts) {
        const ids = idsOf(part)
        if (ids !== undefined) {
          return ids
        }
      }
      return undefined
    case "or": {
      const all = new Set<bigint>()
      for (const part of condition.parts) {
        const ids = idsOf(part)
        if (ids === undefined) {
          return undefined
        }
        ids.forEach((id) => all.add(id))
      }
      return ascending([...all])
    }
    default:
      return undefined
  }
}

/** True if the condition is about nothing but ids, so that every document of one of `idsOf` satisfies it. */
export const asksForIdsOnly = (condition: Condition): boolean =>
  (condition.op === "compare" || condition.op === "in") && idsOf(condition) !== undefined

const ascending = (ids: ReadonlyArray<bigint>): ReadonlyArray<bigint> =>
  ids.length < 2 ? ids : [...new Set(ids)].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))

/** The lower and upper bound that the condition sets for ids, both inclusive; and whether it asks nothing else. */
export const idRangeOf = (
  condition: Condition,
): { readonly low: bigint; readonly high: bigint; readonly exact: boolean } => {
  let low = -(2n ** 63n)
  let high = 2n ** 63n - 1n
  let exact = true
  for (const part of condition.op === "and" ? condition.parts : [condition]) {
    const bound = boundOf(part)
    if (bound === undefined) {
      exact = false
      continue
    }
    low = bound.low > low ? bound.low : low
    high = bound.high < high ? bound.high : high
  }
  return { low, high, exact }
}

const boundOf = (part: Condition): { readonly low: bigint; readonly high: bigint } | undefined => {
  const min = -(2n ** 63n)
  const max = 2n ** 63n - 1n
  if (part.op === "between" && part.column === "id" && typeof part.low === "bigint" && typeof part.high === "bigint") {
    return { low: part.low, high: part.high }
  }
  if (part.op !== "compare" || part.column !== "id" || typeof part.value !== "bigint") {
    return undefined
  }
  switch (part.comparison) {
    case "=":
      return { low: part.value, high: part.value }
    case "<":
      return { low: min, high: part.value - 1n }
    case "<=":
      return { low: min, high: part.value }
    case ">":
      return { low: part.value + 1n, high: max }
    case ">=":
      return { low: part.value, high: max }
    default:
      return undefined
  }
}

/** The documents of these ids (or all, in the order of their arrival) that satisfy a predicate. */
export const matching = (
  table: Table,
  ids: ReadonlyArray<bigint> | "whole table",
  predicate: Predicate,
): ReadonlyArray<Row> => {
  const found: Array<Row> = []
  if (ids === "whole table") {
    for (const row of table.rows.values()) {
      if (predicate(row)) {
        found.push(row)
      }
    }
    return found
  }
  for (const id of ids) {
    const row = table.get(id)
    if (row !== undefined && predicate(row)) {
      found.push(row)
    }
  }
  return found
}
