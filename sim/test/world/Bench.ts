/** A small cluster to be asked in tests: everything happens in virtual time while a question waits for its answer. */
import type { Answer } from "@shardwright/core/Answer"
import { EventQueue } from "../../src/runtime/EventQueue.ts"
import { RandomStream } from "../../src/runtime/RandomStream.ts"
import type { Connection } from "../../src/world/SimulatedCluster.ts"
import type { Timings } from "../../src/world/Timings.ts"
import { World } from "../../src/world/World.ts"

export class Bench {
  readonly queue = new EventQueue()
  readonly world: World
  readonly #connections = new Map<string, Connection>()

  constructor(nodes: number, options: { readonly seed?: number; readonly timings?: Partial<Timings> } = {}) {
    this.world = new World({
      queue: this.queue,
      random: new RandomStream(options.seed ?? 7),
      timings: { lateApplyShare: 0, ...options.timings },
    })
    for (let number = 1; number <= nodes; number++) {
      this.world.addNode({ name: `n${number}`, address: `n${number}:9312` })
      this.world.start(`n${number}`)
    }
    this.advance(200)
  }

  /** Lets virtual time pass. */
  advance(ms: number): void {
    const end = this.queue.nowMicros + ms * 1000
    this.queue.at(end, () => {})
    while (this.queue.nowMicros < end) this.queue.step()
  }

  /** Sends a statement and waits for what comes back. */
  ask(node: string, sql: string, timeoutMs = 60_000): Answer {
    let connection = this.#connections.get(node)
    if (connection === undefined) {
      connection = this.world.connect(null, node)
      this.#connections.set(node, connection)
    }
    const pending = this.send(node, sql, timeoutMs, connection)
    while (pending.answer === undefined && this.queue.step());
    if (pending.answer === undefined) throw new Error(`no answer at all to ${sql}`)
    return pending.answer
  }

  /** Sends a statement over a connection of its own and does not wait. */
  send(
    node: string,
    sql: string,
    timeoutMs = 60_000,
    connection = this.world.connect(null, node),
  ): { answer: Answer | undefined; ms: number } {
    const pending: { answer: Answer | undefined; ms: number } = { answer: undefined, ms: -1 }
    const started = this.queue.nowMs
    connection.query(
      sql,
      (answer) => {
        pending.answer = answer
        pending.ms = this.queue.nowMs - started
      },
      timeoutMs * 1000,
    )
    return pending
  }

  /** The answer in a few words: `ok 1`, an error's message, `timeout`, or rows as text. */
  say(node: string, sql: string, timeoutMs = 60_000): string {
    return brief(this.ask(node, sql, timeoutMs))
  }

  /** The ids of a table on a node, as they are on its disk. */
  ids(node: string, table = "t"): string {
    const view = this.world.tables(node).find((candidate) => candidate.name === table)
    return view === undefined ? "absent" : [...view.rows.keys()].sort((a, b) => (a < b ? -1 : 1)).join(",")
  }

  /** `primary 3 synced` */
  state(node: string, cluster = "c"): string {
    const view = this.world.clusters(node).find((candidate) => candidate.name === cluster)
    return view === undefined ? "none" : `${view.status} ${view.size} ${view.nodeState}`
  }

  /** Kills and starts again. */
  restart(node: string): void {
    this.world.kill(node)
    this.world.start(node)
  }

  /** A cluster `c` of the first nodes with a table `t (v bigint)` in it. */
  cluster(members: number): this {
    this.must("n1", "CREATE CLUSTER c")
    for (let number = 2; number <= members; number++) this.must(`n${number}`, "JOIN CLUSTER c AT 'n1:9312'")
    this.must("n1", "CREATE TABLE t (v bigint)")
    this.must("n1", "ALTER CLUSTER c ADD t")
    return this
  }

  /** A statement that has to succeed. */
  must(node: string, sql: string): void {
    const answer = this.ask(node, sql)
    if (answer._tag !== "Ok") throw new Error(`${node}: ${sql}: ${brief(answer)}`)
  }
}

export const brief = (answer: Answer | undefined): string => {
  if (answer === undefined) return "pending"
  switch (answer._tag) {
    case "Ok":
      return `ok ${answer.affectedRows}`
    case "Refused":
      return answer.message
    case "NoAnswer":
      return answer.reason
    case "Rows":
      return answer.rows.map((row) => row.join(" ")).join(",")
  }
}
