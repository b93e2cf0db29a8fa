/**
 * Protects what an ordinary client sees of a simulated node: values without loss, errors as recorded from a real server,
 * connections that are lost, refused or hang as those of a process would, and faults by HTTP. Real sockets, real time.
 */
import { spawn, spawnSync } from "node:child_process"
import * as Result from "effect/Result"
import mysql from "mysql2/promise"
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { loadScenario } from "../../src/scenario/ScenarioFile.ts"
import { serve, type Served } from "../../src/serve/Serve.ts"

const text = `shardwright: 1
name: served
about: A cluster comes up and rests.
cluster: {nodes: 3}
until: 5s
expect: {eventually: []}
`

/** Faster than life, so that joining a cluster does not take a second; slow enough to act in between. */
const speed = 10

const begin = (options: { readonly basePort?: number; readonly speed?: number | "max" } = {}): Promise<Served> => {
  const scenario = Result.getOrThrow(loadScenario(text, "served.yaml"))
  return serve({
    scenario,
    seed: 1,
    speed: options.speed ?? speed,
    basePort: options.basePort ?? 0,
    controlPort: 0,
    failed: (error) => {
      throw error
    },
  })
}

let served: Served
let open: Array<mysql.Connection> = []
const portOf = (node: string): number => served.nodes.find((it) => it.node === node)?.port ?? 0

/** A connection with mysql2 as it is, but for numbers that JavaScript cannot hold. */
const connect = async (node: string, options: mysql.ConnectionOptions = {}): Promise<mysql.Connection> => {
  const connection = await mysql.createConnection({
    host: "127.0.0.1",
    port: portOf(node),
    database: "Manticore",
    supportBigNumbers: true,
    rowsAsArray: true,
    ...options,
  })
  open.push(connection)
  // Connections that are lost between statements say so here; statements say it themselves.
  connection.on("error", () => {})
  return connection
}

const rowsOf = async (connection: mysql.Connection, sql: string): Promise<unknown> => (await connection.query(sql))[0]

/** The error that the statement is answered with. */
const errorOf = async (asked: Promise<unknown>): Promise<Record<string, unknown>> => {
  try {
    await asked
  } catch (error) {
    return { ...(error as object), message: (error as Error).message } // mysql2 rejects with errors that have fields
  }
  throw new Error("there was no error")
}

const control = async (request: string, body?: unknown, init: RequestInit = {}) => {
  const [method = "GET", where = "/"] = request.split(" ")
  const payload = typeof body === "string" ? body : JSON.stringify(body)
  const response = await fetch(`${served.control.url}${where}`, {
    method,
    ...(body === undefined ? {} : { body: payload }),
    ...init,
  })
  // The control answers with documents of a few known fields.
  const document = (await response.json()) as {
    readonly error?: { readonly message: string }
    readonly nodes: ReadonlyArray<Record<string, unknown>>
  }
  return { status: response.status, document, headers: response.headers }
}

const stateOf = async (node: string) => (await control("GET /state")).document.nodes.find((it) => it["node"] === node)

/** Asks until it is so; the test's own time limit ends it otherwise. */
const eventually = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10))
}

beforeEach(async () => {
  served = await begin()
})
afterEach(() => {
  for (const connection of open) connection.destroy()
  open = []
  served.close()
})

