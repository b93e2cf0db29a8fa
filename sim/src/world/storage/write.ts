/**
 * INSERT, REPLACE, UPDATE, DELETE and TRUNCATE in two halves, because replication sits between them: `prepareWrite`
 * checks against this node's tables, and the `WriteSet` that it gives is applied on every member, where UPDATE and
 * DELETE select their documents anew.
 */
import type { Condition, Delete, Insert, Literal, TableName, Truncate, Update, Write } from "../sql/Statement.ts"
import { failure, notSimulated } from "../sql/Statement.ts"
import type { SqlFailure } from "../sql/Statement.ts"
import type { Database } from "./Database.ts"
import { asksForIdsOnly, compileCondition, idsOf, matching } from "./filter.ts"
import type { Predicate } from "./filter.ts"
import { coerce, coerceJson, defaultValue } from "./Structure.ts"
import type { Column, Row, Structure, Value } from "./Structure.ts"
import type { Table } from "./Table.ts"
import { idFrom } from "./Wrapper.ts"

/** What applying a write did on one node. */
export interface Applied {
  readonly affectedRows: number
  readonly warnings: ReadonlyArray<string>
  /** The statement failed here; some of its effects may stand nevertheless, as in the daemon. */
  readonly error: SqlFailure | undefined
}

/** A write that passed the checks of the node where it was issued. */
export interface WriteSet {
  readonly kind: "write"
  readonly table: string
  /** Documents that it touches, for certification; the whole table where they are selected by something else than id. */
  readonly keys: ReadonlyArray<bigint> | "whole table"
  apply(database: Database): Applied
}

/** What the layer above may have to say before a write goes on. */
export interface WriteContext {
  /** Why a cluster takes no writes now, or undefined if it does. Asked after the statement named the right cluster. */
  readonly clusterProblem?: (cluster: string) => string | undefined
}

export type PreparedWrite =
  | { readonly kind: "failure"; readonly failure: SqlFailure }
  | {
      readonly kind: "write"
      readonly cluster: string | undefined
      readonly writeSet: WriteSet
      /** What an INSERT affects, which is known before it is applied; -1 for all others. */
      readonly rowsGiven: number
      readonly warnings: ReadonlyArray<string>
      /** Ids of inserted documents, in order. */
      readonly ids: ReadonlyArray<bigint>
    }

const refused = (message: string): PreparedWrite => ({ kind: "failure", failure: failure(message) })

/** UPDATE and DELETE name the table before the reasons of cluster and certification; the others do not. */
export const writeFailure = (statement: Write, message: string): SqlFailure =>
  statement.kind === "update" || statement.kind === "delete"
    ? failure(`table ${statement.target.table}: ${message}`)
    : failure(message)

const clusterMismatch = (table: Table, target: TableName): string | undefined => {
  if (table.cluster === target.cluster) {
    return undefined
  }
  return table.cluster === undefined
    ? `table '${table.name}' is not in any cluster, use just '${table.name}'`
    : `table '${table.name}' is a part of cluster '${table.cluster}', use '${table.cluster}:${table.name}'`
}

/** Checks a write to a plain table against this node. Wrappers are not looked at: the caller has seen to them. */
export const prepareWrite = (database: Database, statement: Write, context: WriteContext = {}): PreparedWrite => {
  const table = database.table(statement.target.table)
  if (table === undefined) {
    return refused(absentMessage(statement))
  }
  const mismatch = clusterMismatch(table, statement.target)
  if (mismatch !== undefined) {
    return { kind: "failure", failure: writeFailure(statement, mismatch) }
  }
  const problem = table.cluster === undefined ? undefined : context.clusterProblem?.(table.cluster)
  const notReady: PreparedWrite | undefined =
    problem === undefined ? undefined : { kind: "failure", failure: writeFailure(statement, problem) }
  switch (statement.kind) {
    // What is wrong with documents is found while they are gathered, before the cluster is asked.
    case "insert": {
      const prepared = prepareInsert(database, table, statement)
      return prepared.kind === "failure" ? prepared : (notReady ?? prepared)
    }
    case "delete": {
      const prepared = prepareDelete(table, statement)
      return prepared.kind === "failure" ? prepared : (notReady ?? prepared)
    }
    case "update":
      return notReady ?? prepareUpdate(table, statement)
    case "truncate":
      return notReady ?? prepareTruncate(table, statement)
  }
}

