/**
 * DESC and the SHOW statements about tables.
 */
import { rows } from "@shardwright/core/Answer"
import type { Rows } from "@shardwright/core/Answer"
import { likeMatcher } from "../Like.ts"
import type { Describe, ShowCreateTable, ShowTable, ShowTables } from "../sql/Statement.ts"
import { failure, notSimulated } from "../sql/Statement.ts"
import type { SqlFailure } from "../sql/Statement.ts"
import type { Database } from "./Database.ts"
import type { Column, Structure } from "./Structure.ts"
import type { Table } from "./Table.ts"
import { refersToSystem } from "./Wrapper.ts"
import type { Wrapper } from "./Wrapper.ts"

/** Rows of a SHOW … LIKE, chosen by their first column. */
export const showRows = (
  columns: readonly [string, string],
  pairs: ReadonlyArray<readonly [string, string]>,
  like: string | undefined,
): Rows => {
  const matches = likeMatcher(like)
  return rows(
    columns,
    pairs.filter(([name]) => matches(name)),
  )
}

const noSuchTable = (name: string): SqlFailure => failure(`no such table '${name}'`, 1146, "42S02")

export const describe = (database: Database, statement: Describe): Rows | SqlFailure => {
  const { table: name } = statement.target
  const wrapper = database.wrapper(name)
  if (wrapper?.kind === "distributed") {
    return refersToSystem(wrapper)
      ? failure(`can not describe table '${name}' because it contains system table`, 1146, "42S02")
      : describeDistributed(wrapper, statement.like)
  }
  const structure = wrapper?.structure ?? database.table(name)?.structure
  if (structure === undefined) {
    return noSuchTable(name)
  }
  const matches = likeMatcher(statement.like)
  return rows(
    ["Field", "Type", "Properties"],
    structure.described
      .map((position) => structure.column(position))
      .filter((column) => matches(column.name))
      .map((column) => [column.name, shownType(column), properties(column)]),
  )
}

const describeDistributed = (wrapper: Wrapper, like: string | undefined): Rows => {
  const pairs = wrapper.targets.flatMap((target, index): ReadonlyArray<readonly [string, string]> =>
    target.local === undefined
      ? target.mirrors.map((mirror, mirrorIndex) => [
          `${mirror.address}:${mirror.table}`,
          `remote_${index + 1}_mirror_${mirrorIndex + 1}`,
        ])
      : [[target.local, "local"]],
  )
  return showRows(["Agent", "Type"], pairs, like)
}

const shownType = (column: Column): string => {
  switch (column.type) {
    case "int":
      return "uint"
    case "multi":
      return "mva"
    case "multi64":
      return "mva64"
    case "bit":
      return column.bits === undefined ? "uint" : `uint:${column.bits}`
    default:
      return column.type
  }
}

const properties = (column: Column): string => {
  if (column.type === "string") {
    return column.field ? "indexed attribute" : ""
  }
  return [column.field ? "indexed" : "", column.stored ? "stored" : ""].filter((word) => word !== "").join(" ")
}

export const showTables = (database: Database, statement: ShowTables): Rows =>
  showRows(
    ["Table", "Type"],
    database.list().filter(([name]) => name.startsWith("system.") === statement.system),
    statement.like,
  )

export const showCreateTable = (database: Database, statement: ShowCreateTable): Rows | SqlFailure => {
  const { table: name, force } = statement
  const table = database.table(name)
  if (table !== undefined) {
    return created(name, `CREATE TABLE ${name} (\n${definitions(table.structure)}\n)${settings(table)}`)
  }
  const wrapper = database.wrapper(name)
  if (wrapper === undefined) {
    return noSuchTable(name)
  }
  const columns = wrapper.structure === undefined ? "" : ` (\n${definitions(wrapper.structure)}\n)`
  if (wrapper.kind === "distributed" && refersToSystem(wrapper) && !force) {
    return failure(`can not show table '${name}' because it contains system table`, 1146, "42S02")
  }
  if (wrapper.kind === "shard" && !force) {
    const copies = Math.max(...wrapper.targets.map((target) => Math.max(1, target.mirrors.length)))
    return created(name, `CREATE TABLE ${name}${columns} shards='${wrapper.targets.length}' rf='${copies}'`)
  }
  const targets = wrapper.definition.map((option) => ` ${option.name}='${option.value}'`).join("")
  return created(name, `CREATE TABLE ${name}${columns} type='${wrapper.kind}'${targets}`)
}