describe("statements", () => {
  it("64-bit values, texts, floats and NULL arrive as they were stored", async () => {
    const client = await connect("n1")
    await client.query("CREATE TABLE t (title text, s string, v bigint, f float, i int)")
    const [ok] = await client.query(
      "INSERT INTO t (id, title, s, v, f, i) VALUES (9007199254740993, 'ü', '123', -9223372036854775807, 0.5, 4000000000), (2, '', '', 7, 1, 0)",
    )
    expect(ok).toMatchObject({ affectedRows: 2, warningStatus: 0 })
    const [rows, fields] = await client.query("SELECT id, title, s, v, f, i FROM t ORDER BY id ASC")
    expect(rows).toEqual([
      [2, "", "", 7, 1, 0],
      ["9007199254740993", "ü", "123", "-9223372036854775807", 0.5, 4_000_000_000],
    ])
    const types = Object.fromEntries(fields.map(({ name, columnType }) => [name, columnType]))
    expect(types).toMatchObject({ id: 8, v: 8, i: 3, f: 4, s: 253, title: 253 })
    expect(await rowsOf(client, "SELECT count(*) FROM t WHERE v < 0")).toEqual([[1]])
    expect(await rowsOf(client, "SELECT id FROM t WHERE id = 77")).toEqual([])
  })

  it.each([
    ["SELECT * FROM nope", 1064, "42000", "unknown local table(s) 'nope' in search request"],
    ["ALTER CLUSTER c ADD nope", 1064, "42000", "unknown or wrong type of table 'nope'"],
  ])("%s is refused as by a real server", async (sql, errno, sqlState, sqlMessage) => {
    const client = await connect("n1")
    expect(await errorOf(client.query(sql))).toMatchObject({ errno, sqlState, sqlMessage })
    // The connection goes on: sequence numbers were reset.
    expect(await rowsOf(client, "SHOW TABLES")).toEqual([])
  })

  it("SET, USE, ping and unknown commands leave the connection in order", async () => {
    const client = await connect("n1")
    await client.query("SET autocommit = 1")
    await client.query("USE other")
    await client.ping()
    expect(await errorOf(client.execute("SELECT 1"))).toMatchObject({ errno: 1047, sqlState: "08S01" })
    expect(await rowsOf(client, "SHOW TABLES")).toEqual([])
  })

  it("a connection names the database Manticore; the empty one is refused", async () => {
    expect(await errorOf(connect("n1", { database: "" }))).toMatchObject({ errno: 1049, message: "no such database" })
    expect(await errorOf(connect("n1", { database: "other" }))).toMatchObject({ message: "no such database 'other'" })
    expect(await rowsOf(await connect("n1", { database: "MANTICORE" }), "SHOW TABLES")).toEqual([])
  })

  it("many connections at once are answered each for itself", async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect("n1")))
    await clients[0]?.query("CREATE TABLE t (v bigint)")
    await Promise.all(
      clients.map(async (client, index) => {
        for (let id = 1; id <= 10; id++) {
          await client.query(`INSERT INTO t (id, v) VALUES (${index * 100 + id}, ${index})`)
        }
        expect(await rowsOf(client, `SELECT count(*) FROM t WHERE v = ${index}`)).toEqual([[10]])
      }),
    )
  })

  it("an answer of many rows arrives whole", async () => {
    const client = await connect("n1")
    await client.query("CREATE TABLE t (s string)")
    const long = "x".repeat(1_000)
    const values = Array.from({ length: 300 }, (_, index) => `(${index + 1}, '${long}')`)
    await client.query(`INSERT INTO t (id, s) VALUES ${values.join(", ")}`)
    const rows = await rowsOf(client, "SELECT id, s FROM t ORDER BY id ASC LIMIT 300")
    expect(rows).toHaveLength(300)
    expect(rows).toEqual(Array.from({ length: 300 }, (_, index) => [index + 1, long]))
  })
})

describe("clusters", () => {
  it("what one member writes, the other one has", async () => {
    const [one, two] = [await connect("n1"), await connect("n2")]
    await one.query("CREATE CLUSTER c")
    await two.query("JOIN CLUSTER c AT 'n1:9312'")
    await one.query("CREATE TABLE t (v bigint)")
    await one.query("ALTER CLUSTER c ADD t")
    await one.query("INSERT INTO c:t (id, v) VALUES (1, 11)")
    await eventually(async () => ((await rowsOf(two, "SELECT id FROM t")) as Array<unknown>).length === 1)
    expect(await rowsOf(two, "SELECT id, v FROM t")).toEqual([[1, 11]])
    expect(await rowsOf(two, "SHOW STATUS LIKE 'cluster_c_size'")).toEqual([["cluster_c_size", "2"]])
    expect(await stateOf("n2")).toMatchObject({
      clusters: [{ name: "c", status: "primary", size: 2, tables: ["t"] }],
      tables: [{ name: "t", cluster: "c", rows: 1 }],
    })
  })

  it("a partition takes the primary state from the smaller side, and heal gives it back", async () => {
    const clients = [await connect("n1"), await connect("n2"), await connect("n3")] as const
    await clients[0].query("CREATE CLUSTER c")
    for (const client of clients.slice(1)) await client.query("JOIN CLUSTER c AT 'n1:9312'")
    const statusOf = async (client: mysql.Connection) =>
      ((await rowsOf(client, "SHOW STATUS LIKE 'cluster_c_status'")) as Array<Array<string>>)[0]?.[1]
    await control("POST /partition", { groups: [["n1"], ["n2", "n3"]] })
    await eventually(async () => (await statusOf(clients[0])) !== "primary")
    expect(await statusOf(clients[1])).toBe("primary")
    await control("POST /heal")
    await eventually(async () => (await statusOf(clients[0])) === "primary")
  })
})