const absentMessage = (statement: Write): string => {
  const { table } = statement.target
  switch (statement.kind) {
    case "insert":
      return `table '${table}' absent`
    case "update":
      return `unknown table '${table}' in update request`
    case "delete":
      return `unknown table '${table}' in delete request`
    case "truncate":
      return "TRUNCATE RTINDEX requires an existing RT table"
  }
}

const noWarnings: ReadonlyArray<string> = []

const done = (affectedRows: number): Applied => ({ affectedRows, warnings: noWarnings, error: undefined })

/** What most UPDATEs answer; results are never changed. */
const doneOne = done(1)

const failed = (error: SqlFailure): Applied => ({ affectedRows: 0, warnings: noWarnings, error })

/** What was prepared for a structure, by the list of columns of a statement: statements of one shape share their list. */
class PerColumns<A> {
  readonly #known = new WeakMap<ReadonlyArray<string>, { readonly structure: Structure; readonly prepared: A }>()

  get(columns: ReadonlyArray<string>, structure: Structure): A | undefined {
    const known = this.#known.get(columns)
    return known?.structure === structure ? known.prepared : undefined
  }

  set(columns: ReadonlyArray<string>, structure: Structure, prepared: A): void {
    this.#known.set(columns, { structure, prepared })
  }
}

const printId = (id: bigint): string => String(BigInt.asUintN(64, id))

const duplicate = (id: bigint): SqlFailure => failure(`duplicate id '${printId(id)}'`)

const placesOfNames = new PerColumns<ReadonlyArray<number>>()

/** Per column of the structure, which value of a row it takes, or -1; or which column there is not. */
export const placeColumns = (structure: Structure, { columns, rows }: Insert): ReadonlyArray<number> | SqlFailure => {
  if (columns === undefined) {
    return placeAll(structure, rows[0]?.length ?? 0)
  }
  const known = placesOfNames.get(columns, structure)
  if (known !== undefined) {
    return known
  }
  const places = structure.columns.map(() => -1)
  for (const [index, name] of columns.entries()) {
    const position = structure.positionOf(name)
    if (position < 0) {
      return failure(`unknown column: '${name}'`)
    }
    if (places[position] !== -1) {
      return failure(`column '${name}' specified twice`, 1110)
    }
    places[position] = index
  }
  placesOfNames.set(columns, structure, places)
  return places
}

const placeAll = (structure: Structure, given: number): ReadonlyArray<number> | SqlFailure => {
  if (given !== structure.described.length) {
    return failure(`column count does not match schema (expected ${structure.described.length}, got ${given})`)
  }
  const places = structure.columns.map(() => -1)
  structure.described.forEach((position, index) => {
    places[position] = index
  })
  return places
}

const coerceInserted = (column: Column, literal: Literal, warnings: Array<string>): Value => {
  if (column.type !== "json") {
    return coerce(column, literal)
  }
  const { value, jsonError } = coerceJson(literal)
  if (jsonError !== undefined) {
    warnings.push(jsonError)
  }
  return value
}

