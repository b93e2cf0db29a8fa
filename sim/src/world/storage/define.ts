/**
 * CREATE, ALTER and DROP TABLE.
 */
import type { AlterTable, ColumnDeclaration, CreateTable, DropTable, TableOption } from "../sql/Statement.ts"
import { failure, notSimulated } from "../sql/Statement.ts"
import type { SqlFailure } from "../sql/Statement.ts"
import type { Database } from "./Database.ts"
import { defaultValue, idColumn, structureOf, toColumn } from "./Structure.ts"
import type { Column, Structure } from "./Structure.ts"
import { Table } from "./Table.ts"
import { readWrapper, refersToSystem } from "./Wrapper.ts"

/** A definition that was carried out, with what the daemon warns of. */
export interface Defined {
  readonly kind: "defined"
  readonly warnings: ReadonlyArray<string>
}

/** The daemon goes down: it never answers this statement, and no other one afterwards. */
export interface Crash {
  readonly kind: "crash"
}

const defined = (warnings: ReadonlyArray<string> = []): Defined => ({ kind: "defined", warnings })

const reservedNames = new Set([
  ...["and", "as", "by", "columnarscan", "distinct", "div", "docidindex", "explain", "facet", "false", "force", "from"],
  ...["ignore", "in", "indexes", "inner", "is", "join", "knn", "left", "limit", "mod", "not", "no_columnarscan"],
  ...[
    "no_docidindex",
    "no_secondaryindex",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "reload",
    "secondaryindex",
    "select",
  ],
  ...["sysfilters", "true", "using"],
])

/** File names end at 255 characters; a few before that the daemon dies of its own suffixes. */
const crashingNameLengthMin = 245
const fileNameLengthMax = 255

export const createTable = (database: Database, statement: CreateTable): Defined | Crash | SqlFailure => {
  const { table: name } = statement
  const refuse = (reason: string): SqlFailure => failure(`table '${name}': CREATE TABLE failed: ${reason}`)
  if (reservedNames.has(name)) {
    return refuse(`'${name}' is a reserved keyword`)
  }
  if (database.has(name)) {
    return statement.ifNotExists ? defined() : refuse(`table '${name}' already exists`)
  }
  if (statement.like !== undefined) {
    return createLike(database, name, statement.like)
  }
  const attributes = new Set<string>()
  const fields = new Set<string>()
  const columns = statement.columns.filter((column) => column.name !== "id" || column.type === "text").map(toColumn)
  for (const column of columns) {
    const seen = column.attribute ? attributes : fields
    if (seen.has(column.name)) {
      return refuse(`duplicate attribute name '${column.name}'`)
    }
    seen.add(column.name)
  }
  const adding = (reason: string): SqlFailure => failure(`error adding table '${name}': ${reason}`)
  for (const field of fields) {
    if (field === "id" || attributes.has(field)) {
      return adding(`existing attribute specified in stored_fields: '${field}'\n`)
    }
  }
  if (statement.options.some((option) => option.name === "shards" || option.name === "rf")) {
    return refuse(`table '${name}': CREATE TABLE failed: 'shards' and 'rf' options require Buddy`)
  }
  const problem = columnProblem(statement.columns)
  if (problem !== undefined) {
    return adding(problem)
  }
  return addTable(database, name, structureOf([idColumn, ...columns]), statement.options)
}

const columnProblem = (columns: ReadonlyArray<ColumnDeclaration>): string | undefined => {
  for (const column of columns) {
    if (column.options.some((option) => option.name.startsWith("knn_") || option.name.startsWith("hnsw_"))) {
      return "knn library not loaded"
    }
    for (const option of column.options.filter((candidate) => candidate.name === "engine")) {
      const reason = engineProblem(option.value)
      if (reason !== undefined) {
        return reason
      }
    }
  }
  return undefined
}

const engineProblem = (engine: string): string | undefined => {
  if (engine === "columnar") {
    return "columnar library not loaded"
  }
  return engine === "rowwise" ? undefined : `unknown engine: ${engine}`
}