describe("faults", () => {
  it("a kill loses the statement that runs and refuses what follows, until a start on the same port", async () => {
    const client = await connect("n1")
    await client.query("CREATE TABLE t (v bigint)")
    await control("POST /slow", { pattern: "^insert", by: "1h", times: 1 })
    const lost = errorOf(client.query("INSERT INTO t (id, v) VALUES (1, 1)"))
    await eventually(async () => (await stateOf("n1"))?.["unanswered"] === 1)
    await control("POST /kill", { node: "n1" })
    expect(await lost).toMatchObject({ code: "PROTOCOL_CONNECTION_LOST" })
    expect(await errorOf(connect("n1"))).toMatchObject({ code: "ECONNREFUSED" })
    expect(await stateOf("n1")).toMatchObject({ state: "down", up: false, connections: 0 })

    const port = portOf("n1")
    expect((await control("POST /start", { node: "n1" })).status).toBe(200)
    await eventually(async () => (await stateOf("n1"))?.["state"] === "up")
    await eventually(() =>
      connect("n1").then(
        () => true,
        () => false,
      ),
    )
    expect(portOf("n1")).toBe(port)
    expect(await rowsOf(await connect("n1"), "SHOW TABLES")).toEqual([["t", "rt"]])
  })

  it("a paused daemon answers nobody, and everybody once it is resumed", async () => {
    const client = await connect("n1")
    await control("POST /pause", { node: "n1" })
    let answered = 0
    const statement = rowsOf(client, "SHOW TABLES").then(() => answered++)
    const greeting = connect("n1").then(() => answered++)
    // Longer than both take when nothing is in the way, in virtual time and in real time.
    await eventually(async () => {
      const state = await stateOf("n1")
      return state?.["connections"] === 2 && state["unanswered"] === 1
    })
    await rowsOf(await connect("n2"), "SHOW TABLES")
    expect(answered).toBe(0)
    await control("POST /resume", { node: "n1" })
    await Promise.all([statement, greeting])
    expect(answered).toBe(2)
  })

  it("a clean stop ends the process", async () => {
    await control("POST /stop", { node: "n2" })
    await eventually(async () => (await stateOf("n2"))?.["state"] === "down")
    expect(await errorOf(connect("n2"))).toMatchObject({ code: "ECONNREFUSED" })
  })

  it("every fault of scenarios can be asked for, at drawn nodes and for a time", async () => {
    const client = await connect("n1")
    await client.query("CREATE TABLE t (v bigint)")
    const insert = (id: number) => client.query(`INSERT INTO t (id, v) VALUES (${id}, 1)`)
    await control("POST /fault", { error: { statement: "INSERT", errno: 1040, message: "maxed out", times: 1 } })
    expect(await errorOf(insert(1))).toMatchObject({ errno: 1040, message: "maxed out" })
    await insert(1)
    await control("POST /fault", { diskFull: "n1", for: "5s" })
    expect(await errorOf(insert(2))).toMatchObject({ message: "write error: No space left on device" })
    await eventually(() =>
      insert(2).then(
        () => true,
        () => false,
      ),
    )
    const { document } = await control("POST /fault", { kill: "minority", for: "20s" })
    expect(document.nodes.filter((node) => node["state"] === "down")).toHaveLength(1)
    await eventually(async () => (await control("GET /state")).document.nodes.every((node) => node["state"] === "up"))
    await control("POST /fault", { slow: { pattern: "^show", by: "1h" } })
    expect((await control("POST /heal", { what: "slow" })).status).toBe(200)
    expect(await rowsOf(await connect("n2"), "SHOW TABLES")).toEqual([])
  })

  it("a directory that was made can hold a cluster", async () => {
    const client = await connect("n1")
    expect(await errorOf(client.query("CREATE CLUSTER d 'd' AS path"))).toMatchObject({ errno: 1064 })
    await control("POST /mkdir", { node: "n1", directory: "d" })
    await client.query("CREATE CLUSTER d 'd' AS path")
    expect(await stateOf("n1")).toMatchObject({ clusters: [{ name: "d", status: "primary" }] })
  })
})

