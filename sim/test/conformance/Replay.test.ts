/** The replayer itself: what it compares, what it leaves out, and that it notices a wrong answer. */
import { describe, expect, it } from "vitest"
import { compare } from "../../src/conformance/Compare.ts"
import { Replay } from "../../src/conformance/Replay.ts"
import { parseTranscript } from "../../src/conformance/Transcript.ts"

const around = { streamedTables: new Set<string>(), streamed: false, unrecordedWrites: false }

const play = (...lines: ReadonlyArray<object>): ReadonlyArray<string> => {
  const header = { transcript: "x", family: "y", purpose: "", server: "29.2.2", nodes: 2 }
  const content = [header, ...lines].map((line) => JSON.stringify(line)).join("\n")
  return new Replay(parseTranscript(content, "x"))
    .run()
    .statements.map(({ line, verdict }) => `${line} ${verdict.kind}`)
}

describe("replay", () => {
  it("plays lines in order and names the wrong ones", () => {
    expect(
      play(
        { at: 0, event: "start", node: 1, up: true, ms: 100 },
        { at: 100, node: 1, sql: "CREATE CLUSTER c", ms: 20, ok: { affectedRows: 0, warnings: 0 } },
        {
          at: 120,
          node: 1,
          sql: "CREATE CLUSTER c",
          ms: 1,
          error: { errno: 1064, sqlState: "42000", message: "failed to create desc: cluster 'c' already exists" },
        },
        { at: 121, node: 1, sql: "SHOW TABLES", ms: 1, columns: ["Table", "Type"], rows: [["t", "rt"]] },
      ),
    ).toEqual(["3 agree", "4 agree", "5 differ"])
  })

  it("gives overlapping statements connections of their own", () => {
    expect(
      play(
        { at: 0, event: "start", node: 1, up: true, ms: 100 },
        { at: 100, event: "start", node: 2, up: true, ms: 100 },
        { at: 200, node: 1, sql: "CREATE CLUSTER c", ms: 20, ok: { affectedRows: 0, warnings: 0 } },
        { at: 220, group: 1, node: 2, sql: "JOIN CLUSTER c AT '{n1}'", ms: 1030, ok: { affectedRows: 0, warnings: 0 } },
        {
          at: 230,
          group: 1,
          node: 2,
          sql: "SHOW STATUS LIKE 'cluster_%'",
          ms: 1,
          columns: ["Counter", "Value"],
          rows: [],
        },
      ).toSorted(),
    ).toEqual(["4 agree", "5 agree", "6 agree"])
  })
})

describe("compare", () => {
  it("leaves out who won a race and what differs between machines", () => {
    const lost = {
      kind: "error",
      errno: 1064,
      sqlState: "42000",
      message: "table s: error at PostRollback, code 3 (transaction aborted, server can continue), seqno 7",
    } as const
    const actual = {
      _tag: "Refused",
      errno: 1064,
      sqlState: "42000",
      message: lost.message.replace("7", "12"),
    } as const
    expect(compare("UPDATE", lost, actual, around).kind).toBe("agree")
    expect(compare("UPDATE", { ...lost, message: lost.message.replace("7", "-1") }, actual, around).kind).toBe("differ")
  })

  it("compares SHOW STATUS by name, and lists of members as sets", () => {
    const rows = (local: string, view: string) => [
      ["cluster_name", "c"],
      ["cluster_c_local_index", local],
      ["cluster_c_nodes_view", view],
    ]
    const expected = {
      kind: "rows",
      columns: ["Counter", "Value"],
      rows: rows("0", "{n1},{r1}:replication,{n2},{r2}:replication"),
    } as const
    const actual = {
      _tag: "Rows",
      columns: ["Counter", "Value"],
      rows: rows("1", "h2:9312,h2:9313:replication,h1:9312,h1:9315:replication"),
    } as const
    expect(compare("SHOW STATUS LIKE 'cluster_%'", expected, actual, around).kind).toBe("agree")
  })
})
