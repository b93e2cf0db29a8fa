/**
 * Protects the statements of users: each of ours is read as it was meant, whatever is wrong with one is told with its place, and no
 * statement of the daemon's or of its original helper's is ever taken for one of ours.
 */
import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { tokensOf } from "../../src/sql/Lexer.ts"
import { isAboutRecords, parseStatement, type Statement, timeoutSecondsDefault } from "../../src/sql/Statement.ts"

const read = (sql: string): Statement => {
  const parsed = parseStatement(sql)
  if (parsed._tag !== "Ours") throw new Error(`${sql}: ${JSON.stringify(parsed)}`)
  return parsed.statement
}

const asking = { reason: "", timeoutSeconds: timeoutSecondsDefault, approval: false, dryRun: false }

describe("our statements", () => {
  it("CREATE TABLE keeps the columns as they are written, and the options that are the daemon's", () => {
    expect(
      read(
        "create table IF NOT EXISTS c:Products (id bigint, title text, v float_vector knn_dims='4', b bit(4)) " +
          "shards='3' rf = '2' timeout='60' morphology='stem_en, it\\'s' ;",
      ),
    ).toEqual({
      _tag: "Create",
      cluster: "c",
      table: "products",
      ifNotExists: true,
      structure: "id bigint, title text, v float_vector knn_dims='4', b bit(4)",
      shards: 3,
      rf: 2,
      options: { morphology: "stem_en, it's" },
      asking: { ...asking, timeoutSeconds: 60 },
    })
  })

  it("a parenthesis in a text ends no list of columns", () => {
    expect(read("CREATE TABLE t (a string attribute=')', b int) shards='1' rf='1'")).toMatchObject({
      structure: "a string attribute=')', b int",
    })
  })

  it("DROP TABLE, DESC and SHOW CREATE TABLE take a prefix", () => {
    expect(read("DROP TABLE IF EXISTS `c`:`t`")).toEqual({
      _tag: "Drop",
      cluster: "c",
      table: "t",
      ifExists: true,
      asking,
    })
    expect(read("DESCRIBE t")).toEqual({ _tag: "Describe", cluster: undefined, table: "t", as: "columns" })
    expect(read("/* who */ SHOW CREATE TABLE t -- now")).toMatchObject({ _tag: "Describe", as: "statement" })
  })

  it("SHOW SHARDING", () => {
    expect(read("SHOW SHARDING STATUS")).toEqual({ _tag: "Status", of: undefined })
    expect(read("show sharding status c:t")).toEqual({ _tag: "Status", of: { cluster: "c", table: "t" } })
    expect(read("SHOW SHARDING MASTER;")).toEqual({ _tag: "List", what: "master" })
    expect(read("SHOW SHARDING FINDINGS")).toEqual({ _tag: "List", what: "findings" })
  })

  it.each([
    ["ALTER TABLE c:t, u rf='3'", { _tag: "SetRf", tables: ["t", "u"], rf: 3 }],
    ["REBALANCE", { _tag: "Rebalance", tables: null }],
    ["REBALANCE TABLE t, c:u reason='new nodes'", { _tag: "Rebalance", tables: ["t", "u"] }],
    ["ALTER SHARDING NODE 'n:1' DRAIN", { _tag: "SetNodeState", node: "n:1", state: "draining" }],
    ["ALTER SHARDING NODE 'n:1' ACTIVE", { _tag: "SetNodeState", node: "n:1", state: "active" }],
    ["ALTER SHARDING NODE 'n:1' MAINTENANCE", { _tag: "SetNodeState", node: "n:1", state: "maintenance" }],
    ["ALTER SHARDING NODE 'n:1' FORGET", { _tag: "ForgetNode", node: "n:1" }],
    ["ALTER SHARDING NODE 'n:1' REPLACE 'n:2'", { _tag: "ReplaceNode", old: "n:1", new: "n:2" }],
    ["ALTER SHARDING GROUP sw_1_6_0 SPLIT", { _tag: "SplitGroup", group: "sw_1_6_0" }],
    ["ALTER SHARDING GROUP '0a1b' PROMOTE 'n:1'", { _tag: "PromoteGroup", group: "0a1b", node: "n:1" }],
    ["ALTER SHARDING GROUP g REUNITE 'n:1'", { _tag: "ReuniteGroup", group: "g", keep: "n:1" }],
    ["ALTER SHARDING OPERATION '3_1' APPROVE", { _tag: "Approve", operation: "3_1" }],
    ["ALTER SHARDING OPERATION '3_1' PAUSE", { _tag: "Pause", operation: "3_1" }],
    ["ALTER SHARDING OPERATION '3_1' RESUME", { _tag: "Resume", operation: "3_1" }],
    ["ALTER SHARDING OPERATION '3_1' STOP", { _tag: "Stop", operation: "3_1", now: false }],
    ["ALTER SHARDING OPERATION 't' STOP NOW", { _tag: "Stop", operation: "t", now: true }],
    ["ALTER SHARDING OPERATION '3_1' RESET START", { _tag: "Reset", operation: "3_1", start: true }],
  ])("%s", (sql, wish) => {
    expect(read(sql)).toMatchObject({ _tag: "Ask", wish })
  })

  it("what is asked for can be given a reason, a patience, an approval and a rehearsal", () => {
    expect(read("REBALANCE reason='it\\'s time' timeout='7' approval='1' dry_run='1'")).toMatchObject({
      asking: { reason: "it's time", timeoutSeconds: 7, approval: true, dryRun: true },
    })
  })
})

