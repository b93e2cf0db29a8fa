/**
 * A client's connection: sends one statement at a time, in order, gives up when its own time is over, and opens itself
 * anew after the daemon was restarted, as clients with a pool do.
 */
import { type Answer, noAnswer, refused } from "@shardwright/core/Answer"
import type { Scheduled } from "../runtime/EventQueue.ts"
import type { Daemon, Dependent } from "./Daemon.ts"
import { ServerSession } from "./ServerSession.ts"
import type { Connection, FaultRule } from "./SimulatedCluster.ts"
import type { WorldContext } from "./WorldContext.ts"

type StatementFault = Extract<FaultRule, { readonly kind: "error" | "drop" | "lost reply" }>

/** A statement that waits for its turn, or for its answer. */
interface Request {
  readonly sql: string
  readonly reply: (answer: Answer) => void
  timer: Scheduled | undefined
  answered: boolean
}

/** A connection of a client to one node. */
export class ClientConnection implements Connection, Dependent {
  readonly #context: WorldContext
  readonly #from: string | null
  readonly #node: string
  #session: ServerSession | undefined
  #daemon: Daemon | undefined
  #requests: Array<Request> = []
  #active: Request | undefined
  #closed = false

  constructor(context: WorldContext, from: string | null, node: string) {
    this.#context = context
    this.#from = from
    this.#node = node
  }

  query(sql: string, reply: (answer: Answer) => void, timeoutMicros?: number): void {
    const request: Request = { sql, reply, timer: undefined, answered: false }
    if (this.#closed) {
      this.#context.queue.after(0, () => this.#answer(request, noAnswer("connection lost")))
      return
    }
    if (timeoutMicros !== undefined)
      request.timer = this.#context.queue.after(timeoutMicros, () => this.#giveUp(request))
    if (this.#active === undefined) this.#send(request)
    else this.#requests.push(request)
  }

  close(): void {
    this.#closed = true
    this.#leaveDaemon()
    const unanswered = this.#active === undefined ? this.#requests : [this.#active, ...this.#requests]
    this.#requests = []
    this.#active = undefined
    for (const request of unanswered) this.#answer(request, noAnswer("connection lost"))
  }

  /** The daemon ended. */
  ended(): void {
    this.#leaveDaemon()
    const request = this.#active
    if (request === undefined) return
    this.#context.send(this.#node, this.#from, () => this.#finish(request, noAnswer("connection lost")))
  }

  #send(request: Request): void {
    this.#active = request
    if (this.#context.observed)
      this.#context.emit({ kind: "statement", node: this.#node, sql: request.sql, from: this.#from })
    this.#context.send(this.#from, this.#node, () => this.#arrive(request))
  }

  #arrive(request: Request): void {
    if (request !== this.#active) return
    const daemon = this.#context.hosts.get(this.#node)?.daemon
    if (daemon === undefined || !daemon.accepting) {
      if (this.#daemon !== undefined && this.#daemon === daemon && daemon.exists()) this.#leaveDaemon()
      this.#context.send(this.#node, this.#from, () => this.#finish(request, noAnswer("connection refused")))
      return
    }
    if (this.#session === undefined || this.#daemon !== daemon) {
      this.#daemon = daemon
      this.#session = new ServerSession(daemon)
      daemon.dependents.add(this)
    }
    const session = this.#session
    const fault = this.#context.faults.active ? this.#context.faults.onStatement(this.#node, request.sql) : undefined
    if (fault !== undefined) {
      this.#meet(fault, request, session, daemon)
      return
    }
    const { network, queue, timings } = this.#context
    daemon.whenRunning(() =>
      session.execute(request.sql, (answer, micros) => {
        const delay = network.delayMicros(this.#node, this.#from)
        queue.after(micros + timings.networkMicros + delay, () => this.#deliver(request, answer))
      }),
    )
  }

  /** A fault takes the place of the usual course. */
  #meet(fault: StatementFault, request: Request, session: ServerSession, daemon: Daemon): void {
    const back = (answer: Answer): void =>
      this.#context.send(this.#node, this.#from, () => this.#finish(request, answer))
    const lose = (): void => {
      this.#leaveDaemon()
      back(noAnswer("connection lost"))
    }
    if (fault.kind === "error") {
      daemon.whenRunning(() => back(refused(fault.message, fault.errno, fault.sqlState)))
      return
    }
    if (fault.kind === "lost reply") {
      daemon.whenRunning(() => session.execute(request.sql, () => {}))
      return
    }
    if (fault.when !== "before")
      daemon.whenRunning(() =>
        session.execute(request.sql, (_, micros) => {
          if (fault.when === "after" && request === this.#active) this.#context.queue.after(micros, lose)
        }),
      )
    if (fault.when !== "after") lose()
  }

  // One event for the work and the way back; only a cut link needs more.
  #deliver(request: Request, answer: Answer): void {
    if (this.#context.network.sends(this.#node, this.#from) || this.#from === null) this.#finish(request, answer)
    else this.#context.network.hold(this.#node, this.#from, () => this.#finish(request, answer))
  }

  #giveUp(request: Request): void {
    if (request.answered) return
    request.timer = undefined
    if (request === this.#active) {
      // Nobody knows what became of it; what follows goes over a new connection.
      this.#leaveDaemon()
      this.#finish(request, noAnswer("timeout"))
    } else {
      this.#requests = this.#requests.filter((other) => other !== request)
      this.#answer(request, noAnswer("timeout"))
    }
  }

  #finish(request: Request, answer: Answer): void {
    if (request !== this.#active) return
    this.#active = undefined
    const next = this.#requests.shift()
    if (next !== undefined) this.#send(next)
    this.#answer(request, answer)
  }

  #answer(request: Request, answer: Answer): void {
    if (request.answered) return
    request.answered = true
    if (request.timer !== undefined) this.#context.queue.cancel(request.timer)
    if (this.#context.observed)
      this.#context.emit({ kind: "answer", node: this.#node, sql: request.sql, answer, from: this.#from })
    request.reply(answer)
  }

  #leaveDaemon(): void {
    this.#daemon?.dependents.delete(this)
    this.#daemon = undefined
    this.#session = undefined
  }
}
