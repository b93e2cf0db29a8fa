/**
 * Reads one statement of SQL, as the daemon does: exactly its language, exactly its syntax errors.
 *
 * The daemon has three grammars and shows the error of one of them. Which one follows from the first two words: DDL
 * (`P03`) for CREATE, DROP, ALTER and JOIN of things that this grammar knows, the main one (`P01`) for every statement
 * that begins with a word it knows, the second one (`P02`) for the rest.
 */
import { Unreadable } from "./Grammar.ts"
import { parseDdl } from "./parseDdl.ts"
import { parseDeleteCluster, parseMain } from "./parseMain.ts"
import { failure } from "./Statement.ts"
import { learn, recall } from "./template.ts"
import type { ParsedStatement, SqlFailure } from "./Statement.ts"

/** Reads a statement. Never throws: what cannot be read comes back as the failure that a client would see. */
export const parse = (sql: string): ParsedStatement | SqlFailure => {
  const known = isWrite(sql) ? undefined : remembered.get(sql)
  if (known !== undefined) {
    return known
  }
  const recalled = recall(sql)
  if (recalled !== undefined) {
    return recalled
  }
  const read = readAny(sql)
  if (read.kind === "insert" || (read.kind !== "failure" && sql.length <= learnLengthMax)) {
    learn(sql, read)
  }
  if (sql.length <= learnLengthMax && read.kind !== "insert" && read.kind !== "update" && read.kind !== "delete") {
    remember(sql, read)
  }
  return read
}

/** INSERT, REPLACE, UPDATE, DELETE: never remembered word for word, and long enough that looking would cost. */
const isWrite = (sql: string): boolean => {
  const first = sql.charCodeAt(0) | 32
  return first === 0x69 || first === 0x72 || first === 0x75 || (first === 0x64 && (sql.charCodeAt(2) | 32) === 0x6c)
}

/** Longer statements than this are not likely to come again, nor is their shape; but for an INSERT, one row is enough. */
const learnLengthMax = 4000

/** Statements that repeat word for word: reads, mostly. Bounded, and emptied as a whole because that is cheapest. */
const remembered = new Map<string, ParsedStatement | SqlFailure>()
const rememberedMax = 2000

const remember = (sql: string, read: ParsedStatement | SqlFailure): void => {
  if (remembered.size >= rememberedMax) {
    remembered.clear()
  }
  remembered.set(sql, read)
}

const ddl = /^\s*(?:(?:CREATE|DROP)\s+(?:TABLE|CLUSTER|FUNCTION|PLUGIN)\b|(?:ALTER|JOIN)\b)/i
const deleteCluster = /^\s*DELETE\s+CLUSTER\b/i

const readAny = (sql: string): ParsedStatement | SqlFailure => {
  if (sql.trim() === "") {
    return failure("query was empty")
  }
  try {
    switch (sql.charCodeAt(0) | 32) {
      case 105: // i(nsert)
      case 117: // u(pdate)
      case 115: // s(elect), s(how), s(et)
        return parseMain(sql)
      default:
    }
    if (ddl.test(sql)) {
      return parseDdl(sql)
    }
    if (deleteCluster.test(sql)) {
      return parseDeleteCluster(sql) ?? parseMain(sql)
    }
    return parseMain(sql)
  } catch (error) {
    if (error instanceof Unreadable) {
      return error.failure
    }
    throw error
  }
}
