/**
 * Our statements, and which statements are ours. Whether one is ours is decided by its first words (of CREATE TABLE by its
 * options); from there on it is either understood as a whole or refused with its place, in the words of the daemon.
 *
 *   CREATE TABLE [IF NOT EXISTS] [c:]t (columns) shards='N' rf='M' [timeout='S'] [name='value' …]
 *   DROP TABLE [IF EXISTS] [c:]t
 *   DESC t, DESCRIBE t, SHOW CREATE TABLE t
 *   ALTER TABLE [c:]t[, [c:]t …] rf='M' [asking]
 *   REBALANCE [TABLE [c:]t[, [c:]t …]] [asking]
 *   ALTER SHARDING NODE 'host:port' {ACTIVE | DRAIN | MAINTENANCE | FORGET | REPLACE 'host:port'} [asking]
 *   ALTER SHARDING GROUP g {SPLIT | PROMOTE 'host:port' | REUNITE 'host:port'} [asking]
 *   ALTER SHARDING OPERATION 'id' {APPROVE | PAUSE | RESUME | STOP [NOW] | RESET [START]} [asking]
 *   SHOW SHARDING STATUS [[c:]t]
 *   SHOW SHARDING {MASTER | NODES | GROUPS | OPERATIONS | HISTORY | FINDINGS}
 *
 * asking: any of reason='text', timeout='seconds', approval='1', dry_run='1'.
 */
import type { Wish } from "@shardwright/core/State"
import { type Token, tokensOf } from "./Lexer.ts"

/** A table, with the cluster that its prefix names. */
export interface TableName {
  readonly cluster: string | undefined
  readonly table: string
}

/** How something is asked for. */
export interface Asking {
  readonly reason: string
  /** How long to wait for the outcome, in seconds. */
  readonly timeoutSeconds: number
  readonly approval: boolean
  readonly dryRun: boolean
}

/** What can be shown without naming anything. */
export const shownLists = ["master", "nodes", "groups", "operations", "history", "findings"] as const
export type ShownList = (typeof shownLists)[number]

export type Statement =
  | (TableName & {
      readonly _tag: "Create"
      readonly ifNotExists: boolean
      readonly structure: string
      readonly shards: number
      readonly rf: number
      readonly options: Readonly<Record<string, string>>
      readonly asking: Asking
    })
  | (TableName & { readonly _tag: "Drop"; readonly ifExists: boolean; readonly asking: Asking })
  | (TableName & { readonly _tag: "Describe"; readonly as: "columns" | "statement" })
  | { readonly _tag: "Status"; readonly of: TableName | undefined }
  | { readonly _tag: "List"; readonly what: ShownList }
  /** Names of tables in the wish have no prefix; `clusters` are those that were named. */
  | { readonly _tag: "Ask"; readonly wish: Wish; readonly clusters: ReadonlyArray<string>; readonly asking: Asking }

/** What a text is: a statement of ours, one that was meant to be and is not well-formed, or none of ours. */
export type Parsed =
  | { readonly _tag: "Ours"; readonly statement: Statement }
  | { readonly _tag: "Malformed"; readonly message: string }
  | { readonly _tag: "Foreign" }

const foreign: Parsed = { _tag: "Foreign" }

/** How long a statement waits if it does not say: as long as the daemon's own helper. */
export const timeoutSecondsDefault = 30
const timeoutSecondsMax = 86_400

/** Thrown within this module only: the way out of a statement that cannot be understood. */
class Malformed extends Error {}

/** Reads tokens one after another. */
class Reader {
  readonly #sql: string
  readonly #tokens: ReadonlyArray<Token>
  #at = 0

  constructor(sql: string) {
    this.#sql = sql
    const tokens = tokensOf(sql)
    // The separator after the only statement.
    const before = tokens.at(-2)
    const isSeparated = before?.kind === "sign" && before.value === ";"
    this.#tokens = isSeparated ? [...tokens.slice(0, -2), ...tokens.slice(-1)] : tokens
  }

