/**
 * SELECT over one table, in two halves: what one table contributes, and how contributions become the answer. A wrapper
 * asks each of its shards for the first half; a plain table does both at once.
 */
import type { Cell, Rows } from "@shardwright/core/Answer"
import type { Expression, Select, SelectItem } from "../sql/Statement.ts"
import { failure, notSimulated } from "../sql/Statement.ts"
import type { SqlFailure } from "../sql/Statement.ts"
import { asksForIdsOnly, compileCondition, fold, idRangeOf, idsOf } from "./filter.ts"
import type { Predicate } from "./filter.ts"
import { atPath } from "./json.ts"
import { printFloat, printText, utf8Length } from "./Structure.ts"
import type { Row, Structure, Value } from "./Structure.ts"
import type { Table } from "./Table.ts"

/** What SHOW META says of the last search. */
export interface Meta {
  readonly total: number
  readonly totalFound: number
  /** Why the answer is not complete, if it is not. */
  readonly warning: string | undefined
}

export const emptyMeta: Meta = { total: 0, totalFound: 0, warning: undefined }

/** One row on its way to the answer. */
interface Match {
  readonly cells: ReadonlyArray<Cell>
  /** Values of the ORDER BY terms; made only where contributions must be merged. */
  keys(): ReadonlyArray<Value>
  /** The document's id; undefined for a group. */
  readonly id: Value | undefined
}

/** A row of a table. */
class RowMatch implements Match {
  readonly cells: ReadonlyArray<Cell>
  readonly id: Value | undefined
  readonly #plan: Plan
  readonly #row: Row

  constructor(plan: Plan, row: Row) {
    this.cells = plan.items.map((item) => printAs(item.kind, item.read(row)))
    this.id = row[0]
    this.#plan = plan
    this.#row = row
  }

  keys(): ReadonlyArray<Value> {
    return this.#plan.orderReads.map((read) => read(this.#row))
  }
}

/** One group, not yet summed up over all shards. */
interface Group {
  readonly key: string
  /** Per item: the state of its aggregate, or the value that the item has in the group's first document. */
  readonly states: Array<AggregateState | Value>
}

interface AggregateState {
  count: number
  sum: bigint | number
  least: Value
  greatest: Value
  distinct: Set<Value> | undefined
}

/** What one table contributes to a SELECT. */
export interface PartialResult {
  readonly kind: "partial"
  /** Documents that satisfy WHERE; for grouped searches the number of groups. */
  readonly found: number
  readonly columns: ReadonlyArray<string>
  readonly columnsWithoutRows: ReadonlyArray<string>
  readonly matches: ReadonlyArray<Match>
  readonly groups: ReadonlyArray<Group> | undefined
  readonly plan: Plan
}

type ValueKind = "wide" | "narrow" | "float" | "text" | "list"

type AggregateName = "count" | "sum" | "min" | "max" | "avg" | "count distinct"

interface ItemPlan {
  readonly name: string
  readonly aggregate: AggregateName | undefined
  readonly kind: ValueKind
  readonly read: (row: Row) => Value
}

/** A SELECT made ready for tables of one structure. */
interface Plan {
  readonly structure: Structure
  readonly items: ReadonlyArray<ItemPlan>
  readonly grouped: boolean
  readonly groupReads: ReadonlyArray<(row: Row) => Value>
  /** Where each ORDER BY term is read from: an item, or a column of the row. */
  readonly orderItems: ReadonlyArray<number>
  readonly orderReads: ReadonlyArray<(row: Row) => Value>
  readonly columns: ReadonlyArray<string>
  readonly columnsWithoutRows: ReadonlyArray<string>
}

/**
 * The plan of a select list for the structure that it was last used with. Statements of one shape share their list (see
 * `sql/template.ts`), and with it all that a plan depends on.
 */
const plans = new WeakMap<Select["items"], Plan>()

/** What the columns hold, by the very list of names that an answer carries: an answer has no room for it. */
const kindsOfColumns = new WeakMap<ReadonlyArray<string>, ReadonlyArray<ValueKind>>()

