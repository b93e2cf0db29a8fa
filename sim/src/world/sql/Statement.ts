/**
 * What a statement of the simulated daemon says, once it is read: plain data, nothing of it executed.
 *
 * Names of tables and columns are in lower case, as the daemon keeps them; names of clusters keep their case.
 */

/** A refusal found while reading or checking a statement; becomes a `Refused` answer as it is. */
export interface SqlFailure {
  readonly kind: "failure"
  readonly errno: number
  readonly sqlState: string
  readonly message: string
}

/** Builds a failure; 1064 and 42000 are what the daemon uses for nearly all of them. */
export const failure = (message: string, errno = 1064, sqlState = "42000"): SqlFailure => ({
  kind: "failure",
  errno,
  sqlState,
  message,
})

/** A statement that the simulator does not model. Never answered with an invented success. */
export const notSimulated = (what: string): SqlFailure => failure(`not simulated: ${what}`)

/** A constant: `bigint` for integers, `number` for decimals, `string` for quoted text, a list for `(1,2,3)`. */
export type Literal = bigint | number | string | ReadonlyArray<bigint>

/** A table, perhaps with the cluster that the statement names: `c:t`, `system.t_s0`. */
export interface TableName {
  readonly cluster: string | undefined
  readonly table: string
}

/** How a column is declared in CREATE TABLE and ALTER TABLE. */
export interface ColumnDeclaration {
  readonly name: string
  readonly type: ColumnType
  /** Only for `bit(n)`. */
  readonly bits: number | undefined
  readonly indexed: boolean
  readonly stored: boolean
  readonly attribute: boolean
  readonly options: ReadonlyArray<TableOption>
}

export type ColumnType =
  | "text"
  | "string"
  | "int"
  | "uint"
  | "bigint"
  | "float"
  | "bool"
  | "timestamp"
  | "json"
  | "multi"
  | "multi64"
  | "bit"
  | "float_vector"

/** `name='value'` after the columns of CREATE TABLE, in the order in which they were given. */
export interface TableOption {
  readonly name: string
  readonly value: string
}

export type Comparison = "=" | "!=" | "<" | ">" | "<=" | ">="

/** A condition of WHERE. */
export type Condition =
  | { readonly op: "and"; readonly parts: ReadonlyArray<Condition> }
  | { readonly op: "or"; readonly parts: ReadonlyArray<Condition> }
  | { readonly op: "not"; readonly part: Condition }
  | { readonly op: "compare"; readonly column: string; readonly comparison: Comparison; readonly value: Literal }
  | { readonly op: "in"; readonly column: string; readonly values: ReadonlyArray<Literal>; readonly negated: boolean }
  | { readonly op: "between"; readonly column: string; readonly low: Literal; readonly high: Literal }
  | { readonly op: "null"; readonly column: string; readonly negated: boolean }
  | { readonly op: "match"; readonly query: string }

/** An expression of a select list. */
export type Expression =
  | { readonly type: "star" }
  | { readonly type: "column"; readonly name: string }
  | { readonly type: "literal"; readonly value: Literal }
  | { readonly type: "variable"; readonly name: string }
  | {
      readonly type: "call"
      readonly name: string
      readonly arguments: ReadonlyArray<Expression>
      readonly distinct: boolean
    }
  | { readonly type: "binary"; readonly operator: string; readonly left: Expression; readonly right: Expression }

export interface SelectItem {
  readonly expression: Expression
  /** The name of the column in the answer: the alias, or the text of the expression in lower case. */
  readonly name: string
}

export interface OrderTerm {
  readonly name: string
  readonly descending: boolean
}

export interface Select {
  readonly kind: "select"
  readonly items: ReadonlyArray<SelectItem>
  /** Absent for `SELECT 1`. */
  readonly from: TableName | undefined
  readonly where: Condition | undefined
  readonly groupBy: ReadonlyArray<string>
  readonly orderBy: ReadonlyArray<OrderTerm>
  readonly offset: number
  /** `-1` is the daemon's dump of everything, with all columns. */
  readonly limit: number
  readonly maxMatches: number
  /** This object stands for every statement of its text, so that what was worked out for it may be kept. */
  readonly shared: boolean
}

export interface Insert {
  readonly kind: "insert"
  readonly replace: boolean
  readonly target: TableName
  readonly columns: ReadonlyArray<string> | undefined
  readonly rows: ReadonlyArray<ReadonlyArray<Literal>>
}

export interface Update {
  readonly kind: "update"
  readonly target: TableName
  /** What is assigned to, and the value of each. */
  readonly columns: ReadonlyArray<string>
  readonly values: ReadonlyArray<Literal>
  readonly where: Condition
}

