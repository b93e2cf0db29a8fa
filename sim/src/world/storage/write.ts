/**
 * INSERT, REPLACE, UPDATE, DELETE and TRUNCATE in two halves, because replication sits between them: `prepareWrite`
 * checks against this node's tables, and the `WriteSet` that it gives is applied on every member, where UPDATE and
 * DELETE select their documents anew.
 */
import type { Condition, Delete, Insert, Literal, TableName, Truncate, Update, Write } from "../sql/Statement.ts"
import { failure, notSimulated } from "../sql/Statement.ts"
import type { SqlFailure } from "../sql/Statement.ts"
import type { Database } from "./Database.ts"
import { compileCondition, idsOf, matching } from "./filter.ts"
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
  readonly table: string
  /** Documents that it touches, for certification; the whole table where they are selected by something else than id. */
  readonly keys: ReadonlyArray<bigint> | "whole table"
  apply(database: Database): Applied
  /**
   * For tables in no cluster, where compare-and-set is not atomic: chooses the documents of an UPDATE now and changes
   * them, whatever they have become, when the result is called. All other writes happen as a whole then.
   */
  choose(database: Database): () => Applied
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
  if (problem !== undefined) {
    return { kind: "failure", failure: writeFailure(statement, problem) }
  }
  switch (statement.kind) {
    case "insert":
      return prepareInsert(database, table, statement)
    case "update":
      return prepareUpdate(table, statement)
    case "delete":
      return prepareDelete(table, statement)
    case "truncate":
      return prepareTruncate(table, statement)
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

const atOnce = (table: string, keys: WriteSet["keys"], apply: (database: Database) => Applied): WriteSet => ({
  table,
  keys,
  apply,
  choose: (database) => () => apply(database),
})

const tableIn = (database: Database, name: string): Table | undefined => database.table(name)

const done = (affectedRows: number): Applied => ({ affectedRows, warnings: [], error: undefined })

const failed = (error: SqlFailure): Applied => ({ affectedRows: 0, warnings: [], error })

const printId = (id: bigint): string => String(BigInt.asUintN(64, id))

const duplicate = (id: bigint): SqlFailure => failure(`duplicate id '${printId(id)}'`)

/** Per column of the structure, which value of a row it takes, or -1. */
const placeColumns = (structure: Structure, insert: Insert): ReadonlyArray<number> | SqlFailure => {
  const places = structure.columns.map(() => -1)
  if (insert.columns === undefined) {
    const given = insert.rows[0]?.length ?? 0
    if (given !== structure.described.length) {
      return failure(`column count does not match schema (expected ${structure.described.length}, got ${given})`)
    }
    structure.described.forEach((position, index) => {
      places[position] = index
    })
    return places
  }
  for (const [index, name] of insert.columns.entries()) {
    const position = structure.positionOf(name)
    if (position < 0) {
      return failure(`unknown column: '${name}'`)
    }
    if (places[position] !== -1) {
      return failure(`column '${name}' specified twice`, 1110)
    }
    places[position] = index
  }
  return places
}

const coerceInserted = (column: Column, literal: Literal, warnings: Array<string>): Value => {
  if (column.type !== "json") {
    return coerce(column, literal)
  }
  const { value, jsonError } = coerceJson(literal)
  if (jsonError !== undefined) {
    warnings.push(`column ${column.name}: JSON error: ${jsonError}`)
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
  const ids: Array<bigint> = []
  const documents: Array<Row> = []
  const warnings: Array<string> = []
  for (const literals of insert.rows) {
    const id = idFrom(literals[places[0] ?? -1] ?? 0n, database.autoId)
    if (typeof id !== "bigint") {
      return { kind: "failure", failure: id }
    }
    if (!insert.replace && table.has(id)) {
      return { kind: "failure", failure: duplicate(id) }
    }
    const row: Array<Value> = [id]
    for (let position = 1; position < structure.columns.length; position++) {
      const column = structure.column(position)
      const literal = literals[places[position] ?? -1]
      row.push(literal === undefined ? defaultValue(column) : coerceInserted(column, literal, warnings))
    }
    ids.push(id)
    documents.push(row)
  }
  const writeSet = atOnce(table.name, ids, (target) => applyInsert(target, table.name, ids, documents, insert.replace))
  return { kind: "write", cluster: table.cluster, writeSet, rowsGiven: documents.length, warnings, ids }
}

/** Of two rows of one id in one statement, INSERT keeps the first and REPLACE the last; both count. */
const applyInsert = (
  database: Database,
  name: string,
  ids: ReadonlyArray<bigint>,
  documents: ReadonlyArray<Row>,
  replace: boolean,
): Applied => {
  const table = tableIn(database, name)
  if (table === undefined) {
    return failed(failure(`table '${name}' absent`))
  }
  const given = replace ? undefined : ids.find((id) => table.has(id))
  if (given !== undefined) {
    return failed(duplicate(given))
  }
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index]
    const row = documents[index]
    if (id !== undefined && row !== undefined && (replace || !table.has(id))) {
      table.insert(id, row)
    }
  }
  return done(documents.length)
}

interface Assignment {
  readonly position: number
  readonly column: Column
  readonly value: Value
  readonly jsonError: string | undefined
}

