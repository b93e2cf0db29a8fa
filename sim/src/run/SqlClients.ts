/**
 * The people of a scenario who send SQL themselves: statements on connections that keep their order, rows in bulk, and
 * streams of writes. They believe what they are told; what is made of the answers is for the scenario to say.
 */
import type { Answer } from "@shardwright/core/Answer"
import * as Duration from "effect/Duration"
import type { Act, SqlAnswer, SqlExpectation, StreamSpec } from "../scenario/Scenario.ts"
import type { Connection } from "../world/SimulatedCluster.ts"
import { describeAnswerWanted } from "./describe.ts"
import type { ExpectationResult } from "./ScenarioResult.ts"
import type { Simulation } from "./Simulation.ts"
import { StreamRecord } from "./StreamRecord.ts"
import { answerText } from "./Trace.ts"

/** Length of an answer in a result. */
const detailMax = 300
const fillTimeoutMicros = 120_000_000

const micros = (duration: Duration.Duration): number => Duration.toMillis(duration) * 1000

/** A name in braces, as statements write addresses. */
const nodeInBraces = /\{([a-z][a-z0-9-]{0,31})\}/gu

/** A statement that waits for its turn on a connection. */
interface Turn {
  readonly sql: string
  readonly timeoutMicros: number
  readonly ended: (answer: Answer, tookMicros: number) => void
}

/** One connection: its statements are sent in order, each when the one before has been answered or given up. */
class Line {
  readonly #simulation: Simulation
  readonly #connection: Connection
  readonly #turns: Array<Turn> = []
  #busy = false

  constructor(simulation: Simulation, node: string) {
    this.#simulation = simulation
    this.#connection = simulation.world.connect(null, node)
  }

  get isIdle(): boolean {
    return !this.#busy
  }

  add(turn: Turn): void {
    this.#turns.push(turn)
    if (!this.#busy) this.#next()
  }

  #next(): void {
    const turn = this.#turns.shift()
    this.#busy = turn !== undefined
    if (turn === undefined) return
    const { queue } = this.#simulation
    const sentMicros = queue.nowMicros
    this.#connection.query(
      turn.sql,
      (answer) => {
        turn.ended(answer, queue.nowMicros - sentMicros)
        this.#next()
      },
      turn.timeoutMicros,
    )
  }
}

/** Clients of a scenario. */
export class SqlClients {
  readonly streams = new Map<string, StreamRecord>()
  readonly #simulation: Simulation
  #report: (result: ExpectationResult) => void = () => undefined
  readonly #lines = new Map<string, Line>()
  /** Statements whose answer is still to come, in words. */
  readonly #waiting = new Set<{ readonly what: string }>()
  #beating = 0

  constructor(simulation: Simulation) {
    this.#simulation = simulation
  }

  /** Called with each answer that the scenario says something about, and whether it was as expected. */
  onJudged(listener: (result: ExpectationResult) => void): void {
    this.#report = listener
  }

  /** True when nobody sends anything any more, and nobody waits for an answer. */
  get isQuiet(): boolean {
    return this.#waiting.size === 0 && this.#beating === 0
  }