const addTable = (
  database: Database,
  name: string,
  structure: Structure,
  options: ReadonlyArray<TableOption>,
): Defined | Crash | SqlFailure => {
  const adding = (reason: string): SqlFailure => failure(`error adding table '${name}': ${reason}`)
  const type = lastValue(options, "type") ?? "rt"
  if (type === "shard" || type === "distributed") {
    const read = readWrapper(type, name, structure, options, (table) => database.table(table)?.structure)
    if (read.kind === "failure") {
      return read
    }
    database.addWrapper(read.wrapper)
    return defined(read.warnings)
  }
  if (type !== "rt" && type !== "pq" && type !== "percolate") {
    return adding(`setting not allowed: type='${type}'`)
  }
  const settings = readSettings(options)
  if (typeof settings === "string") {
    return adding(settings)
  }
  if (name.length > fileNameLengthMax) {
    return adding(`can't create directory: ${database.dataDirectory}/${name}: File name too long`)
  }
  if (name.length >= crashingNameLengthMin) {
    return { kind: "crash" }
  }
  const percolate = type !== "rt"
  const shown = percolate ? [...settings.shown, { name: "type", value: "pq" }] : settings.shown
  database.addTable(new Table(name, structure, shown, percolate ? "percolate" : "rt"))
  return defined(settings.warnings)
}

const lastValue = (options: ReadonlyArray<TableOption>, name: string): string | undefined =>
  options.findLast((option) => option.name === name)?.value

const createLike = (database: Database, name: string, like: string): Defined | SqlFailure => {
  const table = database.table(like)
  if (table !== undefined) {
    database.addTable(new Table(name, table.structure, table.options, table.kind))
    return defined()
  }
  const wrapper = database.wrapper(like)
  if (wrapper === undefined) {
    return failure(`table '${name}': CREATE TABLE LIKE failed: no table '${like}' found`)
  }
  return notSimulated("CREATE TABLE LIKE a wrapper")
}

interface Settings {
  /** As SHOW CREATE TABLE gives them back. */
  readonly shown: ReadonlyArray<TableOption>
  readonly warnings: ReadonlyArray<string>
}

/** Settings that keep their text. */
const textSettings = new Set([
  ...["morphology", "charset_table", "engine", "access_plain_attrs", "access_blob_attrs", "access_doclists"],
  ...["access_hitlists", "ignore_chars", "blend_chars", "blend_mode", "ngram_chars", "html_index_attrs"],
  ...["html_remove_elements", "index_sp", "index_field_lengths", "expand_keywords", "dict", "hitless_words"],
  ...["stored_fields", "stored_only_fields", "bigram_index", "bigram_freq_words", "phrase_boundary", "killlist_target"],
])

/** Settings that are numbers, and what they are when nobody sets them: those values are not shown. */
const numberSettings = new Map<string, number>([
  ["min_infix_len", 0],
  ["min_prefix_len", 0],
  ["min_word_len", 1],
  ["min_stemming_len", 1],
  ["html_strip", 0],
  ["index_exact_words", 0],
  ["ngram_len", 0],
  ["overshort_step", 1],
  ["stopword_step", 1],
  ["stopwords_unstemmed", 0],
  ["phrase_boundary_step", 0],
  ["optimize_cutoff", -1],
  ["docstore_block_size", 16384],
  ["max_substring_len", 0],
])

const stemmers = new Set(["none", "stem_en", "stem_ru", "stem_enru", "stem_cz", "stem_ar", "soundex", "metaphone"])
const lemmatizers = /^lemmatize_(en|ru|de|uk)(_all)?$/

const readSettings = (options: ReadonlyArray<TableOption>): Settings | string => {
  const shown: Array<TableOption> = []
  const warnings: Array<string> = []
  const morphology = lastValue(options, "morphology")
  for (const { name, value } of options) {
    const problem = settingProblem(name, value)
    if (problem !== undefined) {
      return problem
    }
    if (name === "index_exact_words" && (morphology ?? "none") === "none" && leadingNumber(value) !== 0) {
      warnings.push("no morphology, index_exact_words=1 has no effect, ignoring")
      continue
    }
    const text = shownValue(name, value)
    if (text !== undefined) {
      shown.push({ name, value: text })
    }
  }
  return { shown, warnings }
}

const shownValue = (name: string, value: string): string | undefined => {
  if (textSettings.has(name)) {
    return value
  }
  if (name === "rt_mem_limit") {
    return String(byteCount(value))
  }
  if (name === "diskchunk_flush_search_timeout" || name === "diskchunk_flush_write_timeout") {
    return String(leadingNumber(value))
  }
  const unset = numberSettings.get(name)
  if (unset === undefined) {
    return undefined
  }
  const number = leadingNumber(value)
  return number === unset ? undefined : String(number)
}

const leadingNumber = (text: string): number => {
  const number = Number.parseInt(text, 10)
  return Number.isNaN(number) ? 0 : number
}