  get next(): Token {
    // The last token is the end, which is never passed.
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)] as Token
  }

  get rest(): ReadonlyArray<Token> {
    return this.#tokens.slice(this.#at)
  }

  take(): Token {
    const token = this.next
    this.#at++
    return token
  }

  /** The words that follow, in any case, are taken if all of them are there. */
  words(...expected: ReadonlyArray<string>): boolean {
    const found = expected.every((word, index) => {
      const token = this.#tokens[this.#at + index]
      return token?.kind === "word" && token.value.toUpperCase() === word
    })
    if (found) this.#at += expected.length
    return found
  }

  sign(expected: string): boolean {
    if (this.next.kind !== "sign" || this.next.value !== expected) return false
    this.#at++
    return true
  }

  /** Fails at the token that follows, as the daemon does. */
  unexpected(expected: string): never {
    const { kind, start, value } = this.next
    const found = kind === "end" ? "$end" : kind === "sign" ? `'${value}'` : kind === "word" ? "identifier" : kind
    const near = this.#sql.slice(start, start + 80)
    throw new Malformed(`P03: syntax error, unexpected ${found}, expecting ${expected} near '${near}'`)
  }

  end(): void {
    if (this.next.kind !== "end") this.unexpected("$end")
  }

  identifier(what: string): string {
    if (this.next.kind !== "word" && this.next.kind !== "name") this.unexpected(what)
    return this.take().value
  }

  text(what: string): string {
    if (this.next.kind !== "text") this.unexpected(what)
    return this.take().value
  }

  /** `[c:]t`. Names of tables are in lower case, as the daemon has them. */
  tableName(): TableName {
    const first = this.identifier("tablename")
    if (!this.sign(":")) return { cluster: undefined, table: first.toLowerCase() }
    return { cluster: first, table: this.identifier("tablename").toLowerCase() }
  }

  tableNames(): ReadonlyArray<TableName> {
    const names = [this.tableName()]
    while (this.sign(",")) names.push(this.tableName())
    return names
  }

  /** What stands between parentheses, as it is written. */
  parenthesized(): string {
    const { start } = this.next
    if (!this.sign("(")) this.unexpected("'('")
    let depth = 1
    while (depth > 0) {
      if (this.next.kind === "end") this.unexpected("')'")
      const { kind, value } = this.take()
      if (kind === "sign" && value === "(") depth++
      if (kind === "sign" && value === ")") depth--
    }
    const end = this.#tokens[this.#at - 1]?.start ?? start
    return this.#sql.slice(start + 1, end).trim()
  }

  /** `name='value'` until the end. */
  options(): ReadonlyMap<string, string> {
    const options = new Map<string, string>()
    while (this.next.kind !== "end") {
      const name = this.identifier("option").toLowerCase()
      if (!this.sign("=")) this.unexpected("'='")
      if (options.has(name)) throw new Malformed(`Duplicate parameter '${name}' found`)
      options.set(name, this.text("string"))
    }
    return options
  }
}

const wholeNumber = (name: string, value: string): number => {
  if (value === "") throw new Malformed(`Parameter '${name}' requires to have a value`)
  if (!/^\d{1,9}$/.test(value)) throw new Malformed(`Parameter '${name}' requires to have a numeric value`)
  return Number(value)
}

const isOn = (name: string, value: string | undefined): boolean => {
  if (value !== undefined && value !== "0" && value !== "1")
    throw new Malformed(`Parameter '${name}' requires to be '0' or '1'`)
  return value === "1"
}

/** Takes what is about asking out of the options. */
const askingOf = (options: ReadonlyMap<string, string>, also: ReadonlyArray<string> = []): Asking => {
  const known = new Set(["reason", "timeout", "approval", "dry_run", ...also])
  const unknown = [...options.keys()].find((name) => !known.has(name))
  if (unknown !== undefined)
    throw new Malformed(`Unknown parameter '${unknown}'; expecting one of ${[...known].join(", ")}`)
  return {
    reason: options.get("reason") ?? "",
    timeoutSeconds: timeoutOf(options.get("timeout")),
    approval: isOn("approval", options.get("approval")),
    dryRun: isOn("dry_run", options.get("dry_run")),
  }
}

