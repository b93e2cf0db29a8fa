/** Draws one statement that the model finds sensible, or now and then one that is a mistake. */
import type { RandomStream } from "../runtime/RandomStream.ts"
import { drawClusterStatement } from "./drawClusterStatement.ts"
import type { Drawing } from "./drawSequence.ts"
import type { Column, ColumnKind, ModelTable } from "./Model.ts"

/** A kind of statement; says whether it found something to do on the node. */
type Draw = (drawing: Drawing, node: number) => boolean

/** Draws a statement for a node that is up; none if all are down. */
export const drawStatement = (drawing: Drawing): void => {
  const { random, model } = drawing
  const node = random.pick(model.up())
  if (node === undefined) return
  for (let attempt = 0; attempt < 40; attempt++) {
    if (pick(random)(drawing, node)) return
  }
  say(drawing, node, "SHOW TABLES")
}

/** Adds a statement. */
export const say = ({ steps }: Drawing, node: number, sql: string): true => {
  steps.push({ kind: "statement", node, sql })
  return true
}

const pick = (random: RandomStream): Draw => {
  let left = random.int(1, weightOfAll)
  for (const [weight, draw] of kinds) {
    left -= weight
    if (left <= 0) return draw
  }
  return showStatus
}

// --- values -------------------------------------------------------------------------------------------------------

const highestId = 14
const words = ["alpha", "beta", "gamma", "delta", "Alpha", "two words", "it\\'s", "", "ünï"]

const value = (random: RandomStream, kind: ColumnKind): string => {
  switch (kind) {
    case "bigint":
      return String(random.chance(0.1) ? random.pick(["9007199254740993", "-5", "0"]) : random.int(0, 9))
    case "int":
      return String(random.chance(0.1) ? random.pick([4294967295, 4294967296, 0]) : random.int(0, 9))
    case "float":
      return random.pick(["0.5", "1.25", "-2", "3", "0.1"]) ?? "0"
    case "bool":
      return random.pick(["0", "1", "2"]) ?? "0"
    case "string":
    case "text":
      return `'${random.pick(words) ?? ""}'`
    case "multi":
      return random.pick(["(1,2)", "(3)", "()", "(5,4,4)"]) ?? "()"
    case "json":
      return random.pick([`'{"a":1}'`, `'{"a":2,"b":"x"}'`, `'[1,2]'`, `'{}'`, `'no json'`]) ?? "'{}'"
  }
}

const structures: ReadonlyArray<ReadonlyArray<Column>> = [
  [{ name: "v", kind: "bigint" }],
  [
    { name: "v", kind: "bigint" },
    { name: "name", kind: "string" },
  ],
  [
    { name: "v", kind: "int" },
    { name: "f", kind: "float" },
    { name: "body", kind: "text" },
  ],
  [
    { name: "v", kind: "bigint" },
    { name: "tags", kind: "multi" },
    { name: "j", kind: "json" },
    { name: "b", kind: "bool" },
  ],
]
const added: ReadonlyArray<Column> = [
  { name: "w", kind: "bigint" },
  { name: "extra", kind: "string" },
  { name: "g", kind: "float" },
]
const tableNames = ["a", "b", "d"]
const shardNames = ["system.t_s0", "system.t_s1"]
const shardColumns: ReadonlyArray<Column> = [{ name: "v", kind: "bigint" }]

const declared = ({ name, kind }: Column): string => `${name} ${kind}`

/** How the table is to be written to: mostly right, now and then with a prefix that is missing or wrong. */
const target = (random: RandomStream, { name, cluster }: ModelTable): string => {
  if (random.chance(0.06)) return cluster === undefined ? `c:${name}` : name
  return cluster === undefined ? name : `${cluster}:${name}`
}

const aTable = ({ random, model }: Drawing, node: number): ModelTable | undefined => random.pick(model.on(node))

const aColumn = (random: RandomStream, table: ModelTable): Column | undefined =>
  random.pick(table.columns.filter(({ kind }) => kind !== "text"))

const condition = (random: RandomStream, table: ModelTable): string => {
  const id = random.int(1, highestId)
  const numbers = table.columns.filter(({ kind }) => kind === "bigint" || kind === "int")
  const column = random.pick(numbers)?.name ?? "id"
  return (
    random.pick([
      `id=${id}`,
      `id=${id}`,
      `id IN (${id},${id + 1},${id + 2})`,
      `id>${id}`,
      `${column}=${random.int(0, 9)}`,
      `${column}>=${random.int(0, 9)} AND id<${id + 3}`,
    ]) ?? `id=${id}`
  )
}

// --- kinds --------------------------------------------------------------------------------------------------------

