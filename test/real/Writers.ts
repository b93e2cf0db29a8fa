/**
 * Clients that write through the wrappers while things happen, and remember what became of each row.
 */
import type { Manticore } from "@shardwright/core/Manticore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { pause, type RealNode } from "./RealCluster.ts"

const writePatience = Duration.seconds(30)
/** Between two writes of a client: the processor is for the daemons. */
const pauseMsDefault = 20
const looksMax = 3
const lookPauseMs = 1000

/** What one table was told. */
export interface Written {
  readonly acknowledged: Set<number>
  /** Rows whose outcome nobody told: each may be there or not. */
  readonly unknown: Set<number>
  /** Rows that were refused, and why. */
  readonly refused: Map<number, string>
  /** The longest time between two acknowledged writes of one client. */
  longestGapMs: number
}

/** Clients of one table. */
export class Writers {
  readonly #manticore: Manticore["Service"]
  readonly table: string
  readonly written: Written = { acknowledged: new Set(), unknown: new Set(), refused: new Map(), longestGapMs: 0 }
  #next = 1
  #goesOn = true
  readonly #pauseMs: number
  readonly #clients: Array<Promise<void>> = []

  constructor(manticore: Manticore["Service"], table: string, pauseMs = pauseMsDefault) {
    this.#pauseMs = pauseMs
    this.#manticore = manticore
    this.table = table
  }

  /** One more client, at the daemon of a node. */
  begin(node: RealNode): void {
    this.#clients.push(this.#write(node.mysql))
  }

  async end(): Promise<void> {
    this.#goesOn = false
    await Promise.all(this.#clients)
  }

  async #write(address: string): Promise<void> {
    let lastMs = performance.now()
    while (this.#goesOn) {
      const id = this.#next++
      const sql = `INSERT INTO ${this.table} (id, title, v) VALUES (${id}, 'row ${id}', ${id})`
      const answer = await Effect.runPromise(this.#manticore.query(address, sql, writePatience))
      if (answer._tag === "Ok") {
        this.written.acknowledged.add(id)
        this.written.longestGapMs = Math.max(this.written.longestGapMs, performance.now() - lastMs)
        lastMs = performance.now()
      } else if (answer._tag === "NoAnswer" && answer.reason !== "connection refused") this.written.unknown.add(id)
      else this.written.refused.set(id, answer._tag === "Refused" ? answer.message : answer._tag)
      await pause(this.#pauseMs)
    }
  }

  /** What was told of each row, for whoever looks into a failure. */
  get told(): unknown {
    const { acknowledged, refused, unknown } = this.written
    return {
      table: this.table,
      acknowledged: [...acknowledged],
      unknown: [...unknown],
      refused: Object.fromEntries(refused),
    }
  }

  /** Rows that had been acknowledged and are not seen from a node, and rows that are there twice. */
  async check(node: RealNode): Promise<{ readonly lost: ReadonlyArray<number>; readonly doubled: number }> {
    let lost = [...this.written.acknowledged]
    let doubled = 0
    // Another copy than the one that acknowledged a row may have it some milliseconds later (semantics 10).
    for (let look = 0; look < looksMax && (look === 0 || lost.length > 0); look++) {
      if (look > 0) await pause(lookPauseMs)
      const ids = await this.#ids(node)
      const seen = new Set(ids)
      lost = lost.filter((id) => !seen.has(id))
      doubled = ids.length - seen.size
    }
    return { lost, doubled }
  }

  async #ids(node: RealNode): Promise<ReadonlyArray<number>> {
    const limit = this.#next + 10_000
    const sql = `SELECT id FROM ${this.table} LIMIT ${limit} OPTION max_matches=${limit}`
    const rows = await Effect.runPromise(this.#manticore.query(node.mysql, sql, writePatience))
    if (rows._tag !== "Rows") throw new Error(`${node.name} does not show ${this.table}: ${JSON.stringify(rows)}`)
    return rows.rows.map(([id]) => Number(id))
  }
}
