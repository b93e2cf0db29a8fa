/**
 * The daemon's main grammar (`P01`) and its small second one (`P02`): everything but DDL.
 */
import { CLOSE, COLON, COMMA, EQUALS, Grammar, MINUS, OPEN, SEMICOLON, STAR } from "./Grammar.ts"
import type { Dialect } from "./Grammar.ts"
import {
  BACKTICKED,
  END,
  FLOAT,
  IDENT,
  INTEGER,
  OPERATOR,
  PUNCTUATION,
  STRING,
  SUBKEY,
  unquote,
  VARIABLE,
} from "./Tokens.ts"
import { failure } from "./Statement.ts"
import type {
  Comparison,
  Condition,
  Delete,
  Expression,
  FlushTable,
  Insert,
  Literal,
  OrderTerm,
  ParsedStatement,
  Select,
  SelectItem,
  TableName,
  Update,
} from "./Statement.ts"
import { Unreadable } from "./Grammar.ts"

const reserved = new Set([
  ...["AND", "AS", "BY", "DISTINCT", "DIV", "EXPLAIN", "FACET", "FALSE", "FORCE", "FROM", "IGNORE", "IN", "INDEXES"],
  ...["INNER", "IS", "JOIN", "KNN", "LEFT", "LIMIT", "MOD", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER", "RELOAD"],
  ...["SELECT", "TRUE", "SET", "WHERE", "VALUES", "INTO", "BETWEEN"],
])

const keywords = new Set([
  ...reserved,
  ...["AGENT", "ALL", "ANY", "ASC", "AVG", "BEGIN", "CALL", "CHARACTER", "CHUNK", "CLUSTER", "COLLATION", "COLUMN"],
  ...["COMMIT", "COMMITTED", "COUNT", "CREATE", "DATABASES", "DELETE", "DESC", "DESCRIBE", "DROP", "FOR", "FUNCTION"],
  ...["GLOBAL", "GROUP", "GROUPBY", "GROUP_CONCAT", "HAVING", "HOSTNAMES", "INDEX", "INDEXOF", "INSERT", "ISOLATION"],
  ...["LEVEL", "LIKE", "MATCH", "MAX", "META", "MIN", "MULTI", "MULTI64", "NAMES", "OPTIMIZE", "OPTION", "PLAN"],
  ...["PLUGINS", "PROFILE", "RAMCHUNK", "RAND", "READ", "RECONFIGURE", "REGEX", "REMAP", "REPEATABLE", "REPLACE"],
  ...[
    "ROLLBACK",
    "RTINDEX",
    "SERIALIZABLE",
    "SESSION",
    "SETTINGS",
    "SHOW",
    "START",
    "STATUS",
    "STORE",
    "SUM",
    "SYSTEM",
  ],
  ...["TABLE", "TABLES", "THREADS", "TO", "TRANSACTION", "TRUNCATE", "UNCOMMITTED", "UPDATE", "USER", "VARIABLES"],
  ...["WARNINGS", "WEIGHT", "WITHIN"],
])

export const mainDialect: Dialect = { prefix: "P01", ddl: false, identifier: "identifier", keywords, reserved }
const secondDialect: Dialect = { prefix: "P02", ddl: false, identifier: "identifier", keywords: new Set(), reserved }

/** Reads any statement but DDL. Throws `Unreadable`. */
export const parseMain = (text: string): ParsedStatement => {
  const grammar = new Grammar(text, mainDialect)
  const statement = readStatement(grammar, text)
  if (grammar.tokens.takeCharacter(SEMICOLON) && grammar.tokens.kind !== END) {
    return grammar.notSimulated("several statements in one")
  }
  grammar.expectEnd()
  return statement
}

const readStatement = (grammar: Grammar, text: string): ParsedStatement => {
  const { tokens } = grammar
  const word = tokens.wordAt(0).upper
  const read = statements.get(word)
  if (read === undefined) {
    return new Grammar(text, secondDialect).unexpected()
  }
  tokens.position++
  return read(grammar)
}

/** `t`, `system.t`, `c:t`, `c:system.t`. */
const takeTable = (grammar: Grammar): TableName => {
  const { tokens } = grammar
  let name = grammar.takeName()
  let cluster: string | undefined
  if (tokens.takeCharacter(COLON)) {
    cluster = name
    name = grammar.takeName()
  }
  if (tokens.kind === SUBKEY) {
    name += tokens.textAt(tokens.position)
    tokens.position++
  }
  return { cluster, table: name.toLowerCase() }
}

/** The name of a column, perhaps with keys into a json column after it, as the daemon's own columns are named. */
const takeColumn = (grammar: Grammar): string => {
  const { tokens } = grammar
  const at = tokens.position
  const name = grammar.takeLowerName()
  if (tokens.kind !== SUBKEY) {
    return name
  }
  // A quoted name keeps its closing backtick when a key follows: the daemon looks for a column of that odd name.
  let path = tokens.kindAt(at) === BACKTICKED ? `${name}\`` : name
  while (tokens.kind === SUBKEY) {
    path += tokens.textAt(tokens.position)
    tokens.position++
  }
  return path
}

const takeNumber = (grammar: Grammar): bigint | number => {
  const { tokens } = grammar
  const negative = tokens.takeCharacter(MINUS)
  const { kind } = tokens
  if (kind !== INTEGER && kind !== FLOAT) {
    return grammar.unexpected()
  }
  const text = tokens.textAt(tokens.position)
  tokens.position++
  if (kind === FLOAT) {
    return negative ? -Number(text) : Number(text)
  }
  return negative ? -BigInt(text) : BigInt(text)
}

const takeLiteral = (grammar: Grammar): Literal => {
  const { tokens } = grammar
  if (tokens.kind === STRING) {
    const text = tokens.textAt(tokens.position)
    tokens.position++
    return unquote(text)
  }
  if (tokens.takeCharacter(OPEN)) {
    const values: Array<bigint> = []
    while (!tokens.takeCharacter(CLOSE)) {
      if (values.length > 0) {
        grammar.expectCharacter(COMMA, "','", "')'")
      }
      const value = takeNumber(grammar)
      values.push(typeof value === "bigint" ? value : BigInt(Math.trunc(value)))
    }
    return values
  }
  return takeNumber(grammar)
}

const readInsert = (grammar: Grammar, replace: boolean): Insert => {
  const { tokens } = grammar
  grammar.expectWord("INTO")
  const target = takeTable(grammar)
  let columns: Array<string> | undefined
  if (tokens.takeCharacter(OPEN)) {
    columns = []
    do {
      columns.push(takeColumn(grammar))
    } while (tokens.takeCharacter(COMMA))
    grammar.expectCharacter(CLOSE, "','", "')'")
  }
  grammar.expectWord("VALUES")
  const rows: Array<ReadonlyArray<Literal>> = []
  do {
    grammar.expectCharacter(OPEN, "'('")
    const row: Array<Literal> = []
    do {
      row.push(takeLiteral(grammar))
    } while (tokens.takeCharacter(COMMA))
    grammar.expectCharacter(CLOSE, "','", "')'")
    const wanted = columns === undefined ? (rows[0]?.length ?? row.length) : columns.length
    if (row.length !== wanted) {
      return grammar.refuse("wrong number of values here", tokens.position - 1)
    }
    rows.push(row)
  } while (tokens.takeCharacter(COMMA))
  return { kind: "insert", replace, target, columns, rows }
}

const readUpdate = (grammar: Grammar): Update => {
  const { tokens } = grammar
  const target = takeTable(grammar)
  grammar.expectWord("SET")
  const columns: Array<string> = []
  const values: Array<Literal> = []
  do {
    columns.push(takeColumn(grammar))
    grammar.expectCharacter(EQUALS, "'='")
    values.push(takeLiteral(grammar))
  } while (tokens.takeCharacter(COMMA))
  if (!tokens.takeWord("WHERE")) {
    return grammar.unexpected("WHERE", "','")
  }
  const where = readCondition(grammar)
  return { kind: "update", target, columns, values, where }
}

const readDelete = (grammar: Grammar): Delete => {
  grammar.expectWord("FROM")
  const target = takeTable(grammar)
  grammar.expectWord("WHERE")
  return { kind: "delete", target, where: readCondition(grammar) }
}

const readCondition = (grammar: Grammar): Condition => {
  const first = readConjunction(grammar)
  if (!grammar.tokens.isWord("OR")) {
    return first
  }
  const parts = [first]
  while (grammar.tokens.takeWord("OR")) {
    parts.push(readConjunction(grammar))
  }
  return { op: "or", parts }
}

const readConjunction = (grammar: Grammar): Condition => {
  const first = readFilter(grammar)
  if (!grammar.tokens.isWord("AND")) {
    return first
  }
  const parts = [first]
  while (grammar.tokens.takeWord("AND")) {
    parts.push(readFilter(grammar))
  }
  return { op: "and", parts }
}

const readFilter = (grammar: Grammar): Condition => {
  const { tokens } = grammar
  if (tokens.takeWord("NOT")) {
    return { op: "not", part: readFilter(grammar) }
  }
  if (tokens.takeCharacter(OPEN)) {
    const inner = readCondition(grammar)
    grammar.expectCharacter(CLOSE)
    return inner
  }
  if (tokens.isWord("MATCH") && tokens.kindAt(tokens.position + 1) === PUNCTUATION) {
    tokens.position += 2
    const query = grammar.takeString("string")
    grammar.expectCharacter(CLOSE, "')'")
    return { op: "match", query }
  }
  if (!grammar.isNameAt(tokens.position)) {
    return grammar.unexpected()
  }
  const column = takeColumn(grammar)
  if (tokens.takeWord("IN")) {
    return readIn(grammar, column, false)
  }
  if (tokens.takeWord("NOT")) {
    grammar.expectWord("IN")
    return readIn(grammar, column, true)
  }
  if (tokens.takeWord("BETWEEN")) {
    const low = takeNumber(grammar)
    grammar.expectWord("AND")
    return { op: "between", column, low: inRange(low), high: inRange(takeNumber(grammar)) }
  }
  if (tokens.takeWord("IS")) {
    const negated = tokens.takeWord("NOT")
    if (!tokens.takeWord("NULL")) {
      return grammar.unexpected(...(negated ? ["null"] : ["NOT", "null"]))
    }
    return { op: "null", column, negated }
  }
  return { op: "compare", column, comparison: takeComparison(grammar), value: inRange(takeFilterValue(grammar)) }
}

const takeComparison = (grammar: Grammar): Comparison => {
  const { tokens } = grammar
  const text = tokens.kind === PUNCTUATION || tokens.kind === OPERATOR ? tokens.textAt(tokens.position) : ""
  if (tokens.isCharacter(OPEN)) {
    return grammar.notSimulated("a call in WHERE")
  }
  const comparison = comparisons.get(text)
  if (comparison === undefined) {
    return arithmetic.has(text) ? grammar.notSimulated("an expression in WHERE") : grammar.unexpected()
  }
  tokens.position++
  return comparison
}

const comparisons = new Map<string, Comparison>([
  ["=", "="],
  ["!=", "!="],
  ["<>", "!="],
  ["<", "<"],
  [">", ">"],
  ["<=", "<="],
  [">=", ">="],
])
const arithmetic = new Set(["+", "-", "*", "/", "%", "&", "|"])

const takeFilterValue = (grammar: Grammar): Literal => {
  const { tokens } = grammar
  if (tokens.kind === STRING) {
    return takeLiteral(grammar)
  }
  if (tokens.kind === INTEGER || tokens.kind === FLOAT || tokens.isCharacter(MINUS)) {
    return takeNumber(grammar)
  }
  return grammar.isNameAt(tokens.position) ? grammar.notSimulated("a comparison of two columns") : grammar.unexpected()
}

const readIn = (grammar: Grammar, column: string, negated: boolean): Condition => {
  const { tokens } = grammar
  grammar.expectCharacter(OPEN, "'('")
  const values: Array<Literal> = []
  do {
    values.push(inRange(takeFilterValue(grammar)))
  } while (tokens.takeCharacter(COMMA))
  grammar.expectCharacter(CLOSE, "','", "')'")
  return { op: "in", column, values, negated }
}

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n
const uint64Max = 2n ** 64n - 1n

/** Filters compare as signed 64-bit; the scanner itself reads no more than unsigned 64-bit. */
const inRange = <Value extends Literal>(value: Value): Value => {
  if (typeof value === "bigint" && (value > int64Max || value < int64Min)) {
    const read = value > uint64Max ? uint64Max : value
    throw new Unreadable(failure(`number ${read} is out of range [${int64Min}..${int64Max}]`))
  }
  return value
}

const readSelect = (grammar: Grammar): Select => {
  const { tokens } = grammar
  const items: Array<SelectItem> = []
  do {
    items.push(readItem(grammar))
  } while (tokens.takeCharacter(COMMA))
  let from: TableName | undefined
  let where: Condition | undefined
  if (tokens.takeWord("FROM")) {
    from = takeTable(grammar)
    if (tokens.isCharacter(COMMA)) {
      return grammar.notSimulated("SELECT from several tables")
    }
    if (tokens.takeWord("WHERE")) {
      where = readCondition(grammar)
    }
  }
  const groupBy: Array<string> = []
  if (tokens.takeWord("GROUP")) {
    grammar.expectWord("BY")
    do {
      groupBy.push(takeColumn(grammar))
    } while (tokens.takeCharacter(COMMA))
  }
  if (tokens.isWord("WITHIN") || tokens.isWord("HAVING")) {
    return grammar.notSimulated("WITHIN GROUP and HAVING")
  }
  const orderBy = readOrder(grammar)
  const { offset, limit } = readLimit(grammar)
  const maxMatches = readSelectOptions(grammar)
  if (tokens.isWord("FACET")) {
    return grammar.notSimulated("FACET")
  }
  return { kind: "select", items, from, where, groupBy, orderBy, offset, limit, maxMatches, shared: true }
}

const readOrder = (grammar: Grammar): ReadonlyArray<OrderTerm> => {
  const { tokens } = grammar
  if (!tokens.takeWord("ORDER")) {
    return []
  }
  grammar.expectWord("BY")
  const terms: Array<OrderTerm> = []
  do {
    const start = tokens.position
    readOperand(grammar)
    const name = itemText(grammar, start)
    const descending = tokens.takeWord("DESC")
    if (!descending && !tokens.takeWord("ASC")) {
      return grammar.unexpected("ASC", "DESC")
    }
    terms.push({ name, descending })
  } while (tokens.takeCharacter(COMMA))
  return terms
}

const takeCount = (grammar: Grammar): number => {
  const { tokens } = grammar
  if (tokens.kind !== INTEGER) {
    return grammar.unexpected("integer")
  }
  const count = Number(tokens.textAt(tokens.position))
  tokens.position++
  return count
}

const readLimit = (grammar: Grammar): { offset: number; limit: number } => {
  const { tokens } = grammar
  if (!tokens.takeWord("LIMIT")) {
    return { offset: 0, limit: 20 }
  }
  if (tokens.takeCharacter(MINUS)) {
    if (takeCount(grammar) !== 1) {
      return grammar.notSimulated("a negative LIMIT other than -1")
    }
    return { offset: 0, limit: -1 }
  }
  const first = takeCount(grammar)
  if (tokens.takeCharacter(COMMA)) {
    return { offset: first, limit: takeCount(grammar) }
  }
  return { offset: tokens.takeWord("OFFSET") ? takeCount(grammar) : 0, limit: first }
}

/** Options that change neither the rows nor their order. */
const harmlessOptions = new Set([
  "retry_count",
  "retry_delay",
  "agent_query_timeout",
  "max_query_time",
  "threads",
  "comment",
])

const readSelectOptions = (grammar: Grammar): number => {
  const { tokens } = grammar
  let maxMatches = 1000
  if (!tokens.takeWord("OPTION")) {
    return maxMatches
  }
  do {
    const name = grammar.takeName("identifier").toLowerCase()
    grammar.expectCharacter(EQUALS, "'='")
    if (name === "max_matches") {
      maxMatches = takeCount(grammar)
    } else if (harmlessOptions.has(name)) {
      takeLiteral(grammar)
    } else {
      return grammar.notSimulated(`OPTION ${name}`)
    }
  } while (tokens.takeCharacter(COMMA))
  return maxMatches
}

/** The text of the tokens from `start` up to the cursor, in lower case. */
const itemText = (grammar: Grammar, start: number): string => {
  const { tokens } = grammar
  const last = tokens.position - 1
  if (start === last && tokens.kindAt(start) === BACKTICKED) {
    return tokens.textAt(start).slice(1, -1).toLowerCase()
  }
  return tokens.text.slice(tokens.startAt(start), tokens.endAt(last)).toLowerCase()
}

const readItem = (grammar: Grammar): SelectItem => {
  const { tokens } = grammar
  const start = tokens.position
  const plain = plainItem(grammar)
  if (plain !== undefined) {
    return plain
  }
  if (tokens.takeCharacter(STAR)) {
    return { expression: { type: "star" }, name: "*" }
  }
  const expression = readComparison(grammar)
  const text = itemText(grammar, start)
  if (
    tokens.takeWord("AS") ||
    (grammar.isNameAt(tokens.position) && !clauseWords.has(tokens.wordAt(tokens.position).upper))
  ) {
    return { expression, name: grammar.takeName("identifier").toLowerCase() }
  }
  return { expression, name: text }
}

/** A lone column: by far the most frequent item. */
const plainItem = (grammar: Grammar): SelectItem | undefined => {
  const { tokens } = grammar
  const at = tokens.position
  if (!grammar.isNameAt(at)) {
    return undefined
  }
  const next = at + 1
  const ends = tokens.isCharacterAt(next, COMMA) || tokens.isWordAt(next, "FROM")
  if (!ends) {
    return undefined
  }
  const name = grammar.takeLowerName()
  return { expression: { type: "column", name }, name }
}

const clauseWords = new Set(["FROM", "WHERE", "GROUP", "ORDER", "LIMIT", "OPTION", "WITHIN", "HAVING", "FACET"])

const readComparison = (grammar: Grammar): Expression => {
  const left = readSum(grammar)
  const { tokens } = grammar
  const text = tokens.kind === PUNCTUATION || tokens.kind === OPERATOR ? tokens.textAt(tokens.position) : ""
  const operator = comparisons.get(text)
  if (operator === undefined) {
    return left
  }
  tokens.position++
  return { type: "binary", operator, left, right: readSum(grammar) }
}

const readSum = (grammar: Grammar): Expression => {
  let left = readProduct(grammar)
  const { tokens } = grammar
  while (tokens.kind === PUNCTUATION && (tokens.isCharacter(43) || tokens.isCharacter(MINUS))) {
    const operator = tokens.textAt(tokens.position)
    tokens.position++
    left = { type: "binary", operator, left, right: readProduct(grammar) }
  }
  return left
}

const readProduct = (grammar: Grammar): Expression => {
  let left = readOperand(grammar)
  const { tokens } = grammar
  while (
    tokens.kind === PUNCTUATION &&
    (tokens.isCharacter(STAR) || tokens.isCharacter(47) || tokens.isCharacter(37))
  ) {
    const operator = tokens.textAt(tokens.position)
    tokens.position++
    left = { type: "binary", operator, left, right: readOperand(grammar) }
  }
  return left
}

const readOperand = (grammar: Grammar): Expression => {
  const { tokens } = grammar
  const { kind } = tokens
  if (kind === INTEGER || kind === FLOAT || kind === STRING || tokens.isCharacter(MINUS)) {
    return { type: "literal", value: takeLiteral(grammar) }
  }
  if (tokens.takeCharacter(OPEN)) {
    const inner = readComparison(grammar)
    grammar.expectCharacter(CLOSE)
    return inner
  }
  if (kind === VARIABLE) {
    const name = tokens.textAt(tokens.position).toLowerCase()
    tokens.position++
    return { type: "variable", name }
  }
  if (!grammar.isNameAt(tokens.position)) {
    return grammar.unexpected()
  }
  if (
    kind === IDENT &&
    tokens.kindAt(tokens.position + 1) === PUNCTUATION &&
    tokens.textAt(tokens.position + 1) === "("
  ) {
    return readCall(grammar)
  }
  return { type: "column", name: takeColumn(grammar) }
}

const readCall = (grammar: Grammar): Expression => {
  const { tokens } = grammar
  const name = tokens.wordAt(tokens.position).lower
  tokens.position += 2
  const distinct = tokens.takeWord("DISTINCT")
  const parameters: Array<Expression> = []
  if (!tokens.isCharacter(CLOSE)) {
    do {
      parameters.push(tokens.takeCharacter(STAR) ? { type: "star" } : readComparison(grammar))
    } while (tokens.takeCharacter(COMMA))
  }
  grammar.expectCharacter(CLOSE)
  return { type: "call", name, arguments: parameters, distinct }
}

const readLike = (grammar: Grammar): string | undefined =>
  grammar.tokens.takeWord("LIKE") ? grammar.takeString("string") : undefined

const readDescribe = (grammar: Grammar): ParsedStatement => {
  const target = takeTable(grammar)
  grammar.tokens.takeWord("TABLE")
  return { kind: "describe", target, like: readLike(grammar) }
}

const readShow = (grammar: Grammar): ParsedStatement => {
  const { tokens } = grammar
  const word = tokens.wordAt(tokens.position).upper
  switch (word) {
    case "TABLES": {
      tokens.position++
      let system = false
      if (tokens.takeWord("FROM")) {
        const database = grammar.takeName("identifier").toLowerCase()
        if (database !== "system" && database !== "manticore") {
          return grammar.notSimulated(`SHOW TABLES FROM ${database}`)
        }
        system = database === "system"
      }
      return { kind: "showTables", system, like: readLike(grammar) }
    }
    case "CREATE": {
      tokens.position++
      grammar.expectWord("TABLE")
      const table = grammar.takeName().toLowerCase()
      return { kind: "showCreateTable", table, force: readForce(grammar) }
    }
    case "INDEX":
    case "TABLE":
      tokens.position++
      return readShowTable(grammar)
    case "STATUS":
    case "WARNINGS":
    case "META":
    case "SETTINGS":
    case "THREADS":
    case "VARIABLES":
    case "DATABASES":
      return readPlainShow(grammar, word)
    case "GLOBAL":
    case "SESSION":
      tokens.position++
      if (tokens.isWord("VARIABLES")) {
        return readPlainShow(grammar, "VARIABLES")
      }
      return tokens.isWord("STATUS") ? readPlainShow(grammar, "STATUS") : grammar.unexpected("STATUS", "VARIABLES")
    case "AGENT":
      tokens.position++
      if (!tokens.isWord("STATUS")) {
        return grammar.notSimulated("SHOW AGENT of one agent")
      }
      tokens.position++
      return { kind: "show", what: "agent status", like: readLike(grammar) }
    case "CHARACTER":
    case "COLLATION":
    case "PLAN":
    case "PLUGINS":
    case "PROFILE":
      return grammar.notSimulated(`SHOW ${word}`)
    default:
      return grammar.unexpected("VARIABLES")
  }
}

const plainShows = {
  STATUS: "status",
  WARNINGS: "warnings",
  META: "meta",
  SETTINGS: "settings",
  THREADS: "threads",
  VARIABLES: "variables",
  DATABASES: "databases",
} as const

const readPlainShow = (grammar: Grammar, word: keyof typeof plainShows): ParsedStatement => {
  grammar.tokens.position++
  return { kind: "show", what: plainShows[word], like: readLike(grammar) }
}

const readShowTable = (grammar: Grammar): ParsedStatement => {
  const { tokens } = grammar
  const table = grammar.takeName().toLowerCase()
  const what = tokens.takeWord("STATUS")
    ? "status"
    : tokens.takeWord("SETTINGS")
      ? "settings"
      : tokens.takeWord("INDEXES")
        ? "indexes"
        : grammar.unexpected("INDEXES", "SETTINGS", "STATUS")
  return { kind: "showTable", table, what, like: readLike(grammar) }
}

/** `OPTION force=1`. */
const readForce = (grammar: Grammar): boolean => {
  const { tokens } = grammar
  if (!tokens.takeWord("OPTION")) {
    return false
  }
  const name = tokens.takeWord("FORCE") ? "force" : grammar.takeName("identifier").toLowerCase()
  grammar.expectCharacter(EQUALS, "'='")
  const value = takeNumber(grammar)
  return name === "force" ? value !== 0n : grammar.notSimulated(`OPTION ${name}`)
}

const readSet = (grammar: Grammar): ParsedStatement => {
  const { tokens } = grammar
  if (tokens.takeWord("CLUSTER")) {
    const cluster = grammar.takeName("identifier")
    grammar.expectWord("GLOBAL")
    const name = grammar.takeString("string")
    grammar.expectCharacter(EQUALS, "'='")
    return { kind: "setCluster", cluster, name, value: String(takeLiteral(grammar)) }
  }
  if (tokens.takeWord("NAMES")) {
    const value = tokens.textAt(tokens.position)
    tokens.position++
    if (tokens.takeWord("COLLATE")) {
      tokens.position++
    }
    return { kind: "set", name: "names", value }
  }
  if (!tokens.takeWord("GLOBAL")) {
    tokens.takeWord("SESSION")
  }
  const variable = tokens.kind === VARIABLE
  const name = variable ? tokens.textAt(tokens.position).replace(/^@+/, "").toLowerCase() : undefined
  if (variable) {
    tokens.position++
  }
  const taken = name ?? grammar.takeName().toLowerCase()
  grammar.expectCharacter(EQUALS, "'='")
  if (grammar.isNameAt(tokens.position)) {
    const word = tokens.textAt(tokens.position)
    tokens.position++
    return { kind: "set", name: taken, value: word }
  }
  return { kind: "set", name: taken, value: String(takeLiteral(grammar)) }
}

const readTruncate = (grammar: Grammar): ParsedStatement => {
  const { tokens } = grammar
  if (!tokens.takeWord("TABLE") && !tokens.takeWord("RTINDEX")) {
    return grammar.unexpected("RTINDEX", "TABLE")
  }
  const target = takeTable(grammar)
  if (tokens.takeWord("WITH")) {
    grammar.expectWord("RECONFIGURE")
  }
  return { kind: "truncate", target }
}

const readFlush = (grammar: Grammar): FlushTable => {
  const { tokens } = grammar
  const what = tokens.takeWord("RAMCHUNK")
    ? "ramchunk"
    : tokens.takeWord("TABLE") || tokens.takeWord("RTINDEX")
      ? "table"
      : tokens.takeWord("ATTRIBUTES")
        ? "attributes"
        : tokens.takeWord("LOGS")
          ? "logs"
          : grammar.notSimulated("this FLUSH")
  return { kind: "flush", what, table: what === "attributes" || what === "logs" ? undefined : takeTable(grammar).table }
}

const readOptimize = (grammar: Grammar): FlushTable => {
  const { tokens } = grammar
  if (!tokens.takeWord("TABLE") && !tokens.takeWord("INDEX")) {
    return grammar.unexpected("INDEX", "TABLE")
  }
  let table = grammar.takeName().toLowerCase()
  if (tokens.kind === SUBKEY) {
    table += tokens.textAt(tokens.position).toLowerCase()
    tokens.position++
  }
  if (tokens.takeWord("OPTION")) {
    do {
      grammar.takeName("identifier")
      grammar.expectCharacter(EQUALS, "'='")
      takeNumber(grammar)
    } while (tokens.takeCharacter(COMMA))
  }
  return { kind: "flush", what: "optimize", table }
}

const readIgnoredName = (grammar: Grammar): ParsedStatement => {
  grammar.takeName()
  return { kind: "ignored" }
}

const statements = new Map<string, (grammar: Grammar) => ParsedStatement>([
  ["SELECT", readSelect],
  ["INSERT", (grammar) => readInsert(grammar, false)],
  ["REPLACE", (grammar) => readInsert(grammar, true)],
  ["UPDATE", readUpdate],
  ["DELETE", readDelete],
  ["SHOW", readShow],
  ["DESC", readDescribe],
  ["DESCRIBE", readDescribe],
  ["SET", readSet],
  ["TRUNCATE", readTruncate],
  ["FLUSH", readFlush],
  ["OPTIMIZE", readOptimize],
  ["USE", readIgnoredName],
  ["BEGIN", () => ({ kind: "transaction", action: "begin" })],
  ["COMMIT", () => ({ kind: "transaction", action: "commit" })],
  ["ROLLBACK", () => ({ kind: "transaction", action: "rollback" })],
  [
    "START",
    (grammar) => {
      grammar.expectWord("TRANSACTION")
      return { kind: "transaction", action: "begin" }
    },
  ],
  [
    "CREATE",
    (grammar) => {
      if (grammar.tokens.takeWord("DATABASE")) {
        return readIgnoredName(grammar)
      }
      return grammar.tokens.isWord("USER") ? grammar.notSimulated("CREATE USER") : grammar.unexpected("USER")
    },
  ],
  [
    "DROP",
    (grammar) => (grammar.tokens.isWord("USER") ? grammar.notSimulated("DROP USER") : grammar.unexpected("USER")),
  ],
  [
    "EXIT",
    (grammar) => {
      grammar.expectWord("CLUSTER")
      return { kind: "exitCluster", cluster: grammar.takeName("identifier") }
    },
  ],
  ["CALL", (grammar) => grammar.notSimulated("CALL")],
  ["DEBUG", (grammar) => grammar.notSimulated("DEBUG")],
  ["EXPLAIN", (grammar) => grammar.notSimulated("EXPLAIN")],
  ["KILL", (grammar) => grammar.notSimulated("KILL")],
  ["RELOAD", (grammar) => grammar.notSimulated("RELOAD")],
  ["ATTACH", (grammar) => grammar.notSimulated("ATTACH")],
  ["IMPORT", (grammar) => grammar.notSimulated("IMPORT")],
  ["BACKUP", (grammar) => grammar.notSimulated("BACKUP")],
  ["FREEZE", (grammar) => grammar.notSimulated("FREEZE")],
  ["UNFREEZE", (grammar) => grammar.notSimulated("UNFREEZE")],
  ["LOCK", (grammar) => grammar.notSimulated("LOCK")],
  ["UNLOCK", (grammar) => grammar.notSimulated("UNLOCK")],
  ["GRANT", (grammar) => grammar.notSimulated("GRANT")],
  ["REVOKE", (grammar) => grammar.notSimulated("REVOKE")],
])

/** `DELETE CLUSTER c`; undefined when it reads in any other way, so that the main grammar refuses it. */
export const parseDeleteCluster = (text: string): ParsedStatement | undefined => {
  const grammar = new Grammar(text, mainDialect)
  const { tokens } = grammar
  if (tokens.takeWord("DELETE") && tokens.takeWord("CLUSTER") && grammar.isNameAt(tokens.position)) {
    const cluster = grammar.takeName()
    if (tokens.kind === END) {
      return { kind: "deleteCluster", cluster }
    }
  }
  return undefined
}
