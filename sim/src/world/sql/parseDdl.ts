/**
 * The daemon's grammar of DDL (`P03`): tables and clusters.
 */
import { CLOSE, COMMA, DOT, EQUALS, Grammar, OPEN } from "./Grammar.ts"
import type { Dialect } from "./Grammar.ts"
import { IDENT, INTEGER, STRING } from "./Tokens.ts"
import type {
  AlterCluster,
  AlterTable,
  ColumnDeclaration,
  ColumnType,
  CreateCluster,
  CreateTable,
  DropTable,
  JoinCluster,
  ParsedStatement,
  TableOption,
} from "./Statement.ts"

const types = new Map<string, ColumnType>([
  ["TEXT", "text"],
  ["FIELD", "text"],
  ["STRING", "string"],
  ["INT", "int"],
  ["INTEGER", "int"],
  ["UINT", "uint"],
  ["BIGINT", "bigint"],
  ["FLOAT", "float"],
  ["BOOL", "bool"],
  ["TIMESTAMP", "timestamp"],
  ["JSON", "json"],
  ["MULTI", "multi"],
  ["MULTI64", "multi64"],
  ["BIT", "bit"],
  ["FLOAT_VECTOR", "float_vector"],
])

/** Settings of one column; each is a token of its own, so they never read as the name of the next column. */
const columnOptions = new Set([
  "ENGINE",
  "FAST_FETCH",
  "HASH",
  "SECONDARY_INDEX",
  "KNN_TYPE",
  "KNN_DIMS",
  "HNSW_SIMILARITY",
  "HNSW_M",
  "HNSW_EF_CONSTRUCTION",
])

const keywords = new Set([
  ...types.keys(),
  ...[
    "ADD",
    "ALTER",
    "AS",
    "AT",
    "ATTRIBUTE",
    "CLUSTER",
    "COLUMN",
    "CREATE",
    "DROP",
    "EXISTS",
    "FROM",
    "FUNCTION",
    "IF",
  ],
  ...["IMPORT", "INDEXED", "JOIN", "LIKE", "MODIFY", "NOT", "OPTION", "PLUGIN", "REBUILD", "RETURNS", "SECONDARY"],
  ...["SONAME", "STORED", "TABLE", "UPDATE"],
])

export const ddlDialect: Dialect = { prefix: "P03", ddl: true, identifier: "tablename", keywords, reserved: keywords }

/** Reads a statement that begins with CREATE, DROP, ALTER or JOIN. Throws `Unreadable`. */
export const parseDdl = (text: string): ParsedStatement => {
  const grammar = new Grammar(text, ddlDialect)
  const statement = readStatement(grammar)
  grammar.expectEnd()
  return statement
}

const readStatement = (grammar: Grammar): ParsedStatement => {
  const { tokens } = grammar
  if (tokens.takeWord("CREATE")) {
    if (tokens.takeWord("TABLE")) {
      return readCreateTable(grammar)
    }
    if (tokens.takeWord("CLUSTER")) {
      return readCreateCluster(grammar)
    }
    if (tokens.isWord("FUNCTION") || tokens.isWord("PLUGIN")) {
      return grammar.notSimulated("CREATE FUNCTION and CREATE PLUGIN")
    }
    return grammar.unexpected("CLUSTER", "FUNCTION", "PLUGIN", "TABLE")
  }
  if (tokens.takeWord("DROP")) {
    if (tokens.takeWord("TABLE")) {
      return readDropTable(grammar)
    }
    if (tokens.isWord("FUNCTION") || tokens.isWord("PLUGIN")) {
      return grammar.notSimulated("DROP FUNCTION and DROP PLUGIN")
    }
    return grammar.unexpected("FUNCTION", "PLUGIN", "TABLE")
  }
  if (tokens.takeWord("ALTER")) {
    if (tokens.takeWord("TABLE")) {
      return readAlterTable(grammar)
    }
    if (tokens.takeWord("CLUSTER")) {
      return readAlterCluster(grammar)
    }
    return grammar.unexpected("CLUSTER", "TABLE")
  }
  if (tokens.takeWord("JOIN")) {
    grammar.expectWord("CLUSTER")
    return readJoinCluster(grammar)
  }
  return grammar.unexpected()
}

