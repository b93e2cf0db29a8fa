/**
 * One process of the server: its life, its memberships, its workers. It lives until it is killed, stops or crashes; a
 * restart makes a new one on the same host.
 */
import type { Scheduled } from "../runtime/EventQueue.ts"
import type { Change } from "./group/Change.ts"
import { Member, type MemberHost } from "./group/Member.ts"
import type { Host } from "./Host.ts"
import { LocalUpdates } from "./LocalUpdates.ts"
import type { Sending } from "./AlterCluster.ts"
import { Lock } from "./Lock.ts"
import { Mirrors } from "./Mirrors.ts"
import type { PeerCall } from "./Peers.ts"
import type { Applied, WriteSet } from "./storage/write.ts"
import type { StartFlags } from "./SimulatedCluster.ts"
import { startClusters } from "./Startup.ts"
import { draw, type WorldContext } from "./WorldContext.ts"

/** What ends with a process. */
export interface Dependent {
  /** The process is gone. */
  ended(): void
}

/** A running server. */
export class Daemon implements MemberHost {
  readonly host: Host
  readonly context: WorldContext
  readonly flags: StartFlags
  readonly members = new Map<string, Member>()
  /** Requests of other daemons that are under way here. */
  readonly calls = new Set<PeerCall>()
  readonly dependents = new Set<Dependent>()
  /** One CREATE, JOIN, EXIT or DELETE CLUSTER at a time. */
  readonly clusterLock = new Lock()
  /** Tables that ALTER CLUSTER ADD is copying. */
  readonly tablesInTransit = new Set<string>()
  /** ALTER CLUSTER ADD that runs on this node. */
  readonly sending = new Set<Sending>()
  readonly #threads: number
  readonly mirrors = new Mirrors(this)
  readonly #localUpdates = new LocalUpdates(this)
  accepting = false
  /** When it began to accept clients. */
  upSinceMicros = 0
  #paused = false
  #ended = false
  #inbox: Array<() => void> = []
  #blockedWorkers = 0
  #connectionId = 0
  #backlog: Array<() => void> = []
  #starting: Scheduled | undefined
  /** Nothing that waits in any membership is due before. */
  #dueMicros = Number.NEGATIVE_INFINITY

  constructor(host: Host, context: WorldContext, flags: StartFlags) {
    this.host = host
    this.context = context
    this.flags = flags
    this.#threads = flags.threads ?? host.spec.threads ?? 2
  }

  get name(): string {
    return this.host.name
  }

  get address(): string {
    return this.host.spec.address
  }

  get number(): number {
    return this.host.number
  }

  get paused(): boolean {
    return this.#paused
  }

  exists(): boolean {
    return !this.#ended
  }

  running(): boolean {
    return !this.#ended && !this.#paused
  }

