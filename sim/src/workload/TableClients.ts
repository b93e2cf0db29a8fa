/**
 * The clients of one table: writers that insert, replace, update and delete rows of their own through the wrapper on
 * any node, and readers that ask for what must be there. A plain state machine on the world; it knows nothing of the
 * engine.
 */
import type { Answer, Rows } from "@shardwright/core/Answer"
import type { EventQueue } from "../runtime/EventQueue.ts"
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Connection, SimulatedCluster } from "../world/SimulatedCluster.ts"
import { absent, type ClientModel, present, type RowModel, type RowState } from "./ClientModel.ts"
import {
  checkedColumn,
  type Column,
  columnsOf,
  countRows,
  deleteRows,
  selectRows,
  showMeta,
  updateRows,
  writeRows,
} from "./ClientSql.ts"
import { judgeWrite, type WriteKind } from "./judgeWrite.ts"

/** What the clients of a table do. Times are in microseconds. */
export interface ClientOptions {
  readonly structure: string
  readonly writers: number
  readonly everyMicros: number
  readonly mix: Readonly<Record<WriteKind, number>>
  readonly rows: number
  readonly timeoutMicros: number
  /** Readers, and their pause. */
  readonly readers: number
  readonly readEveryMicros: number
  /** Ids of this workload's rows are above `firstId`. */
  readonly firstId: number
}

/** What the clients need of the simulation. */
export interface ClientEnvironment {
  readonly world: SimulatedCluster
  readonly queue: EventQueue
  readonly random: RandomStream
  readonly model: ClientModel
  /** Hosts that clients may connect to now. */
  readonly targets: () => ReadonlyArray<string>
  /** Called with a read that shows less than what must be there. */
  readonly onPartial: (read: PartialRead) => void
}

/** A read that lacks what was acknowledged before it began, and was not changed since. */
export interface PartialRead {
  readonly node: string
  /** `lacked rows 1, 2`, `showed row 3 with value 4 instead of 5`, `counted 8 rows of 9` */
  readonly what: string
  /** The server said that it is partial. */
  readonly warned: boolean
  readonly sentMicros: number
}

/** Times that a write is repeated after an unknown outcome, and the pause before. */
const repeatsMax = 4
const repeatPauseMicros = 700_000
/** Ids of one writer; a writer that runs out of them stops. */
const idsPerWriter = 1_000_000
/** Rows of one writer that further statements may touch. */
const recentRowsMax = 200
const readRows = 8
/** Share of the reads that count all rows. */
const countShare = 0.2
/** A copy may be so much behind the one that acknowledged a write: ten times what was measured (1.4 ms). */
const applyMicros = 20_000

interface Statement {
  readonly kind: WriteKind
  readonly ids: ReadonlyArray<number>
  readonly wanted: RowState
  readonly value: number
  /** Attempts so far. */
  readonly attempt: number
}

/** Connections of one client: one to each node, made when it is needed. */
class ClientConnections {
  readonly #world: SimulatedCluster
  readonly #open = new Map<string, Connection>()

  constructor(world: SimulatedCluster) {
    this.#world = world
  }

  query(node: string, sql: string, timeoutMicros: number, reply: (answer: Answer) => void): void {
    let connection = this.#open.get(node)
    if (connection === undefined) {
      connection = this.#world.connect(null, node)
      this.#open.set(node, connection)
    }
    const used = connection
    used.query(
      sql,
      (answer) => {
        if (answer._tag === "NoAnswer") {
          used.close()
          if (this.#open.get(node) === used) this.#open.delete(node)
        }
        reply(answer)
      },
      timeoutMicros,
    )
  }
}

class Writer {
  readonly #clients: TableClients
  readonly #random: RandomStream
  readonly #connections: ClientConnections
  readonly #firstId: number
  readonly #index: number
  #nextId: number
  #value = 0
  #turn: number
  /** Ids that may get another statement. */
  #recent: Array<number> = []

  constructor(clients: TableClients, index: number, random: RandomStream) {
    this.#clients = clients
    this.#index = index
    this.#random = random
    this.#connections = new ClientConnections(clients.environment.world)
    this.#firstId = clients.options.firstId + index * idsPerWriter
    this.#nextId = this.#firstId
    this.#turn = index
  }

  /** Sends the next statement, unless the clients have been told to stop. */
  next(): void {
    if (this.#clients.stopped || this.#nextId + this.#clients.options.rows > this.#firstId + idsPerWriter) {
      this.#clients.ended()
      return
    }
    this.#send(this.#choose())
  }

  #choose(): Statement {
    const { mix, rows } = this.#clients.options
    const kind = this.#kind(mix)
    const value = ++this.#value
    if (kind === "insert") return this.#insert(value)
    const ids = this.#pickRecent(rows)
    if (ids.length === 0) return this.#insert(value)
    return { kind, ids, wanted: kind === "delete" ? absent : present(value), value, attempt: 1 }
  }

