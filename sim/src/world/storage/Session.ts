/**
 * What one connection does on one node: its transaction, its warnings, what SHOW META says, and the execution of every
 * statement that needs no other node.
 *
 * `begin` does everything up to the point where another node could matter, and says which layer goes on from there.
 * `executeLocal` goes on by itself, as a daemon does that has no other nodes.
 */
import { ok, refused, rows } from "@shardwright/core/Answer"
import type { Answer, Refused } from "@shardwright/core/Answer"
import type {
  ClusterStatement,
  Delete,
  Expression,
  FlushTable,
  Insert,
  ParsedStatement,
  Select,
  Show,
  SqlFailure,
  Transaction,
  Update,
  Write,
} from "../sql/Statement.ts"
import { failure, notSimulated } from "../sql/Statement.ts"
import { likeMatcher } from "../Like.ts"
import type { Database } from "./Database.ts"
import { alterTable, createTable, dropTable } from "./define.ts"
import type { Crash, Defined } from "./define.ts"
import { describe, showCreateTable, showRows, showTable, showTables } from "./describe.ts"
import { arithmetic, emptyMeta, finishSelect, Question, selectPartial } from "./select.ts"
import type { Meta, PartialResult } from "./select.ts"
import type { Value } from "./Structure.ts"
import { type Problem, reportProblems, type Wrapper } from "./Wrapper.ts"
import { combineWrites, prepareWrite, writeFailure } from "./write.ts"
import type { Applied, WriteContext, WriteSet } from "./write.ts"

/** The release that the simulated daemon says it is. */
export const serverVersion = "29.2.2 e790cb571@26082211"

interface OpenTransaction {
  readonly table: string
  readonly cluster: string | undefined
  readonly writes: Array<WriteSet>
}

/** The state of one connection. */
export class Session {
  /** Number of the connection, as CONNECTION_ID() gives it. */
  readonly connectionId: number
  autocommit = true
  /** Between BEGIN and COMMIT or ROLLBACK. */
  inTransaction = false
  /** What was written since; one table only. */
  pending: OpenTransaction | undefined = undefined
  /** Of the last statement that was not a SHOW. */
  warnings: ReadonlyArray<string> = []
  meta: Meta = emptyMeta
  lastInsertIds: ReadonlyArray<bigint> = []

  constructor(connectionId = 1) {
    this.connectionId = connectionId
  }
}

/** What the layer above adds. */
export interface Surroundings extends WriteContext {
  /** Further counters of SHOW STATUS whose names match, in order. */
  readonly statusCounters?: (like: string | undefined) => ReadonlyArray<readonly [string, string]>
  /** The address of the daemon's binary listener. */
  readonly address?: string
}

/** How far a statement came without other nodes. */
export type Step =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** To be applied: here at once if `cluster` is undefined, otherwise on all members after certification. */
  | {
      readonly kind: "write"
      readonly cluster: string | undefined
      readonly writeSet: WriteSet
      /** The answer when it was applied here. */
      readonly finish: (applied: Applied) => Answer
      /** The answer when replication refused it. */
      readonly refuse: (message: string) => Refused
    }
  /** A statement on a wrapper table. */
  | { readonly kind: "wrapper"; readonly wrapper: Wrapper; readonly statement: Select | Insert | Update | Delete }
  | { readonly kind: "cluster"; readonly statement: ClusterStatement }
  | Crash

const answered = (answer: Answer): Step => ({ kind: "answer", answer })

/** The longest message that the daemon sends; what is beyond is cut off. */
const messageLengthMax = 512

/** A failure as the client receives it. */
export const toAnswer = (reason: SqlFailure): Refused => {
  const { message, errno, sqlState } = reason
  const sent = message.length > messageLengthMax ? `${message.slice(0, messageLengthMax - 3)}...` : message
  return refused(sent, errno, sqlState)
}

const orRefused = (result: Answer | SqlFailure): Answer => ("_tag" in result ? result : toAnswer(result))