/**
 * What the columns of an answer hold, for whoever puts it on a wire with types. Undefined for answers that no table gave,
 * and for those without rows.
 */
export const columnKinds = (columns: ReadonlyArray<string>): ReadonlyArray<ValueKind> | undefined =>
  kindsOfColumns.get(columns)

const always: Predicate = () => true

/** A SELECT with what follows from its WHERE, worked out once for all tables that it is asked of. */
export class Question {
  readonly select: Select
  /** The ids that alone can satisfy it, in ascending order, if it says so. */
  readonly ids: ReadonlyArray<bigint> | undefined
  #structure: Structure | undefined
  #predicate: Predicate | SqlFailure = always

  constructor(select: Select) {
    this.select = select
    this.ids = select.where === undefined ? undefined : idsOf(select.where)
  }

  /** Whether a row of such a structure, and of one of these ids, satisfies it. */
  predicate(structure: Structure): Predicate | SqlFailure {
    if (this.#structure !== structure) {
      const { where } = this.select
      this.#structure = structure
      this.#predicate = where === undefined || asksForIdsOnly(where) ? always : compileCondition(where, structure)
    }
    return this.#predicate
  }
}

/** What a table contributes, or why it cannot be asked this. */
export const selectPartial = (table: Table, question: Question): PartialResult | SqlFailure => {
  const { select } = question
  if (select.offset > 0 && select.offset >= select.maxMatches) {
    return failure(`offset out of bounds (offset=${select.offset}, max_matches=${select.maxMatches})`)
  }
  if (!select.shared) {
    return askTable(table, question)
  }
  const recalled = table.recall(select)
  if (recalled !== undefined) {
    // Only what is noted below for the same statement comes back.
    return recalled as PartialResult
  }
  const partial = askTable(table, question)
  if (partial.kind === "partial") {
    table.note(select, partial)
  }
  return partial
}

const askTable = (table: Table, question: Question): PartialResult | SqlFailure => {
  const { select } = question
  const known = plans.get(select.items)
  const plan = known?.structure === table.structure ? known : makePlan(table, select)
  if ("kind" in plan) {
    return plan
  }
  if (plan !== known) {
    plans.set(select.items, plan)
  }
  const predicate = question.predicate(table.structure)
  if (typeof predicate !== "function" && table.size > 0) {
    return ofTable(table, predicate)
  }
  // A table without rows is not asked: what is wrong with the condition goes unnoticed.
  const holds = typeof predicate === "function" ? predicate : always
  return plan.grouped ? selectGroups(table, question, plan, holds) : selectRows(table, question, plan, holds)
}

const ofTable = (table: Table, reason: SqlFailure): SqlFailure =>
  reason.message.startsWith("not simulated") ? reason : { ...reason, message: `table ${table.name}: ${reason.message}` }

/** A search through a wrapper, with what it has to say of shards that contributed nothing. */
interface Through {
  /** More than one table of this node: what comes in is sorted out by id. */
  readonly merges: boolean
  readonly warning: string | undefined
}

/** Makes the answer of the contributions of one table, or of the shards of a wrapper in their order. */
export const finishSelect = (
  select: Select,
  partials: ReadonlyArray<PartialResult>,
  through?: Through,
): { readonly answer: Rows; readonly meta: Meta } => {
  const [first] = partials
  if (first === undefined) {
    return { answer: { _tag: "Rows", columns: select.items.map((item) => item.name), rows: [] }, meta: emptyMeta }
  }
  const everything = select.limit < 0
  const end = everything ? Number.POSITIVE_INFINITY : Math.min(select.offset + select.limit, select.maxMatches)
  const { plan } = first
  const matches = plan.grouped ? groupsToMatches(select, plan, partials) : undefined
  const all = matches ?? (partials.length === 1 ? first.matches : withoutDoubles(partials))
  const ordered = partials.length > 1 || plan.grouped ? sortMatches(select, all) : all
  const rows = ordered.slice(select.offset, end).map((match) => match.cells)
  const found = plan.grouped ? all.length : partials.reduce((sum, partial) => sum + partial.found, 0)
  const columnsWithoutRows =
    through?.merges === true
      ? ["id", ...first.columnsWithoutRows.filter((name) => name !== "id")]
      : first.columnsWithoutRows
  return {
    answer: { _tag: "Rows", columns: rows.length > 0 ? first.columns : columnsWithoutRows, rows },
    meta: { total: Math.min(found, end), totalFound: found, warning: through?.warning },
  }
}

