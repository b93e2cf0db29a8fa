/**
 * How many statements a second a world of five nodes executes without the engine: 100 tables and 8 clusters per node,
 * and the mix of an engine with its clients: mostly reads by id, SHOW STATUS, UPDATE by id, INSERT through clusters.
 * Prints the figure. Time is what this thread computes; the floor is far below, for slow machines and cold code.
 */
import { describe, expect, it } from "vitest"
import { EventQueue } from "../../src/runtime/EventQueue.ts"
import { RandomStream } from "../../src/runtime/RandomStream.ts"
import { World } from "../../src/world/World.ts"
import type { Connection } from "../../src/world/SimulatedCluster.ts"

const nodes = 5
/** Every cluster has three members, so that each node is in eight or more of them. */
const clusters = 14
const tablesPerNode = 100
const rowsPerTable = 20

const floorPerSecond = 30_000

/** A table and where it is. */
interface Place {
  readonly cluster: string
  readonly table: string
  readonly members: ReadonlyArray<string>
}

const ask = (queue: EventQueue, connection: Connection, sql: string): void => {
  let answered = ""
  connection.query(sql, (answer) => {
    answered = answer._tag === "Refused" ? answer.message : answer._tag
  })
  while (queue.step()) if (answered !== "") break
  if (answered !== "Ok") throw new Error(`${sql}: ${answered}`)
}

/** A world at rest, with tables that hold some rows. */
const build = (): { readonly queue: EventQueue; readonly world: World; readonly places: ReadonlyArray<Place> } => {
  const queue = new EventQueue()
  const world = new World({ queue, random: new RandomStream(1) })
  const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`)
  for (const name of names) {
    world.addNode({ name, address: `${name}:9312` })
    world.start(name)
  }
  while (!names.every((name) => world.isUp(name)) || queue.nowMicros < 300_000) if (!queue.step()) break
  const connections = new Map(names.map((name) => [name, world.connect(null, name)]))
  const must = (node: string, sql: string): void => {
    const connection = connections.get(node)
    if (connection !== undefined) ask(queue, connection, sql)
  }
  const places: Array<Place> = []
  for (let number = 0; number < clusters; number++) {
    const cluster = `c${number}`
    const members = [0, 1, 2].map((offset) => names[(number + offset * (1 + (number % 2))) % nodes] ?? "n1")
    for (const member of members) world.makeDirectory(member, cluster)
    const [first = "n1"] = members
    must(first, `CREATE CLUSTER ${cluster} '${cluster}' as path`)
    for (const member of members.slice(1))
      must(member, `JOIN CLUSTER ${cluster} AT '${first}:9312' '${cluster}' as path`)
    const tables = Math.ceil((tablesPerNode * nodes) / (3 * clusters))
    for (let index = 0; index < tables; index++) {
      const table = `system.t${number}_s${index}`
      must(first, `CREATE TABLE ${table} (title text, v bigint, s string)`)
      must(first, `ALTER CLUSTER ${cluster} ADD ${table}`)
      const rows = Array.from({ length: rowsPerTable }, (_, row) => `(${row + 1},'row ${row}',${row},'s')`)
      must(first, `INSERT INTO ${cluster}:${table} (id,title,v,s) VALUES ${rows.join(",")}`)
      places.push({ cluster, table, members })
    }
  }
  return { queue, world, places }
}

/** Of 20 statements: 11 reads by id, 2 SHOW STATUS, 4 UPDATE by id, 3 INSERT. */
const statement = (random: RandomStream, place: Place, fresh: number): string => {
  const kind = random.int(0, 19)
  const id = random.int(1, rowsPerTable)
  if (kind < 11) return `SELECT v, s FROM ${place.table} WHERE id=${id}`
  if (kind < 13) return `SHOW STATUS LIKE 'cluster_${place.cluster}_%'`
  if (kind < 17) return `UPDATE ${place.cluster}:${place.table} SET v=${fresh} WHERE id=${id}`
  return `INSERT INTO ${place.cluster}:${place.table} (id,title,v,s) VALUES (${1000 + fresh},'some words',${fresh},'x')`
}

/** Time that this thread has computed: what others do on the machine does not count. */
const computedMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Statements per second of computing time, and the share that was refused. */
const throughput = (statements: number): { readonly perSecond: number; readonly refused: number } => {
  const { queue, world, places } = build()
  const random = new RandomStream(2)
  let sent = 0
  let answered = 0
  let refused = 0
  const lanes = 40
  const held = new Map(
    world.nodes.map(({ name }) => [name, places.filter((place) => place.members.includes(name))] as const),
  )
  const drive = (node: string, connection: Connection): void => {
    const place = random.pick(held.get(node) ?? [])
    if (sent >= statements || place === undefined) return
    sent++
    connection.query(statement(random, place, sent), (answer) => {
      answered++
      if (answer._tag === "Refused" || answer._tag === "NoAnswer") refused++
      drive(node, connection)
    })
  }
  const startedMs = computedMs()
  for (let lane = 0; lane < lanes; lane++) {
    const node = `n${(lane % nodes) + 1}`
    drive(node, world.connect(null, node))
  }
  while (queue.step()) if (answered >= statements) break
  return { perSecond: (statements * 1000) / (computedMs() - startedMs), refused: refused / statements }
}

describe("a world of five nodes without the engine", () => {
  it("executes many statements a second", { timeout: 60_000 }, () => {
    throughput(20_000)
    const { perSecond, refused } = throughput(100_000)
    console.log(`${Math.round(perSecond).toLocaleString("en")} simulated statements/s of computing time`)
    expect(refused).toBeLessThan(0.05)
    expect(perSecond).toBeGreaterThan(floorPerSecond)
  })
})