  #insert(value: number): Statement {
    const ids = Array.from({ length: this.#clients.options.rows }, () => ++this.#nextId)
    return { kind: "insert", ids, wanted: present(value), value, attempt: 1 }
  }

  #kind(mix: Readonly<Record<WriteKind, number>>): WriteKind {
    const kinds: ReadonlyArray<WriteKind> = ["insert", "replace", "update", "delete"]
    let draw = this.#random.float() * kinds.reduce((sum, kind) => sum + mix[kind], 0)
    for (const kind of kinds) {
      draw -= mix[kind]
      // Without a number to set, an update has nothing to show.
      if (draw < 0) return kind === "update" && this.#clients.checked === undefined ? "replace" : kind
    }
    return "insert"
  }

  /** Some rows that may get another statement, at random; those that may not any more are forgotten on the way. */
  #pickRecent(count: number): ReadonlyArray<number> {
    const { model } = this.#clients.environment
    const picked: Array<number> = []
    for (let attempt = 0; attempt < count * 4 && picked.length < count && this.#recent.length > 0; attempt++) {
      const index = this.#random.int(0, this.#recent.length - 1)
      const id = this.#recent[index] ?? 0
      if (model.rows.get(id)?.retired !== false) {
        this.#recent[index] = this.#recent.at(-1) ?? 0
        this.#recent.pop()
      } else if (!picked.includes(id)) picked.push(id)
    }
    return picked
  }

  #sql(statement: Statement): string {
    const { table } = this.#clients.environment.model
    const { columns, checked } = this.#clients
    switch (statement.kind) {
      case "insert":
        // Repeated as REPLACE: a duplicate id would not tell whose row it is.
        return writeRows(statement.attempt === 1 ? "INSERT" : "REPLACE", table, columns, statement.ids, statement.value)
      case "replace":
        return writeRows("REPLACE", table, columns, statement.ids, statement.value)
      case "update":
        return updateRows(table, checked ?? "id", statement.ids, statement.value)
      case "delete":
        return deleteRows(table, statement.ids)
    }
  }

  #send(statement: Statement): void {
    const { environment, options } = this.#clients
    const targets = environment.targets()
    const node = targets[this.#turn++ % Math.max(1, targets.length)]
    if (node === undefined) {
      environment.queue.after(repeatPauseMicros, () => (statement.attempt === 1 ? this.next() : this.#send(statement)))
      return
    }
    const sentMicros = environment.queue.nowMicros
    environment.model.sent(sentMicros)
    for (const id of statement.ids) environment.model.touch(id, statement.wanted)
    this.#connections.query(node, this.#sql(statement), options.timeoutMicros, (answer) =>
      this.#answered(statement, answer, sentMicros),
    )
  }

  #answered(statement: Statement, answer: Answer, sentMicros: number): void {
    const { environment, options, stopped } = this.#clients
    const outcomes = judgeWrite(statement.kind, statement.ids, answer)
    const open: Array<number> = []
    const last = statement.attempt >= repeatsMax
    const nowMicros = environment.queue.nowMicros
    if (outcomes.includes("acknowledged")) environment.model.latenciesMicros.push(nowMicros - sentMicros)
    statement.ids.forEach((id, index) => {
      const outcome = outcomes[index] ?? "unknown"
      const repeat = outcome === "unknown" && !last
      environment.model.settle(id, statement.wanted, outcome, nowMicros, !repeat)
      if (repeat) open.push(id)
      else if (outcome === "acknowledged" && statement.kind === "insert") this.#remember(id)
    })
    if (open.length > 0) {
      environment.queue.after(repeatPauseMicros, () =>
        this.#send({ ...statement, ids: open, attempt: statement.attempt + 1 }),
      )
      return
    }
    if (stopped) this.#clients.ended()
    else environment.queue.after(options.everyMicros + this.#random.int(0, 999) + this.#index, () => this.next())
  }

  #remember(id: number): void {
    this.#recent.push(id)
    if (this.#recent.length > recentRowsMax) this.#recent.shift()
  }
}

class Reader {
  readonly #clients: TableClients
  readonly #random: RandomStream
  readonly #connections: ClientConnections
  #turn = 0

  constructor(clients: TableClients, random: RandomStream) {
    this.#clients = clients
    this.#random = random
    this.#connections = new ClientConnections(clients.environment.world)
  }