export interface Delete {
  readonly kind: "delete"
  readonly target: TableName
  readonly where: Condition
}

export interface Truncate {
  readonly kind: "truncate"
  readonly target: TableName
}

/** A statement that changes rows. */
export type Write = Insert | Update | Delete | Truncate

export interface CreateTable {
  readonly kind: "createTable"
  readonly table: string
  readonly ifNotExists: boolean
  /** `CREATE TABLE table LIKE like`. */
  readonly like: string | undefined
  /** True when a list of columns was given. */
  readonly hasColumns: boolean
  readonly columns: ReadonlyArray<ColumnDeclaration>
  readonly options: ReadonlyArray<TableOption>
}

export interface DropTable {
  readonly kind: "dropTable"
  readonly table: string
  readonly ifExists: boolean
  readonly force: boolean
}

export interface AlterTable {
  readonly kind: "alterTable"
  readonly table: string
  readonly change:
    | { readonly action: "add"; readonly column: ColumnDeclaration }
    | { readonly action: "drop"; readonly column: string }
    | { readonly action: "options"; readonly options: ReadonlyArray<TableOption> }
}

/** `CREATE CLUSTER name 'p' as path, 'n' as nodes, 'o' as options`. */
export interface CreateCluster {
  readonly kind: "createCluster"
  readonly cluster: string
  readonly path: string | undefined
  readonly nodes: string | undefined
  readonly options: string | undefined
}

export interface JoinCluster {
  readonly kind: "joinCluster"
  readonly cluster: string
  /** `AT '…'` as it was written, or undefined without AT. */
  readonly at: string | undefined
  readonly path: string | undefined
  readonly nodes: string | undefined
  readonly options: string | undefined
}

export interface AlterCluster {
  readonly kind: "alterCluster"
  readonly cluster: string
  readonly action: "add" | "drop" | "update"
  /** For ADD and DROP. */
  readonly tables: ReadonlyArray<string>
  /** For UPDATE: `nodes`, or whatever word was written there. */
  readonly subject: string | undefined
}

export interface DeleteCluster {
  readonly kind: "deleteCluster"
  readonly cluster: string
}

export interface ExitCluster {
  readonly kind: "exitCluster"
  readonly cluster: string
}

/** `SET CLUSTER c GLOBAL 'pc.bootstrap' = 1`. */
export interface SetCluster {
  readonly kind: "setCluster"
  readonly cluster: string
  readonly name: string
  readonly value: string
}

/** A statement about clusters; executed outside of this folder. */
export type ClusterStatement = CreateCluster | JoinCluster | AlterCluster | DeleteCluster | ExitCluster | SetCluster

export interface Describe {
  readonly kind: "describe"
  readonly target: TableName
  readonly like: string | undefined
}

export interface ShowTables {
  readonly kind: "showTables"
  readonly system: boolean
  readonly like: string | undefined
}

export interface ShowCreateTable {
  readonly kind: "showCreateTable"
  readonly table: string
  readonly force: boolean
}

/** `SHOW TABLE t STATUS` and `SHOW TABLE t SETTINGS`. */
export interface ShowTable {
  readonly kind: "showTable"
  readonly table: string
  readonly what: "status" | "settings" | "indexes"
  readonly like: string | undefined
}

/** A SHOW that takes nothing but a pattern. */
export interface Show {
  readonly kind: "show"
  readonly what: "status" | "warnings" | "meta" | "settings" | "threads" | "variables" | "databases" | "agent status"
  readonly like: string | undefined
}

export interface FlushTable {
  readonly kind: "flush"
  readonly what: "ramchunk" | "table" | "optimize" | "attributes" | "logs"
  readonly table: string | undefined
}

/** BEGIN, COMMIT, ROLLBACK. */
export interface Transaction {
  readonly kind: "transaction"
  readonly action: "begin" | "commit" | "rollback"
}

/** `SET name = value` for the session or the server. */
export interface SetVariable {
  readonly kind: "set"
  readonly name: string
  readonly value: string
}

/** Answered OK without doing anything: CREATE DATABASE, USE. */
export interface Ignored {
  readonly kind: "ignored"
}

export type ParsedStatement =
  | Select
  | Write
  | CreateTable
  | DropTable
  | AlterTable
  | ClusterStatement
  | Describe
  | ShowTables
  | ShowCreateTable
  | ShowTable
  | Show
  | FlushTable
  | Transaction
  | SetVariable
  | Ignored
