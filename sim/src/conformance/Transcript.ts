/** The lines of a recording of a real cluster, as they are written in a transcript file. */

/** A value in an answer. */
export type Value = string | number | null

/** What the recorder noted as the answer. */
export type RecordedAnswer =
  | {
      readonly kind: "rows"
      readonly columns: ReadonlyArray<string>
      readonly rows: ReadonlyArray<ReadonlyArray<Value>>
    }
  | { readonly kind: "ok"; readonly affectedRows: number; readonly warnings: number }
  | { readonly kind: "error"; readonly errno: number; readonly sqlState: string; readonly message: string }

interface Common {
  /** Line in the file, from 1. */
  readonly line: number
  readonly atMs: number
  readonly ms: number
  readonly group: number | undefined
}

/** One line. */
export type Line = Common &
  (
    | { readonly kind: "statement"; readonly node: number; readonly sql: string; readonly answer: RecordedAnswer }
    | {
        readonly kind: "start"
        readonly node: number
        readonly args: ReadonlyArray<string>
        readonly config: string
        readonly up: boolean
      }
    | { readonly kind: "kill" | "pause" | "resume" | "exit"; readonly node: number }
    | { readonly kind: "stop"; readonly node: number; readonly ended: boolean }
    | { readonly kind: "mkdir" | "rmdir"; readonly node: number; readonly directory: string }
    | { readonly kind: "sleep"; readonly sleepMs: number }
    | {
        readonly kind: "waitCounter"
        readonly node: number
        readonly counter: string
        readonly value: string
        readonly negated: boolean
        readonly held: boolean
      }
    | {
        readonly kind: "waitRows"
        readonly node: number
        readonly sql: string
        readonly rows: ReadonlyArray<ReadonlyArray<Value>>
        readonly held: boolean
      }
    | {
        readonly kind: "fill"
        readonly node: number
        readonly into: string
        readonly columns: ReadonlyArray<string>
        readonly values: ReadonlyArray<string>
        readonly from: number
        readonly count: number
        readonly batch: number
      }
    | { readonly kind: "file"; readonly node: number; readonly text: string }
    | { readonly kind: "partition"; readonly groups: ReadonlyArray<ReadonlyArray<number>> }
    | { readonly kind: "cut"; readonly from: number; readonly to: number; readonly symmetric: boolean }
    | { readonly kind: "heal" }
    | {
        readonly kind: "stream"
        readonly node: number
        readonly statement: string
        readonly from: number
        readonly everyMs: number
        readonly timeoutMs: number
        readonly answers: ReadonlyArray<string>
      }
    | { readonly kind: "watch" }
    /** A measurement; `tallies` is true if it tells of statements that are not in the transcript. */
    | { readonly kind: "figure"; readonly tallies: boolean }
  )

/** A whole recording. */
export interface Transcript {
  readonly name: string
  readonly family: string
  readonly nodes: number
  readonly purpose: string
  readonly lines: ReadonlyArray<Line>
}

/** A file that is no transcript; says where and what was expected. */
export class TranscriptError extends Error {
  override readonly name = "TranscriptError"

  constructor(file: string, line: number, problem: string) {
    super(`${file}:${line}: ${problem}`)
  }
}

type Json = Record<string, unknown>

const text = (value: unknown, fallback = ""): string => (typeof value === "string" ? value : fallback)
const count = (value: unknown, fallback = 0): number => (typeof value === "number" ? value : fallback)
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
const record = (value: unknown): Json => (typeof value === "object" && value !== null ? { ...value } : {})

const cell = (value: unknown): Value => (typeof value === "string" || typeof value === "number" ? value : null)
const rowsOf = (value: unknown): ReadonlyArray<ReadonlyArray<Value>> => list(value).map((row) => list(row).map(cell))

const answerOf = (json: Json): RecordedAnswer => {
  if (json["rows"] !== undefined)
    return { kind: "rows", columns: list(json["columns"]).map((name) => text(name)), rows: rowsOf(json["rows"]) }
  if (json["ok"] !== undefined) {
    const ok = record(json["ok"])
    return { kind: "ok", affectedRows: count(ok["affectedRows"]), warnings: count(ok["warnings"]) }
  }
  const error = record(json["error"])
  return {
    kind: "error",
    errno: count(error["errno"]),
    sqlState: text(error["sqlState"]),
    message: text(error["message"]),
  }
}

const waitOf = (json: Json, common: Common): Line => {
  const node = count(json["node"])
  const held = json["held"] === true
  if (json["sleep"] !== undefined) return { ...common, kind: "sleep", sleepMs: count(json["sleep"]) }
  if (json["counter"] !== undefined) {
    return {
      ...common,
      kind: "waitCounter",
      node,
      held,
      counter: text(json["counter"]),
      value: text(json["value"]),
      negated: json["not"] === true,
    }
  }
  if (json["sql"] !== undefined)
    return { ...common, kind: "waitRows", node, held, sql: text(json["sql"]), rows: rowsOf(json["rows"]) }
  return { ...common, kind: "sleep", sleepMs: count(json["ms"]) }
}