  next(): void {
    const { environment, options, stopped } = this.#clients
    if (stopped) return this.#clients.ended()
    const again = (): void => void environment.queue.after(options.readEveryMicros, () => this.next())
    const targets = environment.targets()
    const node = targets[this.#turn++ % Math.max(1, targets.length)]
    const ids = this.#certain()
    if (node === undefined || ids.length === 0) return again()
    const sentMicros = environment.queue.nowMicros
    const { model } = environment
    const counts = this.#random.chance(countShare)
    const sql = counts ? countRows(model.table) : selectRows(model.table, ids, this.#clients.checked)
    this.#connections.query(node, sql, options.timeoutMicros, (answer) => {
      again()
      if (answer._tag !== "Rows") return
      model.reads++
      const what = counts
        ? lessThanCertain(model, Number(answer.rows[0]?.[0]), sentMicros - applyMicros)
        : lessThanAsked(model, ids, answer.rows, sentMicros - applyMicros)
      if (what === undefined) return
      this.#connections.query(node, showMeta, options.timeoutMicros, (meta) => {
        const warned = meta._tag !== "Rows" || meta.rows.some((row) => String(row[0]).startsWith("warn"))
        environment.onPartial({ node, what, warned, sentMicros })
      })
    })
  }

  /** Some rows that are certainly there, and will not be touched again. */
  #certain(): ReadonlyArray<number> {
    const settled = this.#clients.settledIds()
    if (settled.length === 0) return []
    return Array.from(
      { length: Math.min(readRows, settled.length) },
      () => settled[this.#random.int(0, settled.length - 1)] ?? 0,
    ).toSorted((a, b) => a - b)
  }
}

/** The value that a row has had since before a time; undefined if it has none for certain. */
const valueSince = (row: RowModel | undefined, beforeMicros: number): number | undefined => {
  const [state, ...others] = row?.possible ?? []
  // Rows that were written meanwhile may be gone again by their owner's will.
  if (row === undefined || row.busy || row.atMicros >= beforeMicros || others.length > 0) return undefined
  return state?.present === true ? state.value : undefined
}

/** What the answer to a read of some rows lacks, in words. */
const lessThanAsked = (
  model: ClientModel,
  ids: ReadonlyArray<number>,
  rows: Rows["rows"],
  beforeMicros: number,
): string | undefined => {
  const found = new Map(rows.map((row) => [Number(row[0]), row[1]]))
  const missing = ids.filter((id) => !found.has(id) && valueSince(model.rows.get(id), beforeMicros) !== undefined)
  if (missing.length > 0) return `lacked rows ${missing.slice(0, 5).join(", ")}`
  for (const [id, value] of found) {
    const before = valueSince(model.rows.get(id), beforeMicros)
    if (value !== undefined && before !== undefined && Number(value) !== before)
      return `showed row ${id} with value ${value} instead of ${before}`
  }
  return undefined
}

/** The same of a count of all rows. */
const lessThanCertain = (model: ClientModel, counted: number, beforeMicros: number): string | undefined => {
  let certain = 0
  for (const row of model.rows.values()) if (valueSince(row, beforeMicros) !== undefined) certain++
  return counted < certain ? `counted ${counted} rows of ${certain}` : undefined
}

/** All clients of one workload. */
export class TableClients {
  readonly options: ClientOptions
  readonly environment: ClientEnvironment
  readonly columns: ReadonlyArray<Column>
  readonly checked: string | undefined
  #stopped = false
  #active = 0

  constructor(options: ClientOptions, environment: ClientEnvironment) {
    this.options = options
    this.environment = environment
    this.columns = columnsOf(options.structure)
    this.checked = checkedColumn(this.columns)
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** True once no client has a statement under way any more. */
  get isQuiet(): boolean {
    return this.#stopped && this.#active === 0
  }

  /** Starts all clients, a little apart. */
  start(): void {
    const { random, queue } = this.environment
    for (let index = 0; index < this.options.writers; index++) {
      const writer = new Writer(this, index, random.stream(`writer ${index}`))
      this.#active++
      queue.after(random.int(0, this.options.everyMicros), () => writer.next())
    }
    for (let index = 0; index < this.options.readers; index++) {
      const reader = new Reader(this, random.stream(`reader ${index}`))
      this.#active++
      queue.after(random.int(0, this.options.readEveryMicros), () => reader.next())
    }
  }

  /** No new statements; those under way are waited for. */
  stop(): void {
    this.#stopped = true
  }

  /** Called by each client when it sends no more. */
  ended(): void {
    this.#active--
  }

  /** Ids of rows that must be there and are left alone for now. */
  settledIds(): ReadonlyArray<number> {
    const ids: Array<number> = []
    for (const row of this.environment.model.rows.values()) {
      if (row.acknowledged && !row.busy && row.possible.length === 1 && row.possible[0]?.present === true)
        ids.push(row.id)
      if (ids.length >= 500) break
    }
    return ids
  }
}