const prepareInsert = (database: Database, table: Table, insert: Insert): PreparedWrite => {
  const { structure } = table
  if (table.kind === "percolate") {
    return refused("not simulated: INSERT into a percolate table")
  }
  const places = placeColumns(structure, insert)
  if ("kind" in places) {
    return { kind: "failure", failure: places }
  }
  // Arrays of known length: what is pushed to keeps room for more, and these stay as long as the document does.
  const ids = new Array<bigint>(insert.rows.length)
  const documents = new Array<Row>(insert.rows.length)
  const warnings: Array<string> = []
  for (const [index, literals] of insert.rows.entries()) {
    const id = idFrom(literals[places[0] ?? -1] ?? 0n, database.autoId)
    if (typeof id !== "bigint") {
      return { kind: "failure", failure: id }
    }
    if (!insert.replace && table.has(id)) {
      return { kind: "failure", failure: duplicate(id) }
    }
    const row = new Array<Value>(structure.columns.length)
    row[0] = id
    for (let position = 1; position < structure.columns.length; position++) {
      const column = structure.column(position)
      const literal = literals[places[position] ?? -1]
      row[position] = literal === undefined ? defaultValue(column) : coerceInserted(column, literal, warnings)
    }
    ids[index] = id
    documents[index] = row
  }
  const writeSet = new InsertWrite(table.name, ids, documents, insert.replace)
  return {
    kind: "write",
    cluster: table.cluster,
    writeSet,
    rowsGiven: documents.length,
    warnings: joined(warnings),
    ids,
  }
}

/** Of two rows of one id in one statement, INSERT keeps the first and REPLACE the last; both count. */
class InsertWrite implements WriteSet {
  readonly kind = "write"
  readonly table: string
  readonly keys: ReadonlyArray<bigint>
  readonly #documents: ReadonlyArray<Row>
  readonly #replace: boolean

  constructor(table: string, keys: ReadonlyArray<bigint>, documents: ReadonlyArray<Row>, replace: boolean) {
    this.table = table
    this.keys = keys
    this.#documents = documents
    this.#replace = replace
  }