const createTable: Draw = (drawing, node) => {
  const { random, model } = drawing
  const isShard = random.chance(0.3)
  const name = random.pick(isShard ? shardNames : tableNames) ?? "a"
  const exists = model.tables.get(node)?.has(name) ?? false
  if (exists && random.chance(0.9)) return false
  const columns = isShard ? shardColumns : (random.pick(structures) ?? shardColumns)
  if (!exists) model.put(node, { name, columns, cluster: undefined, isWrapper: false })
  const ifNotExists = random.chance(0.1) ? "IF NOT EXISTS " : ""
  return say(drawing, node, `CREATE TABLE ${ifNotExists}${name} (${columns.map(declared).join(", ")})`)
}

const createWrapper: Draw = (drawing, node) => {
  const { random, model } = drawing
  if (model.tables.get(node)?.has("t") === true) return false
  const parts = shardNames.map((shard) => {
    const holders = model.nodes.filter((other) => model.tables.get(other)?.has(shard) ?? false)
    const holder = holders.includes(node) && random.chance(0.7) ? node : random.pick(holders)
    if (holder === undefined) return undefined
    if (holder === node && random.chance(0.7)) return `local='${shard}'`
    return `agent='{n${holder}}:${shard}'`
  })
  const found = parts.filter((part) => part !== undefined)
  if (found.length === 0 || (found.length === 1 && random.chance(0.6))) return false
  model.put(node, { name: "t", columns: shardColumns, cluster: undefined, isWrapper: true })
  return say(drawing, node, `CREATE TABLE t (v bigint) type='shard' ${found.join(" ")}`)
}

const dropTable: Draw = (drawing, node) => {
  const { random, model } = drawing
  const table = aTable(drawing, node)
  if (table === undefined) return false
  if (table.isWrapper) {
    model.drop(node, table.name)
    return say(drawing, node, `DROP TABLE ${table.name} OPTION force=1`)
  }
  if (table.cluster !== undefined && random.chance(0.8)) return false
  if (table.cluster === undefined) model.drop(node, table.name)
  return say(drawing, node, `DROP TABLE ${random.chance(0.2) ? "IF EXISTS " : ""}${table.name}`)
}

const alterTable: Draw = (drawing, node) => {
  const { random } = drawing
  const table = aTable(drawing, node)
  if (table === undefined || table.isWrapper || table.name.startsWith("system.")) return false
  if (table.cluster !== undefined && random.chance(0.8)) return false
  const removable = table.columns.length > 1 ? random.pick(table.columns) : undefined
  if (removable !== undefined && random.chance(0.4)) {
    if (table.cluster === undefined) table.columns = table.columns.filter((column) => column !== removable)
    return say(drawing, node, `ALTER TABLE ${table.name} DROP COLUMN ${removable.name}`)
  }
  const column = random.pick(added)
  if (column === undefined) return false
  const exists = table.columns.some(({ name }) => name === column.name)
  if (table.cluster === undefined && !exists) table.columns = [...table.columns, column]
  return say(drawing, node, `ALTER TABLE ${table.name} ADD COLUMN ${declared(column)}`)
}

const insert: Draw = (drawing, node) => {
  const { random } = drawing
  const table = aTable(drawing, node)
  if (table === undefined) return false
  const verb = random.chance(0.6) ? "INSERT" : "REPLACE"
  const columns = random.chance(0.85) ? table.columns : table.columns.slice(0, 1)
  const rows = Array.from({ length: random.int(1, 3) }, () => {
    const values = columns.map(({ kind }) => value(random, kind))
    return `(${[random.int(1, highestId), ...values].join(",")})`
  })
  const names = ["id", ...columns.map(({ name }) => name)].join(",")
  return say(drawing, node, `${verb} INTO ${target(random, table)} (${names}) VALUES ${rows.join(",")}`)
}

const update: Draw = (drawing, node) => {
  const { random } = drawing
  const table = aTable(drawing, node)
  const column = table === undefined ? undefined : aColumn(random, table)
  if (table === undefined || column === undefined) return false
  const set = `${column.name}=${value(random, column.kind)}`
  return say(drawing, node, `UPDATE ${target(random, table)} SET ${set} WHERE ${condition(random, table)}`)
}

const remove: Draw = (drawing, node) => {
  const { random } = drawing
  const table = aTable(drawing, node)
  if (table === undefined) return false
  return say(drawing, node, `DELETE FROM ${target(random, table)} WHERE ${condition(random, table)}`)
}

const truncate: Draw = (drawing, node) => {
  const table = aTable(drawing, node)
  if (table === undefined || table.isWrapper) return false
  return say(drawing, node, `TRUNCATE TABLE ${target(drawing.random, table)}`)
}

