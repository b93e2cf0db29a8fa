/**
 * What an answer to a client's write proves about each of its rows. Whatever does not prove anything is unknown.
 */
import type { Answer } from "@shardwright/core/Answer"
import type { RowOutcome } from "./ClientModel.ts"

export type WriteKind = "insert" | "replace" | "update" | "delete"

/**
 * Refusals after which nothing was done anywhere, for writes of rows that are not yet touched. What the server says
 * while it loses its quorum (`seqno -1`) and what it says of mirrors that it asked in vain is not among them.
 */
const nothingDone =
  /no such (local )?table|unknown (local )?table|table '[^']*' absent|is not ready|Connection refused|P01: syntax error|doesn't exist|not found|no such column|retries limit exceeded.*errno=111/i
const processed = /processed_ids=([\d,]+)/

/** How the write ended for each row, in the order of `ids`. */
export const judgeWrite = (kind: WriteKind, ids: ReadonlyArray<number>, answer: Answer): ReadonlyArray<RowOutcome> => {
  const all = (outcome: RowOutcome): ReadonlyArray<RowOutcome> => ids.map(() => outcome)
  switch (answer._tag) {
    case "NoAnswer":
      return all(answer.reason === "connection refused" ? "refused" : "unknown")
    case "Rows":
      return all("unknown")
    case "Ok":
      // An UPDATE or DELETE says OK although a shard did not hear of it: only the count tells (semantics 11).
      return all(answer.affectedRows >= ids.length ? "acknowledged" : "unknown")
    case "Refused": {
      const listed = processed.exec(answer.message)?.[1]
      if (listed !== undefined) {
        const done = new Set(listed.split(",").map(Number))
        return ids.map((id) => (done.has(id) ? "acknowledged" : "unknown"))
      }
      // A DELETE or UPDATE may have been applied on some shards before the refusal of another.
      if (kind === "delete" || kind === "update") return all("unknown")
      return all(nothingDone.test(answer.message) && !answer.message.includes("seqno -1") ? "refused" : "unknown")
    }
  }
}
