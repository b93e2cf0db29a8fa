/** Whether the simulated answer says what the recorded one says, leaving out what differs from run to run. */
import type { Answer, Cell } from "@shardwright/core/Answer"
import { toRecorded } from "./Names.ts"
import type { RecordedAnswer } from "./Transcript.ts"

/** What was found for one statement. */
export type Verdict =
  | { readonly kind: "agree" }
  | { readonly kind: "differ" }
  /** Nothing follows from a difference here. */
  | { readonly kind: "skip"; readonly reason: string }

/** What has happened around a statement that limits what can be compared. */
export interface Surroundings {
  /** Tables that streams of unknown length have written. */
  readonly streamedTables: ReadonlySet<string>
  /** True if a stream has written to any cluster. */
  readonly streamed: boolean
  /** True if the recorder wrote rows of which only a tally is in the transcript. */
  readonly unrecordedWrites: boolean
}

const agree: Verdict = { kind: "agree" }
const differ: Verdict = { kind: "differ" }

/** The order of members follows from random uuids, and so does that of what each of them said. */
const byMember = (message: string): string =>
  message.startsWith("'{n") ? (message.match(/'\{n\d+\}': .*?(?=$|'\{n\d+\}': )/g) ?? []).sort().join("") : message

const neutralError = (message: string): string =>
  byMember(message)
    .replace(/seqno \d+/g, "seqno N")
    .replace(/\{r\d+\}/g, "{r}")

const sameCell = (expected: Cell, actual: Cell): boolean => {
  if (expected === actual) return true
  if (typeof expected === "number" && typeof actual === "number")
    return Math.abs(expected - actual) <= 1e-6 * Math.max(1, Math.abs(expected))
  if (typeof expected === "string" && expected.includes("{autoid}")) {
    return typeof actual === "string" && new RegExp(`^${expected.replaceAll("{autoid}", "\\d+")}$`).test(actual)
  }
  return typeof expected === "string" && typeof actual === "string" && expected === toRecorded(actual)
}

const sameRow = (expected: ReadonlyArray<Cell>, actual: ReadonlyArray<Cell>): boolean =>
  expected.length === actual.length && expected.every((value, index) => sameCell(value, actual[index] ?? null))

const sameRows = (expected: ReadonlyArray<ReadonlyArray<Cell>>, actual: ReadonlyArray<ReadonlyArray<Cell>>): boolean =>
  expected.length === actual.length && expected.every((row, index) => sameRow(row, actual[index] ?? []))

const sameRowsInAnyOrder = (
  expected: ReadonlyArray<ReadonlyArray<Cell>>,
  actual: ReadonlyArray<ReadonlyArray<Cell>>,
): boolean => {
  if (expected.length !== actual.length) return false
  const left = [...actual]
  return expected.every((row) => {
    const index = left.findIndex((other) => sameRow(row, other))
    if (index < 0) return false
    left.splice(index, 1)
    return true
  })
}

// --- SHOW STATUS --------------------------------------------------------------------------------------------------

const keptRows =
  /_(state_seqno|conf_id|status|size|local_index|node_state|nodes_set|nodes_view|indexes_count|indexes|last_committed|sst_\w+)$/
const isClusterStatus = /^\s*SHOW\s+STATUS\s+LIKE\s+'cluster_/i

const neutralStatus = (name: string, value: Cell): Cell => {
  const text = toRecorded(String(value))
  if (/_(nodes_set|nodes_view|indexes)$/.test(name)) {
    return text
      .replace(/,(\{r\d+\})/g, "+$1")
      .split(",")
      .sort()
      .join(",")
  }
  return text
}

const statusMap = (rows: ReadonlyArray<ReadonlyArray<Cell>>, all: boolean): Map<string, Cell> => {
  const map = new Map<string, Cell>()
  for (const [name, value] of rows) {
    const key = String(name)
    if (key === "cluster_name") map.set(`cluster_name ${String(value)}`, "")
    else if (all && keptRows.test(key)) map.set(key, neutralStatus(key, value ?? null))
    else if (!all) map.set(key, neutralStatus(key, value ?? null))
  }
  return map
}