/** Of documents with one id in several shards, the first is shown. */
const withoutDoubles = (partials: ReadonlyArray<PartialResult>): ReadonlyArray<Match> => {
  const seen = new Set<Value | undefined>()
  return partials.flatMap(({ matches }) =>
    matches.filter(({ id }) => {
      const isNew = !seen.has(id)
      seen.add(id)
      return isNew
    }),
  )
}

/** SELECT on one plain table. */
export const selectFrom = (
  table: Table,
  select: Select,
): { readonly answer: Rows; readonly meta: Meta } | SqlFailure => {
  const partial = selectPartial(table, new Question(select))
  return partial.kind === "failure" ? partial : finishSelect(select, [partial])
}

const makePlan = (table: Table, select: Select): Plan | SqlFailure => {
  const { structure } = table
  const items: Array<ItemPlan> = []
  const columnsWithoutRows: Array<string> = []
  /** Columns whose different values are counted. */
  const counted: Array<string> = []
  for (const item of select.limit < 0 ? [starItem] : select.items) {
    if (item.expression.type === "star") {
      items.push(...structure.shown.map((position) => columnItem(structure, position)))
      columnsWithoutRows.push(...structure.shownWithoutRows.map((position) => structure.column(position).name))
      continue
    }
    const planned = planItem(item, structure)
    if ("message" in planned) {
      return ofTable(table, planned)
    }
    items.push(planned)
    if (planned.aggregate === "count distinct" || planned.aggregate === "count") {
      counted.push(...argumentNames(item))
    } else {
      columnsWithoutRows.push(planned.name)
    }
  }
  const grouped = select.groupBy.length > 0 || items.some((item) => item.aggregate !== undefined)
  if (select.limit < 0) {
    columnsWithoutRows.splice(0, Number.POSITIVE_INFINITY, ...items.map((item) => item.name))
  }
  if (grouped) {
    // The names of what the daemon groups with show only where nothing was found.
    const added = ["@groupby", "@count", ...(counted.length > 0 ? ["@distinct"] : []), ...counted, ...select.groupBy]
    columnsWithoutRows.push(...added.filter((name) => !columnsWithoutRows.includes(name)))
  }
  const groupReads: Array<(row: Row) => Value> = []
  for (const column of select.groupBy) {
    const alias = items.find((item) => item.name === column && item.aggregate === undefined)
    const position = structure.positionOf(column)
    if (alias === undefined && position < 0) {
      return ofTable(table, failure(`group-by attribute '${column}' not found`))
    }
    groupReads.push(alias?.read ?? ((row) => row[position] ?? null))
  }
  const orderItems: Array<number> = []
  const orderReads: Array<(row: Row) => Value> = []
  for (const term of select.orderBy) {
    const item = items.findIndex((candidate) => candidate.name === term.name)
    const position = structure.positionOf(term.name)
    if (item < 0 && (position < 0 || grouped)) {
      return position < 0
        ? ofTable(table, failure(`sort-by attribute '${term.name}' not found`))
        : notSimulated("groups sorted by a column that is not selected")
    }
    orderItems.push(item)
    orderReads.push(position < 0 ? (items[item]?.read ?? (() => null)) : (row) => row[position] ?? null)
  }
  const columns = items.map((item) => item.name)
  kindsOfColumns.set(
    columns,
    items.map((item) => item.kind),
  )
  return { structure, items, grouped, groupReads, orderItems, orderReads, columns, columnsWithoutRows }
}

const argumentNames = ({ expression }: SelectItem): ReadonlyArray<string> =>
  expression.type === "call"
    ? expression.arguments.flatMap((argument) => (argument.type === "column" ? [argument.name] : []))
    : []

