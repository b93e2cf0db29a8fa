/**
 * Gives the things of a recording other names, throughout: nodes other numbers, clusters, tables and the columns that
 * are called like them other names, documents other ids, rows other values. What the server's rules make of a recording
 * must not depend on any of these. Works on the text of the file, knows no SQL beyond a few patterns, and leaves alone
 * what carries a meaning of its own (ids at the edges of their range, strings with escapes, sums).
 */
import { RandomStream } from "../../src/runtime/RandomStream.ts"
import { shardOf } from "../../src/world/storage/routing.ts"

type Json = Record<string, unknown>

/** Which kinds of names were changed in a recording. */
export interface Renamed {
  readonly content: string
  readonly changed: ReadonlySet<"nodes" | "names" | "ids" | "values">
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "")
const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)

/** Applies a function to every string below a value. */
const mapStrings = (value: unknown, map: (text: string) => string): unknown => {
  if (typeof value === "string") return map(value)
  if (isList(value)) return value.map((item) => mapStrings(item, map))
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, map)]))
  return value
}

// --- nodes --------------------------------------------------------------------------------------------------------

const shuffled = (random: RandomStream, count: number): ReadonlyArray<number> => {
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  for (let index = count - 1; index > 0; index--) {
    const other = random.int(0, index)
    const kept = numbers[index] ?? 0
    numbers[index] = numbers[other] ?? 0
    numbers[other] = kept
  }
  return numbers
}

const renumber = (lines: ReadonlyArray<Json>, nodes: number, random: RandomStream): ReadonlyArray<Json> => {
  const numbers = shuffled(random, nodes)
  const to = (number: unknown): unknown => (typeof number === "number" ? (numbers[number - 1] ?? number) : number)
  return lines.map((line) => {
    const moved: Json = {}
    for (const [key, value] of Object.entries(line)) {
      if (key === "node" || (line["event"] === "cut" && (key === "from" || key === "to"))) moved[key] = to(value)
      else if (key === "groups" && isList(value))
        moved[key] = value.map((group) => (isList(group) ? group.map(to) : group))
      else
        moved[key] = mapStrings(value, (text) =>
          text.replace(
            /\{(n|m|r|a|data|dir)(\d+)\}/g,
            (_, kind: string, number: string) => `{${kind}${String(to(Number(number)))}}`,
          ),
        )
    }
    return moved
  })
}

// --- names --------------------------------------------------------------------------------------------------------

/** Words that mean something in SQL or in answers, even if a table is called like this. */
const meaningful =
  /^(select|from|where|table|tables|cluster|shard|system|id|int|bigint|string|text|json|value|key|values|not|exists|if|like|type|rt|n|nope|other|path|with|data|local|as|at|on|in|is|to|by|of|no|nodes|user|agent|on|up)$/i

const declaredNames = (lines: ReadonlyArray<Json>): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const line of lines) {
    const sql = textOf(line["sql"])
    const [, name] =
      /^(?:CREATE|JOIN)\s+CLUSTER\s+`?([a-z]\w*)`?/i.exec(sql) ??
      /^CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:system\.)?([a-z]\w*)/i.exec(sql) ??
      []
    if (name !== undefined && !meaningful.test(name)) names.add(name.toLowerCase())
  }
  return names
}

const likeCase = (pattern: string, word: string): string =>
  pattern.length > 0 && pattern === pattern.toUpperCase() && pattern !== pattern.toLowerCase()
    ? word.toUpperCase()
    : /^[A-Z]/.test(pattern)
      ? `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`
      : word

