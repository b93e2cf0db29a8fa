/** Plays a sequence on real daemons. */
import { type Connection, createConnection, type QueryError } from "mysql2"
import { type Act, type Outcome, play, transcriptOf } from "@shardwright/sim/differential/Player"
import type { Sequence } from "@shardwright/sim/differential/Sequence"
import type { RecordedAnswer, Value } from "@shardwright/sim/conformance/Transcript"
import type { Lab } from "./Lab.ts"

/** Runs the sequence on fresh daemons; gives the transcript. */
export const runReal = async (sequence: Sequence, lab: Lab): Promise<string> => {
  if (!(await lab.run("reset"))) throw new Error("the lab's reset failed")
  const run = new RealRun(lab)
  const player = play(sequence, lab.config)
  try {
    let next = player.next()
    while (next.done !== true) next = player.next(await run.perform(next.value))
    return transcriptOf(sequence, next.value)
  } finally {
    run.close()
  }
}

class RealRun {
  readonly #lab: Lab
  readonly #startedMs = performance.now()
  readonly #connections = new Map<number, Connection>()

  constructor(lab: Lab) {
    this.#lab = lab
  }

  async perform(act: Act): Promise<Outcome> {
    const beganMs = this.#nowMs()
    const result = await this.#do(act)
    return { beganMs, endedMs: this.#nowMs(), ...result }
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.destroy()
  }

  async #do(act: Act): Promise<Partial<Outcome>> {
    const lab = this.#lab
    switch (act.kind) {
      case "query":
        return { answer: await this.#query(act.node, act.sql, act.timeoutMs) }
      case "start":
        return { done: await lab.run("start", { node: String(act.node), args: act.args.join(" ") }) }
      case "stop":
        return { done: await lab.run("stop", { node: String(act.node) }) }
      case "kill":
      case "pause":
      case "resume":
        await lab.run(act.kind, { node: String(act.node) })
        return {}
      case "partition":
        for (const [index, group] of act.groups.entries()) {
          for (const from of group) {
            for (const to of act.groups.slice(index + 1).flat())
              await lab.run("cut", { from: String(from), to: String(to) })
          }
        }
        return {}
      case "heal":
        await lab.run("heal")
        return {}
      case "mkdir":
        await lab.run("mkdir", { node: String(act.node), directory: act.directory })
        return {}
      case "sleep":
        await new Promise((resolve) => setTimeout(resolve, act.ms))
        return {}
    }
  }

  #query(number: number, sql: string, timeoutMs: number): Promise<RecordedAnswer> {
    const { nodes } = this.#lab
    const text = sql.replace(/\{n(\d+)\}/g, (whole, other: string) => nodes[Number(other) - 1]?.address ?? whole)
    return new Promise((resolve) => {
      const connection = this.#connection(number)
      const drop = (): void => {
        this.#connections.delete(number)
        connection.destroy()
      }
      const timer = setTimeout(() => {
        drop()
        resolve(lost(`no answer within ${timeoutMs} ms`))
      }, timeoutMs)
      connection.query<never>({ sql: text, rowsAsArray: true }, (error, result, fields) => {
        clearTimeout(timer)
        if (error !== null && error.errno === undefined) drop()
        resolve(error === null ? this.#answered(result, fields) : this.#refused(error))
      })
    })
  }

  /** One connection to each node, opened anew once it has been lost. */
  #connection(number: number): Connection {
    const open = this.#connections.get(number)
    if (open !== undefined) return open
    const { host, mysqlPort } = this.#lab.nodes[number - 1] ?? { host: "", mysqlPort: 0 }
    const connection = createConnection({
      host,
      port: mysqlPort,
      user: "root",
      database: "Manticore",
      supportBigNumbers: true,
      bigNumberStrings: true,
      connectTimeout: 60_000,
    })
    const forget = (): void => {
      if (this.#connections.get(number) === connection) this.#connections.delete(number)
    }
    connection.on("error", forget)
    connection.on("end", forget)
    this.#connections.set(number, connection)
    return connection
  }

  #answered(result: unknown, fields: ReadonlyArray<{ readonly name: string }> | undefined): RecordedAnswer {
    if (Array.isArray(result)) {
      return {
        kind: "rows",
        columns: (fields ?? []).map(({ name }) => name),
        rows: result.map((row: unknown) => (Array.isArray(row) ? row.map((cell) => this.#cell(cell)) : [])),
      }
    }
    const { affectedRows, warningStatus } = result as { affectedRows: number; warningStatus: number } // OK packet
    return { kind: "ok", affectedRows, warnings: warningStatus }
  }

  #refused(error: QueryError): RecordedAnswer {
    if (error.sqlState === undefined)
      return lost(error.code === "ECONNREFUSED" ? "connect ECONNREFUSED" : "connection lost")
    return { kind: "error", errno: error.errno ?? 0, sqlState: error.sqlState, message: this.#named(error.message) }
  }

  #cell(value: unknown): Value {
    if (typeof value === "string") return this.#named(value)
    return typeof value === "number" || value === null ? value : JSON.stringify(value)
  }

  /** The names of transcripts in the place of addresses and directories. */
  #named(text: string): string {
    return this.#lab.nodes.reduce((named, { host, address, mysqlPort, dataDirectory }, index) => {
      const number = index + 1
      const hostPort = new RegExp(`\\b${host.replaceAll(".", "\\.")}:(\\d+)`, "g")
      return named
        .replaceAll(dataDirectory, `{data${number}}`)
        .replace(hostPort, (whole, port: string) =>
          whole === address ? `{n${number}}` : port === String(mysqlPort) ? `{m${number}}` : `{r${number}}`,
        )
    }, text)
  }

  #nowMs(): number {
    return Math.round(performance.now() - this.#startedMs)
  }
}

const lost = (message: string): RecordedAnswer => ({
  kind: "error",
  errno: 0,
  sqlState: "",
  message: `(client) ${message}`,
})