/** `t`, `system.t`; no other database, and `system` in lower case only. */
const takeTable = (grammar: Grammar): string => {
  const name = grammar.takeName()
  if (!grammar.tokens.takeCharacter(DOT)) {
    return name.toLowerCase()
  }
  const at = grammar.tokens.position
  const table = grammar.takeName("tablename")
  if (name !== "system") {
    return grammar.refuse(`unexpected db '${name}', only 'system' allowed`, at)
  }
  return `system.${table.toLowerCase()}`
}

const readCreateTable = (grammar: Grammar): CreateTable => {
  const { tokens } = grammar
  let ifNotExists = false
  if (tokens.takeWord("IF")) {
    grammar.expectWord("NOT")
    grammar.expectWord("EXISTS")
    ifNotExists = true
  }
  const table = takeTable(grammar)
  if (tokens.takeWord("LIKE")) {
    const like = takeTable(grammar)
    return { kind: "createTable", table, ifNotExists, like, hasColumns: false, columns: [], options: [] }
  }
  const columns: Array<ColumnDeclaration> = []
  const hasColumns = tokens.takeCharacter(OPEN)
  if (hasColumns) {
    do {
      columns.push(readColumn(grammar))
    } while (tokens.takeCharacter(COMMA))
    grammar.expectCharacter(CLOSE, "','", "')'")
  }
  return {
    kind: "createTable",
    table,
    ifNotExists,
    like: undefined,
    hasColumns,
    columns,
    options: readOptions(grammar),
  }
}

const readColumn = (grammar: Grammar): ColumnDeclaration => {
  const { tokens } = grammar
  const name = grammar.takeName().toLowerCase()
  const at = tokens.position
  const word = tokens.wordAt(at).upper
  const type = types.get(word)
  if (type === undefined) {
    if (grammar.isNameAt(at)) {
      return grammar.refuse(`unknown column type '${tokens.textAt(at).toLowerCase()}'`, at + 1)
    }
    if (name !== "id") {
      return grammar.refuse(`expected 'id', got '${name}'`, at)
    }
    return plainColumn(name, "bigint")
  }
  tokens.position++
  return readColumnRest(grammar, name, type)
}

const plainColumn = (name: string, type: ColumnType): ColumnDeclaration => ({
  name,
  type,
  bits: undefined,
  indexed: false,
  stored: false,
  attribute: false,
  options: [],
})

const readColumnRest = (grammar: Grammar, name: string, type: ColumnType): ColumnDeclaration => {
  const { tokens } = grammar
  let bits: number | undefined
  if (type === "bit" && tokens.takeCharacter(OPEN)) {
    if (tokens.kind !== INTEGER) {
      return grammar.unexpected("integer")
    }
    bits = Number(tokens.textAt(tokens.position))
    tokens.position++
    grammar.expectCharacter(CLOSE, "')'")
  }
  let indexed = false
  let stored = false
  let attribute = false
  const options: Array<TableOption> = []
  for (;;) {
    if ((type === "text" || type === "string") && tokens.takeWord("INDEXED")) {
      indexed = true
    } else if (type === "text" && tokens.takeWord("STORED")) {
      stored = true
    } else if ((type === "text" || type === "string") && tokens.takeWord("ATTRIBUTE")) {
      attribute = true
    } else if (tokens.kind === IDENT && columnOptions.has(tokens.wordAt(tokens.position).upper)) {
      const option = tokens.textAt(tokens.position).toLowerCase()
      tokens.position++
      grammar.expectCharacter(EQUALS, "'='")
      options.push({ name: option, value: grammar.takeString("string") })
    } else {
      return { name, type, bits, indexed, stored, attribute, options }
    }
  }
}

const readOptions = (grammar: Grammar): ReadonlyArray<TableOption> => {
  const options: Array<TableOption> = []
  while (grammar.isNameAt(grammar.tokens.position)) {
    const name = grammar.takeName().toLowerCase()
    grammar.expectCharacter(EQUALS, "'='")
    options.push({ name, value: grammar.takeString("string") })
  }
  return options
}