const timeoutOf = (value: string | undefined): number => {
  if (value === undefined) return timeoutSecondsDefault
  const seconds = wholeNumber("timeout", value)
  if (seconds < 1) throw new Malformed("You cannot set timeout less than 1 second")
  if (seconds > timeoutSecondsMax)
    throw new Malformed(`You cannot set timeout greater than ${timeoutSecondsMax} seconds`)
  return seconds
}

const clustersOf = (names: ReadonlyArray<TableName>): ReadonlyArray<string> =>
  names.flatMap(({ cluster }) => (cluster === undefined ? [] : [cluster]))

/** True if an option of this name is among the tokens. */
const hasOption = (tokens: ReadonlyArray<Token>, names: ReadonlyArray<string>): boolean =>
  tokens.some(({ kind, value }, index) => {
    const after = tokens[index + 1]
    const isNamed = (kind === "word" || kind === "name") && names.includes(value.toLowerCase())
    return isNamed && after?.kind === "sign" && after.value === "="
  })

const create = (reader: Reader): Statement => {
  const ifNotExists = reader.words("IF", "NOT", "EXISTS")
  const name = reader.tableName()
  const structure = reader.parenthesized()
  const options = reader.options()
  const { shards, rf, timeout, ...others } = Object.fromEntries(options)
  if (rf === undefined) throw new Malformed("Sharded table requires `rf=n`")
  if (shards === undefined) throw new Malformed("Sharded table requires `shards=n`")
  return {
    _tag: "Create",
    ...name,
    ifNotExists,
    structure,
    shards: wholeNumber("shards", shards),
    rf: wholeNumber("rf", rf),
    options: others,
    asking: { reason: "", timeoutSeconds: timeoutOf(timeout), approval: false, dryRun: false },
  }
}

const drop = (reader: Reader): Statement => {
  const ifExists = reader.words("IF", "EXISTS")
  const name = reader.tableName()
  return { _tag: "Drop", ...name, ifExists, asking: askingOf(reader.options()) }
}

const alterTables = (reader: Reader): Statement => {
  const names = reader.tableNames()
  const options = reader.options()
  const wish: Wish = {
    _tag: "SetRf",
    tables: names.map(({ table }) => table),
    rf: wholeNumber("rf", options.get("rf") ?? ""),
  }
  return { _tag: "Ask", wish, clusters: clustersOf(names), asking: askingOf(options, ["rf"]) }
}

const rebalance = (reader: Reader): Statement => {
  const names = reader.words("TABLE") ? reader.tableNames() : []
  const tables = names.length === 0 ? null : names.map(({ table }) => table)
  return {
    _tag: "Ask",
    wish: { _tag: "Rebalance", tables },
    clusters: clustersOf(names),
    asking: askingOf(reader.options()),
  }
}

const nodeWish = (reader: Reader): Wish => {
  const node = reader.text("node 'host:port'")
  if (reader.words("ACTIVE")) return { _tag: "SetNodeState", node, state: "active" }
  if (reader.words("DRAIN")) return { _tag: "SetNodeState", node, state: "draining" }
  if (reader.words("MAINTENANCE")) return { _tag: "SetNodeState", node, state: "maintenance" }
  if (reader.words("FORGET")) return { _tag: "ForgetNode", node }
  if (reader.words("REPLACE")) return { _tag: "ReplaceNode", old: node, new: reader.text("node 'host:port'") }
  return reader.unexpected("ACTIVE or DRAIN or MAINTENANCE or FORGET or REPLACE")
}

const groupWish = (reader: Reader): Wish => {
  const group = reader.next.kind === "text" ? reader.take().value : reader.identifier("group")
  if (reader.words("SPLIT")) return { _tag: "SplitGroup", group }
  if (reader.words("PROMOTE")) return { _tag: "PromoteGroup", group, node: reader.text("node 'host:port'") }
  if (reader.words("REUNITE")) return { _tag: "ReuniteGroup", group, keep: reader.text("node 'host:port'") }
  return reader.unexpected("SPLIT or PROMOTE or REUNITE")
}

