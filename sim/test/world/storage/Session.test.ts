/** What recordings of single statements do not show: the two halves of a write, and statements through wrappers. */
import type { Answer } from "@shardwright/core/Answer"
import { describe, expect, it } from "vitest"
import { parse } from "../../../src/world/sql/parse.ts"
import type { Insert } from "../../../src/world/sql/Statement.ts"
import { Database } from "../../../src/world/storage/Database.ts"
import { shardOf } from "../../../src/world/storage/routing.ts"
import { answerWrapperSelect, begin, executeLocal, selectOnShard, Session } from "../../../src/world/storage/Session.ts"
import type { Step } from "../../../src/world/storage/Session.ts"
import { Question } from "../../../src/world/storage/select.ts"
import { splitInsert } from "../../../src/world/storage/Wrapper.ts"

interface Node {
  readonly database: Database
  readonly session: Session
  readonly run: (sql: string) => Answer
}

const makeNode = (): Node => {
  let next = 7_000_000_000_000_000_000n
  const database = new Database({ dataDirectory: "/data", autoId: () => next++ })
  const session = new Session()
  return { database, session, run: (sql) => executeLocal(database, session, parse(sql)) }
}

const ok = (affectedRows: number): Answer => ({ _tag: "Ok", affectedRows, warnings: 0 })

const writeOf = (step: Step): Extract<Step, { kind: "write" }> => {
  if (step.kind !== "write") {
    throw new Error(`a write was expected, not ${step.kind}`)
  }
  return step
}

const insertOf = (sql: string): Insert => {
  const statement = parse(sql)
  if (statement.kind !== "insert") {
    throw new Error(`an INSERT was expected, not ${statement.kind}`)
  }
  return statement
}

describe("writes in two halves", () => {
  it("an UPDATE is judged by the documents where and when it is applied", () => {
    const first = makeNode()
    const second = makeNode()
    for (const { run } of [first, second]) {
      run("CREATE TABLE s (`value` json, version bigint)")
      run("INSERT INTO s (id,`value`,version) VALUES (1,'{}',1)")
    }
    const statement = parse("UPDATE s SET version=2 WHERE id=1 AND version=1")
    const { writeSet, finish } = writeOf(begin(first.database, first.session, statement))
    expect(writeSet.keys).toEqual([1n])
    expect(finish(writeSet.apply(first.database))).toEqual(ok(1))
    expect(writeSet.apply(second.database).affectedRows).toBe(1)
    expect(finish(writeSet.apply(second.database))).toEqual(ok(0))
    expect(second.run("SELECT version FROM s WHERE id=1")).toMatchObject({ rows: [["2"]] })
  })

  it("an INSERT that lost the race is refused where it is applied, as a whole", () => {
    const { database, session, run } = makeNode()
    run("CREATE TABLE s (v bigint)")
    const { writeSet } = writeOf(begin(database, session, parse("INSERT INTO s (id,v) VALUES (2,1),(1,1)")))
    run("INSERT INTO s (id,v) VALUES (1,9)")
    expect(writeSet.apply(database).error?.message).toBe("duplicate id '1'")
    expect(run("SELECT COUNT(*) FROM s")).toMatchObject({ rows: [["1"]] })
  })

  it("a table of a cluster takes writes only under its name, and only when the cluster does", () => {
    const { database, session, run } = makeNode()
    run("CREATE TABLE s (v bigint)")
    const table = database.table("s")
    if (table !== undefined) {
      table.cluster = "c"
    }
    const message = "table 's' is a part of cluster 'c', use 'c:s'"
    expect(run("INSERT INTO s (id,v) VALUES (1,1)")).toMatchObject({ message })
    expect(run("UPDATE d:s SET v=1 WHERE id=1")).toMatchObject({ message: `table s: ${message}` })
    const closed = begin(database, session, parse("DELETE FROM c:s WHERE id=1"), {
      clusterProblem: () => "cluster 'c' is not ready",
    })
    expect(closed).toMatchObject({ answer: { message: "table s: cluster 'c' is not ready" } })
    const open = begin(database, session, parse("INSERT INTO c:s (id,v) VALUES (1,1)"))
    expect(open).toMatchObject({ kind: "write", cluster: "c" })
  })

  it("a transaction replicates as one write", () => {
    const { database, session, run } = makeNode()
    run("CREATE TABLE s (v bigint)")
    run("INSERT INTO s (id,v) VALUES (1,1)")
    for (const sql of ["BEGIN", "INSERT INTO s (id,v) VALUES (2,2)", "DELETE FROM s WHERE id=1"]) {
      run(sql)
    }
    const { writeSet } = writeOf(begin(database, session, parse("COMMIT")))
    expect(writeSet.keys).toEqual([2n, 1n])
    writeSet.apply(database)
    expect(run("SELECT * FROM s")).toMatchObject({ rows: [["2", "2"]] })
  })
})

