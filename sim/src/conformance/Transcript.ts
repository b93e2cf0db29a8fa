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
    | { readonly kind: "unknown"; readonly event: string }
  )

/** A whole recording. */
export interface Transcript {
  readonly name: string
  readonly family: string
  readonly nodes: number
  readonly purpose: string
  readonly lines: ReadonlyArray<Line>
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

const eventOf = (json: Json, common: Common): Line => {
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
      return { ...common, kind: "unknown", event }
  }
}

/** Reads the text of a transcript file. `name` is used when the header has none. */
export const parseTranscript = (content: string, name: string): Transcript => {
  const lines = content
    .split("\n")
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== "")
  const parsed = lines.map(({ line, number }) => ({ json: record(JSON.parse(line)), number }))
  const header = parsed[0]?.json ?? {}
  return {
    name: text(header["transcript"], name),
    family: text(header["family"], "unknown"),
    nodes: count(header["nodes"], 1),
    purpose: text(header["purpose"]),
    lines: parsed.slice(1).map(({ json, number }) => {
      const group = json["group"]
      const common: Common = {
        line: number,
        atMs: count(json["at"]),
        ms: count(json["ms"]),
        group: typeof group === "number" ? group : undefined,
      }
      if (json["event"] === undefined) {
        return {
          ...common,
          kind: "statement" as const,
          node: count(json["node"]),
          sql: text(json["sql"]),
          answer: answerOf(json),
        }
      }
      return eventOf(json, common)
    }),
  }
}