const starItem: SelectItem = { expression: { type: "star" }, name: "*" }

const columnItem = (structure: Structure, position: number): ItemPlan => {
  const column = structure.column(position)
  return { name: column.name, aggregate: undefined, kind: kindOf(column.type), read: (row) => row[position] ?? null }
}

const kindOf = (type: string): ValueKind => {
  switch (type) {
    case "bigint":
      return "wide"
    case "float":
      return "float"
    case "text":
    case "string":
    case "json":
      return "text"
    case "multi":
    case "multi64":
    case "float_vector":
      return "list"
    default:
      return "narrow"
  }
}

interface Operand {
  readonly kind: ValueKind
  readonly read: (row: Row) => Value
}

const aggregates = new Map<string, AggregateName>([
  ["count", "count"],
  ["sum", "sum"],
  ["min", "min"],
  ["max", "max"],
  ["avg", "avg"],
])

const planItem = (item: SelectItem, structure: Structure): ItemPlan | SqlFailure => {
  const { expression, name } = item
  const called = expression.type === "call" ? aggregates.get(expression.name) : undefined
  if (expression.type !== "call" || called === undefined) {
    const operand = planOperand(expression, structure)
    return "message" in operand ? operand : { ...operand, name, aggregate: undefined }
  }
  const [argument] = expression.arguments
  if (called === "count" && argument?.type === "star") {
    return { name, aggregate: "count", kind: "wide", read: () => null }
  }
  if (argument === undefined || expression.arguments.length !== 1 || (called === "count") !== expression.distinct) {
    return notSimulated(`'${name}'`)
  }
  const operand = planOperand(argument, structure)
  if ("message" in operand) {
    return operand
  }
  if (called === "count") {
    return { name, aggregate: "count distinct", kind: "narrow", read: operand.read }
  }
  if (operand.kind === "text" || operand.kind === "list") {
    return notSimulated(`${called.toUpperCase()} of text`)
  }
  const kind = called === "avg" ? "float" : called === "sum" && operand.kind === "narrow" ? "wide" : operand.kind
  return { name, aggregate: called, kind, read: operand.read }
}

const planOperand = (expression: Expression, structure: Structure): Operand | SqlFailure => {
  switch (expression.type) {
    case "column":
      return planColumn(expression.name, structure)
    case "literal": {
      const { value } = expression
      return {
        kind: typeof value === "bigint" ? "narrow" : typeof value === "number" ? "float" : "text",
        read: () => value,
      }
    }
    case "call":
      return planCall(expression, structure)
    case "binary":
      return planBinary(expression, structure)
    default:
      return notSimulated("such an expression in a select list")
  }
}

const planColumn = (name: string, structure: Structure): Operand | SqlFailure => {
  const position = structure.positionOf(name)
  if (position >= 0) {
    return { kind: kindOf(structure.column(position).type), read: (row) => row[position] ?? null }
  }
  const [head = "", ...path] = name.split(".")
  if (head.endsWith("`")) {
    return failure(`parse error: unterminated ID near '.${path.join(".")}'`)
  }
  const json = structure.positionOf(head)
  if (path.length === 0 || json < 0 || structure.column(json).type !== "json") {
    return failure(`parse error: unknown column: ${name}`)
  }
  const read = (row: Row): Value => {
    const text = row[json]
    const value = typeof text === "string" ? atPath(text, path) : null
    return value === null ? null : String(value)
  }
  return { kind: "text", read }
}

const planCall = (expression: Extract<Expression, { type: "call" }>, structure: Structure): Operand | SqlFailure => {
  const [argument] = expression.arguments
  if (expression.name !== "length" || argument === undefined || expression.arguments.length !== 1) {
    return notSimulated(`the function ${expression.name.toUpperCase()}`)
  }
  const operand = planOperand(argument, structure)
  if ("message" in operand) {
    return operand
  }
  return { kind: "narrow", read: (row) => lengthOf(operand.read(row)) }
}

