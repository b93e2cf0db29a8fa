/**
 * A connection as the daemon sees it: takes one statement at a time as far as it goes alone, and hands on what needs
 * the group, other nodes or a cluster statement.
 */
import { type Answer, refused } from "@shardwright/core/Answer"
import { executeClusterStatement, notWritable } from "./ClusterStatements.ts"
import type { Daemon } from "./Daemon.ts"
import { diskFullText } from "./Faults.ts"
import { replicateWrite } from "./ReplicatedWrite.ts"
import { parse } from "./sql/parse.ts"
import type { ParsedStatement, SqlFailure } from "./sql/Statement.ts"
import { clusterStatus } from "./Status.ts"
import { begin, Session, type Step, type Surroundings } from "./storage/Session.ts"
import { executeWrapper } from "./WrapperExecution.ts"

/** Delivers an answer, and how much longer the work takes from now. */
export type Deliver = (answer: Answer, micros: number) => void

const surroundings = new WeakMap<Daemon, Surroundings>()

/** What the storage of a daemon has to know of its clusters. */
const surroundingsOf = (daemon: Daemon): Surroundings => {
  let found = surroundings.get(daemon)
  if (found === undefined) {
    found = {
      clusterProblem: (cluster) => {
        const member = daemon.members.get(cluster)
        return member === undefined ? undefined : notWritable(member)
      },
      statusCounters: (like) => clusterStatus(daemon, like),
      address: daemon.host.spec.address,
    }
    surroundings.set(daemon, found)
  }
  return found
}

/** One session on a daemon. */
export class ServerSession {
  readonly daemon: Daemon
  readonly session: Session

  constructor(daemon: Daemon) {
    this.daemon = daemon
    this.session = new Session(daemon.nextConnectionId())
  }

  /** Executes a statement; `deliver` is called once, unless the statement hangs for ever. */
  execute(sql: string, deliver: Deliver): void {
    const { daemon } = this
    if (!daemon.hasFreeWorker) {
      daemon.withWorker(() => this.execute(sql, deliver))
      return
    }
    const context = daemon.context
    const slow = context.faults.active ? context.faults.slowMicros(daemon.name, sql) : 0
    if (slow > 0) context.queue.after(slow, () => daemon.whenRunning(() => this.run(parse(sql), deliver)))
    else this.run(parse(sql), deliver)
  }

  /** Executes a statement that has been read. */
  run(statement: ParsedStatement | SqlFailure, deliver: Deliver): void {
    const { daemon } = this
    if (!daemon.exists()) return
    daemon.catchUp()
    if (waitsForCopy(daemon, statement)) return
    const { faults, queue } = daemon.context
    if (!faults.active || !isStoring(statement)) {
      this.#take(statement, deliver)
      return
    }
    if (faults.isDiskFull(daemon.name)) {
      deliver(refused(diskFullText), daemon.context.timings.statementMicros)
      return
    }
    const micros = faults.diskMicros(daemon.name)
    if (micros === 0) this.#take(statement, deliver)
    else
      queue.after(micros, () =>
        daemon.whenRunning(() => {
          daemon.catchUp()
          this.#take(statement, deliver)
        }),
      )
  }

  #take(statement: ParsedStatement | SqlFailure, deliver: Deliver): void {
    const { daemon } = this
    const { timings } = daemon.context
    const step = begin(daemon.host.disk.database, this.session, statement, surroundingsOf(daemon))
    switch (step.kind) {
      case "answer":
        this.#noteDropped(statement, step.answer)
        deliver(step.answer, isDefinition(statement) ? timings.tableStatementMicros : timings.statementMicros)
        return
      case "write":
        this.#write(statement, step, deliver)
        return
      case "wrapper":
        executeWrapper(this, step.wrapper, step.statement, deliver)
        return
      case "cluster":
        executeClusterStatement(daemon, step.statement, (answer, warnings = []) => {
          this.session.warnings = warnings
          deliver(answer, 0)
        })
        return
      case "crash":
        // The process neither ends nor answers anything from now on; only a kill helps (finding 23).
        daemon.hangUp()
        return
    }
  }

  #write(statement: ParsedStatement | SqlFailure, step: Extract<Step, { kind: "write" }>, deliver: Deliver): void {
    const { daemon } = this
    const { timings } = daemon.context
    if (step.cluster === undefined) {
      const applied = daemon.applyLocal(step.writeSet, statement.kind === "update", this.session.connectionId)
      deliver(step.finish(applied), timings.statementMicros)
      return
    }
    const member = daemon.members.get(step.cluster)
    const component = member?.component
    if (member === undefined || component === undefined) {
      deliver(step.refuse(`cluster '${step.cluster}' is not ready`), timings.statementMicros)
      return
    }
    replicateWrite(daemon, member, component, step, (answer) => {
      deliver(answer, timings.statementMicros)
    })
  }

  #noteDropped(statement: ParsedStatement | SqlFailure, answer: Answer): void {
    if (statement.kind === "dropTable" && answer._tag === "Ok") this.daemon.host.disk.dropped(statement.table)
  }
}

/** Statements that need room on the disk. */
const isStoring = (statement: ParsedStatement | SqlFailure): boolean => {
  switch (statement.kind) {
    case "insert":
    case "update":
    case "createTable":
    case "alterTable":
    case "createCluster":
    case "joinCluster":
      return true
    default:
      return false
  }
}

const isDefinition = (statement: ParsedStatement | SqlFailure): boolean =>
  statement.kind === "createTable" || statement.kind === "dropTable" || statement.kind === "alterTable"

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