/** Goes on with a statement as far as this node alone can. */
export const begin = (
  database: Database,
  session: Session,
  statement: ParsedStatement | SqlFailure,
  surroundings: Surroundings = {},
): Step => {
  if (statement.kind !== "show") {
    session.warnings = []
  }
  switch (statement.kind) {
    case "failure":
      return answered(toAnswer(statement))
    case "select":
      return beginSelect(database, session, statement)
    case "insert":
    case "update":
    case "delete":
    case "truncate":
      return beginWrite(database, session, statement, surroundings)
    case "transaction":
      return beginTransaction(session, statement)
    case "createTable":
      return afterDefinition(session, createTable(database, statement))
    case "dropTable":
      return afterDefinition(session, dropTable(database, statement))
    case "alterTable":
      return afterDefinition(session, alterTable(database, statement))
    case "describe":
      return answered(orRefused(describe(database, statement)))
    case "showTables":
      return answered(showTables(database, statement))
    case "showCreateTable":
      return answered(orRefused(showCreateTable(database, statement)))
    case "showTable":
      return answered(orRefused(showTable(database, statement)))
    case "show":
      return answered(orRefused(show(session, statement, surroundings)))
    case "flush":
      return answered(orRefused(flush(database, statement)))
    case "set":
      return setVariable(session, statement.name, statement.value)
    case "ignored":
      return answered(ok())
    case "createCluster":
    case "joinCluster":
    case "alterCluster":
    case "deleteCluster":
    case "exitCluster":
    case "setCluster":
      return { kind: "cluster", statement }
  }
}

/** Executes a statement with nothing but this node: writes to tables of a cluster are applied here only. */
export const executeLocal = (
  database: Database,
  session: Session,
  statement: ParsedStatement | SqlFailure,
  surroundings: Surroundings = {},
): Answer => {
  const step = begin(database, session, statement, surroundings)
  switch (step.kind) {
    case "answer":
      return step.answer
    case "write":
      return step.finish(step.writeSet.apply(database))
    case "wrapper":
      return toAnswer(notSimulated("a statement on a wrapper table without other nodes"))
    case "cluster":
      return toAnswer(notSimulated("a statement about clusters without other nodes"))
    case "crash":
      return { _tag: "NoAnswer", reason: "connection lost" }
  }
}

const afterDefinition = (session: Session, result: Defined | Crash | SqlFailure): Step => {
  if (result.kind === "crash") {
    return result
  }
  if (result.kind === "failure") {
    return answered(toAnswer(result))
  }
  session.warnings = result.warnings
  return answered(ok(0, result.warnings.length))
}

const beginSelect = (database: Database, session: Session, select: Select): Step => {
  if (select.from === undefined) {
    return answered(selectConstants(session, select))
  }
  const { table: name } = select.from
  const wrapper = database.wrapper(name)
  if (wrapper !== undefined) {
    return { kind: "wrapper", wrapper, statement: select }
  }
  const partial = selectOnShard(database, name, new Question(select))
  if (partial.kind === "failure") {
    session.meta = emptyMeta
    return answered(toAnswer(partial))
  }
  const { answer, meta } = finishSelect(select, [partial])
  session.meta = meta
  return answered(answer)
}

/** What a plain table of this node contributes to a SELECT: the daemon's part in a search through a wrapper. */
export const selectOnShard = (database: Database, name: string, question: Question): PartialResult | SqlFailure => {
  const table = database.table(name)
  return table === undefined
    ? failure(`unknown local table(s) '${name}' in search request`)
    : selectPartial(table, question)
}

/**
 * Answers a search through a wrapper from what its shards contributed. `problems` are what shards answered instead
 * (see `reportProblems`): a partial answer with a warning, or an error when nobody contributed. `merges`: not just one table of this node was asked.
 */
export const answerWrapperSelect = (
  session: Session,
  select: Select,
  partials: ReadonlyArray<PartialResult>,
  problems: ReadonlyArray<Problem>,
  merges: boolean,
): Answer => {
  const warning = problems.length === 0 ? undefined : reportProblems(problems)
  if (partials.length === 0 && warning !== undefined) {
    session.meta = emptyMeta
    return refused(warning)
  }
  const { answer, meta } = finishSelect(select, partials, { warning, merges })
  session.meta = meta
  session.warnings = warning === undefined ? [] : [warning]
  return answer
}

