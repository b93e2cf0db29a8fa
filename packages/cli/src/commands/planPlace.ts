/**
 * `plan place`: where the planner would put the shards of a cluster described in a JSON document. Reads the document,
 * places, and prepares the answer; asks no server and writes nothing.
 */
import {
  type JsonMistake,
  jsonMistake,
  jsonOffset,
  type JsonPath,
  lineAndColumn,
  pathText,
} from "@shardwright/core/JsonText"
import {
  place,
  type Placement,
  type PlacementInput,
  type PlacementMove,
  type PlacementRow,
} from "@shardwright/core/Placement"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { counted, countText } from "../cli/text.ts"

/** What `--json` prints; the outer contract has this shape. */
export interface PlanPlaceOutput {
  readonly layout: ReadonlyArray<PlacementRow>
  readonly moves: ReadonlyArray<PlacementMove>
  /** Copies beyond the RF that go without replacement. */
  readonly removals: Placement["removals"]
  /** The least number of moves that could reach the balance; see `Placement`. */
  readonly minimumMoves: number
  /** Number of replica groups; shards of RF 1 are in none. */
  readonly groups: number
  readonly maxGroupsPerNode: number
  readonly spread: Readonly<Record<string, number>>
  readonly unplaceable: Placement["unplaceable"]
  /** Time that the placement itself took, without reading the document. */
  readonly wallMs: number
}

/** An answer, or what is wrong with the input: one line per mistake, each with `file:line:column`. */
export type PlanPlaceResult = { readonly output: PlanPlaceOutput } | { readonly error: string }

/** Shards of all tables together; more would need more memory than a planner should take. */
const shardsMax = 2_000_000

/** Mistakes that are told at once. */
const mistakesMax = 20

const number = (expected: string, holds: (value: number) => boolean) =>
  Schema.Finite.annotate({ expected }).check(Schema.makeFilter(holds, { expected }))
const wholeNumber = (least: number) =>
  number(`a whole number of at least ${least}`, (value) => Number.isSafeInteger(value) && value >= least)
const name = Schema.String.annotate({ expected: "a name" }).check(
  Schema.makeFilter((value) => value !== "", { expected: "a name that is not empty" }),
)

const Node = Schema.Struct({
  name,
  zone: Schema.optionalKey(Schema.NullOr(Schema.String)),
  weight: Schema.optionalKey(number("a number above 0", (value) => value > 0)),
  state: Schema.optionalKey(Schema.Literals(["active", "maintenance", "draining", "away"])),
  capacity: Schema.optionalKey(wholeNumber(0)),
  capacityBytes: Schema.optionalKey(wholeNumber(0)),
})
const Table = Schema.Struct({
  name,
  shards: wholeNumber(0),
  rf: wholeNumber(1),
  placement: Schema.optionalKey(Schema.Literals(["balanced", "buddy"])),
})
const Row = Schema.Struct({
  table: name,
  shard: wholeNumber(0),
  group: Schema.optionalKey(Schema.NullOr(name)),
  nodes: Schema.Array(name),
  bytes: Schema.optionalKey(wholeNumber(0)),
})
const Input = Schema.Struct({
  nodes: Schema.Array(Node),
  tables: Schema.Array(Table),
  layout: Schema.optionalKey(Schema.Array(Row)),
  groupsPerNode: Schema.optionalKey(wholeNumber(1)),
  groupBudget: Schema.optionalKey(wholeNumber(1)),
})
type Input = typeof Input.Type

const decode = Schema.decodeUnknownResult(Input, { errors: "all", onExcessProperty: "error", reportInput: true })

/** What each part of the document may have, for messages about what is missing or unknown. */
const fields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "": {
    nodes: "a list of nodes",
    tables: "a list of tables",
    layout: "a list of shards with their nodes",
    groupsPerNode: "a number",
    groupBudget: "a number",
  } satisfies Record<keyof Input, string>,
  nodes: {
    name: "a name such as 10.0.0.1:9312",
    zone: "a name",
    weight: "a number above 0",
    state: "active, maintenance, draining or away",
    capacity: "a number of shard replicas",
    capacityBytes: "a number of bytes",
  } satisfies Record<keyof typeof Node.Type, string>,
  tables: {
    name: "a name",
    shards: "a whole number of at least 0",
    rf: "a whole number of at least 1, the copies of each shard",
    placement: "balanced or buddy",
  } satisfies Record<keyof typeof Table.Type, string>,
  layout: {
    table: "the name of a table",
    shard: "the number of a shard, counted from 0",
    group: "the name of a replica group or null",
    nodes: "a list of names of nodes",
    bytes: "the size of one copy",
  } satisfies Record<keyof typeof Row.Type, string>,
}

/** Something wrong at a place of the document. */
interface Mistake {
  readonly path: JsonPath
  readonly message: string
  /** The name of the field is wrong, not its value. */
  readonly atKey?: boolean
}

/**
 * Reads a document and places. `fileName` is what messages call the input; `now` gives milliseconds for `wallMs`.
 */
