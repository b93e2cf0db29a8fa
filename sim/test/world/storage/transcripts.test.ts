/**
 * Holds the storage against recordings of a real server: every statement of the single-node families, and those of
 * the others that one node answers by itself, is executed in order and its answer compared word for word.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Answer } from "@shardwright/core/Answer"
import { describe, expect, it } from "vitest"
import { parse } from "../../../src/world/sql/parse.ts"
import { Database } from "../../../src/world/storage/Database.ts"
import { executeLocal, Session } from "../../../src/world/storage/Session.ts"

const folder = join(import.meta.dirname, "../../../../../shared/transcripts")

interface Line {
  readonly node?: number
  readonly group?: number
  readonly sql?: string
  readonly event?: string
  readonly columns?: ReadonlyArray<string>
  readonly rows?: unknown
  readonly ok?: unknown
  readonly error?: { readonly errno: number; readonly sqlState: string; readonly message: string }
  readonly into?: string
  readonly values?: ReadonlyArray<string>
  readonly from?: number
  readonly count?: number
}

const recorded = (line: Line): unknown => {
  if (line.ok !== undefined) {
    return line.ok
  }
  return line.error ?? { columns: line.columns, rows: line.rows }
}

const given = (answer: Answer): unknown => {
  switch (answer._tag) {
    case "Rows":
      return { columns: answer.columns, rows: answer.rows }
    case "Ok":
      return { affectedRows: answer.affectedRows, warnings: answer.warnings }
    case "Refused":
      return { errno: answer.errno, sqlState: answer.sqlState, message: answer.message }
    case "NoAnswer":
      return { noAnswer: answer.reason }
  }
}

/** A recording shows ids of the server's choice as `{autoid}`, and messages that were too long cut off. */
const agrees = (record: unknown, answer: unknown): boolean => {
  const pattern = JSON.stringify(record)
  const text = JSON.stringify(answer).replace(/"7\d{18}(,7\d{18})*"/g, (ids) => ids.replace(/\d+/g, "{autoid}"))
  return pattern === text || (pattern.endsWith('..."}') && text.startsWith(pattern.slice(0, -5)))
}

const replay = (
  family: string,
  name: string,
): { readonly statements: number; readonly differences: ReadonlyArray<string> } => {
  let next = 7_000_000_000_000_000_000n
  const database = new Database({ dataDirectory: "{data1}", autoId: () => next++ })
  const session = new Session()
  const differences: Array<string> = []
  let statements = 0
  for (const text of readFileSync(join(folder, family, name), "utf8").split("\n")) {
    const line: Line = text === "" ? {} : (JSON.parse(text) as Line)
    if (line.event === "fill") {
      const { into = "", values = [], from = 0, count = 0 } = line
      for (let id = from; id < from + count; id++) {
        executeLocal(
          database,
          session,
          parse(`INSERT INTO ${into} (id,v) VALUES (${id},${values[0]?.replace("{id}", String(id)) ?? 0})`),
        )
      }
    }
    // Statements that overlap race on this kind of table; who wins is not to be expected word for word.
    if (line.sql === undefined || line.event !== undefined || line.error?.message.startsWith("(client)") === true) {
      continue
    }
    const answer = executeLocal(database, line.group === undefined ? session : new Session(), parse(line.sql))
    if (line.group !== undefined) {
      continue
    }
    statements++
    if (!agrees(recorded(line), given(answer))) {
      differences.push(
        `${line.sql}\n  recorded ${JSON.stringify(recorded(line))}\n  given    ${JSON.stringify(given(answer))}`,
      )
    }
  }
  return { statements, differences }
}

const present = existsSync(folder)
if (!present) {
  console.warn(`skipped: no recordings in ${folder}`)
}

describe.skipIf(!present)("recordings of a single node", () => {
  for (const family of ["ddl", "dml"]) {
    for (const name of present ? readdirSync(join(folder, family)) : []) {
      it(`${family}/${name}`, () => {
        const { statements, differences } = replay(family, name)
        expect(differences).toEqual([])
        expect(statements).toBeGreaterThan(5)
      })
    }
  }
})
