/**
 * Every SQL statement of the product is rendered here, and values are escaped here. Identifiers must have passed
 * `Identifier` before; a function throws on one that has not, which is a bug of ours and never user input.
 */
import { assertAddress, assertCluster, assertIdentifier } from "./Identifier.ts"

/** A literal string. Control characters are escaped because the server reads `\` escapes (dml/strings). */
export const text = (value: string): string => {
  let result = "'"
  for (const character of value) {
    switch (character) {
      case "\\":
        result += "\\\\"
        break
      case "'":
        result += "\\'"
        break
      case "\n":
        result += "\\n"
        break
      case "\r":
        result += "\\r"
        break
      case "\t":
        result += "\\t"
        break
      case "\0":
        result += "\\0"
        break
      default:
        result += character
    }
  }
  return `${result}'`
}

const integer = (value: number): string => {
  if (!Number.isSafeInteger(value)) throw new Error(`not an integer: ${value}`)
  return String(value)
}

const idText = (id: string): string => {
  if (!/^-?\d{1,19}$/.test(id)) throw new Error(`not a row id: ${JSON.stringify(id)}`)
  return id
}

const systemTable = (physical: string): string => {
  const [database, name, ...rest] = physical.split(".")
  if (database !== "system" || name === undefined || rest.length > 0) throw new Error(`not a system table: ${physical}`)
  return `system.${assertIdentifier(name)}`
}

const columnName = (name: string): string => `\`${assertIdentifier(name)}\``

// ---------------------------------------------------------------- replication clusters

export const createCluster = (cluster: string, path: string | undefined): string =>
  `CREATE CLUSTER ${assertCluster(cluster)}${path === undefined ? "" : ` ${text(path)} as path`}`

export const joinCluster = (cluster: string, donor: string, path: string | undefined): string =>
  `JOIN CLUSTER ${assertCluster(cluster)} AT ${text(assertAddress(donor))}${path === undefined ? "" : ` ${text(path)} as path`}`

export const exitCluster = (cluster: string): string => `EXIT CLUSTER ${assertCluster(cluster)}`

export const deleteCluster = (cluster: string): string => `DELETE CLUSTER ${assertCluster(cluster)}`

export const addTables = (cluster: string, tables: ReadonlyArray<string>): string =>
  `ALTER CLUSTER ${assertCluster(cluster)} ADD ${tables.map(systemTable).join(",")}`

export const detachTables = (cluster: string, tables: ReadonlyArray<string>): string =>
  `ALTER CLUSTER ${assertCluster(cluster)} DROP ${tables.map(systemTable).join(",")}`

export const updatePeers = (cluster: string): string => `ALTER CLUSTER ${assertCluster(cluster)} UPDATE nodes`

export const bootstrap = (cluster: string): string => `SET CLUSTER ${assertCluster(cluster)} GLOBAL 'pc.bootstrap' = 1`

export const showClusters = "SHOW STATUS LIKE 'cluster_%'"

/** Listeners, folders and process of a daemon. */
export const showSettings = "SHOW SETTINGS"

// ---------------------------------------------------------------- tables

export const showSystemTables = "SHOW TABLES FROM system"

export const showTables = "SHOW TABLES"

/** Columns of a system table: a row each, the name first. */
export const describe = (physical: string): string => `DESC ${systemTable(physical)}`

const optionsText = (options: Readonly<Record<string, string>>): string =>
  Object.entries(options)
    .map(([name, value]) => ` ${assertIdentifier(name)}=${text(value)}`)
    .join("")

/** `structure` is the user's column list, checked by `structureProblem` and by the server itself. */
export const createShard = (physical: string, structure: string, options: Readonly<Record<string, string>>): string =>
  `CREATE TABLE IF NOT EXISTS ${systemTable(physical)} (${structure})${optionsText(options)}`

