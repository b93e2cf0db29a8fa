/**
 * Plays one transcript against a simulated world, in virtual time: each line begins when what it was sent after has
 * been answered, as much later as in the recording. Waits end when their condition holds; streams go on beside.
 */
import type { Answer } from "@shardwright/core/Answer"
import { EventQueue } from "../runtime/EventQueue.ts"
import { RandomStream } from "../runtime/RandomStream.ts"
import type { Connection, StartFlags } from "../world/SimulatedCluster.ts"
import { defaultTimings, type Range, type Timings } from "../world/Timings.ts"
import { World } from "../world/World.ts"
import { compare, matchesRows, type Surroundings, type Verdict } from "./Compare.ts"
import { addressOf, nodeName, toSimulated } from "./Names.ts"
import { runStream, type RunningStream } from "./Stream.ts"
import type { Line, RecordedAnswer, Transcript } from "./Transcript.ts"

/** What became of one statement line. */
export interface Checked {
  readonly line: number
  readonly sql: string
  readonly expected: unknown
  readonly actual: unknown
  readonly verdict: Verdict
}

/** What became of one transcript. */
export interface Replayed {
  readonly transcript: Transcript
  readonly statements: ReadonlyArray<Checked>
  /** Waits whose condition did not come true here although it did in the recording, or the other way round. */
  readonly waits: ReadonlyArray<{ readonly line: number; readonly agree: boolean }>
  /** Lines that are no statements and were not compared. */
  readonly notCompared: ReadonlyArray<{ readonly line: number; readonly reason: string }>
}

/** When a line began and ended here. */
interface Progress {
  readonly line: Line
  startMicros: number
  endMicros: number | undefined
}

const patienceMicros = 90_000_000
const pollMicros = 50_000

const isRange = (value: Timings[keyof Timings]): value is Range => typeof value === "object" && "minMicros" in value

/**
 * Chance is not compared: everything takes its middle time and goes the way it goes more often. So what agrees follows
 * from the rules, and neither from the seed nor from the order in which nodes draw.
 */
const usualTimings = (): Partial<Timings> => {
  const middle = Object.entries(defaultTimings).flatMap(([name, value]) => {
    if (!isRange(value)) return []
    const micros = Math.round((value.minMicros + value.maxMicros) / 2)
    return [[name, { minMicros: micros, maxMicros: micros }]]
  })
  return {
    ...Object.fromEntries(middle),
    joinHalfSecondsMin: 2,
    joinHalfSecondsMax: 2,
    slowLeaveShare: 0,
    lateApplyShare: 0,
    lateMinorityShare: 0,
    lostQuorumShare: 0,
    majorityRefusalShare: 0,
    refusedButStoredShare: 0,
    lastAcknowledgedShare: 0,
    // Statements that a recording sent together were meant to meet.
    localRaceShare: 1,
    addRaceCrashShare: 0,
  }
}
/** What the recorder itself takes between an answer and the next statement; less than the milliseconds that it notes. */
const recorderMicros = 500

/** Plays transcripts; one instance for each. */
export class Replay {
  readonly #transcript: Transcript
  readonly #queue = new EventQueue()
  readonly #world: World
  readonly #connections = new Map<number, Connection>()
  readonly #progress: Array<Progress> = []
  readonly #statements: Array<Checked> = []
  readonly #waits: Array<{ line: number; agree: boolean }> = []
  readonly #notCompared: Array<{ line: number; reason: string }> = []
  readonly #streams: Array<{ readonly running: RunningStream; readonly endsAtMs: number }> = []
  readonly #streamedTables = new Set<string>()
  #streamed = false

  constructor(transcript: Transcript, seed = 1) {
    this.#transcript = transcript
    this.#world = new World({ queue: this.#queue, random: new RandomStream(seed), timings: usualTimings() })
    const ports = portsOf(transcript)
    for (let number = 1; number <= transcript.nodes; number++) {
      this.#world.addNode({ name: nodeName(number), address: addressOf(number), replicationPorts: ports })
    }
  }