const lengthOf = (value: Value): number => {
  if (typeof value === "string") {
    return utf8Length(value)
  }
  return typeof value === "object" && value !== null ? value.length : 0
}

const planBinary = (
  expression: Extract<Expression, { type: "binary" }>,
  structure: Structure,
): Operand | SqlFailure => {
  const left = planOperand(expression.left, structure)
  if ("message" in left) {
    return left
  }
  const right = planOperand(expression.right, structure)
  if ("message" in right) {
    return right
  }
  if ([left.kind, right.kind].some((kind) => kind === "text" || kind === "list")) {
    return notSimulated("arithmetic on text")
  }
  const float = left.kind === "float" || right.kind === "float" || expression.operator === "/"
  const kind = float ? "float" : left.kind === "wide" || right.kind === "wide" ? "wide" : "narrow"
  return { kind, read: (row) => arithmetic(expression.operator, left.read(row), right.read(row), float) }
}

/** One operation on numbers; integers stay exact. */
export const arithmetic = (operator: string, left: Value, right: Value, float: boolean): Value => {
  const a = Number(left)
  const b = Number(right)
  const truth = (holds: boolean): number => (holds ? 1 : 0)
  switch (operator) {
    case "<":
      return truth(a < b)
    case ">":
      return truth(a > b)
    case "<=":
      return truth(a <= b)
    case ">=":
      return truth(a >= b)
    case "=":
      return truth(a === b)
    case "!=":
    case "<>":
      return truth(a !== b)
    default:
  }
  if (float) {
    return operator === "+" ? a + b : operator === "-" ? a - b : operator === "*" ? a * b : b === 0 ? 0 : a / b
  }
  const x = toBigInt(left)
  const y = toBigInt(right)
  const result = operator === "+" ? x + y : operator === "-" ? x - y : operator === "*" ? x * y : y === 0n ? 0n : x % y
  return typeof left === "bigint" || typeof right === "bigint" ? result : Number(result)
}

const toBigInt = (value: Value): bigint =>
  typeof value === "bigint" ? value : typeof value === "number" ? BigInt(Math.trunc(value)) : 0n

const printAs = (kind: ValueKind, value: Value): Cell => {
  if (value === null) {
    return null
  }
  if (typeof value === "string") {
    return printText(value)
  }
  if (typeof value === "object") {
    return value.join(",")
  }
  if (kind === "wide") {
    // Small numbers are printed several times faster than bigints.
    const small = Number(value)
    return String(small === (small | 0) ? small : value)
  }
  return kind === "float" ? printFloat(Number(value)) : Number(value)
}

/** The candidates in an order that may already be the wanted one. */
interface Candidates {
  readonly rows: Iterable<Row>
  readonly sorted: boolean
  /** Known without looking at the rows, if it is. */
  readonly found: number | undefined
}

const selectRows = (table: Table, question: Question, plan: Plan, predicate: Predicate): PartialResult => {
  const { select } = question
  const end = select.limit < 0 ? Number.POSITIVE_INFINITY : Math.min(select.offset + select.limit, select.maxMatches)
  const candidates = candidatesOf(table, question, select.orderBy, end)
  const picked: Array<Row> = []
  let found = 0
  for (const row of candidates.rows) {
    if (!predicate(row)) {
      continue
    }
    found++
    if (!candidates.sorted || picked.length < end) {
      picked.push(row)
    } else if (candidates.found !== undefined) {
      break
    }
  }
  const rows = candidates.sorted ? picked : sortRows(select, plan, picked).slice(0, Math.min(end, picked.length))
  const matches = rows.map((row) => new RowMatch(plan, row))
  return {
    kind: "partial",
    found: candidates.found ?? found,
    columns: plan.columns,
    columnsWithoutRows: plan.columnsWithoutRows,
    matches,
    groups: undefined,
    plan,
  }
}