const renameNames = (lines: ReadonlyArray<Json>, random: RandomStream): ReadonlyArray<Json> | undefined => {
  if (lines.some((line) => /^SHOW TABLES .*LIKE/i.test(textOf(line["sql"])))) return undefined
  const names = new Map<string, string>()
  const stems = new Map<string, string>()
  for (const name of declaredNames(lines)) {
    // The end of `t_s0` tells the server which shard it is.
    const end = /(?:_s)?\d*$/.exec(name)?.[0] ?? ""
    const stem = name.slice(0, name.length - end.length)
    const length = name.length > 100 ? stem.length : 8
    const drawn = Array.from({ length }, () => random.pick([..."bcdfghjkmnpqrvwxz"])).join("")
    const letters = stems.get(stem) ?? drawn
    stems.set(stem, letters)
    names.set(name, `${letters}${end}`)
  }
  const word = (old: string): string => {
    const name = names.get(old.toLowerCase())
    return name === undefined ? old : likeCase(old, name)
  }
  const rename = (text: string): string =>
    text
      .replace(
        /\bcluster_([a-z]\w*?)_((?:state_seqno|conf_id|status|size|local_index|node_state|nodes_set|nodes_view|indexes_count|indexes|last_committed|last_error|sst_\w+)\b|%)/gi,
        (_, name: string, counter: string) => `cluster_${word(name)}_${counter}`,
      )
      .replace(/(?<![\w{\\])(?<!N\/)(?!a (?:part|cluster table|system)\b)[a-z]\w*/gi, word)
  const keys = new Set([
    "sql",
    "message",
    "rows",
    "columns",
    "error",
    "statement",
    "into",
    "values",
    "counter",
    "value",
    "dir",
  ])
  return lines.map((line) =>
    Object.fromEntries(
      Object.entries(line).map(([key, value]) => [key, keys.has(key) ? mapStrings(value, rename) : value]),
    ),
  )
}

// --- ids and values -----------------------------------------------------------------------------------------------

/** Columns of an answer; for waits, which note none, what the statement asks for. */
const columnsOf = (line: Json): ReadonlyArray<string> =>
  isList(line["columns"])
    ? line["columns"].map(textOf)
    : (/^SELECT\s+([\w\s,`]+?)\s+FROM\b/i.exec(textOf(line["sql"]))?.[1] ?? "")
        .split(",")
        .map((name) => name.trim().replaceAll("`", ""))

/** Applies a function to the numbers of `VALUES (…),(…)`, told which column each belongs to. */
const mapInserted = (sql: string, map: (column: string, literal: string) => string): string => {
  const [head, columns] = /^\s*(?:INSERT|REPLACE)\s+INTO\s+\S+\s+\(([^)]*)\)\s+VALUES\s*/i.exec(sql) ?? []
  if (head === undefined || columns === undefined) return sql
  const names = columns.split(",").map((name) => name.trim().replaceAll("`", ""))
  let at = 0
  const body = sql.slice(head.length).replace(/'(?:[^'\\]|\\.)*'|\{id\}|-?[\w.]+|[(,]/g, (token) => {
    if (token === "(") at = 0
    else if (token === ",") at++
    else return map(names[at] ?? "", token)
    return token
  })
  return head + body
}

/** A syntax error shows a part of the statement, which stays as it is then. */
const quotesStatement = (line: Json): boolean => JSON.stringify(line["error"] ?? "").includes("near '")
const quotesNumber = (line: Json): boolean => /near '.*\d/.test(JSON.stringify(line["error"] ?? ""))

const small = (text: string): boolean => /^[1-9]\d{0,8}$/.test(text)

const condition = (columns: string): RegExp =>
  new RegExp(`(\\b(?:${columns})\`?\\s*(?:=|<=|>=|<|>|!=|<>)\\s*)(\\d+)\\b`, "gi")
const idList = /(\bid\s+IN\s*\()([\d,\s]+)(\))/gi