export const runPlanPlace = (
  inputText: string,
  fileName: string,
  now: () => number = () => performance.now(),
): PlanPlaceResult => {
  const document = parse(inputText)
  if (Result.isFailure(document)) {
    const { message, offset } = document.failure
    return { error: `${fileName}:${lineAndColumn(inputText, offset)}: not JSON: ${message}` }
  }
  const decoded = decode(document.success)
  const mistakes = Result.isFailure(decoded) ? schemaMistakes(decoded.failure.issue) : mistakesIn(decoded.success)
  if (mistakes.length > 0 || Result.isFailure(decoded)) return { error: report(inputText, fileName, mistakes) }
  const start = now()
  const placement = place(placementInput(decoded.success))
  const wallMs = Math.round((now() - start) * 1000) / 1000
  const { layout, maxGroupsPerNode, minimumMoves, moves, removals, spread, unplaceable } = placement
  const groups = placement.groups.length
  return { output: { layout, moves, removals, minimumMoves, groups, maxGroupsPerNode, spread, unplaceable, wallMs } }
}

const parse = (text: string): Result.Result<unknown, JsonMistake> =>
  Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (cause) => jsonMistake(text) ?? { offset: 0, message: String(cause) },
  })

const placementInput = (input: Input): PlacementInput => ({
  ...input,
  nodes: input.nodes.map((node) => ({ ...node, zone: node.zone ?? undefined, state: node.state ?? "active" })),
  layout: input.layout?.map((row) => ({ ...row, group: row.group ?? null })),
  // A file is a thought experiment: what a loss would cost is to be seen also where no copy is left.
  whenNoCopyIsLeft: "replace",
})

const report = (text: string, fileName: string, mistakes: ReadonlyArray<Mistake>): string => {
  const lines = mistakes.slice(0, mistakesMax).map(({ atKey, message, path }) => {
    const place = lineAndColumn(text, jsonOffset(text, path, atKey))
    return `${fileName}:${place}: ${path.length === 0 ? "the document" : pathText(path)}: ${message}`
  })
  const left = mistakes.length - lines.length
  return [...lines, ...(left > 0 ? [`and ${counted(left, "more mistake")}`] : [])].join("\n")
}

const unknownField = "unknown field"

const schemaMistakes = (issue: SchemaIssue.Issue): ReadonlyArray<Mistake> => {
  const format = SchemaIssue.makeFormatterStandardSchemaV1({
    leafHook: (leaf) => {
      if (leaf._tag === "MissingKey") return "is missing"
      return leaf._tag === "UnexpectedKey" ? unknownField : SchemaIssue.defaultLeafHook(leaf)
    },
  })
  return format(issue).issues.map(({ message, path }) => {
    const keys = (path ?? []).map((part) => (typeof part === "object" ? part.key : part))
    const known = fields[keys.length === 1 ? "" : String(keys[0])] ?? {}
    if (message === unknownField) {
      return { path: keys, message: `${unknownField}; expected one of ${Object.keys(known).join(", ")}`, atKey: true }
    }
    if (message === "is missing") return { path: keys, message: `is missing; expected ${known[String(keys.at(-1))]}` }
    // The messages of the schema in the words of all others.
    return { path: keys, message: message.replace(/^Expected /, "expected ").replace(", got ", ", found ") }
  })
}

/** What the schema cannot see: names that must be known, and things that must not be there twice. */
const mistakesIn = (input: Input): ReadonlyArray<Mistake> => {
  const mistakes: Array<Mistake> = []
  const nodes = new Map<string, number>()
  const tables = new Map<string, number>()
  const twice = (seen: Map<string, number>, part: "nodes" | "tables", name: string, index: number): void => {
    const first = seen.get(name)
    if (first === undefined) seen.set(name, index)
    else
      mistakes.push({
        path: [part, index, "name"],
        message: `${quoted(name)} is already the name of ${part}[${first}]`,
      })
  }
  input.nodes.forEach(({ name }, index) => twice(nodes, "nodes", name, index))
  input.tables.forEach(({ name }, index) => twice(tables, "tables", name, index))
  const shards = input.tables.reduce((sum, table) => sum + table.shards, 0)
  if (shards > shardsMax) {
    const message = `expected at most ${countText(shardsMax)} shards in all tables together, found ${countText(shards)}`
    mistakes.push({ path: ["tables"], message })
  }
  const placed = new Map<string, number>()
  input.layout?.forEach((row, index) => {
    const position = tables.get(row.table)
    const table = position === undefined ? undefined : input.tables[position]
    if (table === undefined) {
      const message = `${quoted(row.table)} is not among the tables; expected ${oneOf([...tables.keys()])}`
      mistakes.push({ path: ["layout", index, "table"], message })
    } else if (row.shard >= table.shards) {
      const range = table.shards === 0 ? "none, since it has no shards" : `0 to ${table.shards - 1}`
      const message = `there is no shard ${row.shard} of ${quoted(row.table)}; expected ${range}`
      mistakes.push({ path: ["layout", index, "shard"], message })
    }
    const key = JSON.stringify([row.table, row.shard])
    const first = placed.get(key)
    if (first === undefined) placed.set(key, index)
    else {
      const message = `shard ${row.shard} of ${quoted(row.table)} is already in layout[${first}]`
      mistakes.push({ path: ["layout", index, "shard"], message })
    }
    row.nodes.forEach((node, place) => {
      const path = ["layout", index, "nodes", place]
      if (!nodes.has(node)) {
        const hint = "a node that is gone for good is listed with the state away"
        mistakes.push({ path, message: `${quoted(node)} is not among the nodes; ${hint}` })
      } else if (row.nodes.indexOf(node) < place) {
        mistakes.push({ path, message: `${quoted(node)} is there twice; expected distinct nodes` })
      }
    })
  })
  return mistakes
}

