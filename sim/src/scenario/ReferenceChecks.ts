/**
 * What a schema cannot see: names that are used but nowhere declared, names declared twice, times after the end. Works
 * on the raw values of the document, so that it finds these mistakes also in a file that has others; what is not of
 * the right shape is passed over here, because the schema reports it.
 */
import * as Duration from "effect/Duration"
import { durationText, parseDuration } from "./ScalarSchemas.ts"
import { defaults } from "./CodecParts.ts"
import { countablesByTable } from "./Condition.ts"
import { drawWords, selectorWords } from "./Fault.ts"
import { faultKeys } from "./FaultSource.ts"
import { describe, type Mistake, type Path } from "./SchemaProblems.ts"
import { limits } from "./SourceParts.ts"
import { suggest } from "./Suggestion.ts"

/** A value with the path to it. */
class At {
  readonly path: Path
  readonly value: unknown

  constructor(path: Path, value: unknown) {
    this.path = path
    this.value = value
  }

  key(name: string): At {
    const { value } = this
    const found: unknown =
      typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
        ? Reflect.get(value, name)
        : undefined
    return new At([...this.path, name], found)
  }

  get items(): ReadonlyArray<At> {
    return Array.isArray(this.value)
      ? this.value.map((item: unknown, index) => new At([...this.path, index], item))
      : []
  }

  get text(): string | null {
    return typeof this.value === "string" ? this.value : null
  }

  get number(): number | null {
    return typeof this.value === "number" ? this.value : null
  }

  get millis(): number | null {
    const duration = this.text === null ? null : parseDuration(this.text)
    return duration === null ? null : Duration.toMillis(duration)
  }

  get present(): boolean {
    return this.value !== undefined
  }
}

const names = (items: ReadonlyArray<At>): ReadonlyArray<string> => items.flatMap((item) => item.text ?? [])

const quoted = (words: ReadonlyArray<string>): string =>
  words.length === 0 ? "none" : words.length > 12 ? `${words.slice(0, 12).join(", ")}, …` : words.join(", ")

const mistake = (at: At, message: string, expected: string, cure: string): Mistake => ({
  path: at.path,
  atKey: false,
  message,
  expected,
  cure,
})

/** Items that were there before, with the name that they repeat. */
const repeated = (items: ReadonlyArray<At>): ReadonlyArray<readonly [At, string]> => {
  const seen = new Set<string>()
  return items.flatMap((item) => {
    const name = item.text
    if (name === null) return []
    if (seen.has(name)) return [[item, name] as const]
    seen.add(name)
    return []
  })
}

/** The nodes that a number or a list declares; `first` is where the counting begins. */
const declared = (
  at: At,
  first: number,
): { readonly names: ReadonlyArray<string>; readonly items: ReadonlyArray<At> } => {
  const count = at.number
  if (count !== null) {
    const length = Number.isInteger(count) && count > 0 ? Math.min(count, limits.nodes) : 0
    return { names: Array.from({ length }, (_, index) => `n${first + index}`), items: [] }
  }
  const items = at.items.map((item) => (item.text === null ? item.key("name") : item))
  return { names: names(items), items }
}

class Checker {
  readonly mistakes: Array<Mistake> = []
  readonly #root: At
  readonly #members: ReadonlyArray<string>
  readonly #spares: ReadonlyArray<string>
  readonly #tables: ReadonlyArray<string>
  readonly #streams: ReadonlyArray<string>

  constructor(values: unknown) {
    this.#root = new At([], values)
    const cluster = this.#root.key("cluster")
    const members = declared(cluster.key("nodes"), 1)
    const spares = declared(cluster.key("spares"), members.names.length + 1)
    this.#members = members.names
    this.#spares = spares.names
    const made = [...this.#root.key("tables").items, ...this.#timeline.map((entry) => entry.key("create"))]
    const adopted = this.#timeline.flatMap((entry) => entry.key("adopt").items)
    this.#tables = [...new Set(names([...made.map((table) => table.key("name")), ...adopted]))]
    this.#streams = names(this.#timeline.map((entry) => entry.key("stream").key("name")))
    this.#twice([...members.items, ...spares.items], "node")
    this.#hidden(members.items, spares)
  }

  get #timeline(): ReadonlyArray<At> {
    return this.#root.key("timeline").items
  }