  /** Begins to start; `up` is called when clients can connect. */
  start(up: () => void): void {
    this.#starting = this.context.queue.after(draw(this.context, this.context.timings.startMicros), () => {
      this.whenRunning(() => {
        this.host.disk.loadWrappers()
        this.accepting = true
        this.upSinceMicros = this.context.queue.nowMicros
        this.#emit("up")
        startClusters(this)
        up()
      })
    })
    this.#emit("starting")
  }

  /** SIGKILL, or a crash. */
  kill(how: "killed" | "crashed"): void {
    if (this.#ended) return
    const now = this.context.queue.nowMicros
    for (const member of this.members.values()) {
      member.catchUp(now)
      member.forgetQueue()
      this.save(member, false)
    }
    this.host.disk.crash()
    this.#end(how)
  }

  /**
   * SIGTERM: leaves all clusters, then ends. A member that is stuck keeps the process from ending (finding 49), and so does a
   * replicated write of its own that waits for the members to agree who is left.
   */
  stop(ended: () => void): void {
    if (this.#ended || !this.accepting) {
      this.#end("stopped")
      ended()
      return
    }
    this.accepting = false
    const waits = ({ component, stuck }: Member) =>
      stuck || (component?.stalled === true && component.held.some(({ origin }) => origin.host === this))
    if ([...this.members.values()].some(waits)) return
    let micros = draw(this.context, this.context.timings.stopMicros)
    for (const member of this.members.values()) {
      micros = Math.max(micros, this.leaveMicros(member))
      member.drain()
      this.save(member, true)
      member.group?.leave(member)
    }
    this.context.queue.after(micros, () => {
      if (this.#ended) return
      this.host.disk.saved()
      this.#end("stopped")
      ended()
    })
  }

  pause(): void {
    if (this.#ended || this.#paused) return
    for (const member of this.members.values()) member.catchUp(this.context.queue.nowMicros)
    this.#paused = true
    this.#emit("paused")
    this.context.reassess()
  }

  resume(): void {
    if (this.#ended || !this.#paused) return
    this.#paused = false
    this.#emit("resumed")
    const inbox = this.#inbox
    this.#inbox = []
    for (const run of inbox) this.whenRunning(run)
    for (const member of this.members.values()) member.group?.woken(member)
    this.context.reassess()
  }

  /** Runs now, or when a paused process is woken; never if it ends before. */
  whenRunning(run: () => void): void {
    if (this.#ended) return
    if (this.#paused) this.#inbox.push(run)
    else run()
  }

  /** Runs when a worker is free (finding: with two threads, two blocked writes keep others from being answered). */
  withWorker(run: () => void): void {
    if (this.#blockedWorkers >= this.#threads) this.#backlog.push(run)
    else run()
  }

  /** False while every worker waits. */
  get hasFreeWorker(): boolean {
    return this.#blockedWorkers < this.#threads
  }

  /** The process neither answers nor ends. */
  hangUp(): void {
    this.#blockedWorkers = Number.POSITIVE_INFINITY
  }

  nextConnectionId(): number {
    return ++this.#connectionId
  }

  /** A worker waits for the membership of some group. */
  workerBlocked(): void {
    this.#blockedWorkers++
  }

  workerFreed(): void {
    this.#blockedWorkers--
    while (this.#blockedWorkers < this.#threads) {
      const run = this.#backlog.shift()
      if (run === undefined) return
      run()
    }
  }

  /** Brings the tables up to what the groups have agreed on by now. */
  catchUp(): void {
    const now = this.context.queue.nowMicros
    if (now < this.#dueMicros) return
    let next = Number.POSITIVE_INFINITY
    for (const member of this.members.values()) {
      member.catchUp(now)
      next = Math.min(next, member.nextDueMicros)
    }
    this.#dueMicros = next
  }

  awaits(dueMicros: number): void {
    this.#dueMicros = Math.min(this.#dueMicros, dueMicros)
  }

  apply(member: Member, change: Change): Applied | undefined {
    if (change.kind === "write") {
      const applied = this.host.disk.apply(change)
      if (this.context.observed) this.#emitCommit(member.name, change)
      return applied
    }
    if (change.kind === "attach")
      this.setTables(member, [...member.tables, ...change.tables.filter((table) => !member.tables.includes(table))])
    else
      this.setTables(
        member,
        member.tables.filter((table) => !change.tables.includes(table)),
      )
    return undefined
  }

  /** Applies a write to a table that is in no cluster. */
  applyLocal(writeSet: WriteSet, isUpdate: boolean, connection: number): Applied {
    if (isUpdate) this.#localUpdates.before(writeSet, connection)
    const applied = this.host.disk.apply(writeSet)
    if (this.context.observed) this.#emitCommit(undefined, writeSet)
    return applied
  }

  /** Changes which tables are in a cluster on this node. */
  setTables(member: Member, tables: ReadonlyArray<string>): void {
    for (const table of member.tables) this.host.disk.setCluster(table, undefined)
    member.tables = [...tables]
    for (const table of tables) this.host.disk.setCluster(table, member.name)
    this.save(member, false)
  }

  /** The membership whose cluster a table belongs to on this node. */
  clusterOf(table: string): Member | undefined {
    for (const member of this.members.values()) {
      if (member.tables.includes(table)) return member
    }
    return undefined
  }

  /** Pairs of replication ports that no cluster of this node uses, lowest first. */
  freePortPair(): number | undefined {
    const pairs = Math.floor((this.host.portsLimit ?? this.host.spec.replicationPorts ?? 40) / 2)
    const used = new Set([...this.members.values()].map((member) => member.portPair))
    for (let pair = 0; pair < pairs; pair++) {
      if (!used.has(pair)) return pair
    }
    return undefined
  }

  newMember(name: string, path: string, portPair: number): Member {
    return new Member({ name, host: this, path, portPair, writesKept: this.context.timings.writesKept })
  }

  /** Notes on disk what the member knows. */
  save(member: Member, clean: boolean): void {
    const isLast = member.component?.primary === true && member.component.members.length === 1
    const before = this.host.clusters.get(member.name)
    if (this.members.get(member.name) !== member || (member.state === "joining" && before === undefined)) return
    this.host.clusters.set(member.name, {
      name: member.name,
      path: member.path,
      nodesSet: member.nodesSet,
      tables: [...member.tables],
      user: member.user,
      history: member.history,
      seqno: member.applied,
      safeToBootstrap: member.component === undefined ? (before?.safeToBootstrap ?? false) : isLast,
      alone: isLast && member.nodesSet.length === 1,
      clean,
      mustCopy:
        member.state === "destroyed" || member.stuck || (member.component === undefined && (before?.mustCopy ?? false)),
    })
  }

  saved(member: Member): void {
    this.save(member, false)
  }

  opened(member: Member): void {
    this.members.set(member.name, member)
    this.awaits(Number.NEGATIVE_INFINITY)
  }

  /** Ends a membership: EXIT or DELETE CLUSTER. The tables stay. */
  forget(member: Member): void {
    this.setTables(member, [])
    this.members.delete(member.name)
    this.host.clusters.delete(member.name)
  }

  /** How long leaving a cluster takes now (finding 28). */
  leaveMicros(member: Member): number {
    const { timings, random } = this.context
    const component = member.component
    if (component === undefined) return draw(this.context, timings.leaveAloneMicros)
    if (component.members.length === 1) return draw(this.context, timings.leaveAloneMicros)
    if (component.members.length === 2) return draw(this.context, timings.leavePairMicros)
    return draw(this.context, random.chance(timings.slowLeaveShare) ? timings.slowLeaveMicros : timings.leaveMicros)
  }

  #end(how: "killed" | "crashed" | "stopped"): void {
    this.#ended = true
    this.accepting = false
    if (this.#starting !== undefined) this.context.queue.cancel(this.#starting)
    this.host.daemon = undefined
    for (const call of [...this.calls]) call.fail("lost")
    for (const dependent of [...this.dependents]) dependent.ended()
    this.#inbox = []
    this.#backlog = []
    this.#emit(how)
    this.context.reassess()
  }

  #emit(state: "starting" | "up" | "killed" | "stopped" | "paused" | "resumed" | "crashed"): void {
    if (this.context.observed) this.context.emit({ kind: "daemon", node: this.name, state })
  }

  #emitCommit(cluster: string | undefined, { table, keys }: WriteSet): void {
    this.context.emit({ kind: "commit", node: this.name, cluster, table, ids: keys === "whole table" ? [] : keys })
  }
}