  run(): Replayed {
    for (const line of this.#transcript.lines) this.#play(line)
    this.#stopStreams(Number.POSITIVE_INFINITY)
    this.#awaitAll(this.#progress)
    return {
      transcript: this.#transcript,
      statements: this.#statements,
      waits: this.#waits,
      notCompared: this.#notCompared,
    }
  }

  #play(line: Line): void {
    this.#stopStreams(line.atMs)
    this.#awaitAll(this.#before(line))
    const startMicros = Math.max(this.#queue.nowMicros, this.#raceStart(line) ?? this.#startOf(line))
    const progress: Progress = { line, startMicros, endMicros: undefined }
    this.#progress.push(progress)
    this.#advance(startMicros)
    const blocked = this.#addRaceBlocks(line)
    if (blocked !== undefined) this.#world.setTimings({ addRaceBlockedShare: blocked ? 1 : 0 })
    this.#begin(line, () => {
      progress.endMicros = this.#queue.nowMicros
    })
  }

  /** Lines that must have ended before this one begins. */
  #before(line: Line): ReadonlyArray<Progress> {
    const others = this.#progress.filter((other) => !isBackground(other.line))
    if (line.group === undefined && line.kind === "statement") return others
    const rivals = this.#rivals(line)
    return others.filter((other) => endMs(other.line) <= line.atMs && !rivals.includes(other))
  }

  #startOf(line: Line): number {
    const before = this.#before(line)
    const last = before.reduce<Progress | undefined>(
      (a, b) => (a === undefined || endMs(b.line) >= endMs(a.line) ? b : a),
      undefined,
    )
    const ended = before.reduce((latest, other) => Math.max(latest, other.endMicros ?? 0), 0)
    const gapMs = last === undefined ? line.atMs : Math.max(0, line.atMs - endMs(last.line))
    const afterEnded = ended + Math.max(gapMs * 1000, recorderMicros)
    const overlapping = this.#progress.filter(
      (other) =>
        !isBackground(other.line) &&
        line.group !== undefined &&
        other.line.group === line.group &&
        !before.includes(other),
    )
    return overlapping.reduce(
      (latest, other) =>
        Math.max(latest, Math.min(other.startMicros + (line.atMs - other.line.atMs) * 1000, afterEnded)),
      afterEnded,
    )
  }

  /** Statements that race were sent within a moment; the recording only has milliseconds. */
  #raceStart(line: Line): number | undefined {
    const first = this.#rivals(line)[0]
    return first?.startMicros
  }

  #rivals(line: Line): ReadonlyArray<Progress> {
    if (line.kind !== "statement" || line.group === undefined || !isWrite(line)) return []
    return this.#progress.filter(({ line: other }) => isRival(line, other))
  }

  /** Two nodes add one table: whether a third is kept from receiving it is chance, so the recording says it (finding 17). */
  #addRaceBlocks(line: Line): boolean | undefined {
    if (line.kind !== "statement" || line.group === undefined || !isAdd(line)) return undefined
    const race = this.#transcript.lines.filter((other) => other === line || isRival(line, other))
    if (race.length < 2) return undefined
    return race.some(
      (other) =>
        other.kind === "statement" && other.answer.kind === "error" && other.answer.message.endsWith("query timed out"),
    )
  }

  #begin(line: Line, done: () => void): void {
    const world = this.#world
    switch (line.kind) {
      case "statement":
        this.#statement(line, done)
        return
      case "start":
        world.start(nodeName(line.node), flagsOf(line.args, line.config))
        this.#until(() => this.#accepts(line.node), patienceMicros, done)
        return
      case "stop":
        this.#stop(line, done)
        return
      case "kill":
      case "exit":
        world.kill(nodeName(line.node))
        break
      case "pause":
        world.pause(nodeName(line.node))
        break
      case "resume":
        world.resume(nodeName(line.node))
        break
      case "mkdir":
        world.makeDirectory(nodeName(line.node), line.directory)
        break
      case "rmdir":
        world.removeDirectory(nodeName(line.node), line.directory)
        break
      case "sleep":
        this.#queue.after(line.sleepMs * 1000, done)
        return
      case "waitCounter":
      case "waitRows":
        this.#wait(line, done)
        return
      case "fill":
        this.#fill(line, done)
        return
      case "partition":
        world.partition(line.groups.map((group) => group.map(nodeName)))
        break
      case "cut":
        world.cut(nodeName(line.from), nodeName(line.to), line.symmetric)
        break
      case "heal":
        world.heal()
        break
      case "stream":
        this.#stream(line)
        break
      case "file":
        this.#file(line)
        break
      case "watch":
        this.#skip(line, "watch: when a change was seen")
        break
      case "figure":
        this.#skip(line, "figure: a measurement")
        break
    }
    done()
  }

  #statement(line: StatementLine, done: () => void): void {
    const connection =
      line.group === undefined ? this.#connection(line.node) : this.#world.connect(null, nodeName(line.node))
    const expected = line.answer
    const send = (): void =>
      connection.query(
        toSimulated(line.sql),
        (answer) => {
          this.#check(line, answer)
          done()
        },
        gaveUp(expected) ? line.ms * 1000 : patienceMicros,
      )
    const delay = line.group === undefined ? 0 : this.#raceDelayMicros(line)
    if (delay === 0) send()
    else this.#queue.after(delay, send)
  }

  /** Who wins a race is said by nothing but the recording: losers begin a little later, later winners after that. */
  #raceDelayMicros(line: StatementLine): number {
    const answer = line.answer
    if (!isWrite(line)) return 0
    const rivals = this.#transcript.lines.filter((other) => other !== line && isRival(line, other))
    if (rivals.length === 0) return 0
    if (isAdd(line)) return gaveUp(answer) ? 40 : 0
    if (answer.kind === "error" && /seqno \d/.test(answer.message)) return 40
    const isWinner = (other: Line): boolean =>
      other.kind === "statement" && other.answer.kind === "ok" && other.answer.affectedRows > 0
    // Outside of a cluster several can win (finding 9), if they come at once.
    if (isWinner(line) && !isInCluster(line)) return 0
    const inOrder = [...rivals, line].sort(
      (a, b) => Number(isWinner(b)) - Number(isWinner(a)) || endMs(a) - endMs(b) || a.line - b.line,
    )
    return inOrder.indexOf(line) * 4000
  }

  #check(line: StatementLine, answer: Answer): void {
    const around: Surroundings = {
      streamedTables: this.#streamedTables,
      streamed: this.#streamed,
      unrecordedWrites: hasTallies(this.#transcript),
    }
    const verdict = compare(line.sql, line.answer, answer, around)
    this.#statements.push({ line: line.line, sql: line.sql, expected: line.answer, actual: answer, verdict })
  }

  #stop(line: Extract<Line, { kind: "stop" }>, done: () => void): void {
    let ended = false
    this.#world.stop(nodeName(line.node), () => {
      ended = true
    })
    this.#until(
      () => ended,
      line.ended ? patienceMicros : line.ms * 1000,
      () => {
        this.#waits.push({ line: line.line, agree: ended === line.ended })
        done()
      },
    )
  }

  #wait(line: Extract<Line, { kind: "waitCounter" | "waitRows" }>, done: () => void): void {
    const sql = line.kind === "waitCounter" ? `SHOW STATUS LIKE '${line.counter}'` : toSimulated(line.sql)
    const connection = this.#world.connect(null, nodeName(line.node))
    const holds = (answer: Answer): boolean => {
      if (line.kind === "waitRows") return matchesRows(line.rows, answer)
      const value = answer._tag === "Rows" ? answer.rows[0]?.[1] : undefined
      return value !== undefined && (value === line.value) !== line.negated
    }
    const giveUpAt = this.#queue.nowMicros + (line.held ? line.ms * 1000 + 30_000_000 : line.ms * 1000)
    const askAgain = (): void =>
      connection.query(
        sql,
        (answer) => {
          const held = holds(answer)
          if (held || this.#queue.nowMicros >= giveUpAt) {
            connection.close()
            this.#waits.push({
              line: line.line,
              agree:
                held === line.held || (line.kind === "waitRows" && (this.#streamed || hasTallies(this.#transcript))),
            })
            done()
          } else this.#queue.after(pollMicros, askAgain)
        },
        patienceMicros,
      )
    askAgain()
  }

  #fill(line: Extract<Line, { kind: "fill" }>, done: () => void): void {
    const connection = this.#connection(line.node)
    const parts = line.values.join(",").split("{id}")
    const row = (id: number): string => `(${id},${parts.join(String(id))})`
    const sendFrom = (first: number): void => {
      const end = Math.min(line.from + line.count, first + line.batch)
      if (first >= end) {
        done()
        return
      }
      const rows: Array<string> = []
      for (let id = first; id < end; id++) rows.push(row(id))
      connection.query(
        `INSERT INTO ${line.into} (id,${line.columns.join(",")}) VALUES ${rows.join(",")}`,
        () => sendFrom(end),
        patienceMicros,
      )
    }
    sendFrom(line.from)
  }

  #stream(line: Extract<Line, { kind: "stream" }>): void {
    const table = /\b(?:INTO|UPDATE|FROM)\s+(?:\w+:)?([\w.]+)/i.exec(line.statement)?.[1]?.toLowerCase()
    if (table !== undefined) this.#streamedTables.add(table)
    this.#streamed = true
    // A wrapper's rows land in its shards.
    for (const name of [...this.#world.hosts.values()].flatMap((host) => this.#world.tables(host.name))) {
      if (name.name === table) for (const agent of name.agents.flat()) this.#streamedTables.add(agent.table)
    }
    const connection = this.#world.connect(null, nodeName(line.node))
    const running = runStream(
      this.#queue,
      connection,
      toSimulated(line.statement),
      line.from,
      line.everyMs * 1000,
      line.timeoutMs * 1000,
    )
    this.#streams.push({ running, endsAtMs: line.atMs + line.ms })
    this.#skip(line, "stream: how many statements fit in is a matter of timing")
  }

  #stopStreams(atMs: number): void {
    for (const stream of this.#streams) {
      if (stream.endsAtMs > atMs || !stream.running.active()) continue
      stream.running.stop()
      this.#drive(() => !stream.running.active(), patienceMicros)
    }
  }

  #file(line: Extract<Line, { kind: "file" }>): void {
    const actual = this.#world.grastate(nodeName(line.node))
    const wanted = line.text.replace(/uuid: .*/, "uuid")
    this.#waits.push({
      line: line.line,
      agree: (actual !== undefined && actual.replace(/uuid: .*/, "uuid") === wanted) || this.#streamed,
    })
  }

  #connection(node: number): Connection {
    let connection = this.#connections.get(node)
    if (connection === undefined) {
      connection = this.#world.connect(null, nodeName(node))
      this.#connections.set(node, connection)
    }
    return connection
  }

  #accepts(node: number): boolean {
    return this.#world.hosts.get(nodeName(node))?.daemon?.accepting ?? false
  }

  #skip({ line }: Line, reason: string): void {
    this.#notCompared.push({ line, reason })
  }

  #until(condition: () => boolean, limitMicros: number, done: () => void): void {
    const giveUpAt = this.#queue.nowMicros + limitMicros
    const look = (): void => {
      if (condition() || this.#queue.nowMicros >= giveUpAt) done()
      else this.#queue.after(500, look)
    }
    look()
  }

  #awaitAll(progress: ReadonlyArray<Progress>): void {
    let open = progress.filter((other) => other.endMicros === undefined && !isBackground(other.line))
    this.#drive(() => {
      if (open.length > 0 && open[0]?.endMicros !== undefined)
        open = open.filter((other) => other.endMicros === undefined)
      return open.length === 0
    }, 4 * patienceMicros)
  }

  /** Runs the world until something holds. */
  #drive(until: () => boolean, limitMicros: number): void {
    const giveUpAt = this.#queue.nowMicros + limitMicros
    while (!until()) {
      const next = this.#queue.nextAtMicros()
      if (next === undefined || next > giveUpAt || !this.#queue.step()) return
    }
  }

  #advance(toMicros: number): void {
    let reached = false
    this.#queue.at(toMicros, () => {
      reached = true
    })
    this.#drive(() => reached, Number.POSITIVE_INFINITY)
  }
}

