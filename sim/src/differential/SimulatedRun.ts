/** Plays a sequence on the world, in virtual time. */
import type { Answer } from "@shardwright/core/Answer"
import { addressOf, nodeName, toRecorded, toSimulated } from "../conformance/Names.ts"
import type { RecordedAnswer, Value } from "../conformance/Transcript.ts"
import { EventQueue } from "../runtime/EventQueue.ts"
import { RandomStream } from "../runtime/RandomStream.ts"
import type { Connection } from "../world/SimulatedCluster.ts"
import { World } from "../world/World.ts"
import { type Act, type Outcome, play, transcriptOf } from "./Player.ts"
import type { Sequence } from "./Sequence.ts"

/** What the daemons are given besides what they need: threads that blocked writes do not use up. */
export const simulatedConfig = "threads = 8"
const threads = 8
const patienceMicros = 60_000_000
const pollMicros = 1000

/** Runs the sequence; gives the transcript. `seed` is that of the world's chance. */
export const runSimulated = (sequence: Sequence, seed = 1): string => {
  const run = new SimulatedRun(sequence, seed)
  const player = play(sequence, simulatedConfig)
  let next = player.next()
  while (next.done !== true) next = player.next(run.perform(next.value))
  return transcriptOf(sequence, next.value)
}

class SimulatedRun {
  readonly #queue = new EventQueue()
  readonly #world: World
  readonly #connections = new Map<number, Connection>()

  constructor(sequence: Sequence, seed: number) {
    this.#world = new World({ queue: this.#queue, random: new RandomStream(seed) })
    for (let node = 1; node <= sequence.nodes; node++)
      this.#world.addNode({ name: nodeName(node), address: addressOf(node), replicationPorts: 80 })
  }

  perform(act: Act): Outcome {
    const beganMs = this.#nowMs()
    const result = this.#do(act)
    return { beganMs, endedMs: this.#nowMs(), ...result }
  }

  #do(act: Act): Partial<Outcome> {
    const world = this.#world
    switch (act.kind) {
      case "query":
        return { answer: this.#query(act.node, act.sql, act.timeoutMs) }
      case "start": {
        const name = nodeName(act.node)
        world.start(name, {
          threads,
          newCluster: act.args.includes("--new-cluster"),
          newClusterForce: act.args.includes("--new-cluster-force"),
        })
        return { done: this.#until(() => world.hosts.get(name)?.daemon?.accepting ?? false) }
      }
      case "stop": {
        let ended = false
        world.stop(nodeName(act.node), () => {
          ended = true
        })
        return { done: this.#until(() => ended) }
      }
      case "kill":
        world.kill(nodeName(act.node))
        return {}
      case "pause":
        world.pause(nodeName(act.node))
        return {}
      case "resume":
        world.resume(nodeName(act.node))
        return {}
      case "partition":
        world.partition(act.groups.map((group) => group.map(nodeName)))
        return {}
      case "heal":
        world.heal()
        return {}
      case "mkdir":
        world.makeDirectory(nodeName(act.node), act.directory)
        return {}
      case "sleep":
        this.#pass(act.ms * 1000)
        return {}
    }
  }

  #query(node: number, sql: string, timeoutMs: number): RecordedAnswer {
    let connection = this.#connections.get(node)
    if (connection === undefined) {
      connection = this.#world.connect(null, nodeName(node))
      this.#connections.set(node, connection)
    }
    let found: Answer | undefined
    connection.query(
      toSimulated(sql),
      (answer) => {
        found = answer
      },
      timeoutMs * 1000,
    )
    this.#drive(() => found !== undefined)
    return recorded(found, timeoutMs)
  }

  /** False if it has not come true in time. */
  #until(condition: () => boolean): boolean {
    const giveUpAt = this.#queue.nowMicros + patienceMicros
    while (!condition() && this.#queue.nowMicros < giveUpAt) this.#pass(pollMicros)
    return condition()
  }

  #pass(micros: number): void {
    let reached = false
    this.#queue.after(micros, () => {
      reached = true
    })
    this.#drive(() => reached)
  }

  #drive(until: () => boolean): void {
    while (!until() && this.#queue.step()) continue
  }

  #nowMs(): number {
    return Math.round(this.#queue.nowMs)
  }
}

const named = (value: Value): Value => (typeof value === "string" ? toRecorded(value) : value)

const recorded = (answer: Answer | undefined, timeoutMs: number): RecordedAnswer => {
  const lost = (message: string): RecordedAnswer => ({
    kind: "error",
    errno: 0,
    sqlState: "",
    message: `(client) ${message}`,
  })
  if (answer === undefined) return lost(`no answer within ${timeoutMs} ms`)
  switch (answer._tag) {
    case "Rows":
      return { kind: "rows", columns: answer.columns, rows: answer.rows.map((row) => row.map(named)) }
    case "Ok":
      return { kind: "ok", affectedRows: answer.affectedRows, warnings: answer.warnings }
    case "Refused":
      return { kind: "error", errno: answer.errno, sqlState: answer.sqlState, message: toRecorded(answer.message) }
    case "NoAnswer":
      if (answer.reason === "timeout") return lost(`no answer within ${timeoutMs} ms`)
      return lost(answer.reason === "connection refused" ? "connect ECONNREFUSED" : "connection lost")
  }
}