const fillOf = (json: Json, common: Common): Line => ({
  ...common,
  kind: "fill",
  node: count(json["node"]),
  into: text(json["into"]),
  columns: list(json["columns"]).map((name) => text(name)),
  values: list(json["values"]).map((value) => text(value)),
  from: count(json["from"]),
  count: count(json["count"]),
  batch: count(json["batch"], 1),
})

const eventOf = (json: Json, common: Common): Line | undefined => {
  const event = text(json["event"])
  const node = count(json["node"])
  switch (event) {
    case "start":
      return {
        ...common,
        kind: "start",
        node,
        args: list(json["args"]).map((arg) => text(arg)),
        config: text(json["config"]),
        up: json["up"] !== false,
      }
    case "kill":
    case "pause":
    case "resume":
    case "exit":
      return { ...common, kind: event, node }
    case "stop":
      return { ...common, kind: "stop", node, ended: json["ended"] !== false }
    case "mkdir":
    case "rmdir":
      return { ...common, kind: event, node, directory: text(json["dir"]) }
    case "wait":
      return waitOf(json, common)
    case "fill":
      return fillOf(json, common)
    case "file":
      return { ...common, kind: "file", node, text: text(json["text"]) }
    case "partition":
      return {
        ...common,
        kind: "partition",
        groups: list(json["groups"]).map((group) => list(group).map((member) => count(member))),
      }
    case "cut":
      return {
        ...common,
        kind: "cut",
        from: count(json["from"]),
        to: count(json["to"]),
        symmetric: json["symmetric"] === true,
      }
    case "heal":
      return { ...common, kind: "heal" }
    case "stream":
      return {
        ...common,
        kind: "stream",
        node,
        statement: text(json["statement"]),
        from: count(json["from"]),
        everyMs: count(json["every"]),
        timeoutMs: count(json["timeout"], 60_000),
        answers: list(json["answers"]).map((answer) => text(record(answer)["answer"])),
      }
    case "watch":
      return { ...common, kind: "watch" }
    case "figure":
      return {
        ...common,
        kind: "figure",
        tallies: ["rounds", "acked", "writes", "answers", "of"].some((key) => json[key] !== undefined),
      }
    default:
      return undefined
  }
}

const events =
  "start, kill, stop, pause, resume, exit, mkdir, rmdir, wait, fill, file, partition, cut, heal, watch, stream or figure"

/** Reads one line after the header; throws an `Error` that says what is wrong with it. */
const lineOf = (json: Json, number: number, nodes: number): Line => {
  const group = json["group"]
  const common: Common = {
    line: number,
    atMs: count(json["at"]),
    ms: count(json["ms"]),
    group: typeof group === "number" ? group : undefined,
  }
  const named = [json["node"], json["from"], json["to"], ...list(json["groups"]).flatMap(list)]
  const numbers = json["event"] === undefined || json["event"] === "cut" || json["event"] === "partition"
  for (const node of numbers ? named : [json["node"]]) {
    if (node === undefined) continue
    if (typeof node !== "number" || !Number.isInteger(node) || node < 1 || node > nodes)
      throw new Error(`expected a node from 1 to ${nodes} (the header's "nodes"), found ${JSON.stringify(node)}`)
  }
  if (json["event"] === undefined) {
    if (typeof json["sql"] !== "string" || json["node"] === undefined)
      throw new Error(`expected a statement ("node" and "sql") or an "event"`)
    if (["rows", "ok", "error"].filter((key) => json[key] !== undefined).length !== 1)
      throw new Error(`expected exactly one answer: "columns" and "rows", "ok" or "error"`)
    return { ...common, kind: "statement", node: count(json["node"]), sql: json["sql"], answer: answerOf(json) }
  }
  const line = eventOf(json, common)
  if (line === undefined) throw new Error(`unknown event ${JSON.stringify(json["event"])}; expected ${events}`)
  if ("node" in line && json["node"] === undefined) throw new Error(`the event ${line.kind} names no "node"`)
  return line
}

/**
 * Reads the text of a transcript file. `name` is used when the header has none, `file` in errors.
 *
 * @throws TranscriptError
 */
export const parseTranscript = (content: string, name: string, file = name): Transcript => {
  const failed = (line: number, problem: string): TranscriptError => new TranscriptError(file, line, problem)
  const parsed = content.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return []
    const number = index + 1
    try {
      const json: unknown = JSON.parse(line)
      if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error("not an object")
      return [{ json: record(json), number }]
    } catch (error) {
      throw failed(number, `expected one JSON object a line: ${error instanceof Error ? error.message : String(error)}`)
    }
  })
  const header = parsed[0]?.json
  if (header === undefined) throw failed(1, "the file is empty; expected a header line and lines of a recording")
  const nodes = header["nodes"]
  if (header["transcript"] === undefined || typeof nodes !== "number" || !Number.isInteger(nodes) || nodes < 1)
    throw failed(parsed[0]?.number ?? 1, `expected a header with "transcript", "family" and "nodes" (1 or more)`)
  return {
    name: text(header["transcript"], name),
    family: text(header["family"], "unknown"),
    nodes,
    purpose: text(header["purpose"]),
    lines: parsed.slice(1).map(({ json, number }) => {
      try {
        return lineOf(json, number, nodes)
      } catch (error) {
        throw failed(number, error instanceof Error ? error.message : String(error))
      }
    }),
  }
}
