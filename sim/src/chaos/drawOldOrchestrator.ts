/**
 * What the existing orchestrator leaves behind, made by statements as it would make them, and the wish to take it over: one
 * table with two shards on the first two nodes, in a replication cluster of theirs. Faults may break any part of it; then
 * the adoption is refused, and nothing of it is the engine's.
 */
import * as Duration from "effect/Duration"
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Act, TimelineEntry } from "../scenario/Scenario.ts"
import type { Range } from "./Profile.ts"

/** Its table. Tables of the engine have other names. */
export const oldTable = "old"
/** Named by the md5 of its nodes, in truth; here any name will do. */
const cluster = "e0f8a7c1b2d4e6f8091a2b3c4d5e6f70"
/** When the adoption is asked for, in milliseconds. Its orchestrator must have been silent for 15 s by then. */
const adoptMs: Range = { min: 17_000, max: 28_000 }
const rowsMax = 200

const physical = (shard: number): string => `system.${oldTable}_s${shard}`

/** The tables in which it keeps what it knows, in the coordination cluster. */
const records: ReadonlyArray<string> = [
  "CREATE TABLE system.sharding_state (`key` string, `value` json, updated_at timestamp)",
  "CREATE TABLE system.sharding_table (`cluster` string, `node` string, `table` string, `shards` multi)",
  "CREATE TABLE system.sharding_queue (`node` string, `query` string, `status` string)",
  "ALTER CLUSTER c ADD system.sharding_state",
  "ALTER CLUSTER c ADD system.sharding_table",
  "ALTER CLUSTER c ADD system.sharding_queue",
  "INSERT INTO c:system.sharding_state (id,`key`,`value`,updated_at) VALUES " +
    `(1,'table:${oldTable}','[{"status":"done","type":"create","structure":"(title text, v bigint)","extra":""}]',1)`,
  "INSERT INTO c:system.sharding_table (id,`cluster`,`node`,`table`,`shards`) VALUES " +
    `(1,'c','{n1}','${oldTable}',(0,1)), (2,'c','{n2}','${oldTable}',(0,1))`,
]

const agents = [0, 1].map((shard) => `agent='{n1}:${physical(shard)}|{n2}:${physical(shard)}'`).join(" ")

/** Makes it, and asks for its adoption. */
export const drawOldOrchestrator = (random: RandomStream): ReadonlyArray<TimelineEntry> => {
  const at = (ms: number, act: Act): TimelineEntry => ({
    when: { _tag: "At", at: Duration.millis(ms) },
    act,
    course: null,
  })
  const sql = (ms: number, node: string, statements: ReadonlyArray<string>): TimelineEntry =>
    at(ms, { _tag: "Sql", node, connection: null, statements, timeout: Duration.seconds(15), expect: null })
  const rows = Array.from({ length: random.int(1, rowsMax) }, (_, index) => `(${index + 1},${index})`)
  return [
    sql(0, "n1", records),
    at(0, { _tag: "Mkdir", node: "n1", directory: cluster }),
    at(0, { _tag: "Mkdir", node: "n2", directory: cluster }),
    sql(500, "n1", [
      `CREATE CLUSTER ${cluster} '${cluster}' as path`,
      `CREATE TABLE ${physical(0)} (title text, v bigint)`,
      `CREATE TABLE ${physical(1)} (title text, v bigint)`,
    ]),
    sql(2_000, "n2", [`JOIN CLUSTER ${cluster} AT '{n1}' '${cluster}' as path`]),
    sql(7_000, "n1", [
      `ALTER CLUSTER ${cluster} ADD ${physical(0)},${physical(1)}`,
      `CREATE TABLE ${oldTable} (title text, v bigint) type='shard' ${agents}`,
    ]),
    sql(9_000, "n1", [`INSERT INTO ${oldTable} (id,v) VALUES ${rows.join(",")}`]),
    at(random.int(adoptMs.min, adoptMs.max), { _tag: "Adopt", tables: [oldTable] }),
  ]
}