interface ShardedNode extends Node {
  /** Answers a SELECT through the wrapper. */
  readonly through: (sql: string) => Answer
  readonly insert: (sql: string) => void
}

/** A node with four local shards and a wrapper over them. */
const makeSharded = (): ShardedNode => {
  const node = makeNode()
  const shards = [0, 1, 2, 3].map((shard) => `system.t_s${shard}`)
  shards.forEach((shard) => node.run(`CREATE TABLE ${shard} (v bigint, w int)`))
  node.run(`CREATE TABLE t (v bigint, w int) type='shard' ${shards.map((shard) => `local='${shard}'`).join(" ")}`)
  const through = (sql: string): Answer => {
    const step = begin(node.database, node.session, parse(sql))
    if (step.kind !== "wrapper" || step.statement.kind !== "select") {
      throw new Error("a SELECT through a wrapper was expected")
    }
    const { statement, wrapper } = step
    const partials = wrapper.targets.flatMap((target) => {
      const partial = selectOnShard(node.database, target.local ?? "", new Question(statement))
      return partial.kind === "partial" ? [partial] : []
    })
    return answerWrapperSelect(node.session, statement, partials, [], partials.length > 1)
  }
  const insert = (sql: string): void => {
    const wrapper = node.database.wrapper("t")
    const parts = wrapper === undefined ? [] : splitInsert(wrapper, insertOf(sql), node.database.autoId)
    for (const part of "kind" in parts ? [] : parts) {
      writeOf(begin(node.database, node.session, part.statement)).writeSet.apply(node.database)
    }
  }
  return { ...node, through, insert }
}

describe("wrappers", () => {
  it("send each document to the shard that the real server was seen to choose", () => {
    const recordedOfFour: ReadonlyArray<readonly [number, ReadonlyArray<bigint>]> = [
      [0, [6n, 9n, 11n, 40n, 135n]],
      [1, [5n, 13n, 38n, 112n, 140n]],
      [2, [1n, 3n, 4n, 101n, 136n]],
      [3, [2n, 7n, 8n, 102n, 139n]],
    ]
    for (const [shard, ids] of recordedOfFour) {
      expect(ids.map((id) => shardOf(id, 4))).toEqual(ids.map(() => shard))
    }
    const ten = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n]
    expect(ten.map((id) => shardOf(id, 2))).toEqual([0, 0, 1, 1, 1, 0, 1, 1, 0, 1])
  })

  it("answer as one table would", () => {
    const plain = makeNode()
    plain.run("CREATE TABLE t (v bigint, w int)")
    const sharded = makeSharded()
    const values = Array.from({ length: 60 }, (_, index) => `(${index + 1},${(index * 7) % 10},${index % 3})`).join(",")
    plain.run(`INSERT INTO t (id,v,w) VALUES ${values}`)
    sharded.insert(`INSERT INTO t (id,v,w) VALUES ${values}`)
    for (const sql of [
      "SELECT COUNT(*), SUM(v), MIN(v), MAX(w), AVG(v) FROM t",
      "SELECT id, v FROM t ORDER BY v DESC, id ASC LIMIT 7,9",
      "SELECT id FROM t WHERE id>10 AND w=1 ORDER BY id ASC LIMIT 100",
      "SELECT w, COUNT(*) AS n, SUM(v) FROM t GROUP BY w ORDER BY w ASC",
      "SELECT COUNT(DISTINCT v) FROM t WHERE id<=30",
      "SELECT COUNT(*) FROM t WHERE id=1000",
      "SELECT * FROM t WHERE id IN (3,4,5) ORDER BY id DESC",
    ]) {
      expect([sql, sharded.through(sql)]).toEqual([sql, plain.run(sql)])
    }
  })

  it("give ids of the server's choice to rows with 0, a text without digits, or none", () => {
    const sharded = makeSharded()
    sharded.insert("INSERT INTO t (id,v) VALUES (0,1),('abc',2),(5,3)")
    sharded.insert("INSERT INTO t (v) VALUES (4)")
    expect(sharded.through("SELECT COUNT(*) FROM t")).toMatchObject({ rows: [["4"]] })
    expect(sharded.through("SELECT v FROM t WHERE id=5")).toMatchObject({ rows: [["3"]] })
  })
})