/** A sharded table as a person asks for it. The daemon does not know it: it is shown, and never sent. */
export const createSharded = (
  cluster: string,
  table: string,
  structure: string,
  options: Readonly<Record<string, string>>,
): string =>
  `CREATE TABLE ${assertCluster(cluster)}:${assertIdentifier(table)} (\n${structure}\n)${optionsText(options)}`

export const createProbe = (physical: string): string =>
  `CREATE TABLE IF NOT EXISTS ${systemTable(physical)} (v bigint)`

export const dropTable = (physical: string): string => `DROP TABLE IF EXISTS ${systemTable(physical)}`

/** A `type='shard'` table with, per shard, the mirrors that hold it. */
export const createWrapper = (
  table: string,
  structure: string,
  shards: ReadonlyArray<{ readonly physical: string; readonly mirrors: ReadonlyArray<string> }>,
): string => {
  const agents = shards.map(({ physical, mirrors }) => {
    const targets = mirrors.map((address) => `${assertAddress(address)}:${systemTable(physical)}`).join("|")
    return ` agent='${targets}[retry_count=2,ha_strategy=noerrors]'`
  })
  return `CREATE TABLE ${assertIdentifier(table)} (${structure}) type='shard'${agents.join("")}`
}

export const dropWrapper = (table: string): string => `DROP TABLE IF EXISTS ${assertIdentifier(table)} OPTION force=1`

export const showWrapper = (table: string): string => `SHOW CREATE TABLE ${assertIdentifier(table)} OPTION force=1`

// ---------------------------------------------------------------- rows of shards and probes

export const writeProbe = (cluster: string, physical: string, id: string, value: number): string =>
  `REPLACE INTO ${assertCluster(cluster)}:${systemTable(physical)} (id,v) VALUES (${idText(id)},${integer(value)})`

/** A page of rows in the order of their ids: those above `after`, and up to `upTo` if it is given. */
export const selectPage = (
  physical: string,
  after: string | undefined,
  upTo: string | undefined,
  limit: number,
): string => {
  const bounds = [
    ...(after === undefined ? [] : [`id>${idText(after)}`]),
    ...(upTo === undefined ? [] : [`id<=${idText(upTo)}`]),
  ]
  const where = bounds.length === 0 ? "" : ` WHERE ${bounds.join(" AND ")}`
  return `SELECT * FROM ${systemTable(physical)}${where} ORDER BY id ASC LIMIT ${integer(limit)} OPTION max_matches=${integer(limit)}`
}

export const countRows = (physical: string): string => `SELECT COUNT(*) FROM ${systemTable(physical)}`

// ---------------------------------------------------------------- system tables of the engine

/** The tables of the engine, by what they hold. `schema_version` of each is in the registry row. */
export const stateTable = "system.shardwright_state"
export const queueTable = "system.shardwright_queue"
export const layoutTable = "system.shardwright_table"

/** The tables of the existing orchestrator, and what is read of them. */
export const oldStateTable = "system.sharding_state"
export const oldTables: ReadonlyArray<string> = [oldStateTable, "system.sharding_table", "system.sharding_queue"]

/** Rows of those tables at most: one for each table and node, and what its queue has not purged. */
const oldRowsMax = 100_000

/** What is read of them, in the order of `oldTables`. */
export const selectOldTables: ReadonlyArray<string> = [
  "`key`,`value`,updated_at",
  "`node`,`table`,`shards`,`cluster`",
  "`status`,`node`,`query`",
].map(
  (columns, index) =>
    `SELECT ${columns} FROM ${oldTables[index] ?? ""} ORDER BY id ASC LIMIT ${oldRowsMax} OPTION max_matches=${oldRowsMax}`,
)

/** Columns that every row has: the record under a key, and what compare-and-set needs. */
const recordColumns =
  "`key` string, `value` json, version bigint, term bigint, nonce string, live int, updated_at timestamp"