describe("what is wrong is told", () => {
  it.each([
    ["CREATE TABLE t (v int) shards='2'", "Sharded table requires `rf=n`"],
    ["CREATE TABLE t (v int) rf='2'", "Sharded table requires `shards=n`"],
    ["CREATE TABLE t (v int) shards='' rf='2'", "Parameter 'shards' requires to have a value"],
    ["CREATE TABLE t (v int) shards='2' rf='-1'", "Parameter 'rf' requires to have a numeric value"],
    ["CREATE TABLE t (v int) shards='2' rf='1' rf='2'", "Duplicate parameter 'rf' found"],
    ["CREATE TABLE t (v int) shards='2' rf='1' timeout='0'", "You cannot set timeout less than 1 second"],
    ["CREATE TABLE t (v int) shards=2 rf='1'", "unexpected number, expecting string near '2 rf='1''"],
    ["CREATE TABLE c:t (v int shards='2' rf='1'", "unexpected $end, expecting ')' near ''"],
    ["CREATE TABLE t shards='2' rf='1'", "unexpected identifier, expecting '(' near 'shards='2' rf='1''"],
    ["SHOW SHARDING STATUS t u", "unexpected identifier, expecting $end near 'u'"],
    ["ALTER SHARDING NODE 'n:1' FLY", "expecting ACTIVE or DRAIN or MAINTENANCE or FORGET or REPLACE near 'FLY'"],
    ["ALTER SHARDING", "unexpected $end, expecting NODE or GROUP or OPERATION near ''"],
    ["REBALANCE colour='red'", "Unknown parameter 'colour'"],
    ["REBALANCE approval='yes'", "Parameter 'approval' requires to be '0' or '1'"],
  ])("%s", (sql, message) => {
    expect(parseStatement(sql)).toMatchObject({ _tag: "Malformed", message: expect.stringContaining(message) })
  })
})

describe("statements of others are left alone", () => {
  it.each([
    "SELECT * FROM t WHERE MATCH('SHOW SHARDING STATUS')",
    "INSERT INTO t (s) VALUES ('DROP TABLE t')",
    "CREATE TABLE t (v int)",
    "CREATE TABLE t (v int) comment='shards'",
    "CREATE TABLE t LIKE u",
    "ALTER TABLE t ADD COLUMN rf int",
    "ALTER TABLE t min_infix_len='2'",
    "ALTER CLUSTER c ADD t",
    "DROP TABLE t, u",
    "DESC t.files",
    "SHOW CREATE TABLE t OPTION force=1",
    "SHOW SHARDING STATUSES",
    "SHOW SHARDING",
    "SHOW TABLES; SHOW SHARDING STATUS",
    "BACKUP TO /tmp",
    "",
    ";",
  ])("%s", (sql) => {
    expect(parseStatement(sql)).toEqual({ _tag: "Foreign" })
  })

  const firstWords = ["SHOW", "DESC", "DESCRIBE", "DROP", "CREATE", "ALTER", "REBALANCE"]

  it("whatever the text is, there is an answer; one that begins with none of our words is not ours", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), (sql) => {
        const parsed = parseStatement(sql)
        const first = tokensOf(sql)[0]?.value.toUpperCase() ?? ""
        if (!firstWords.includes(first)) expect(parsed).toEqual({ _tag: "Foreign" })
      }),
      { numRuns: 500 },
    )
  })

  it("no mix of our words is taken unless it is one of our statements as a whole", () => {
    const words = fc.constantFrom(
      ..."SHOW SHARDING STATUS MASTER CREATE TABLE DROP DESC ALTER IF EXISTS NOT t c : , ( ) = ; ' `t` shards rf '2' NODE".split(
        " ",
      ),
    )
    fc.assert(
      fc.property(fc.array(words, { maxLength: 14 }), (parts) => {
        const sql = parts.join(" ")
        const parsed = parseStatement(sql)
        const text = sql.toUpperCase()
        if (parsed._tag !== "Ours") return
        expect(text).toMatch(
          /^(SHOW SHARDING (STATUS|MASTER)|DESC|DROP TABLE|CREATE TABLE .*(SHARDS|RF) =|ALTER TABLE .*RF =|ALTER SHARDING NODE)/,
        )
      }),
      { numRuns: 1000 },
    )
  })
})