const quoted = (text: string): string => JSON.stringify(text)

const oneOf = (names: ReadonlyArray<string>): string => {
  if (names.length === 0) return "none, since there are no tables"
  const shown = names.slice(0, 5).map(quoted).join(", ")
  return names.length > 5 ? `one of ${shown}, …` : names.length === 1 ? shown : `one of ${shown}`
}

/** The answer for people, as lines: what is where, what moves and why, and what could not be done. */
export const planPlaceText = (output: PlanPlaceOutput): ReadonlyArray<string> => [
  ...nodeLines(output),
  "",
  ...tableLines(output),
  "",
  ...moveLines(output),
  ...unplaceableLines(output),
]

/** Moves and reasons that are shown; `--json` has them all. */
const linesMax = 40

const nodeLines = ({ layout }: PlanPlaceOutput): ReadonlyArray<string> => {
  const replicas = new Map<string, number>()
  const groups = new Map<string, Set<string>>()
  for (const { group, nodes } of layout) {
    for (const node of nodes) {
      replicas.set(node, (replicas.get(node) ?? 0) + 1)
      const known = groups.get(node) ?? new Set()
      if (group !== null) known.add(group)
      groups.set(node, known)
    }
  }
  const names = [...replicas.keys()].sort()
  if (names.length === 0) return ["Nothing is placed."]
  const width = Math.max(...names.map((node) => node.length))
  const lines = names.map((node) => {
    const count = groups.get(node)?.size ?? 0
    const inGroups = count === 0 ? "" : ` in ${counted(count, "group")}`
    return `${node.padEnd(width)}  ${counted(replicas.get(node) ?? 0, "replica")}${inGroups}`
  })
  return shortened(lines, "node")
}

const tableLines = ({ groups, layout, maxGroupsPerNode, spread }: PlanPlaceOutput): ReadonlyArray<string> => {
  const shards = new Map<string, number>()
  for (const { table } of layout) shards.set(table, (shards.get(table) ?? 0) + 1)
  const lines = Object.entries(spread).map(
    ([table, difference]) =>
      `${table}: ${counted(shards.get(table) ?? 0, "shard")}; nodes differ by ${counted(difference, "replica")}`,
  )
  const most = groups === 0 ? [] : [`${counted(groups, "replica group")}, at most ${maxGroupsPerNode} on a node`]
  return [...shortened(lines, "table"), ...most]
}

const moveLines = ({ minimumMoves, moves, removals }: PlanPlaceOutput): ReadonlyArray<string> => {
  if (moves.length === 0 && removals.length === 0) return ["Nothing moves."]
  const bundles = new Map<string, { readonly move: PlacementMove; count: number }>()
  for (const move of moves) {
    const key = JSON.stringify([move.group ?? [move.table], move.from, move.to])
    const bundle = bundles.get(key)
    if (bundle === undefined) bundles.set(key, { move, count: 1 })
    else bundle.count += 1
  }
  const lines = [...bundles.values()].map(({ count, move }) => {
    const what = move.group === null ? move.table : move.group
    const copy = move.copyLeft ? "" : "; NO COPY IS LEFT, it starts empty"
    return `  ${what}: ${move.from ?? "(new copy)"} → ${move.to}, ${counted(count, "shard")}: ${move.reason}${copy}`
  })
  const dropped =
    removals.length === 0
      ? []
      : [`  ${counted(removals.length, "copy")} beyond the RF to drop`.replace("copys", "copies")]
  return [
    `${counted(moves.length, "shard replica")} to move; ${countText(minimumMoves)} at least`,
    ...shortened(lines, "move"),
    ...dropped,
  ]
}

const unplaceableLines = ({ unplaceable }: PlanPlaceOutput): ReadonlyArray<string> => {
  if (unplaceable.length === 0) return []
  const reasons = new Map<string, number>()
  for (const { reason, table } of unplaceable) {
    const key = `${table}: ${reason}`
    reasons.set(key, (reasons.get(key) ?? 0) + 1)
  }
  const lines = [...reasons].map(([reason, count]) => `  ${counted(count, "shard")} of ${reason}`)
  return ["", "Not placed as asked:", ...shortened(lines, "reason")]
}

const shortened = (lines: ReadonlyArray<string>, noun: string): ReadonlyArray<string> =>
  lines.length <= linesMax
    ? lines
    : [...lines.slice(0, linesMax), `  … and ${counted(lines.length - linesMax, `more ${noun}`)} (--json has all)`]