/** Rows of which the first `end` that satisfy the question are its answer, once they are in order. */
const candidatesOf = (table: Table, { ids, select }: Question, orderBy: Select["orderBy"], end: number): Candidates => {
  const { where } = select
  const [term] = orderBy
  const byId = orderBy.length === 1 && term?.name === "id"
  if (ids !== undefined) {
    const rows: Array<Row> = []
    for (const id of ids) {
      const row = table.get(id)
      if (row !== undefined) {
        rows.push(row)
      }
    }
    return { rows, sorted: orderBy.length === 0 || (byId && !term.descending) || rows.length < 2, found: undefined }
  }
  if (!byId || term === undefined) {
    return {
      rows: table.rows.values(),
      sorted: orderBy.length === 0,
      found: where === undefined ? table.size : undefined,
    }
  }
  const range = where === undefined ? undefined : idRangeOf(where)
  const low = range === undefined ? 0 : table.firstPosition(range.low)
  const high = range === undefined ? table.size : table.firstPosition(range.high + 1n)
  const found = range === undefined || range.exact ? Math.max(0, high - low) : undefined
  return {
    rows: inOrder(table, low, high, term.descending, found === undefined ? table.size : end),
    sorted: true,
    found,
  }
}

/** The rows at positions from `low` to below `high` in the order of ids, or from behind, at most so many. */
const inOrder = (table: Table, low: number, high: number, descending: boolean, rowsMax: number): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  for (let step = 0; step < high - low && step < rowsMax; step++) {
    const row = table.at(descending ? high - 1 - step : low + step)
    if (row !== undefined) {
      rows.push(row)
    }
  }
  return rows
}

const sortRows = (select: Select, plan: Plan, rows: ReadonlyArray<Row>): ReadonlyArray<Row> =>
  select.orderBy.length === 0
    ? rows
    : [...rows].sort((left, right) => {
        for (const [index, term] of select.orderBy.entries()) {
          const read = plan.orderReads[index]
          const order = read === undefined ? 0 : compareValues(read(left), read(right))
          if (order !== 0) {
            return term.descending ? -order : order
          }
        }
        return 0
      })

const sortMatches = (select: Select, matches: ReadonlyArray<Match>): ReadonlyArray<Match> =>
  select.orderBy.length === 0
    ? matches
    : matches
        .map((match) => ({ match, keys: match.keys() }))
        .sort((left, right) => {
          for (const [index, term] of select.orderBy.entries()) {
            const order = compareValues(left.keys[index] ?? null, right.keys[index] ?? null)
            if (order !== 0) {
              return term.descending ? -order : order
            }
          }
          return 0
        })
        .map(({ match }) => match)

const compareValues = (left: Value, right: Value): number => {
  if (left === null || right === null || typeof left === "object" || typeof right === "object") {
    return left === right ? 0 : left === null ? -1 : 1
  }
  if (typeof left === "string" && typeof right === "string") {
    const a = fold(left)
    const b = fold(right)
    return a < b ? -1 : a > b ? 1 : 0
  }
  return left < right ? -1 : left > right ? 1 : 0
}

const selectGroups = (table: Table, question: Question, plan: Plan, predicate: Predicate): PartialResult => {
  const { select } = question
  const shared = {
    kind: "partial",
    columns: plan.columns,
    columnsWithoutRows: plan.columnsWithoutRows,
    matches: [],
    plan,
  } as const
  const onlyCount = select.groupBy.length === 0 && plan.items.every((item) => item.aggregate === "count")
  if (onlyCount && select.where === undefined) {
    const states = plan.items.map(() => ({ ...newState(false), count: table.size }))
    return { ...shared, found: table.size > 0 ? 1 : 0, groups: table.size > 0 ? [{ key: "", states }] : [] }
  }
  const groups = new Map<string, Group>()
  for (const row of candidatesOf(table, question, [], Number.POSITIVE_INFINITY).rows) {
    if (!predicate(row)) {
      continue
    }
    const key = plan.groupReads.map((read) => keyOf(read(row))).join("\u0000")
    const group = groups.get(key) ?? newGroup(plan, row, key)
    groups.set(key, group)
    accumulate(plan, group, row)
  }
  return { ...shared, found: groups.size, groups: [...groups.values()] }
}

