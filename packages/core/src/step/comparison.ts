/**
 * Reads copies page by page in the order of their ids: two of them side by side, or one of them twice.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Answer } from "../Answer.ts"
import { rowId } from "../Identifier.ts"
import { cellText } from "../Observe.ts"
import * as Sql from "../Sql.ts"
import { CurrentStep, query } from "./CurrentStep.ts"
import { done, failed, retry } from "./Outcome.ts"

/** Rows of an answer as comparable text; undefined if it has none. */
const rowsOf = (answer: Answer): ReadonlyArray<string> | undefined =>
  answer._tag === "Rows" ? answer.rows.map((row) => JSON.stringify(row)) : undefined

/** Bounds of the comparison. */
const pageTriesMax = 5

/** Pages of a table that are read at most. */
const pagesMax = 1_000_000

/** Compares a table of this node with a donor's, page by page; each page must be equal once within some tries. */
export const compareTable = Effect.fnUntraced(function* (table: string, donor: string) {
  const { config } = yield* CurrentStep
  let after: string | undefined
  let compared = 0
  for (let page = 0; page < pagesMax; page++) {
    let equal = false
    for (let attempt = 0; attempt < pageTriesMax && !equal; attempt++) {
      if (attempt > 0) yield* Effect.sleep(Duration.millis(20 * attempt))
      const theirs = yield* query(Sql.selectPage(table, after, undefined, config.compareRows), undefined, donor)
      if (theirs._tag !== "Rows") return retry("daemon-silent", `${donor} does not answer for ${table}`)
      const full = theirs.rows.length === config.compareRows
      const upTo = full ? cellText(theirs.rows.at(-1)?.[0]) : undefined
      const ours = yield* query(Sql.selectPage(table, after, upTo, config.compareRows + 1))
      if (ours._tag !== "Rows") return retry("table-missing", `${table} cannot be read here`)
      const expected = rowsOf(theirs) ?? []
      const found = rowsOf(ours) ?? []
      equal = expected.length === found.length && expected.every((row, index) => row === found[index])
      if (!equal) continue
      compared += expected.length
      if (!full) return done(String(compared))
      after = upTo
    }
    if (!equal) return retry("copy-differs", `${table} differs from ${donor} after row ${after ?? "0"}`)
  }
  return failed(`${table} has too many rows to compare`)
})

/** Ids of rows of a local table that a donor's copy lacks, or has with other values. */
export const rowsElsewhere = Effect.fnUntraced(function* (table: string, donor: string) {
  const { config } = yield* CurrentStep
  const ids: Array<string> = []
  let after: string | undefined
  for (let page = 0; page < pagesMax; page++) {
    const ours = yield* query(Sql.selectPage(table, after, undefined, config.compareRows))
    if (ours._tag !== "Rows" || ours.rows.length === 0) break
    const upTo = cellText(ours.rows.at(-1)?.[0])
    const theirs = yield* query(Sql.selectPage(table, after, upTo, config.compareRows + 1), undefined, donor)
    const known = new Set(rowsOf(theirs) ?? [])
    for (const row of ours.rows) if (!known.has(JSON.stringify(row))) ids.push(cellText(row[0]))
    if (ours.rows.length < config.compareRows) break
    after = upTo
  }
  return ids
})

/** A digest of a local table, to see whether it changes. */
export const localDigest = Effect.fnUntraced(function* (table: string) {
  const { config } = yield* CurrentStep
  const parts: Array<string> = []
  let after: string | undefined
  for (let page = 0; page < pagesMax; page++) {
    const answer = yield* query(Sql.selectPage(table, after, undefined, config.compareRows))
    if (answer._tag !== "Rows") return undefined
    parts.push(rowId((rowsOf(answer) ?? []).join("\n")))
    if (answer.rows.length < config.compareRows) break
    after = cellText(answer.rows.at(-1)?.[0])
  }
  return parts.join(",")
})