const readDropTable = (grammar: Grammar): DropTable => {
  const { tokens } = grammar
  let ifExists = false
  if (tokens.takeWord("IF")) {
    grammar.expectWord("EXISTS")
    ifExists = true
  }
  const table = takeTable(grammar)
  return { kind: "dropTable", table, ifExists, force: readForce(grammar) }
}

/** `OPTION force=1`. */
const readForce = (grammar: Grammar): boolean => {
  const { tokens } = grammar
  if (!tokens.takeWord("OPTION")) {
    return false
  }
  const name = grammar.takeName("tablename").toLowerCase()
  grammar.expectCharacter(EQUALS, "'='")
  if (tokens.kind !== INTEGER) {
    return grammar.unexpected("integer")
  }
  const value = tokens.textAt(tokens.position)
  tokens.position++
  if (name !== "force") {
    return grammar.notSimulated(`OPTION ${name}`)
  }
  return value !== "0"
}

const readAlterTable = (grammar: Grammar): AlterTable => {
  const { tokens } = grammar
  const table = takeTable(grammar)
  if (tokens.takeWord("ADD")) {
    grammar.expectWord("COLUMN")
    return { kind: "alterTable", table, change: { action: "add", column: readColumn(grammar) } }
  }
  if (tokens.takeWord("DROP")) {
    grammar.expectWord("COLUMN")
    return {
      kind: "alterTable",
      table,
      change: { action: "drop", column: grammar.takeName("tablename").toLowerCase() },
    }
  }
  if (tokens.isWord("MODIFY") || tokens.isWord("REBUILD")) {
    return grammar.notSimulated("ALTER TABLE MODIFY and REBUILD")
  }
  const options = readOptions(grammar)
  if (options.length === 0) {
    grammar.expectEnd()
  }
  return { kind: "alterTable", table, change: { action: "options", options } }
}

interface ClusterOptions {
  readonly path: string | undefined
  readonly nodes: string | undefined
  readonly options: string | undefined
}

/** `'p' as path, 'n' as nodes`. */
const readClusterOptions = (grammar: Grammar): ClusterOptions => {
  const { tokens } = grammar
  const values = new Map<string, string>()
  if (tokens.kind === STRING) {
    do {
      const value = grammar.takeString("string")
      grammar.expectWord("AS")
      const name = grammar.takeName("tablename").toLowerCase()
      if (name !== "path" && name !== "nodes" && name !== "options") {
        return grammar.notSimulated(`cluster option '${name}'`)
      }
      values.set(name, value)
    } while (tokens.takeCharacter(COMMA))
  }
  return { path: values.get("path"), nodes: values.get("nodes"), options: values.get("options") }
}

const readCreateCluster = (grammar: Grammar): CreateCluster => {
  const cluster = grammar.takeName()
  return { kind: "createCluster", cluster, ...readClusterOptions(grammar) }
}

const readJoinCluster = (grammar: Grammar): JoinCluster => {
  const cluster = grammar.takeName()
  const at = grammar.tokens.takeWord("AT") ? grammar.takeString("string") : undefined
  return { kind: "joinCluster", cluster, at, ...readClusterOptions(grammar) }
}

const readAlterCluster = (grammar: Grammar): AlterCluster => {
  const { tokens } = grammar
  const cluster = grammar.takeName()
  if (tokens.takeWord("UPDATE")) {
    return { kind: "alterCluster", cluster, action: "update", tables: [], subject: grammar.takeName("tablename") }
  }
  const action = tokens.takeWord("ADD") ? "add" : tokens.takeWord("DROP") ? "drop" : undefined
  if (action === undefined) {
    return grammar.unexpected("ADD", "DROP", "UPDATE")
  }
  const tables: Array<string> = []
  do {
    tables.push(takeTable(grammar))
  } while (tokens.takeCharacter(COMMA))
  return { kind: "alterCluster", cluster, action, tables, subject: undefined }
}
