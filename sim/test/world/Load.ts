/**
 * A world of the size that its speed is stated for, and the statements that it is measured with: five nodes, 8 replica
 * groups and 100 shards on each, a coordination cluster over all, wrappers, and what an engine and the clients of its
 * tables send, in the proportions of recorded runs with more reads and more kinds of writes. No engine takes part.
 */
import { EventQueue } from "../../src/runtime/EventQueue.ts"
import { RandomStream } from "../../src/runtime/RandomStream.ts"
import { World } from "../../src/world/World.ts"
import type { Connection } from "../../src/world/SimulatedCluster.ts"

const nodes = ["n1", "n2", "n3", "n4", "n5"]
/** Ten groups of three (each combination once) and five of two (a ring): every node is in 6 + 2. */
const triples = nodes.flatMap((a, i) =>
  nodes.flatMap((b, j) => nodes.flatMap((c, k) => (i < j && j < k ? [[a, b, c]] : []))),
)
const pairs = nodes.map((name, index) => [name, nodes[(index + 1) % nodes.length] ?? name])
/** 6 × 12 + 2 × 14 = 100 shards on every node. */
const shardsPerTriple = 12
const shardsPerPair = 14
const shardsPerWrapper = 5
const rowsPerShard = 30
const records = 80
const stateTable = "system.shardwright_state"
const structure = "title text, v bigint"

/** A shard: where it is, and which wrapper it belongs to. */
interface Shard {
  readonly group: string
  readonly table: string
  readonly members: ReadonlyArray<string>
}

/** A world at rest, ready to be asked. */
export interface Load {
  readonly queue: EventQueue
  readonly world: World
  /** Sends so many statements of the mix and runs the world until all are answered; answers how many were refused. */
  readonly run: (statements: ReadonlyArray<Prepared>) => number
  /** The next statements of the mix. */
  readonly prepare: (count: number) => ReadonlyArray<Prepared>
}

/** A statement and the node that it is sent to. */
export interface Prepared {
  readonly node: string
  readonly sql: string
}

/** The kinds of statements, and how many of each are among a thousand. */
export const mix = {
  "INSERT of one row through a wrapper": 160,
  "INSERT of 10 rows through a wrapper": 15,
  "INSERT of one row into c:shard": 120,
  "INSERT of 10 rows into c:shard": 25,
  "REPLACE of one row in c:shard": 25,
  "UPDATE of c:shard by id on a condition": 60,
  "DELETE from c:shard by id": 20,
  "UPDATE of a heartbeat by id": 70,
  "UPDATE of a record by id and version": 60,
  "SELECT from a shard by id": 160,
  "SELECT of 8 ids through a wrapper": 50,
  "SELECT of 4 records by id": 40,
  "SELECT of the versions of all records": 70,
  "SELECT of a page of 20 rows by id": 45,
  "SHOW STATUS of all clusters": 45,
  "SHOW STATUS of one cluster": 25,
  "SHOW TABLES": 6,
  "CREATE or DROP TABLE": 4,
} as const

type Kind = keyof typeof mix

const must = (queue: EventQueue, connection: Connection, sql: string): void => {
  let answered = ""
  connection.query(sql, (answer) => {
    answered = answer._tag === "Refused" ? answer.message : answer._tag
  })
  while (queue.step()) if (answered !== "") break
  if (answered !== "Ok") throw new Error(`${sql}: ${answered}`)
}

const shardsOf = (): ReadonlyArray<Shard> => {
  const groups = [...triples, ...pairs]
  const places = groups.flatMap((members, number) =>
    Array.from({ length: members.length === 3 ? shardsPerTriple : shardsPerPair }, (_, index) => ({
      group: `g${number}`,
      members,
      index,
    })),
  )
  // Neighbours in a wrapper are shards of different groups.
  return places
    .sort((left, right) => left.index - right.index)
    .map(({ group, members }, number) => {
      const table = `t${Math.floor(number / shardsPerWrapper)}`
      return { group, members, table: `system.${table}_s${number % shardsPerWrapper}` }
    })
}

const wrapperOf = (shard: Shard): string => shard.table.slice("system.".length, shard.table.indexOf("_s"))

const buildShards = (ask: (node: string, sql: string) => void, shards: ReadonlyArray<Shard>): void => {
  for (const { group, table, members } of shards) {
    const [first = ""] = members
    ask(first, `CREATE TABLE ${table} (${structure})`)
    ask(first, `ALTER CLUSTER ${group} ADD ${table}`)
    const rows = Array.from({ length: rowsPerShard }, (_, row) => `(${row + 1},'row ${row + 1}',0)`)
    ask(first, `INSERT INTO ${group}:${table} (id,title,v) VALUES ${rows.join(",")}`)
  }
  for (const name of new Set(shards.map(wrapperOf))) {
    const agents = shards
      .filter((shard) => wrapperOf(shard) === name)
      .map(
        ({ table, members }) =>
          ` agent='${members.map((member) => `${member}:9312:${table}`).join("|")}[retry_count=2,ha_strategy=noerrors]'`,
      )
    for (const node of nodes) ask(node, `CREATE TABLE ${name} (${structure}) type='shard'${agents.join("")}`)
  }
}