export const createSystemTables: ReadonlyArray<{ readonly physical: string; readonly sql: string }> = [
  { physical: stateTable, sql: `CREATE TABLE IF NOT EXISTS ${stateTable} (${recordColumns})` },
  {
    physical: queueTable,
    sql:
      `CREATE TABLE IF NOT EXISTS ${queueTable} (${recordColumns}, \`node\` string, \`query\` string, ` +
      "rollback_query string, wait_for_id bigint, rollback_wait_for_id bigint, operation_group string, tries int, " +
      "`status` string, created_at timestamp, duration bigint)",
  },
  {
    physical: layoutTable,
    sql: `CREATE TABLE IF NOT EXISTS ${layoutTable} (${recordColumns}, \`cluster\` string, \`node\` string, \`table\` string, shards string)`,
  },
]

/** A column and its value; numbers must be integers. */
export type ColumnValues = Readonly<Record<string, string | number>>

const literal = (value: string | number): string => (typeof value === "number" ? integer(value) : text(value))

export const insertRow = (cluster: string, table: string, id: string, values: ColumnValues): string => {
  const columns = Object.keys(values).map(columnName)
  const literals = Object.values(values).map(literal)
  return `INSERT INTO ${assertCluster(cluster)}:${systemTable(table)} (id,${columns.join(",")}) VALUES (${idText(id)},${literals.join(",")})`
}

/** Inserts several rows at once; all of them have the columns of the first. A statement takes effect as a whole. */
export const insertRows = (
  cluster: string,
  table: string,
  rows: ReadonlyArray<{ readonly id: string; readonly values: ColumnValues }>,
): string => {
  const names = Object.keys(rows[0]?.values ?? {})
  const tuples = rows.map(
    ({ id, values }) => `(${[idText(id), ...names.map((name) => literal(values[name] ?? ""))].join(",")})`,
  )
  return `INSERT INTO ${assertCluster(cluster)}:${systemTable(table)} (id,${names.map(columnName).join(",")}) VALUES ${tuples.join(",")}`
}

/** Updates one row by id, on condition that it still has the version (if one is given). */
export const updateRow = (
  cluster: string,
  table: string,
  id: string,
  values: ColumnValues,
  version: number | undefined,
): string => {
  const assignments = Object.entries(values).map(([name, value]) => `${columnName(name)}=${literal(value)}`)
  const condition = version === undefined ? "" : ` AND version=${integer(version)}`
  return `UPDATE ${assertCluster(cluster)}:${systemTable(table)} SET ${assignments.join(",")} WHERE id=${idText(id)}${condition}`
}

/** Takes rows out of the listing. */
export const retireRows = (cluster: string, table: string, ids: ReadonlyArray<string>): string =>
  `UPDATE ${assertCluster(cluster)}:${systemTable(table)} SET live=0 WHERE id IN (${ids.map(idText).join(",")})`

/** Ids of rows that left the listing before a time, in seconds; the oldest are not first. */
export const selectRetired = (table: string, beforeSeconds: number, after: string, limit: number): string =>
  `SELECT id FROM ${systemTable(table)} WHERE live=0 AND updated_at<${integer(beforeSeconds)} AND id>${idText(after)} ORDER BY id ASC LIMIT ${integer(limit)} OPTION max_matches=${integer(limit)}`

/** Rows go for good. */
export const deleteRows = (cluster: string, table: string, ids: ReadonlyArray<string>): string =>
  `DELETE FROM ${assertCluster(cluster)}:${systemTable(table)} WHERE id IN (${ids.map(idText).join(",")})`

/** Ids and versions of all live rows. */
export const selectVersions = (table: string, limit: number): string =>
  `SELECT id,version,term FROM ${systemTable(table)} WHERE live=1 ORDER BY id ASC LIMIT ${integer(limit)} OPTION max_matches=${integer(limit)}`

/** The records of the given rows. */
export const selectRecords = (table: string, ids: ReadonlyArray<string>): string =>
  `SELECT id,\`key\`,\`value\`,version,term,nonce FROM ${systemTable(table)} WHERE id IN (${ids.map(idText).join(",")}) ` +
  `ORDER BY id ASC LIMIT ${ids.length} OPTION max_matches=${ids.length}`