  apply(database: Database): Applied {
    const table = database.table(this.table)
    if (table === undefined) {
      return failed(failure(`table '${this.table}' absent`))
    }
    const given = this.#replace ? undefined : this.keys.find((id) => table.has(id))
    if (given !== undefined) {
      return failed(duplicate(given))
    }
    const several = this.keys.length > 1
    for (let index = 0; index < this.keys.length; index++) {
      const id = this.keys[index]
      const row = this.#documents[index]
      if (id !== undefined && row !== undefined && (this.#replace || !several || !table.has(id))) {
        table.insert(id, row)
      }
    }
    return done(this.#documents.length)
  }
}

/** What an UPDATE assigns; `jsonError` is of the first text that is no json. */
interface Assigned {
  readonly positions: ReadonlyArray<number>
  readonly values: ReadonlyArray<Value>
  readonly jsonError: string | undefined
}

const positionsOfNames = new PerColumns<ReadonlyArray<number>>()

const placeAssignments = (table: Table, { columns, values: literals }: Update): Assigned | SqlFailure => {
  const { structure } = table
  const known = positionsOfNames.get(columns, structure)
  const positions: Array<number> = []
  const values = new Array<Value>(columns.length)
  let jsonError: string | undefined
  for (let index = 0; index < columns.length; index++) {
    const position = known?.[index] ?? positionOf(table, columns[index] ?? "")
    if (typeof position !== "number") {
      return position
    }
    const column = structure.column(position)
    const literal = literals[index] ?? 0n
    if (!isAssignable(column, literal)) {
      return notSimulated(`UPDATE of a column of type ${column.type} with such a value`)
    }
    if (known === undefined) {
      positions.push(position)
    }
    if (column.type === "json") {
      const read = coerceJson(literal)
      values[index] = read.value
      jsonError ??= read.jsonError
    } else {
      values[index] = coerce(column, literal)
    }
  }
  if (known === undefined) {
    positionsOfNames.set(columns, structure, positions)
  }
  return { positions: known ?? positions, values, jsonError }
}

const positionOf = (table: Table, name: string): number | SqlFailure => {
  if (name === "id") {
    return failure("'id' attribute cannot be updated")
  }
  const position = table.structure.positionOf(name)
  if (position < 0) {
    return isPath(table.structure, name)
      ? notSimulated("UPDATE of a key inside a json column")
      : failure(`table ${table.name}: attribute '${name}' not found`)
  }
  const column = table.structure.column(position)
  return column.field || !column.attribute
    ? failure(`table ${table.name}: attribute '${name}' can not be updated (full-text field)`)
    : position
}

const isPath = (structure: Structure, name: string): boolean => {
  const position = structure.positionOf(name.split(".")[0] ?? "")
  return name.includes(".") && position >= 0 && structure.column(position).type === "json"
}

/** Text for text, numbers for numbers: what the daemon does otherwise has not been seen. */
const isAssignable = (column: Column, value: Literal): boolean => {
  switch (column.type) {
    case "string":
    case "json":
      return typeof value === "string"
    case "multi":
    case "multi64":
      return typeof value === "object"
    default:
      return typeof value === "bigint" || typeof value === "number"
  }
}

const prepareUpdate = (table: Table, update: Update): PreparedWrite => {
  const assigned = placeAssignments(table, update)
  if ("kind" in assigned && table.size > 0) {
    return { kind: "failure", failure: assigned }
  }
  const predicate = compileSelection(table, update.where)
  if (typeof predicate !== "function") {
    return { kind: "failure", failure: predicate }
  }
  const writeSet = new UpdateWrite(table, update, "kind" in assigned ? nothing : assigned, predicate)
  return { kind: "write", cluster: table.cluster, writeSet, rowsGiven: -1, warnings: noWarnings, ids: noIds }
}

/** What is wrong with several values is one warning. */
const joined = (warnings: ReadonlyArray<string>): ReadonlyArray<string> =>
  warnings.length === 0 ? noWarnings : [warnings.join("; ")]

const noIds: ReadonlyArray<bigint> = []

const always: Predicate = () => true
const never: Predicate = () => false

/** What an UPDATE of an empty table sets, whatever it names: nobody looks. */
const nothing: Assigned = { positions: [], values: [], jsonError: undefined }

/**
 * The documents among those of `idsOf` (or among all) that the condition selects. The daemon names the table twice when
 * it cannot read the condition of an UPDATE.
 */
const compileSelection = (table: Table, where: Condition): Predicate | SqlFailure => {
  if (asksForIdsOnly(where)) {
    return always
  }
  const predicate = compileCondition(where, table.structure)
  if (typeof predicate !== "function" && table.size === 0) {
    return never
  }
  if (typeof predicate === "function" || predicate.message.startsWith("not simulated")) {
    return predicate
  }
  return failure(`table ${table.name}: table ${table.name}: ${predicate.message}`)
}

/** Selects anew where it is applied: what counts is what the documents are then and there. */
class UpdateWrite implements WriteSet {
  readonly kind = "write"
  readonly table: string
  readonly keys: ReadonlyArray<bigint> | "whole table"
  readonly #update: Update
  readonly #structure: Structure
  readonly #assigned: Assigned
  readonly #predicate: Predicate
  /** The document that was changed last and what became of it: replicas mostly hold the very same one. */
  #before: Row | undefined
  #after: Row | undefined

  constructor(table: Table, update: Update, assigned: Assigned, predicate: Predicate) {
    this.table = table.name
    this.keys = idsOf(update.where) ?? "whole table"
    this.#update = update
    this.#structure = table.structure
    this.#assigned = assigned
    this.#predicate = predicate
  }

  apply(database: Database): Applied {
    const table = database.table(this.table)
    if (table === undefined) {
      return failed(failure(absentMessage(this.#update)))
    }
    if (table.structure.isCompatibleWith(this.#structure)) {
      return this.#apply(table, matching(table, this.keys, this.#predicate))
    }
    const assigned = placeAssignments(table, this.#update)
    if ("kind" in assigned) {
      return failed(assigned)
    }
    const predicate = compileSelection(table, this.#update.where)
    return typeof predicate === "function"
      ? applyUpdate(table, matching(table, this.keys, predicate), assigned)
      : failed(predicate)
  }

  #apply(table: Table, rows: ReadonlyArray<Row>): Applied {
    const [row] = rows
    const id = row?.[0]
    if (rows.length !== 1 || row === undefined || typeof id !== "bigint" || this.#assigned.jsonError !== undefined) {
      return applyUpdate(table, rows, this.#assigned)
    }
    if (this.#after === undefined || this.#before !== row) {
      this.#after = changedRow(row, this.#assigned)
      this.#before = row
    }
    table.update(id, this.#after)
    return doneOne
  }
}

const changedRow = (row: Row, { positions, values }: Assigned): Row => {
  const changed = row.slice()
  for (let index = 0; index < positions.length; index++) {
    changed[positions[index] ?? 0] = values[index] ?? null
  }
  return changed
}

const applyUpdate = (table: Table, rows: ReadonlyArray<Row>, assigned: Assigned): Applied => {
  const { jsonError } = assigned
  for (const row of rows) {
    const id = row[0]
    if (typeof id === "bigint") {
      table.update(id, changedRow(row, assigned))
    }
  }
  // The old value is gone even though the statement fails.
  return jsonError === undefined || rows.length === 0
    ? done(rows.length)
    : failed(failure(`table ${table.name}: ${jsonError}`))
}

const prepareDelete = (table: Table, statement: Delete): PreparedWrite => {
  const predicate = compileSelection(table, statement.where)
  if (typeof predicate !== "function") {
    return { kind: "failure", failure: predicate }
  }
  const writeSet = new DeleteWrite(statement)
  return { kind: "write", cluster: table.cluster, writeSet, rowsGiven: -1, warnings: noWarnings, ids: noIds }
}

class DeleteWrite implements WriteSet {
  readonly kind = "write"
  readonly keys: ReadonlyArray<bigint> | "whole table"
  readonly #statement: Delete

  constructor(statement: Delete) {
    this.keys = idsOf(statement.where) ?? "whole table"
    this.#statement = statement
  }

  get table(): string {
    return this.#statement.target.table
  }

  apply(database: Database): Applied {
    const table = database.table(this.table)
    if (table === undefined) {
      return failed(failure(absentMessage(this.#statement)))
    }
    const predicate = compileSelection(table, this.#statement.where)
    if (typeof predicate !== "function") {
      return failed(predicate)
    }
    const rows = matching(table, this.keys, predicate)
    for (const [id] of rows) {
      if (typeof id === "bigint") {
        table.delete(id)
      }
    }
    return done(rows.length)
  }
}

const prepareTruncate = (table: Table, statement: Truncate): PreparedWrite => {
  const writeSet: WriteSet = {
    kind: "write",
    table: table.name,
    keys: "whole table",
    apply: (database) => {
      const target = database.table(statement.target.table)
      target?.truncate()
      return target === undefined ? failed(failure(absentMessage(statement))) : done(0)
    },
  }
  return { kind: "write", cluster: table.cluster, writeSet, rowsGiven: -1, warnings: noWarnings, ids: noIds }
}

/** One write set of several on the same table, applied in order: what a COMMIT replicates. */
export const combineWrites = (table: string, parts: ReadonlyArray<WriteSet>): WriteSet => ({
  kind: "write",
  table,
  keys: parts.some((part) => part.keys === "whole table")
    ? "whole table"
    : parts.flatMap((part) => (part.keys === "whole table" ? [] : part.keys)),
  apply: (database) => {
    let affectedRows = 0
    for (const part of parts) {
      const applied = part.apply(database)
      if (applied.error !== undefined) {
        return applied
      }
      affectedRows += applied.affectedRows
    }
    return done(affectedRows)
  },
})
