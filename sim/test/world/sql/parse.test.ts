/**
 * Reading: every recorded statement reads or fails as on the real server, statements that were not recorded follow the
 * same rules, and a statement recalled by its shape is the one that the grammar would have read.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parse } from "../../../src/world/sql/parse.ts"

const folder = join(import.meta.dirname, "../../../../../shared/transcripts")
const present = existsSync(folder)
if (!present) {
  console.warn(`skipped: no recordings in ${folder}`)
}

interface Line {
  readonly sql?: string
  readonly error?: { readonly message: string }
}

const linesOf = (family: string): ReadonlyArray<Line> =>
  readdirSync(join(folder, family)).flatMap((name) =>
    readFileSync(join(folder, family, name), "utf8")
      .split("\n")
      .filter((text) => text !== "")
      .map((text): Line => JSON.parse(text)),
  )

/** Refusals of the grammars; all others come from tables and clusters. */
const syntaxErrorOf = ({ error }: Line): string | undefined =>
  error !== undefined && /^P0\d: /.test(error.message) ? error.message : undefined

describe.skipIf(!present)("recorded statements", () => {
  const families = present ? readdirSync(folder).filter((name) => !name.includes(".")) : []
  for (const family of families) {
    it(`${family}: read, or refused with the recorded words`, () => {
      const differences: Array<string> = []
      for (const line of linesOf(family)) {
        if (line.sql === undefined) {
          continue
        }
        const read = parse(line.sql)
        const expected = read.kind === "failure" ? line.error?.message : syntaxErrorOf(line)
        if ((read.kind === "failure" ? read.message : undefined) !== expected) {
          differences.push(line.sql)
        }
      }
      expect(differences).toEqual([])
    })
  }
})

const messageOf = (sql: string): string => {
  const read = parse(sql)
  return read.kind === "failure" ? read.message : `read as ${read.kind}`
}

describe("syntax errors", () => {
  const cases: ReadonlyArray<readonly [sql: string, message: string]> = [
    ["CREATE TABLE other (x int, y", "P03: expected 'id', got 'y' near 'y'"],
    ["CREATE TABLE q (x bigint) ;", "P03: syntax error, unexpected invalid token, expecting $end near ';'"],
    ["CREATE TABLE q (x bigint) kind=3", "P03: syntax error, unexpected integer, expecting string near '3'"],
    ["CREATE TABLE nothere.q (x bigint)", "P03: unexpected db 'nothere', only 'system' allowed near 'q (x bigint)'"],
    ["CREATE CLUSTER IF NOT EXISTS blue", "P03: syntax error, unexpected IF near 'IF NOT EXISTS blue'"],
    [
      "ALTER CLUSTER blue RENAME t",
      "P03: syntax error, unexpected tablename, expecting ADD or DROP or UPDATE near 'RENAME t'",
    ],
    ["DROP TABLE a, b, c", "P03: syntax error, unexpected ',', expecting $end near ', b, c'"],
    [
      "DELETE CLUSTER IF EXISTS blue",
      "P01: syntax error, unexpected CLUSTER, expecting FROM near 'CLUSTER IF EXISTS blue'",
    ],
    ["SHOW SHARDS", "P01: syntax error, unexpected identifier, expecting VARIABLES near 'SHARDS'"],
    ["UPDATE q SET a=1, b=2", "P01: syntax error, unexpected $end, expecting WHERE or ',' near '2'"],
    ["UPDATE q SET a=b+1 WHERE id=3", "P01: syntax error, unexpected identifier near 'b+1 WHERE id=3'"],
    ["INSERT INTO q (id,a) VALUES (1,2),(3)", "P01: wrong number of values here near ')'"],
    ["INSERT INTO q (id,a) VALUES (1,NULL)", "P01: syntax error, unexpected null near 'NULL)'"],
    ["SELECT * FROM `system.q`", "P01: syntax error, unexpected invalid token near '`system.q`'"],
    ["analyze q", "P02: syntax error, unexpected identifier near 'analyze q'"],
    ["   ", "query was empty"],
    [
      "SELECT * FROM q WHERE id=9223372036854775808",
      "number 9223372036854775808 is out of range [-9223372036854775808..9223372036854775807]",
    ],
  ]
  for (const [sql, message] of cases) {
    it(sql.trim() === "" ? "white space" : sql, () => {
      expect(messageOf(sql)).toBe(message)
    })
  }

  it("never takes a statement that is not modelled for a success", () => {
    for (const sql of ["SELECT id FROM t HAVING a>1", "CALL SNIPPETS('a','t','b')", "KILL 3", "SELECT id FROM a, b"]) {
      expect(messageOf(sql)).toMatch(/^not simulated: /)
    }
  })
})

describe("statements of one shape", () => {
  const text = fc.string({ maxLength: 12 }).map((value) => value.replaceAll("\\", "\\\\").replaceAll("'", "\\'"))
  const id = fc.oneof(fc.nat().map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n }))
  // What stands for every statement of its text and what does not is no difference in what they say.
  const said = (sql: string) => ({ ...parse(sql), shared: undefined })

  it("read the same whether the shape is known or not", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(id, text, id), { minLength: 2, maxLength: 6 }), (parameters) => {
        for (const [a, s, b] of parameters) {
          for (const sql of [
            `UPDATE c:system.state SET \`value\`='${s}', version=${b} WHERE id=${a} AND version=${b}`,
            `INSERT INTO system.state_rows (id,\`key\`,version) VALUES (${a},'${s}',${b}),(${b},'x',1)`,
            `REPLACE INTO system.state_rows (id,\`key\`) VALUES (${a},'${s}'),(${b},'${s}'),(3,'')`,
            `SELECT id, version FROM system.state WHERE id IN (${a},${b},3) LIMIT 5`,
            `DELETE FROM system.state_rows WHERE id=${a} OR \`key\`='${s}'`,
          ]) {
            // With a comment the statement is always read in full.
            expect(said(sql)).toEqual(said(`/* in full */ ${sql}`))
          }
        }
      }),
    )
  })

  it("differ where the text between the constants does", () => {
    expect(parse("SELECT id FROM system.state WHERE id=1 AND version=2")).toMatchObject({ where: { op: "and" } })
    expect(parse("SELECT id FROM system.state WHERE id=1 OR version=2")).toMatchObject({ where: { op: "or" } })
    expect(messageOf("SELECT id FROM system.state WHERE id=1 AND version='")).toBe(
      "P01: syntax error, unexpected invalid token near '''",
    )
  })
})