const ignored = (name: string, expected: ReadonlyMap<string, Cell>, around: Surroundings): boolean => {
  if (name.endsWith("_local_index")) return true
  if (/_sst_\w+$/.test(name)) {
    // How far a copy has come is a matter of milliseconds.
    const cluster = name.replace(/_sst_\w+$/, "")
    const state = expected.get(`${cluster}_node_state`)
    return state === "donor" || state === "joining"
  }
  return (around.streamed || around.unrecordedWrites) && /_(state_seqno|last_committed)$/.test(name)
}

const compareStatus = (
  sql: string,
  expected: ReadonlyArray<ReadonlyArray<Cell>>,
  actual: ReadonlyArray<ReadonlyArray<Cell>>,
  around: Surroundings,
): Verdict => {
  const all = /'cluster_%'/.test(sql)
  const wanted = statusMap(expected, all)
  const found = statusMap(actual, all)
  for (const name of new Set([...wanted.keys(), ...found.keys()])) {
    if (!ignored(name, wanted, around) && wanted.get(name) !== found.get(name)) return differ
  }
  return agree
}

// --- statements ---------------------------------------------------------------------------------------------------

const tableOf = (sql: string): string | undefined => /\bFROM\s+`?(?:\w+:)?([\w.]+)`?/i.exec(sql)?.[1]?.toLowerCase()

const dependsOnStream = (sql: string, around: Surroundings): boolean => {
  const table = tableOf(sql)
  return table !== undefined && /^\s*SELECT/i.test(sql) && around.streamedTables.has(table) && !/\bWHERE\b/i.test(sql)
}

const compareRows = (
  sql: string,
  expected: Extract<RecordedAnswer, { kind: "rows" }>,
  actual: Answer,
  around: Surroundings,
): Verdict => {
  if (actual._tag !== "Rows") return differ
  if (isClusterStatus.test(sql)) return compareStatus(sql, expected.rows, actual.rows, around)
  const columns =
    expected.columns.length === actual.columns.length &&
    expected.columns.every((name, index) => name === actual.columns[index])
  const rows =
    sameRows(expected.rows, actual.rows) ||
    (!/\bORDER\s+BY\b/i.test(sql) && sameRowsInAnyOrder(expected.rows, actual.rows))
  if (columns && rows) return agree
  if (columns && around.unrecordedWrites && /^\s*SELECT/i.test(sql))
    return { kind: "skip", reason: "rows that a measurement wrote" }
  return columns && dependsOnStream(sql, around) ? { kind: "skip", reason: "counts the rows of a stream" } : differ
}

const compareClientError = (message: string, actual: Answer): Verdict => {
  if (actual._tag !== "NoAnswer") return differ
  if (/no answer within|ETIMEDOUT/.test(message)) return actual.reason === "timeout" ? agree : differ
  if (/ECONNREFUSED/.test(message)) return actual.reason === "connection refused" ? agree : differ
  return actual.reason === "timeout" ? differ : agree
}

/** Compares one answer. */
export const compare = (sql: string, expected: RecordedAnswer, actual: Answer, around: Surroundings): Verdict => {
  if (expected.kind === "rows") return compareRows(sql, expected, actual, around)
  if (expected.kind === "ok") {
    if (actual._tag !== "Ok") return differ
    return expected.affectedRows === actual.affectedRows && expected.warnings === actual.warnings ? agree : differ
  }
  if (expected.message.startsWith("(client)")) return compareClientError(expected.message, actual)
  if (actual._tag !== "Refused") return differ
  const wanted = neutralError(expected.message)
  const found = neutralError(toRecorded(actual.message))
  // The server cuts long messages, and where depends on the length of the recorder's paths.
  const same =
    wanted.endsWith("...") && wanted.length > 300
      ? found.startsWith(wanted.slice(0, -3)) || wanted.startsWith(found.slice(0, 300))
      : found === wanted
  return same && actual.errno === expected.errno && actual.sqlState === expected.sqlState ? agree : differ
}

/** True for rows that a wait was looking for. */
export const matchesRows = (expected: ReadonlyArray<ReadonlyArray<Cell>>, actual: Answer): boolean =>
  actual._tag === "Rows" && sameRows(expected, actual.rows)