const isBackground = (line: Line): boolean => line.kind === "stream" || line.kind === "watch" || line.kind === "figure"

const endMs = (line: Line): number => line.atMs + line.ms

const hasTallies = (transcript: Transcript): boolean =>
  transcript.lines.some((line) => line.kind === "figure" && line.tallies)

const flagsOf = (args: ReadonlyArray<string>, config: string): StartFlags => {
  const threads = /threads\s*=\s*(\d+)/.exec(config)?.[1]
  return {
    newCluster: args.includes("--new-cluster"),
    newClusterForce: args.includes("--new-cluster-force"),
    ...(threads === undefined ? {} : { threads: Number(threads) }),
  }
}

/** Statements begun within this time of each other count as begun together. */
const raceMs = 4

const isInCluster = (line: StatementLine): boolean => /^\s*\w+(\s+(INTO|FROM))?\s+\w+:/i.test(line.sql)

type StatementLine = Extract<Line, { kind: "statement" }>

const addedTable = (line: StatementLine): string | undefined =>
  /^\s*ALTER\s+CLUSTER\s+\S+\s+ADD\s+(.+)$/i.exec(line.sql)?.[1]

const isAdd = (line: StatementLine): boolean => addedTable(line) !== undefined

const isWrite = (line: StatementLine): boolean =>
  isAdd(line) || /^\s*(INSERT|REPLACE|UPDATE|DELETE\s+FROM)\b/i.test(line.sql)