const created = (name: string, text: string): Rows => rows(["Table", "Create Table"], [[name, text]])

const definitions = (structure: Structure): string =>
  structure.described
    .map((position) => {
      const column = structure.column(position)
      return `${column.name} ${declaredType(column)}`
    })
    .join(",\n")

const declaredType = (column: Column): string => {
  switch (column.type) {
    case "text":
      return column.field && column.stored ? "text" : column.field ? "text indexed" : "text stored"
    case "string":
      return column.field ? "string indexed attribute" : "string attribute"
    case "int":
    case "uint":
      return "integer"
    case "bit":
      return column.bits === undefined ? "integer" : `bit(${column.bits})`
    default:
      return column.type
  }
}

const settings = (table: Table): string => table.options.map(({ name, value }) => ` ${name}='${value}'`).join("")

export const showTable = (database: Database, statement: ShowTable): Rows | SqlFailure => {
  const table = database.table(statement.table)
  switch (statement.what) {
    case "indexes":
      return notSimulated("SHOW TABLE … INDEXES")
    case "settings":
      return table === undefined
        ? failure("SHOW TABLE SETTINGS requires an existing table")
        : rows(
            ["Variable_name", "Value"],
            [["settings", table.options.map(({ name, value }) => `${name} = ${value}`).join("\n")]],
          )
    case "status":
      return table === undefined
        ? failure("SHOW TABLE STATUS requires an existing table")
        : showRows(["Variable_name", "Value"], statusOf(table), statement.like)
  }
}

const noQueries = '{"queries":0, "avg":"-", "min":"-", "max":"-", "pct95":"-", "pct99":"-"}'
const spans = ["1min", "5min", "15min", "total"]

const commands = [
  ...[
    "search",
    "excerpt",
    "update",
    "keywords",
    "status",
    "delete",
    "insert",
    "replace",
    "commit",
    "suggest",
    "callpq",
  ],
  ...["getfield", "shard_write", "optimize"],
]

/** The counters of a table. Only kind and numbers of documents are modelled; the rest is what a new table shows. */
const statusOf = (table: Table): ReadonlyArray<readonly [string, string]> => [
  ["table_type", table.kind],
  ["indexed_documents", String(table.size)],
  ["indexed_bytes", String(table.bytes)],
  ["ram_bytes", String(2808 + table.bytes)],
  ["disk_bytes", "1581"],
  ["disk_mapped", "0"],
  ["disk_mapped_cached", "0"],
  ["disk_mapped_doclists", "0"],
  ["disk_mapped_cached_doclists", "0"],
  ["disk_mapped_hitlists", "0"],
  ["disk_mapped_cached_hitlists", "0"],
  ["killed_documents", "0"],
  ["killed_rate", "0.00%"],
  ["ram_chunk", "0"],
  ["ram_chunk_segments_count", "0"],
  ["disk_chunks", String(table.diskChunks)],
  ["mem_limit", "134217728"],
  ["mem_limit_rate", "33.33%"],
  ["ram_bytes_retired", "0"],
  ["optimizing", "0"],
  ["locked", "0"],
  ["tid", "0"],
  ["tid_saved", "0"],
  ...["query_time", "found_rows"].flatMap((what) => spans.map((span) => [`${what}_${span}`, noQueries] as const)),
  ...commands.map((command) => [`command_${command}`, command === "status" ? "1" : "0"] as const),
  ...["insert_replace", "search", "update"].flatMap((what) =>
    ["avg", "min", "max", "pct95", "pct99"].map((figure) => [`${what}_stats_ms_${figure}`, "N/A N/A N/A"] as const),
  ),
]