const cluster = (
  world: World,
  ask: (node: string, sql: string) => void,
  name: string,
  members: ReadonlyArray<string>,
): void => {
  const [first = "", ...others] = members
  for (const member of members) world.makeDirectory(member, name)
  ask(first, `CREATE CLUSTER ${name} '${name}' as path`)
  for (const member of others) ask(member, `JOIN CLUSTER ${name} AT '${first}:9312' '${name}' as path`)
}

const recordId = (number: number): string => String(6_745_189_499_862_964_643n + BigInt(number) * 1_099_511_627_776n)

const recordColumns =
  "`key` string, `value` json, version bigint, term bigint, nonce string, live int, updated_at timestamp"

const recordValues = (number: number, version: number): string =>
  `\`key\`='table/t${number}',\`value\`='{"shards":[{"group":"sw_1_2_${number}","index":${version % 8}},{"group":"sw_1_2_3"}],"status":"ready"}',\`version\`=${version},\`term\`=3,\`nonce\`='n1.1.-${8_367_000_992 + version}',\`live\`=1,\`updated_at\`=${1_767_225_655 + version}`

const buildRecords = (ask: (node: string, sql: string) => void): void => {
  ask("n1", `CREATE TABLE ${stateTable} (${recordColumns})`)
  ask("n1", `ALTER CLUSTER c ADD ${stateTable}`)
  for (let number = 0; number < records; number++)
    ask(
      "n1",
      `INSERT INTO c:${stateTable} (id,\`key\`,\`value\`,\`version\`,\`term\`,\`nonce\`,\`live\`,\`updated_at\`) VALUES (${recordId(number)},'table/t${number}','{"shards":[]}',1,3,'n1.1',1,1767225655)`,
    )
}

/** Builds the world and starts the mix. */
export const buildLoad = (seed: number): Load => {
  const queue = new EventQueue()
  const world = new World({ queue, random: new RandomStream(seed) })
  for (const name of nodes) {
    world.addNode({ name, address: `${name}:9312` })
    world.start(name)
  }
  while (!nodes.every((name) => world.isUp(name)) || queue.nowMicros < 300_000) if (!queue.step()) break
  const connections = new Map(nodes.map((name) => [name, world.connect(null, name)]))
  const ask = (node: string, sql: string): void => {
    const connection = connections.get(node)
    if (connection !== undefined) must(queue, connection, sql)
  }
  const shards = shardsOf()
  cluster(world, ask, "c", nodes)
  for (const [number, members] of [...triples, ...pairs].entries()) cluster(world, ask, `g${number}`, members)
  buildShards(ask, shards)
  buildRecords(ask)
  const statements = new Statements(new RandomStream(seed).stream("statements"), shards)
  return {
    queue,
    world,
    prepare: (count) => Array.from({ length: count }, () => statements.next()),
    run: runner(queue, world),
  }
}

/** Connections that each send a statement when the one before is answered. */
const lanesPerNode = 8

const runner = (queue: EventQueue, world: World): ((statements: ReadonlyArray<Prepared>) => number) => {
  const lanes = nodes.map((node) => ({
    node,
    connections: Array.from({ length: lanesPerNode }, () => world.connect(null, node)),
  }))
  return (statements) => {
    let answered = 0
    let refused = 0
    for (const { node, connections } of lanes) {
      const waiting = statements.filter((statement) => statement.node === node)
      let sent = 0
      const drive = (connection: Connection): void => {
        const statement = waiting[sent++]
        if (statement === undefined) return
        connection.query(statement.sql, (answer) => {
          answered++
          if (answer._tag === "Refused" || answer._tag === "NoAnswer") refused++
          drive(connection)
        })
      }
      connections.forEach(drive)
    }
    while (answered < statements.length) if (!queue.step()) break
    return refused
  }
}

const kinds: ReadonlyArray<Kind> = (Object.keys(mix) as Array<Kind>).flatMap((kind) =>
  Array.from({ length: mix[kind] }, () => kind),
)

/** Draws statements of the mix. */
class Statements {
  readonly #random: RandomStream
  readonly #shards: ReadonlyArray<Shard>
  readonly #held: ReadonlyMap<string, ReadonlyArray<Shard>>
  readonly #versions = Array.from({ length: records }, () => 1)
  #fresh = 1_000_000_000
  #tables = 0