/** Calls `map` for every id of a document, wherever it stands, and puts in what it gives. */
const mapIds = (lines: ReadonlyArray<Json>, map: (id: number) => number): ReadonlyArray<Json> => {
  const to = (text: string): string => (small(text) ? String(map(Number(text))) : text)
  const inSql = (sql: string): string =>
    mapInserted(sql, (column, literal) => (column.toLowerCase() === "id" ? to(literal) : literal))
      .replace(condition("id"), (_, before: string, id: string) => before + to(id))
      .replace(idList, (_, before: string, ids: string, after: string) => before + ids.replace(/\d+/g, to) + after)
  const inMessage = (message: string): string =>
    message
      .replace(/(duplicate id ')(\d+)/g, (_, before: string, id: string) => before + to(id))
      .replace(/(processed_ids=)([\d,]+)/g, (_, before: string, ids: string) => before + ids.replace(/\d+/g, to))
  return lines.map((line) => {
    if (quotesNumber(line)) return line
    const changed: Json = { ...line }
    if (typeof line["sql"] === "string") changed["sql"] = inSql(line["sql"])
    if (typeof line["statement"] === "string") changed["statement"] = inSql(line["statement"])
    if ((line["event"] === "stream" || line["event"] === "fill") && typeof line["from"] === "number")
      changed["from"] = map(line["from"])
    if (line["error"] !== undefined) changed["error"] = mapStrings(line["error"], inMessage)
    const columns = columnsOf(line)
    if (isList(line["rows"]))
      changed["rows"] = line["rows"].map((row) =>
        isList(row)
          ? row.map((cell, index) => (columns[index] === "id" && typeof cell === "string" ? to(cell) : cell))
          : row,
      )
    return changed
  })
}

const everyText = (lines: ReadonlyArray<Json>): string =>
  lines.map((line) => `${textOf(line["sql"])} ${textOf(line["statement"])}`).join("\n")

const renameIds = (lines: ReadonlyArray<Json>, random: RandomStream): ReadonlyArray<Json> | undefined => {
  const text = everyText(lines)
  // Without column names, with a value that is the id, or in sums, an id is not to be told from other numbers.
  const isMixed =
    /\b(?:SUM|MIN|MAX|AVG)\(|INTO\s+\S+\s+VALUES|LENGTH\(|SELECT \* FROM \S+ ORDER BY [^i]/i.test(text) ||
    lines.some(
      (line) =>
        line["event"] === "fill" &&
        isList(line["values"]) &&
        line["values"].some((value) => textOf(value).includes("{id}")),
    )
  if (isMixed) return undefined
  const isRouted = /type='shard'/i.test(text)
  if (!isRouted) {
    const offset = random.int(3, 900) * 1000
    return mapIds(lines, (id) => id + offset)
  }
  if (lines.some((line) => line["event"] === "stream" || line["event"] === "fill")) return undefined
  const found = new Set<number>()
  mapIds(lines, (id) => {
    found.add(id)
    return id
  })
  const places = (id: number): string => [2, 3, 4, 5, 6].map((shards) => shardOf(BigInt(id), shards)).join()
  const map = new Map<number, number>()
  let next = random.int(3, 900) * 1000
  for (const id of [...found].sort((a, b) => a - b)) {
    next++
    while (places(next) !== places(id)) next++
    map.set(id, next)
  }
  return mapIds(lines, (id) => map.get(id) ?? id)
}

const renameValues = (lines: ReadonlyArray<Json>, random: RandomStream): ReadonlyArray<Json> | undefined => {
  const text = everyText(lines)
  if (/\b(?:SUM|MIN|MAX|AVG)\(|LENGTH\(|MATCH\(|INTO\s+\S+\s+VALUES/i.test(text)) return undefined
  const columns = new Set(
    [...text.matchAll(/(\w+)`? (?:bigint|int)\b/gi)]
      .map((match) => (match[1] ?? "").toLowerCase())
      .filter((name) => name !== "id"),
  )
  const offset = random.int(2, 90) * 10
  const mark = `${random.pick(["k", "q", "w"])}${random.pick(["a", "e", "o"])}`
  const number = (literal: string): string =>
    /^[1-9]\d{0,6}$/.test(literal) ? String(Number(literal) + offset) : literal
  const strings = new Set<string>()
  const string = (literal: string): string => {
    if (!/^'[a-z][a-z0-9 ]*'$/i.test(literal)) return literal
    strings.add(literal.slice(1, -1))
    return `'${mark}${literal.slice(1, -1)}'`
  }
  const change = (column: string, literal: string): string =>
    literal.startsWith("'") ? string(literal) : columns.has(column.toLowerCase()) ? number(literal) : literal
  const names = [...columns].join("|")
  const inSql = (sql: string): string => {
    if (!/^\s*(INSERT|REPLACE|UPDATE|DELETE|SELECT)\b/i.test(sql)) return sql
    if (/^\s*(INSERT|REPLACE)/i.test(sql)) return mapInserted(sql, change)
    const numbers =
      names === ""
        ? sql
        : sql.replace(condition(names), (_, before: string, literal: string) => before + number(literal))
    return numbers.replace(
      /((?<!system)[\w`]\s*=\s*)('[^'\\]*')/g,
      (_, before: string, literal: string) => before + string(literal),
    )
  }
  const first = lines.map((line) => {
    if (quotesStatement(line)) return line
    const changed: Json = { ...line }
    if (typeof line["sql"] === "string") changed["sql"] = inSql(line["sql"])
    if (typeof line["statement"] === "string") changed["statement"] = inSql(line["statement"])
    return changed
  })
  return first.map((line) => {
    const shown = columnsOf(line).map((name) => name.toLowerCase())
    const isData = /^\s*SELECT\b/i.test(textOf(line["sql"]))
    if (!isData || !isList(line["rows"])) return line
    const cell = (value: unknown, index: number): unknown => {
      if (typeof value === "string" && strings.has(value)) return mark + value
      if (!columns.has(shown[index] ?? "")) return value
      return typeof value === "number"
        ? Number(number(String(value)))
        : typeof value === "string"
          ? number(value)
          : value
    }
    return { ...line, rows: line["rows"].map((row) => (isList(row) ? row.map(cell) : row)) }
  })
}

/** The same recording with other names, drawn from a seed. */
export const renamed = (content: string, seed: number): Renamed => {
  const random = new RandomStream(seed)
  const [header, ...body] = content
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line): Json => ({ ...JSON.parse(line) }))
  const changed = new Set<"nodes" | "names" | "ids" | "values">()
  const nodes = Number(header?.["nodes"] ?? 1)
  if (nodes > 1) changed.add("nodes")
  let lines = renumber(body, nodes, random)
  const values = renameValues(lines, random)
  if (values !== undefined) changed.add("values")
  lines = values ?? lines
  const ids = renameIds(lines, random)
  if (ids !== undefined) changed.add("ids")
  lines = ids ?? lines
  const names = renameNames(lines, random)
  if (names !== undefined) changed.add("names")
  lines = names ?? lines
  return { content: [header, ...lines].map((line) => JSON.stringify(line)).join("\n"), changed }
}