describe("the control", () => {
  it.each([
    ["POST /kill", '{"node": n1}', 400, /^1:10: not JSON: expected a value, found "n1"$/],
    ["POST /kill", '{\n "nod": "n1"}', 400, /^2:2: unknown key `nod`.*did you mean node\?/],
    ["POST /kill", "[]", 400, /^1:1: /],
    ["POST /kill", '{"node": "n9"}', 404, /there is no node 'n9'; the nodes are n1, n2, n3/],
    ["POST /start", '{"node": "n1"}', 409, /the daemon of n1 is up; expected down/],
    ["POST /resume", '{"node": "n1"}', 409, /the daemon of n1 is up; expected paused/],
    ["POST /slow", '{"pattern": "(", "by": "3s"}', 400, /^1:13: .*regular expression/],
    ["POST /slow", '{"pattern": "x", "by": 3}', 400, /^1:24: .*add a unit/],
    ["POST /cut", '{"from": "n1"}', 400, /`to`/],
    ["POST /mkdir", '{"node": "n1", "directory": "../d"}', 400, /relative path/],
    ["POST /fault", '{"kil": "n1"}', 400, /^1:2: unknown key `kil`.*did you mean kill\?/],
    ["POST /fault", '{"kill": "n9"}', 404, /there is no node 'n9'/],
    ["POST /fault", '{"kill": {"zone": "west"}}', 404, /no node is in the zone 'west'/],
    ["POST /fault", '{"kill": "victim"}', 409, /there is no victim now/],
    ["POST /fault", '{"clockSkew": {"node": "n1", "rate": 2}}', 409, /no agents run here/],
    ["POST /fault", '{"kill": "n1", "every": "1s"}', 400, /`times` or `until`/],
    ["POST /nope", "{}", 404, /there is nothing at \/nope/],
    ["POST /constructor", "{}", 404, /there is nothing at/],
    ["GET /kill", undefined, 405, /use POST/],
    ["POST /state", "{}", 405, /use GET/],
    ["POST /kill", "long", 413, /longer than 65536 bytes/],
  ])("%s %s is answered %i", async (request, body, status, message) => {
    const reply = await control(request, body === "long" ? " ".repeat(70_000) : body)
    expect(reply.status).toBe(status)
    expect(reply.document.error?.message).toMatch(message)
    if (status === 405) expect(reply.headers.get("allow")).toBeTruthy()
  })

  it("refuses what a web page could send", async () => {
    const reply = await control("POST /kill", { node: "n1" }, { headers: { origin: "http://example.com" } })
    expect(reply.status).toBe(403)
    expect(await stateOf("n1")).toMatchObject({ state: "up" })
  })
})

describe("ports", () => {
  it("the nodes follow the base port, and a port that is taken is named", async () => {
    const taken = portOf("n1")
    await expect(begin({ basePort: taken })).rejects.toThrow(`node n1 cannot listen on port ${taken}`)
  })

  it("with speed max, nothing takes time", async () => {
    served.close()
    served = await begin({ speed: "max" })
    const client = await connect("n1")
    await control("POST /slow", { pattern: "^show", by: "2h" })
    expect(await rowsOf(client, "SHOW TABLES")).toEqual([])
  })
})

const mysqlClient = "mysql"
const hasMysqlClient = spawnSync(mysqlClient, ["--version"]).status === 0

describe("the ordinary mysql client", () => {
  beforeAll(() => {
    if (!hasMysqlClient)
      console.warn("skipped: there is no `mysql` client on this machine (apt install default-mysql-client)")
  })

  it.skipIf(!hasMysqlClient)("runs statements and shows errors", async () => {
    const run = async (...options: ReadonlyArray<string>) => {
      const address = ["--no-defaults", "-h", "127.0.0.1", "-P", String(portOf("n1"))]
      const child = spawn(mysqlClient, [...address, ...options], { stdio: ["ignore", "pipe", "pipe"] })
      let said = ""
      child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()))
      child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()))
      const code = await new Promise((resolve) => child.on("close", resolve))
      return { code, said }
    }
    const statements =
      "CREATE TABLE t (v bigint); INSERT INTO t (id, v) VALUES (9007199254740993, -5); SELECT id, v FROM t"
    expect(await run("-N", "-e", statements)).toEqual({ code: 0, said: "9007199254740993\t-5\n" })
    const failure = await run("Manticore", "-e", "SELECT * FROM nope")
    expect(failure.said).toContain("ERROR 1064 (42000) at line 1: unknown local table(s) 'nope' in search request")
    expect((await run("other", "-e", "SHOW TABLES")).said).toContain("ERROR 1049 (42000): no such database 'other'")
  })
})