  get #zones(): ReadonlyArray<string> {
    const cluster = this.#root.key("cluster")
    const declarations = [...cluster.key("nodes").items, ...cluster.key("spares").items]
    return [...new Set(names(declarations.map((node) => node.key("zone"))))]
  }

  get #nodes(): ReadonlyArray<string> {
    return [...this.#members, ...this.#spares]
  }

  #say(at: At, message: string, expected: string, cure: string): void {
    this.mistakes.push(mistake(at, message, expected, cure))
  }

  #twice(items: ReadonlyArray<At>, what: string, cure = "take one away, or give it another name"): void {
    for (const [item, name] of repeated(items)) {
      this.#say(item, `the ${what} ${name} is here twice`, `each ${what} once`, cure)
    }
  }

  /** Spares that are only counted must not get a name that the list of nodes has. */
  #hidden(
    items: ReadonlyArray<At>,
    spares: { readonly names: ReadonlyArray<string>; readonly items: ReadonlyArray<At> },
  ): void {
    if (spares.items.length > 0) return
    for (const item of items) {
      if (item.text !== null && spares.names.includes(item.text)) {
        this.#say(
          item,
          `the node ${item.text} is also the name of a spare, which go on counting at ${spares.names[0] ?? ""}`,
          "each node once",
          "list the spares by name: spares: [s1]",
        )
      }
    }
  }

  #node(at: At, drawn: ReadonlyArray<string> = []): void {
    const name = at.text
    if (name === null || selectorWords.includes(name) || this.#nodes.length === 0 || this.#nodes.includes(name)) return
    const words = [...selectorWords, ...drawn]
    this.#say(
      at,
      `there is no node ${describe(name)}`,
      `one of ${quoted(this.#nodes)}, or one of the words ${words.join(", ")}`,
      suggest(name, [...this.#nodes, ...words]) || "name it in cluster.nodes or cluster.spares",
    )
  }

  #table(at: At): void {
    const name = at.text
    if (name === null || this.#tables.includes(name)) return
    this.#say(
      at,
      `there is no table ${describe(name)}`,
      this.#tables.length === 0
        ? "a table that is declared under tables, or created in the timeline"
        : `one of the tables ${quoted(this.#tables)}`,
      suggest(name, this.#tables) || "declare it under tables, or create it in the timeline",
    )
  }

  #condition(at: At): void {
    this.#node(at.key("node"))
    this.#stream(at.key("stream"))
    for (const key of ["missing", "refusedButStored"]) this.#node(at.key(key).key("on"))
    // What is asked of a node's disk is a table of the server, which nobody declares.
    if (!at.key("ids").present && !at.key("rows").present) this.#table(at.key("table"))
    const count = at.key("count").text
    if (
      count !== null &&
      at.key("table").present &&
      !countablesByTable.some((it) => it === count) &&
      !at.key("longest").present
    ) {
      this.mistakes.push({
        path: at.key("table").path,
        atKey: true,
        message: `${count} is not counted by table`,
        expected: `a table only with ${countablesByTable.join(", ")}`,
        cure: "take the table away: it is counted over all tables",
      })
    }
  }

  #stream(at: At): void {
    const name = at.text
    if (name === null || this.#streams.includes(name)) return
    this.#say(
      at,
      `there is no stream ${describe(name)}`,
      this.#streams.length === 0 ? "a stream that the timeline begins" : `one of the streams ${quoted(this.#streams)}`,
      suggest(name, this.#streams) || "begin it in the timeline: stream: {name: …}",
    )
  }

  /** Names in braces are addresses of nodes. */
  #addresses(at: At, others: ReadonlyArray<string>): void {
    for (const text of at.text === null ? at.items : [at]) {
      const unknown = [...(text.text ?? "").matchAll(/\{([a-z][a-z0-9-]{0,31})\}/gu)]
        .map((match) => match[1] ?? "")
        .find((name) => !this.#nodes.includes(name) && !others.includes(name))
      if (unknown !== undefined)
        this.#say(
          text,
          `there is no node ${describe(unknown)}, whose address {${unknown}} would be`,
          `one of ${quoted([...this.#nodes, ...others])} in braces`,
          suggest(unknown, this.#nodes) || "name it in cluster.nodes",
        )
    }
  }

  #after(at: At, limit: number, what: string): void {
    const millis = at.millis
    if (millis === null || millis <= limit) return
    this.#say(
      at,
      `${at.text ?? ""} is after the end of the run`,
      `a time not after until, which is ${what}`,
      "raise until, or take an earlier time",
    )
  }

  #partition(at: At): void {
    for (const group of at.items) this.#target(group)
    const members = at.items.flatMap((group) => (group.text === null ? group.items : [group]))
    for (const [item, name] of repeated(members)) {
      this.#say(
        item,
        `the node ${name} is in the partition twice`,
        "groups that do not overlap",
        "name each node in one group only",
      )
    }
    const named = new Set(names(members))
    if (at.items.length === 1 && this.#nodes.length > 0 && this.#nodes.every((name) => named.has(name))) {
      this.#say(
        at,
        "a single group with all the nodes cuts nothing",
        "groups of nodes that do not see each other",
        "take at least one node out of it, or write another group",
      )
    }
  }

  #entry(entry: At): void {
    for (const verb of faultKeys) if (verb !== "heal" && verb !== "partition") this.#fault(entry.key(verb))
    this.#course(entry)
    this.#node(entry.key("drain"))
    this.#node(entry.key("undrain"))
    this.#table(entry.key("control").key("table"))
    for (const verb of ["maintain", "forget", "recover"]) this.#node(entry.key(verb))
    for (const verb of ["promote", "reunite"]) this.#node(entry.key(verb).key("node"))
    this.#node(entry.key("replace").key("node"))
    this.#node(entry.key("replace").key("by"))
    this.#table(entry.key("split").key("table"))
    for (const at of [entry.key("setRf").key("tables"), ...entry.key("setRf").key("tables").items]) this.#table(at)
    for (const verb of ["sql", "fill", "stream", "mkdir"]) this.#node(entry.key(verb).key("node"))
    this.#addresses(entry.key("sql").key("statement"), [])
    this.#addresses(entry.key("stream").key("statement"), ["id", "round"])
    this.#range(entry.key("fill"))
    this.#node(entry.key("after").key("node"))
    this.#partition(entry.key("partition"))
    for (const verb of ["cut", "flap", "link"]) this.#cut(entry.key(verb))
    this.#addNode(entry.key("addNode"))
    this.#table(entry.key("drop"))
    if (entry.key("rebalance").text !== "all") this.#table(entry.key("rebalance"))
    this.#condition(entry.key("check"))
  }

  #fault(at: At): void {
    this.#target(at)
    for (const key of ["node", "from", "to", "nodes"]) this.#target(at.key(key))
  }

  /** The nodes that a fault hits. */
  #target(at: At): void {
    if (!drawWords.some((word) => word === at.text)) this.#node(at, drawWords)
    for (const item of at.items) this.#node(item)
    this.#twice(at.items, "node", "take one away")
    const zone = at.key("zone")
    if (zone.text !== null && !this.#zones.includes(zone.text))
      this.#say(
        zone,
        `no node is in the zone ${describe(zone.text)}`,
        this.#zones.length === 0 ? "a zone that nodes are declared in" : `one of the zones ${quoted(this.#zones)}`,
        suggest(zone.text, this.#zones) || "declare it with a node: {name: n1, zone: east}",
      )
    const random = at.key("random")
    if (random.number !== null && this.#nodes.length > 0 && random.number > this.#nodes.length)
      this.#say(
        random,
        `${random.number} nodes cannot be drawn from ${this.#nodes.length}`,
        `a number from 1 to ${this.#nodes.length}`,
        "write `all`, or a smaller number",
      )
  }

  /** What an entry leaves to chance, and how often it comes due. */
  #course(entry: At): void {
    for (const key of ["between", "every", "for"]) {
      const [min, max] = entry.key(key).items
      if (max !== undefined && (min?.millis ?? 0) > (max.millis ?? 0))
        this.#say(
          max,
          `${max.text ?? ""} is before ${min?.text ?? ""}`,
          "the smaller of the two first",
          "exchange them",
        )
    }
    const repeated = entry.key("times").present || entry.key("until").present
    if (entry.key("every").present && !repeated)
      this.#say(
        entry.key("every"),
        "the fault would come due again and again for ever",
        "`times` or `until` beside `every`",
        "add `until: 1m` or `times: 5`",
      )
    if (!entry.key("every").present && repeated && !entry.key("stream").present)
      this.#say(
        entry.key(entry.key("times").present ? "times" : "until"),
        "the fault comes due once only",
        "`every` beside `times` and `until`",
        "add `every: 10s`",
      )
  }

  #range(at: At): void {
    const [from, to] = [at.key("from").number ?? defaults.firstId, at.key("to").number]
    if (to !== null && from > to)
      this.#say(at.key("to"), `there is no id from ${from} to ${to}`, "`to` not below `from`", "exchange the two")
  }

  #cut(at: At): void {
    const from = at.key("from").text
    if (from !== null && from === at.key("to").text && !drawWords.some((word) => word === from))
      this.#say(
        at.key("to"),
        `${from} is at both ends of the link`,
        "two nodes",
        "a node always reaches itself: name another one",
      )
  }

  #addNode(at: At): void {
    const name = at.text
    if (name === null || this.#spares.includes(name)) return
    const known = this.#members.includes(name)
    // Who was left out when the coordination cluster was recovered may join again.
    if (known && this.#timeline.some((entry) => entry.key("recover").text !== null)) return
    this.#say(
      at,
      known ? `the node ${name} is part of the cluster from the beginning` : `there is no spare node ${describe(name)}`,
      this.#spares.length === 0
        ? "a node that is declared under cluster.spares"
        : `one of the spares ${quoted(this.#spares)}`,
      this.#spares.length === 0 ? "add `spares: 1` to the cluster" : suggest(name, this.#spares),
    )
  }

  #workload(at: At, limit: number, what: string): void {
    this.#table(at.key("table"))
    for (const node of at.key("through").items) this.#node(node)
    this.#after(at.key("from"), limit, what)
    this.#after(at.key("until"), limit, what)
    this.#order(at)
  }

  #order(at: At): void {
    const [from, until] = [at.key("from").millis, at.key("until").millis]
    if (from !== null && until !== null && from >= until) {
      this.#say(
        at.key("until"),
        `it ends (${at.key("until").text ?? ""}) before it begins (${at.key("from").text ?? ""})`,
        "until after from",
        "exchange the two, or leave one out",
      )
    }
  }

  run(): ReadonlyArray<Mistake> {
    const root = this.#root
    const until = root.key("until")
    const limit = until.millis ?? (until.present ? Number.POSITIVE_INFINITY : Duration.toMillis(defaults.until))
    const what = until.text ?? `${durationText(defaults.until)} unless it is set`
    this.#twice(root.key("covers").items, "id", "take one away")
    this.#twice(
      root.key("tables").items.map((table) => table.key("name")),
      "table",
    )
    this.#twice(
      this.#timeline.map((entry) => entry.key("addNode")),
      "added node",
      "take one away",
    )
    this.#twice(
      this.#timeline.map((entry) => entry.key("stream").key("name")),
      "stream",
      "give it another name",
    )
    this.#factors()
    if (root.key("engine").text === "none") this.#withoutEngine()
    for (const workload of root.key("workloads").items) this.#workload(workload, limit, what)
    for (const entry of this.#timeline) {
      this.#entry(entry)
      for (const moment of [entry.key("at"), entry.key("until"), ...entry.key("between").items])
        this.#after(moment, limit, what)
      this.#after(entry.key("stream").key("until"), limit, what)
    }
    this.#expectations(limit, what)
    return this.mistakes
  }

  /** What nobody would do, say or know without the engine. */
  #withoutEngine(): void {
    const root = this.#root
    const cluster = root.key("cluster")
    const needing = [
      ...["settings", "tables", "workloads"].map((key) => root.key(key)),
      ...["spares", "coordination"].map((key) => cluster.key(key)),
      root.key("expect").key("violation"),
    ]
    for (const entry of this.#timeline) {
      needing.push(...faultKeys.map((key) => entry.key(key).key("what")).filter((what) => what.text === "agent"))
      if (!entry.key("after").key("transfer").present) needing.push(entry.key("after"))
      needing.push(
        ...[
          "clockJump",
          "clockSkew",
          "create",
          "drop",
          "addNode",
          "rebalance",
          "drain",
          "undrain",
          "control",
          "ask",
          "setRf",
          "split",
          "adopt",
          "replace",
          "maintain",
          "forget",
          "recover",
          "promote",
          "reunite",
        ].map((key) => entry.key(key)),
      )
      this.#conditionWithoutEngine(entry.key("check"), needing)
    }
    for (const list of ["eventually", "always", "final", "sometimes", "never"]) {
      for (const item of root.key("expect").key(list).items) this.#conditionWithoutEngine(item, needing)
    }
    for (const at of needing.filter((it) => it.present && !(Array.isArray(it.value) && it.value.length === 0))) {
      this.mistakes.push({
        path: at.path,
        atKey: true,
        message: `\`${String(at.path.at(-1))}\` needs the engine, and \`engine\` is none`,
        expected: "daemons, the network, SQL, and conditions on nodes, tables of the server and streams",
        cure: "take it away, or take `engine: none` away",
      })
    }
  }

  #conditionWithoutEngine(at: At, needing: Array<At>): void {
    needing.push(...["holds", "count", "longest", "step", "operation", "leader", "finding"].map((key) => at.key(key)))
    const is = at.key("is")
    if (at.key("node").present ? ["member", "away"].includes(is.text ?? "") : at.key("table").present) needing.push(is)
  }

  #factors(): void {
    if (this.#members.length === 0) return
    for (const table of this.#root.key("tables").items) {
      const rf = table.key("rf").number
      if (rf !== null && rf > this.#members.length && rf <= limits.rf) {
        this.#say(
          table.key("rf"),
          `${rf} copies do not fit on ${this.#members.length} ${this.#members.length === 1 ? "node" : "nodes"}`,
          `a replication factor from 1 to ${this.#members.length}`,
          "the copies of a shard are on distinct nodes: add nodes to the cluster, or lower rf (spares do not count)",
        )
      }
    }
  }

  #expectations(limit: number, what: string): void {
    const expect = this.#root.key("expect")
    for (const list of ["eventually", "always", "final", "sometimes", "never"]) {
      for (const item of expect.key(list).items) {
        this.#condition(item)
        this.#after(item.key("from"), limit, what)
        this.#after(item.key("until"), limit, what)
        if (list === "always") this.#order(item)
      }
    }
  }
}

/** Mistakes in what the names and times of a document refer to. */
export const checkReferences = (values: unknown): ReadonlyArray<Mistake> => new Checker(values).run()