const operationWish = (reader: Reader): Wish => {
  const operation = reader.text("operation 'id'")
  if (reader.words("APPROVE")) return { _tag: "Approve", operation }
  if (reader.words("PAUSE")) return { _tag: "Pause", operation }
  if (reader.words("RESUME")) return { _tag: "Resume", operation }
  if (reader.words("STOP")) return { _tag: "Stop", operation, now: reader.words("NOW") }
  if (reader.words("RESET")) return { _tag: "Reset", operation, start: reader.words("START") }
  return reader.unexpected("APPROVE or PAUSE or RESUME or STOP or RESET")
}

const alterSharding = (reader: Reader): Statement => {
  const wish = reader.words("NODE")
    ? nodeWish(reader)
    : reader.words("GROUP")
      ? groupWish(reader)
      : reader.words("OPERATION")
        ? operationWish(reader)
        : reader.unexpected("NODE or GROUP or OPERATION")
  return { _tag: "Ask", wish, clusters: [], asking: askingOf(reader.options()) }
}

const status = (reader: Reader): Statement => ({
  _tag: "Status",
  of: reader.next.kind === "end" ? undefined : reader.tableName(),
})

const describe =
  (as: "columns" | "statement") =>
  (reader: Reader): Statement => ({ _tag: "Describe", ...reader.tableName(), as })

/** A kind of statement: it is one if it begins with the words, and what follows does not speak against it. */
interface Form {
  readonly words: ReadonlyArray<string>
  readonly isOurs?: (rest: ReadonlyArray<Token>) => boolean
  /** The daemon has such statements as well: whatever is written in a way that we do not know is not ours. */
  readonly isShared?: boolean
  readonly read: (reader: Reader) => Statement
}

const forms: ReadonlyArray<Form> = [
  { words: ["SHOW", "SHARDING", "STATUS"], read: status },
  ...shownLists.map((what): Form => ({
    words: ["SHOW", "SHARDING", what.toUpperCase()],
    read: () => ({ _tag: "List", what }),
  })),
  { words: ["SHOW", "CREATE", "TABLE"], isShared: true, read: describe("statement") },
  { words: ["DESC"], isShared: true, read: describe("columns") },
  { words: ["DESCRIBE"], isShared: true, read: describe("columns") },
  { words: ["DROP", "TABLE"], isShared: true, read: drop },
  { words: ["CREATE", "TABLE"], isOurs: (rest) => hasOption(rest, ["shards", "rf"]), read: create },
  { words: ["ALTER", "TABLE"], isOurs: (rest) => hasOption(rest, ["rf"]), read: alterTables },
  { words: ["ALTER", "SHARDING"], read: alterSharding },
  { words: ["REBALANCE"], read: rebalance },
]

/** So much of a statement says whether its first word is one of ours: a bulk insert is long, and need not be read. */
const headLength = 300
const firstWords = new Set(forms.flatMap(({ words: [first = ""] }) => [first]))

const beginsWithOthers = (sql: string): boolean => {
  const [first] = tokensOf(sql.slice(0, headLength))
  return first?.kind === "word" && first.end < headLength && !firstWords.has(first.value.toUpperCase())
}

/** True if a statement begins with something about the engine's own records: nobody shall make tables up for it. */
export const isAboutRecords = (sql: string): boolean =>
  tokensOf(sql.slice(0, headLength)).some(({ kind, value }, at, tokens) => {
    const [dot, table] = tokens.slice(at + 1, at + 3)
    return (
      kind === "word" && value === "system" && dot?.value === "." && table?.value.startsWith("shardwright_") === true
    )
  })

/** Reads a statement. Total: it answers for any text. */
export const parseStatement = (sql: string): Parsed => {
  if (beginsWithOthers(sql)) return foreign
  const reader = new Reader(sql)
  const form = forms.find(({ words }) => reader.words(...words))
  if (form === undefined || form.isOurs?.(reader.rest) === false) return foreign
  try {
    const statement = form.read(reader)
    reader.end()
    return { _tag: "Ours", statement }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return form.isShared === true ? foreign : { _tag: "Malformed", message: error.message }
  }
}