const byteCount = (text: string): number => {
  const unit = text.trim().slice(-1).toUpperCase()
  const factor = unit === "K" ? 1024 : unit === "M" ? 1024 ** 2 : unit === "G" ? 1024 ** 3 : 1
  return leadingNumber(text) * factor
}

const settingProblem = (name: string, value: string): string | undefined => {
  switch (name) {
    case "engine":
      return engineProblem(value)
    case "morphology":
      return morphologyProblem(value)
    case "stopwords":
      return value === "" ? undefined : `'stopwords' file missed ${value.split("/").at(-1) ?? value}`
    case "wordforms":
    case "exceptions":
      return value === "" ? undefined : `file not found: '${value}'`
    case "regexp_filter":
      return "regexp_filter specified but no regexp support compiled"
    default:
      return undefined
  }
}

const morphologyProblem = (value: string): string | undefined => {
  for (const stemmer of value.split(",").map((part) => part.trim())) {
    const language = lemmatizers.exec(stemmer)?.[1]
    if (language !== undefined) {
      return `failed to open {share}/${language}.pak: No such file or directory`
    }
    if (!stemmers.has(stemmer) && !stemmer.startsWith("libstemmer_")) {
      return `unknown stemmer ${stemmer}`
    }
  }
  return undefined
}

export const dropTable = (database: Database, statement: DropTable): Defined | SqlFailure => {
  const { table: name } = statement
  const table = database.table(name)
  const wrapper = database.wrapper(name)
  if (table === undefined && wrapper === undefined) {
    return statement.ifExists ? defined() : failure(`DROP TABLE failed: unknown table '${name}'`)
  }
  if (table?.cluster !== undefined) {
    return failure(`DROP TABLE failed: unable to drop a cluster table '${name}'`)
  }
  if (wrapper !== undefined && refersToSystem(wrapper) && !statement.force) {
    return failure(`can not drop table '${name}' because it contains system table`)
  }
  database.drop(name)
  if (table === undefined || !name.startsWith("system.")) {
    return defined()
  }
  const files = [".lock", ".meta", ".settings"].map((ending) => name + ending).join(", ")
  return defined([
    `index ${name} directory '${database.dataDirectory}/${name}' is not empty after table drop, clean up files manually: ${files}`,
  ])
}

export const alterTable = (database: Database, statement: AlterTable): Defined | SqlFailure => {
  const { table: name, change } = statement
  if (database.wrapper(name) !== undefined) {
    return failure("ALTER is only supported for local (not distributed) tables")
  }
  const table = database.table(name)
  if (table === undefined) {
    return failure(`table ${name}: unknown local table in ALTER request`)
  }
  if (table.cluster !== undefined) {
    return failure(`table ${name}: is part of cluster ${table.cluster}, ALTER is not supported for tables in cluster`)
  }
  switch (change.action) {
    case "add":
      return addColumn(table, toColumn(change.column))
    case "drop":
      return dropColumn(table, change.column)
    case "options":
      return changeOptions(table, change.options)
  }
}

const addColumn = (table: Table, column: Column): Defined | SqlFailure => {
  if (table.structure.positionOf(column.name) >= 0) {
    return failure(`table ${table.name}: '${column.name}' attribute already in schema`)
  }
  const value = defaultValue(column)
  table.restructure(structureOf([...table.structure.columns, column]), (row) => [...row, value])
  return defined()
}

const dropColumn = (table: Table, name: string): Defined | SqlFailure => {
  const position = table.structure.positionOf(name)
  if (position <= 0) {
    return failure(
      position === 0
        ? `table ${table.name}: unable to remove last/id attribute '${name}'`
        : `table ${table.name}: attribute '${name}' does not exist`,
    )
  }
  const columns = table.structure.columns.filter((_, index) => index !== position)
  table.restructure(structureOf(columns), (row) => row.filter((_, index) => index !== position))
  return defined()
}

const changeOptions = (table: Table, options: ReadonlyArray<TableOption>): Defined | SqlFailure => {
  if (options.length === 0) {
    return notSimulated("ALTER TABLE without a change")
  }
  const settings = readSettings(options)
  if (typeof settings === "string") {
    return failure(`table ${table.name}: ${settings}`)
  }
  const changed = new Set(options.map((option) => option.name))
  table.setOptions([...table.options.filter((option) => !changed.has(option.name)), ...settings.shown])
  return defined(settings.warnings)
}