const placeAssignments = (table: Table, update: Update): ReadonlyArray<Assignment> | SqlFailure => {
  const assignments: Array<Assignment> = []
  for (const { column: name, value } of update.assignments) {
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
    if (column.field || !column.attribute) {
      return failure(`table ${table.name}: attribute '${name}' can not be updated (full-text field)`)
    }
    if (!isAssignable(column, value)) {
      return notSimulated(`UPDATE of a column of type ${column.type} with such a value`)
    }
    if (column.type === "json") {
      assignments.push({ position, column, ...coerceJson(value) })
    } else {
      assignments.push({ position, column, value: coerce(column, value), jsonError: undefined })
    }
  }
  return assignments
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

/** An UPDATE made ready for tables of one structure. */
interface ReadyUpdate {
  readonly structure: Structure
  readonly assignments: ReadonlyArray<Assignment>
  readonly predicate: Predicate
}

const prepareUpdate = (table: Table, update: Update): PreparedWrite => {
  const assignments = placeAssignments(table, update)
  if ("kind" in assignments) {
    return { kind: "failure", failure: assignments }
  }
  const predicate = compileSelection(table, update.where)
  if (typeof predicate !== "function") {
    return { kind: "failure", failure: predicate }
  }
  const ready: ReadyUpdate = { structure: table.structure, assignments, predicate }
  const writeSet: WriteSet = {
    table: table.name,
    keys: idsOf(update.where) ?? "whole table",
    apply: (database) => chooseUpdate(database, update, ready)(),
    choose: (database) => chooseUpdate(database, update, ready),
  }
  return { kind: "write", cluster: table.cluster, writeSet, rowsGiven: -1, warnings: [], ids: [] }
}

/** The daemon names the table twice when it cannot read the condition of an UPDATE. */
const compileSelection = (table: Table, where: Condition): Predicate | SqlFailure => {
  const predicate = compileCondition(where, table.structure)
  if (typeof predicate === "function" || predicate.message.startsWith("not simulated")) {
    return predicate
  }
  return failure(`table ${table.name}: table ${table.name}: ${predicate.message}`)
}

/** Selects anew: what counts is what the documents are when and where the write is applied. */
const chooseUpdate = (database: Database, update: Update, ready: ReadyUpdate): (() => Applied) => {
  const table = tableIn(database, update.target.table)
  if (table === undefined) {
    return () => failed(failure(absentMessage(update)))
  }
  const alike = table.structure === ready.structure || table.structure.isCompatibleWith(ready.structure)
  const assignments = alike ? ready.assignments : placeAssignments(table, update)
  if ("kind" in assignments) {
    return () => failed(assignments)
  }
  const predicate = alike ? ready.predicate : compileSelection(table, update.where)
  if (typeof predicate !== "function") {
    return () => failed(predicate)
  }
  const chosen = matching(table, update.where, predicate)
  return () => applyUpdate(table, chosen, assignments)
}

const applyUpdate = (table: Table, rows: ReadonlyArray<Row>, assignments: ReadonlyArray<Assignment>): Applied => {
  for (const [id] of rows) {
    const row = typeof id === "bigint" ? table.get(id) : undefined
    if (row === undefined || typeof id !== "bigint") {
      continue
    }
    const changed = [...row]
    for (const { position, value } of assignments) {
      changed[position] = value
    }
    table.update(id, changed)
  }
  const broken = assignments.find((assignment) => assignment.jsonError !== undefined)
  // The old value is gone even though the statement fails.
  return broken?.jsonError === undefined || rows.length === 0
    ? done(rows.length)
    : failed(failure(`table ${table.name}: ${broken.jsonError}`))
}

const prepareDelete = (table: Table, statement: Delete): PreparedWrite => {
  const predicate = compileSelection(table, statement.where)
  if (typeof predicate !== "function") {
    return { kind: "failure", failure: predicate }
  }
  const keys = idsOf(statement.where) ?? "whole table"
  const writeSet = atOnce(table.name, keys, (database) => applyDelete(database, statement))
  return { kind: "write", cluster: table.cluster, writeSet, rowsGiven: -1, warnings: [], ids: [] }
}

const applyDelete = (database: Database, statement: Delete): Applied => {
  const table = tableIn(database, statement.target.table)
  if (table === undefined) {
    return failed(failure(absentMessage(statement)))
  }
  const predicate = compileSelection(table, statement.where)
  if (typeof predicate !== "function") {
    return failed(predicate)
  }
  const rows = matching(table, statement.where, predicate)
  for (const [id] of rows) {
    if (typeof id === "bigint") {
      table.delete(id)
    }
  }
  return done(rows.length)
}

const prepareTruncate = (table: Table, statement: Truncate): PreparedWrite => {
  const writeSet = atOnce(table.name, "whole table", (database) => {
    const target = tableIn(database, statement.target.table)
    target?.truncate()
    return target === undefined ? failed(failure(absentMessage(statement))) : done(0)
  })
  return { kind: "write", cluster: table.cluster, writeSet, rowsGiven: -1, warnings: [], ids: [] }
}

/** One write set of several on the same table, applied in order: what a COMMIT replicates. */
export const combineWrites = (table: string, parts: ReadonlyArray<WriteSet>): WriteSet => {
  const keys = parts.flatMap((part) => (part.keys === "whole table" ? [] : part.keys))
  return atOnce(table, parts.some((part) => part.keys === "whole table") ? "whole table" : keys, (database) => {
    let affectedRows = 0
    for (const part of parts) {
      const applied = part.apply(database)
      if (applied.error !== undefined) {
        return applied
      }
      affectedRows += applied.affectedRows
    }
    return done(affectedRows)
  })
}