const keyOf = (value: Value): string => (typeof value === "string" ? fold(value) : String(value))

const newState = (distinct: boolean): AggregateState => ({
  count: 0,
  sum: 0,
  least: null,
  greatest: null,
  distinct: distinct ? new Set() : undefined,
})

const newGroup = (plan: Plan, row: Row, key: string): Group => ({
  key,
  states: plan.items.map((item) =>
    item.aggregate === undefined ? item.read(row) : newState(item.aggregate === "count distinct"),
  ),
})

const accumulate = (plan: Plan, group: Group, row: Row): void => {
  plan.items.forEach((item, index) => {
    const state = group.states[index]
    if (item.aggregate === undefined || !isState(state)) {
      return
    }
    state.count++
    if (item.aggregate === "count") {
      return
    }
    const value = item.read(row)
    if (state.distinct !== undefined) {
      state.distinct.add(value)
      return
    }
    state.sum = add(state.sum, value, item.kind)
    state.least = state.least === null || compareValues(value, state.least) < 0 ? value : state.least
    state.greatest = state.greatest === null || compareValues(value, state.greatest) > 0 ? value : state.greatest
  })
}

const isState = (state: AggregateState | Value | undefined): state is AggregateState =>
  typeof state === "object" && state !== null && "count" in state

const add = (sum: bigint | number, value: Value, kind: ValueKind): bigint | number =>
  kind === "wide" ? toBigInt(sum) + toBigInt(value) : Number(sum) + Number(value)

const mergeStates = (into: AggregateState, from: AggregateState): void => {
  into.count += from.count
  into.sum =
    typeof into.sum === "bigint" || typeof from.sum === "bigint"
      ? toBigInt(into.sum) + toBigInt(from.sum)
      : into.sum + from.sum
  into.least = into.least === null || compareValues(from.least, into.least) < 0 ? from.least : into.least
  into.greatest =
    into.greatest === null || compareValues(from.greatest, into.greatest) > 0 ? from.greatest : into.greatest
  from.distinct?.forEach((value) => into.distinct?.add(value))
}

const groupsToMatches = (select: Select, plan: Plan, partials: ReadonlyArray<PartialResult>): ReadonlyArray<Match> => {
  const merged = new Map<string, Group>()
  for (const group of partials.flatMap((partial) => partial.groups ?? [])) {
    const known = merged.get(group.key)
    if (known === undefined) {
      merged.set(group.key, { key: group.key, states: group.states.map(copyState) })
      continue
    }
    group.states.forEach((state, index) => {
      const into = known.states[index]
      if (isState(state) && isState(into)) {
        mergeStates(into, state)
      }
    })
  }
  if (
    merged.size === 0 &&
    select.groupBy.length === 0 &&
    plan.items.some((item) => item.aggregate === "count" || item.aggregate === "count distinct")
  ) {
    merged.set("", { key: "", states: plan.items.map(() => newState(true)) })
  }
  return [...merged.values()].map((group) => {
    const values = plan.items.map((item, index) => resultOf(item, group.states[index] ?? null))
    return {
      id: undefined,
      cells: plan.items.map((item, index) => printAs(item.kind, values[index] ?? null)),
      keys: () => plan.orderItems.map((item) => values[item] ?? null),
    }
  })
}

const copyState = (state: AggregateState | Value): AggregateState | Value =>
  isState(state) ? { ...state, distinct: state.distinct === undefined ? undefined : new Set(state.distinct) } : state

const resultOf = (item: ItemPlan, state: AggregateState | Value): Value => {
  if (!isState(state)) {
    return state
  }
  if (state.count === 0 && item.aggregate !== "count" && item.aggregate !== "count distinct") {
    return null
  }
  switch (item.aggregate) {
    case "count":
      return BigInt(state.count)
    case "count distinct":
      return state.distinct?.size ?? 0
    case "sum":
      return state.sum
    case "avg":
      return Number(state.sum) / state.count
    case "min":
      return state.least ?? 0
    case "max":
      return state.greatest ?? 0
    default:
      return null
  }
}
