/**
 * A connection as the daemon sees it: takes one statement at a time as far as it goes alone, and hands on what needs
 * the group, other nodes or a cluster statement.
 */
import { type Answer, noAnswer } from "@shardwright/core/Answer"
import { executeClusterStatement, notWritable } from "./ClusterStatements.ts"
import type { Daemon } from "./Daemon.ts"
import { replicateWrite } from "./ReplicatedWrite.ts"
import { parse } from "./sql/parse.ts"
import type { ParsedStatement, SqlFailure } from "./sql/Statement.ts"
import { clusterStatus } from "./Status.ts"
import { begin, Session, type Step, type Surroundings } from "./storage/Session.ts"
import { executeWrapper } from "./WrapperExecution.ts"

/** Delivers an answer, and how much longer the work takes from now. */
export type Deliver = (answer: Answer, micros: number) => void


/** One session on a daemon. */
export class ServerSession {
  readonly daemon: Daemon
  readonly session: Session
  readonly #surroundings: Surroundings

  constructor(daemon: Daemon) {
    this.daemon = daemon
    this.session = new Session(daemon.nextConnectionId())
    this.#surroundings = {
      clusterProblem: (cluster) => {
        const member = daemon.members.get(cluster)
        return member === undefined ? undefined : notWritable(member)
      },
      statusCounters: () => clusterStatus(daemon, undefined),
    }
  }

  /** Executes a statement; `deliver` is called once, unless the statement hangs for ever. */
  execute(sql: string, deliver: Deliver): void {
    const { daemon } = this
    if (!daemon.hasFreeWorker) {
      daemon.withWorker(() => this.execute(sql, deliver))
      return
    }
    const context = daemon.context
    const slow = context.hasSlowRules ? context.slownessMicros(daemon.name, sql) : 0
    if (slow > 0) context.queue.after(slow, () => daemon.whenRunning(() => this.run(parse(sql), deliver)))
    else this.run(parse(sql), deliver)
  }

  /** Executes a statement that has been read. */
  run(statement: ParsedStatement | SqlFailure, deliver: Deliver): void {
    const { daemon } = this
    if (!daemon.exists()) return
    daemon.catchUp()
    if (waitsForCopy(daemon, statement)) return
    const clusterTable = lockedTable(daemon, statement)
    if (clusterTable === undefined) this.#take(statement, deliver, () => {})
    else {
      // Writes to a table of a cluster go one after another: each is prepared on what the last one left.
      const lock = daemon.tableLock(clusterTable)
      const problem = this.#refusedBeforeLock(statement)
      if (problem !== undefined) deliver(problem, daemon.context.timings.statementMicros)
      else lock.acquire(() => this.#take(statement, deliver, () => lock.release()))
    }
  }

  #refusedBeforeLock(statement: ParsedStatement | SqlFailure): Answer | undefined {
    if (statement.kind !== "insert" && statement.kind !== "update" && statement.kind !== "delete" && statement.kind !== "truncate") return undefined
    const table = this.daemon.host.disk.database.table(statement.target.table)
    const member = table?.cluster === undefined ? undefined : this.daemon.members.get(table.cluster)
    if (member === undefined || notWritable(member) === undefined) return undefined
    const step = begin(this.daemon.host.disk.database, this.session, statement, this.#surroundings)
    return step.kind === "answer" ? step.answer : undefined
  }

  #take(statement: ParsedStatement | SqlFailure, deliver: Deliver, release: () => void): void {
    const { daemon } = this
    const { timings } = daemon.context
    daemon.catchUp()
    const step = begin(daemon.host.disk.database, this.session, statement, this.#surroundings)
    switch (step.kind) {
      case "answer":
        this.#noteDropped(statement, step.answer)
        release()
        deliver(step.answer, isDefinition(statement) ? timings.tableStatementMicros : timings.statementMicros)
        return
      case "write":
        this.#write(step, deliver, release)
        return
      case "wrapper":
        release()
        executeWrapper(this, step.wrapper, step.statement, deliver)
        return
      case "cluster":
        release()
        executeClusterStatement(daemon, step.statement, (answer) => deliver(answer, 0))
        return
      case "crash":
        release()
        // The process neither ends nor answers anything from now on; only a kill helps (finding 23).
        daemon.hangUp()
        return
    }
  }

  #write(step: Extract<Step, { kind: "write" }>, deliver: Deliver, release: () => void): void {
    const { daemon } = this
    const { timings } = daemon.context
    if (step.cluster === undefined) {
      const applied = daemon.applyLocal(step.writeSet)
      release()
      deliver(step.finish(applied), timings.statementMicros)
      return
    }
    const member = daemon.members.get(step.cluster)
    const component = member?.component
    if (member === undefined || component === undefined) {
      release()
      deliver(step.refuse(`cluster '${step.cluster}' is not ready`), timings.statementMicros)
      return
    }
    replicateWrite(daemon, member, component, step, (answer) => {
      release()
      deliver(answer, timings.statementMicros)
    })
  }

  #noteDropped(statement: ParsedStatement | SqlFailure, answer: Answer): void {
    if (statement.kind === "dropTable" && answer._tag === "Ok") this.daemon.host.disk.dropped(statement.table)
  }
}

/** The answer to a statement whose process ended. */
export const lost: Answer = noAnswer("connection lost")

const isDefinition = (statement: ParsedStatement | SqlFailure): boolean =>
  statement.kind === "createTable" || statement.kind === "dropTable" || statement.kind === "alterTable"

/** The table of a cluster that a statement writes, if it does. */
const lockedTable = (daemon: Daemon, statement: ParsedStatement | SqlFailure): string | undefined => {
  switch (statement.kind) {
    case "insert":
    case "update":
    case "delete":
    case "truncate": {
      const table = daemon.host.disk.database.table(statement.target.table)
      return table?.cluster === undefined ? undefined : table.name
    }
    default:
      return undefined
  }
}

// A table that two nodes send to each other is never free again (finding 17).
const waitsForCopy = (daemon: Daemon, statement: ParsedStatement | SqlFailure): boolean => {
  if (daemon.tablesInTransit.size === 0) return false
  switch (statement.kind) {
    case "insert":
    case "update":
    case "delete":
    case "truncate":
      return daemon.tablesInTransit.has(statement.target.table)
    case "select":
      return statement.from !== undefined && daemon.tablesInTransit.has(statement.from.table)
    default:
      return false
  }
}