const select: Draw = (drawing, node) => {
  const { random } = drawing
  const table = aTable(drawing, node)
  if (table === undefined) return false
  const from = random.chance(0.1) && table.cluster !== undefined ? `${table.cluster}:${table.name}` : table.name
  const where = random.chance(0.6) ? ` WHERE ${condition(random, table)}` : ""
  const column = aColumn(random, table)?.name ?? "id"
  const text = table.columns.find(({ kind }) => kind === "text")
  const queries = [
    `SELECT * FROM ${from}${where} ORDER BY id ASC`,
    `SELECT * FROM ${from}${where} ORDER BY id DESC LIMIT ${random.int(1, 3)}`,
    `SELECT COUNT(*) FROM ${from}${where}`,
    `SELECT COUNT(*) FROM ${from}`,
    `SELECT id FROM ${from}${where} ORDER BY id ASC LIMIT ${random.int(0, 2)},${random.int(1, 4)}`,
    `SELECT id, ${column} FROM ${from} WHERE id=${random.int(1, highestId)}`,
    `SELECT MIN(v), MAX(v), SUM(v) FROM ${from}${where}`,
    `SELECT v, COUNT(*) FROM ${from}${where} GROUP BY v ORDER BY v ASC`,
    ...(text === undefined ? [] : [`SELECT id FROM ${from} WHERE MATCH('alpha') ORDER BY id ASC`]),
  ]
  return say(drawing, node, random.pick(queries) ?? "SHOW TABLES")
}

const describe: Draw = (drawing, node) => {
  const { random } = drawing
  const table = aTable(drawing, node)
  if (table === undefined) return false
  const force = table.isWrapper ? " OPTION force=1" : ""
  const isShown = random.chance(0.5) && !table.name.startsWith("system.")
  return say(drawing, node, isShown ? `SHOW CREATE TABLE ${table.name}${force}` : `DESC ${table.name}`)
}

const show: Draw = (drawing, node) =>
  say(drawing, node, drawing.random.pick(["SHOW TABLES", "SHOW TABLES FROM system", "SHOW TABLES LIKE 'a'"]) ?? "")

const showStatus: Draw = (drawing, node) => say(drawing, node, "SHOW STATUS LIKE 'cluster_%'")

const mistake: Draw = (drawing, node) => {
  const { random, model } = drawing
  const table = aTable(drawing, node)?.name ?? "a"
  const other = random.pick(model.nodes) ?? node
  return say(
    drawing,
    node,
    random.pick([
      "SELECT * FROM nowhere",
      `SELECT nothing FROM ${table}`,
      `INSERT INTO ${table} (id,nothing) VALUES (1,1)`,
      `INSERT INTO nowhere (id,v) VALUES (1,1)`,
      `UPDATE ${table} SET nothing=1 WHERE id=1`,
      `UPDATE ${table} SET v=1`,
      `DELETE FROM nowhere WHERE id=1`,
      `DELETE FROM ${table}`,
      `INSERT INTO none:${table} (id,v) VALUES (1,1)`,
      `DROP TABLE nowhere`,
      `DROP TABLE IF EXISTS nowhere`,
      `TRUNCATE TABLE nowhere`,
      `DESC nowhere`,
      `CREATE TABLE bad (v nothing)`,
      `CREATE TABLE ${table} (v bigint)`,
      `SELEKT 1`,
      `SELECT * FROM ${table} WHERE`,
      `INSERT INTO ${table} (id,v) VALUES (1)`,
      `ALTER CLUSTER none ADD ${table}`,
      `ALTER CLUSTER c ADD nowhere`,
      `ALTER CLUSTER c DROP nowhere`,
      `DELETE CLUSTER none`,
      `EXIT CLUSTER none`,
      `CREATE CLUSTER c`,
      `JOIN CLUSTER none AT '{n${other}}'`,
      `ALTER TABLE nowhere ADD COLUMN w bigint`,
      `SELECT * FROM ${table} ORDER BY nothing ASC`,
      `SELECT * FROM ${table} LIMIT -1`,
      `SELECT COUNT(*) FROM ${table} GROUP BY nothing`,
      `SHOW CREATE TABLE nowhere`,
    ]) ?? "",
  )
}

const kinds: ReadonlyArray<readonly [weight: number, draw: Draw]> = [
  [8, createTable],
  [3, createWrapper],
  [3, dropTable],
  [3, alterTable],
  [20, insert],
  [8, update],
  [6, remove],
  [2, truncate],
  [18, select],
  [4, describe],
  [3, show],
  [6, showStatus],
  [5, mistake],
  [16, drawClusterStatement],
]
const weightOfAll = kinds.reduce((sum, [weight]) => sum + weight, 0)