const beginWrite = (database: Database, session: Session, statement: Write, surroundings: Surroundings): Step => {
  const { table: name } = statement.target
  const wrapper = statement.kind === "truncate" ? undefined : database.wrapper(name)
  if (wrapper !== undefined && statement.kind !== "truncate") {
    if (statement.target.cluster !== undefined) {
      return answered(refused(`table '${name}' is not in any cluster, use just '${name}'`))
    }
    return wrapper.kind === "distributed" && statement.kind === "insert"
      ? answered(refused(`table '${name}' does not support INSERT`))
      : { kind: "wrapper", wrapper, statement }
  }
  const gathers = session.inTransaction || !session.autocommit
  const { pending } = session
  if (
    gathers &&
    pending !== undefined &&
    pending.table !== name &&
    (statement.kind === "insert" || statement.kind === "delete")
  ) {
    return answered(refused(`current txn is working with another table ('${pending.table}')`))
  }
  const prepared = prepareWrite(database, statement, surroundings)
  if (prepared.kind === "failure") {
    return answered(toAnswer(prepared.failure))
  }
  session.warnings = prepared.warnings
  if (statement.kind === "insert") {
    session.lastInsertIds = prepared.ids
  }
  const { cluster, writeSet, rowsGiven } = prepared
  // UPDATE and TRUNCATE take no part in transactions: they happen at once.
  if (gathers && (statement.kind === "insert" || statement.kind === "delete")) {
    session.pending ??= { table: name, cluster, writes: [] }
    session.pending.writes.push(writeSet)
    return answered(ok(Math.max(0, rowsGiven), prepared.warnings.length))
  }
  return {
    kind: "write",
    cluster,
    writeSet,
    finish: (applied) => {
      session.warnings = [...prepared.warnings, ...applied.warnings]
      return applied.error === undefined ? ok(applied.affectedRows, session.warnings.length) : toAnswer(applied.error)
    },
    refuse: (message) => toAnswer(writeFailure(statement, message)),
  }
}

const beginTransaction = (session: Session, statement: Transaction): Step => {
  const { pending } = session
  session.pending = undefined
  session.inTransaction = statement.action === "begin"
  return pending === undefined || statement.action === "rollback" ? answered(ok()) : commit(pending)
}

const commit = (pending: OpenTransaction): Step => ({
  kind: "write",
  cluster: pending.cluster,
  writeSet: combineWrites(pending.table, pending.writes),
  finish: (applied) => (applied.error === undefined ? ok() : toAnswer(applied.error)),
  refuse: (message) => refused(message),
})

const setVariable = (session: Session, name: string, value: string): Step => {
  if (name !== "autocommit") {
    return answered(ok())
  }
  session.autocommit = value !== "0" && value.toLowerCase() !== "off"
  const { pending } = session
  if (!session.autocommit || pending === undefined) {
    return answered(ok())
  }
  session.pending = undefined
  return commit(pending)
}

const flush = (database: Database, statement: FlushTable): Answer | SqlFailure => {
  if (statement.table === undefined) {
    return statement.what === "attributes" ? rows(["tag"], [["1"]]) : ok()
  }
  const table = database.table(statement.table)
  if (table === undefined) {
    return failure(`${flushNames[statement.what]} requires an existing RT table`)
  }
  if (statement.what === "ramchunk" && table.size > 0) {
    table.diskChunks = Math.max(1, table.diskChunks)
  }
  return ok()
}

const flushNames = {
  ramchunk: "FLUSH RAMCHUNK",
  table: "FLUSH RTINDEX",
  optimize: "OPTIMIZE INDEX",
  attributes: "FLUSH ATTRIBUTES",
  logs: "FLUSH LOGS",
} as const