describe("what is long or ours alone", () => {
  it("a bulk insert is not read to its end", () => {
    const sql = `INSERT INTO t (s) VALUES ${"('SHOW SHARDING STATUS'),".repeat(40_000)}('')`
    const timed = (act: () => unknown): number => {
      const begunMs = performance.now()
      act()
      return performance.now() - begunMs
    }
    const wholeMs = timed(() => tokensOf(sql))
    expect(timed(() => parseStatement(sql))).toBeLessThan(wholeMs / 3)
    expect(parseStatement(sql)).toEqual({ _tag: "Foreign" })
  })

  it("statements about the records are known, texts that name them are not", () => {
    expect(isAboutRecords("INSERT INTO c:system.shardwright_state (id) VALUES (1)")).toBe(true)
    expect(isAboutRecords("SELECT id FROM system.shardwright_queue")).toBe(true)
    expect(isAboutRecords("INSERT INTO t (s) VALUES ('system.shardwright_state')")).toBe(false)
    expect(isAboutRecords("SELECT * FROM system.other")).toBe(false)
  })

  it("a long comment hides nothing", () => {
    expect(read(`/* ${"x".repeat(1000)} */ SHOW SHARDING MASTER`)).toEqual({ _tag: "List", what: "master" })
  })
})

describe("nothing of ours is mangled", () => {
  const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,20}$/)
  const anyCase = (sql: string) =>
    fc
      .array(fc.boolean(), { minLength: sql.length, maxLength: sql.length })
      .map((upper) => [...sql].map((letter, at) => (upper[at] === true ? letter.toUpperCase() : letter)).join(""))
  const gap = fc.constantFrom(" ", "\n", "\t  ", " /* x='1' */ ", " -- rf\n")
  const quoted = (value: string): string =>
    `'${value
      .replaceAll("\\", String.raw`\\`)
      .replaceAll("'", String.raw`\'`)
      .replaceAll("\n", String.raw`\n`)}'`

  it("CREATE TABLE comes out as it went in, however it is spaced and quoted", () => {
    const column = fc.tuple(name, fc.constantFrom("int", "bigint", "text", "string", "bit(4)", "json"))
    fc.assert(
      fc.property(
        fc.record({
          create: anyCase("create"),
          table: name,
          cluster: fc.option(name, { nil: undefined }),
          columns: fc.array(column, { minLength: 1, maxLength: 5 }),
          shards: fc.integer({ min: 1, max: 3000 }),
          rf: fc.integer({ min: 1, max: 9 }),
          comment: fc.string({ unit: "binary" }).filter((text) => !/[\r\t\0]/.test(text)),
          ifNotExists: fc.boolean(),
          gaps: fc.array(gap, { minLength: 4, maxLength: 4 }),
        }),
        ({ cluster, columns, comment, create, gaps, ifNotExists, rf, shards, table }) => {
          const structure = columns.map((parts) => parts.join(" ")).join(", ")
          const prefix = cluster === undefined ? "" : `${cluster}:`
          const [a = "", b = "", c = "", d = ""] = gaps
          const sql = `${create}${a}TABLE${b}${ifNotExists ? `IF NOT EXISTS${c}` : ""}${prefix}\`${table}\`(${structure})${d}shards='${shards}' note=${quoted(comment)} RF='${rf}'`
          expect(read(sql)).toEqual({
            _tag: "Create",
            cluster,
            table,
            ifNotExists,
            structure,
            shards,
            rf,
            options: { note: comment },
            asking,
          })
        },
      ),
      { numRuns: 500 },
    )
  })
})
