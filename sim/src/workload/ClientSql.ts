/**
 * The statements of clients, which know the columns of a table and nothing of its shards. The engine's own SQL is
 * rendered in core; these are the other side of the server.
 */

/** A column as the structure names it. */
export interface Column {
  readonly name: string
  readonly type: string
}

/** Columns of a structure as in CREATE TABLE: `title text, v bigint`. */
export const columnsOf = (structure: string): ReadonlyArray<Column> => {
  const columns: Array<Column> = []
  let depth = 0
  let current = ""
  for (const character of `${structure},`) {
    if (character === "(") depth++
    if (character === ")") depth--
    if (character === "," && depth === 0) {
      const [name, type] = current.trim().split(/\s+/)
      if (name !== undefined && name !== "" && type !== undefined)
        columns.push({ name: name.replaceAll("`", "").toLowerCase(), type: type.toLowerCase() })
      current = ""
    } else current += character
  }
  return columns
}

const wholeNumbers = new Set(["bigint", "int", "integer", "uint", "timestamp"])

/** The column whose value tells which write a row shows; undefined if there is none, and then only presence counts. */
export const checkedColumn = (columns: ReadonlyArray<Column>): string | undefined =>
  columns.find((column) => wholeNumbers.has(column.type))?.name

const valueFor = (column: Column, id: number, value: number): string => {
  switch (column.type) {
    case "text":
    case "string":
      return `'row ${id} as of ${value}'`
    case "float":
      return `${value}.5`
    case "bool":
      return String(value % 2)
    case "json":
      return `'{"v":${value}}'`
    case "multi":
    case "multi64":
    case "mva":
      return `(${value},${value + 1})`
    default:
      return String(value)
  }
}

/** INSERT or REPLACE of rows with the given value. */
export const writeRows = (
  verb: "INSERT" | "REPLACE",
  table: string,
  columns: ReadonlyArray<Column>,
  ids: ReadonlyArray<number>,
  value: number,
): string => {
  const rows = ids.map((id) => `(${[String(id), ...columns.map((column) => valueFor(column, id, value))].join(",")})`)
  return `${verb} INTO ${table} (${["id", ...columns.map((column) => column.name)].join(",")}) VALUES ${rows.join(",")}`
}

const where = (ids: ReadonlyArray<number>): string => (ids.length === 1 ? `id=${ids[0]}` : `id IN (${ids.join(",")})`)

export const updateRows = (table: string, column: string, ids: ReadonlyArray<number>, value: number): string =>
  `UPDATE ${table} SET ${column}=${value} WHERE ${where(ids)}`

export const deleteRows = (table: string, ids: ReadonlyArray<number>): string =>
  `DELETE FROM ${table} WHERE ${where(ids)}`

/** Asks for rows, and for the value of the checked column if there is one. */
export const selectRows = (table: string, ids: ReadonlyArray<number>, checked: string | undefined): string =>
  `SELECT id${checked === undefined ? "" : `,${checked}`} FROM ${table} WHERE ${where(ids)} LIMIT ${ids.length}`

export const countRows = (table: string): string => `SELECT COUNT(*) FROM ${table}`

/** Tells whether the answer before it on the same connection was partial. */
export const showMeta = "SHOW META"