const show = (session: Session, statement: Show, surroundings: Surroundings): Answer | SqlFailure => {
  switch (statement.what) {
    case "warnings":
      return session.warnings.length === 0
        ? ok()
        : rows(
            ["Level", "Code", "Message"],
            session.warnings.map((message) => ["warning", "1000", message]),
          )
    case "meta":
      return showRows(["Variable_name", "Value"], metaRows(session.meta), statement.like)
    case "status":
      if (!/^(?:cluster|version)/i.test(statement.like ?? "")) {
        return notSimulated("SHOW STATUS of other counters than those of clusters")
      }
      return rows(
        ["Counter", "Value"],
        [
          ...(likeMatcher(statement.like)("version") ? [["version", serverVersion]] : []),
          ...(surroundings.statusCounters?.(statement.like) ?? []),
        ],
      )
    case "variables":
      if (statement.like?.toLowerCase() !== "autocommit") {
        return notSimulated("SHOW VARIABLES of other variables than autocommit")
      }
      return showRows(["Variable_name", "Value"], [["autocommit", session.autocommit ? "1" : "0"]], statement.like)
    case "databases":
      return rows(["Database"], [["information_schema"], ["Manticore"]])
    case "agent status":
      return showRows(["Key", "Value"], [], statement.like)
    case "settings":
      return showRows(["Setting_name", "Value"], settingsOf(surroundings.address ?? "127.0.0.1:9312"), statement.like)
    case "threads":
      return notSimulated("SHOW THREADS")
  }
}

/** Of what the server tells of its configuration, what others go by. */
const settingsOf = (address: string): ReadonlyArray<readonly [string, string]> => [
  ["configuration_file", "/etc/manticoresearch/manticore.conf"],
  ["searchd.listen", address],
  ["searchd.listen", `${address.slice(0, address.lastIndexOf(":"))}:9306:mysql`],
  ["searchd.data_dir", "/var/lib/manticore"],
]

const metaRows = (meta: Meta): ReadonlyArray<readonly [string, string]> => [
  ...(meta.warning === undefined ? [] : [["warning", meta.warning] as const]),
  ["total", String(meta.total)],
  ["total_found", String(meta.totalFound)],
  ["total_relation", "eq"],
  ["time", "0.000"],
]

/** `SELECT 1`, `SELECT VERSION()`: no table. */
const selectConstants = (session: Session, select: Select): Answer => {
  const cells: Array<string | number | null> = []
  for (const item of select.items) {
    const value = constant(session, item.expression)
    if (typeof value === "object" && value !== null && "kind" in value) {
      return toAnswer(value)
    }
    cells.push(typeof value === "bigint" ? Number(value) : typeof value === "object" ? null : value)
  }
  return rows(
    select.items.map((item) => item.name),
    [cells],
  )
}

const constant = (session: Session, expression: Expression): Value | SqlFailure => {
  switch (expression.type) {
    case "literal":
      return expression.value
    case "variable":
      return expression.name === "@@autocommit"
        ? session.autocommit
          ? 1
          : 0
        : notSimulated(`SELECT ${expression.name}`)
    case "call":
      return callConstant(session, expression.name)
    case "binary": {
      const left = constant(session, expression.left)
      const right = constant(session, expression.right)
      if (
        typeof left === "object" ||
        typeof right === "object" ||
        typeof left === "string" ||
        typeof right === "string"
      ) {
        return notSimulated("such an expression in SELECT without a table")
      }
      const float = typeof left === "number" || typeof right === "number" || expression.operator === "/"
      return arithmetic(expression.operator, left, right, float)
    }
    default:
      return notSimulated("such a SELECT without a table")
  }
}

const callConstant = (session: Session, name: string): Value | SqlFailure => {
  switch (name) {
    case "connection_id":
      return BigInt(session.connectionId)
    case "version":
      return serverVersion
    case "database":
      return "Manticore"
    case "last_insert_id":
      return session.lastInsertIds.map((id) => String(id)).join(",")
    default:
      return notSimulated(`SELECT ${name.toUpperCase()}() without a table`)
  }
}