  /** Statements that wait for an answer, in words. */
  get waiting(): ReadonlyArray<string> {
    return [...this.#waiting].map(({ what }) => what)
  }

  /** Sends statements, one after another. */
  ask(node: string, { connection, statements, timeout, expect }: Extract<Act, { readonly _tag: "Sql" }>): void {
    for (const statement of statements) {
      const sql = this.#addressed(statement)
      this.#send(this.#line(node, connection), sql, node, micros(timeout), (answer, tookMicros) => {
        if (expect !== null) this.#judge(node, sql, expect, answer, tookMicros)
      })
    }
  }

  /** Inserts rows in bulk over the node's one connection. */
  fill(node: string, { table, from, to, batch }: Extract<Act, { readonly _tag: "Fill" }>): void {
    for (let first = from; first <= to; first += batch) {
      const count = Math.min(batch, to - first + 1)
      const values = Array.from({ length: count }, (_, index) => `(${first + index})`).join(",")
      this.#send(
        this.#line(node, null),
        `INSERT INTO ${table} (id) VALUES ${values}`,
        node,
        fillTimeoutMicros,
        (answer) => {
          if (answer._tag === "Ok" && answer.affectedRows === count) return
          const name = `rows ${first} to ${first + count - 1} of ${table} are inserted on ${node}`
          this.#report({ name, held: false, detail: answerText(answer).slice(0, detailMax) })
        },
      )
    }
  }

  /** Begins a stream. */
  stream(node: string, spec: StreamSpec): void {
    const record = new StreamRecord(spec)
    this.streams.set(spec.name, record)
    const lines = Array.from({ length: spec.connections }, () => new Line(this.#simulation, node))
    let id = spec.from
    let round = 0
    const { queue, zeroMicros } = this.#simulation
    const beat = (): void => {
      if (queue.nowMicros - zeroMicros >= micros(spec.until)) {
        this.#beating--
        return
      }
      round++
      for (const line of lines) {
        if (!line.isIdle) continue
        const mine = id++
        const sql = this.#addressed(
          spec.statement.replaceAll("{id}", String(mine)).replaceAll("{round}", String(round)),
        )
        this.#send(line, sql, node, micros(spec.timeout), (answer, tookMicros) => record.add(mine, answer, tookMicros))
      }
      queue.after(micros(spec.every), beat)
    }
    this.#beating++
    beat()
  }

  #line(node: string, name: string | null): Line {
    const key = `${node} ${name ?? ""}`
    const line = this.#lines.get(key) ?? new Line(this.#simulation, node)
    this.#lines.set(key, line)
    return line
  }

  #send(line: Line, sql: string, node: string, timeoutMicros: number, ended: Turn["ended"]): void {
    const waiting = { what: `${sql.slice(0, detailMax)} on ${node}` }
    this.#waiting.add(waiting)
    line.add({
      sql,
      timeoutMicros,
      ended: (answer, tookMicros) => {
        this.#waiting.delete(waiting)
        ended(answer, tookMicros)
      },
    })
  }

  /** `{n1}` becomes the address of n1. */
  #addressed(sql: string): string {
    const simulation = this.#simulation
    return sql.replaceAll(nodeInBraces, (whole, name: string) =>
      simulation.names.includes(name) ? simulation.address(name) : whole,
    )
  }

  #judge(node: string, sql: string, expect: SqlExpectation, answer: Answer, tookMicros: number): void {
    const { takes } = expect
    const inTime =
      takes === null ||
      ((takes.atLeast === null || tookMicros >= micros(takes.atLeast)) &&
        (takes.atMost === null || tookMicros <= micros(takes.atMost)))
    const time = takes === null ? "" : ` after ${Math.round(tookMicros / 1000)} ms`
    this.#report({
      name: `${sql.slice(0, detailMax)} on ${node} answers ${describeAnswerWanted(expect)}`,
      held: inTime && (expect.answer === null || this.#isAnswer(expect.answer, answer)),
      detail: `${answerText(answer).slice(0, detailMax)}${time}`,
    })
  }

  #isAnswer(wanted: SqlAnswer, answer: Answer): boolean {
    switch (wanted._tag) {
      case "Ok":
        return answer._tag === "Ok" || answer._tag === "Rows"
      case "Error":
        return (
          answer._tag === "Refused" &&
          (wanted.containing === null || answer.message.includes(this.#addressed(wanted.containing))) &&
          (wanted.message === null || answer.message === this.#addressed(wanted.message)) &&
          (wanted.errno === null || answer.errno === wanted.errno)
        )
      case "NoAnswer":
        return answer._tag === "NoAnswer" && answer.reason === "timeout"
      case "Disconnected":
        return answer._tag === "NoAnswer" && answer.reason !== "timeout"
      case "Affected":
        return answer._tag === "Ok" && answer.affectedRows === wanted.rows
      case "RowCount":
        return answer._tag === "Rows" && answer.rows.length === wanted.rows
      case "Rows": {
        const text = (rows: ReadonlyArray<ReadonlyArray<string | number | null>>): string =>
          JSON.stringify(rows.map((row) => row.map((cell) => (cell === null ? null : this.#addressed(String(cell))))))
        return answer._tag === "Rows" && text(answer.rows) === text(wanted.rows)
      }
    }
  }
}