/** Sent together with another line, and in its way: writes, or ALTER CLUSTER ADD of one table. */
const isRival = (line: StatementLine, other: Line): boolean =>
  other.kind === "statement" &&
  other.group === line.group &&
  isWrite(other) &&
  addedTable(other) === addedTable(line) &&
  Math.abs(line.atMs - other.atMs) <= raceMs

/** True if the recorder's client gave up waiting. */
const gaveUp = (answer: RecordedAnswer): boolean =>
  answer.kind === "error" && /^\(client\) (no answer within|connect ETIMEDOUT)/.test(answer.message)

/** The recorder's range of replication ports, one for all nodes, is not in the transcript, but where one ran out is. */
const portsOf = (transcript: Transcript): number => {
  const clusters = new Map<number, Set<string>>()
  for (const line of transcript.lines) {
    if (line.kind !== "statement") continue
    const held = clusters.get(line.node) ?? new Set()
    clusters.set(line.node, held)
    if (line.answer.kind === "error" && /no replication ports available/.test(line.answer.message))
      return 2 * Math.max(1, held.size)
    const [, verb, name] = /^\s*(CREATE|JOIN|DELETE|EXIT)\s+CLUSTER\s+(\S+)/i.exec(line.sql) ?? []
    if (line.answer.kind !== "ok" || verb === undefined || name === undefined) continue
    if (/CREATE|JOIN/i.test(verb)) held.add(name)
    else for (const names of /DELETE/i.test(verb) ? clusters.values() : [held]) names.delete(name)
  }
  return 200
}