  constructor(random: RandomStream, shards: ReadonlyArray<Shard>) {
    this.#random = random
    this.#shards = shards
    this.#held = new Map(nodes.map((node) => [node, shards.filter(({ members }) => members.includes(node))]))
  }

  next(): Prepared {
    const random = this.#random
    const node = random.pick(nodes) ?? "n1"
    const kind = random.pick(kinds) ?? "SHOW TABLES"
    const shard = random.pick(this.#held.get(node) ?? this.#shards)
    if (shard === undefined) throw new Error(`no shard on ${node}`)
    // A record is written from one node, as a lease or a sign of life is.
    const own = nodes.indexOf(node) + nodes.length * random.int(0, records / nodes.length - 1)
    return { node, sql: this.#sql(kind, node, shard, own) }
  }

  #rows(count: number): string {
    return Array.from({ length: count }, () => {
      const id = ++this.#fresh
      return `(${id},'row ${id} as of ${id % 10_000}',${id % 10_000})`
    }).join(",")
  }

  #sql(kind: Kind, node: string, shard: Shard, record: number): string {
    const random = this.#random
    const id = random.int(1, rowsPerShard)
    const target = `${shard.group}:${shard.table}`
    switch (kind) {
      case "INSERT of one row through a wrapper":
        return `INSERT INTO ${wrapperOf(shard)} (id,title,v) VALUES ${this.#rows(1)}`
      case "INSERT of 10 rows through a wrapper":
        return `INSERT INTO ${wrapperOf(shard)} (id,title,v) VALUES ${this.#rows(10)}`
      case "INSERT of one row into c:shard":
        return `INSERT INTO ${target} (id,title,v) VALUES ${this.#rows(1)}`
      case "INSERT of 10 rows into c:shard":
        return `INSERT INTO ${target} (id,title,v) VALUES ${this.#rows(10)}`
      case "REPLACE of one row in c:shard":
        return `REPLACE INTO ${target} (id,title,v) VALUES (${id},'row ${id} again',${random.int(0, 9)})`
      case "UPDATE of c:shard by id on a condition":
        return `UPDATE ${target} SET v=${random.int(0, 9)} WHERE id=${id} AND v=${random.int(0, 9)}`
      case "DELETE from c:shard by id":
        return `DELETE FROM ${target} WHERE id=${this.#fresh - random.int(0, 999)}`
      case "UPDATE of a heartbeat by id":
        return `UPDATE c:${stateTable} SET \`key\`='heartbeat/${node}:9312',\`value\`='{"incarnation":"${node}.1"}',\`version\`=${++this.#fresh},\`term\`=0,\`nonce\`='${node}.1',\`live\`=1,\`updated_at\`=1767225710 WHERE id=${recordId(nodes.indexOf(node))}`
      case "UPDATE of a record by id and version": {
        const number = record < nodes.length ? record + nodes.length : record
        const version = this.#versions[number] ?? 1
        this.#versions[number] = version + 1
        return `UPDATE c:${stateTable} SET ${recordValues(number, version + 1)} WHERE id=${recordId(number)} AND version=${version}`
      }
      case "SELECT from a shard by id":
        return `SELECT title,v FROM ${shard.table} WHERE id=${id}`
      case "SELECT of 8 ids through a wrapper": {
        const ids = Array.from({ length: 8 }, () => random.int(1, rowsPerShard))
        return `SELECT id FROM ${wrapperOf(shard)} WHERE id IN (${ids.join(",")}) LIMIT 8`
      }
      case "SELECT of 4 records by id": {
        const ids = Array.from({ length: 4 }, () => recordId(random.int(0, records - 1)))
        return `SELECT id,\`key\`,\`value\`,version,term,nonce FROM ${stateTable} WHERE id IN (${ids.join(",")}) ORDER BY id ASC LIMIT 4 OPTION max_matches=4`
      }
      case "SELECT of the versions of all records":
        return `SELECT id,version,term FROM ${stateTable} WHERE live=1 ORDER BY id ASC LIMIT 100000 OPTION max_matches=100000`
      case "SELECT of a page of 20 rows by id":
        return `SELECT * FROM ${shard.table} WHERE id>${id} ORDER BY id ASC LIMIT 20 OPTION max_matches=20`
      case "SHOW STATUS of all clusters":
        return "SHOW STATUS LIKE 'cluster_%'"
      case "SHOW STATUS of one cluster":
        return `SHOW STATUS LIKE 'cluster_${shard.group}_%'`
      case "SHOW TABLES":
        return "SHOW TABLES FROM system"
      case "CREATE or DROP TABLE": {
        const number = ++this.#tables
        return number % 2 === 0
          ? `DROP TABLE IF EXISTS system.spare_s${number % 8}`
          : `CREATE TABLE IF NOT EXISTS system.spare_s${number % 8} (${structure})`
      }
    }
  }
}
