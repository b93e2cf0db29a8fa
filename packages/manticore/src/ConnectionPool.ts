/**
 * Connections to one daemon. A statement gets a connection of its own for as long as it runs, so none queues behind a
 * blocked one on the wire. A connection whose answer did not come is destroyed and never used again: the daemon may still be
 * busy with its statement, and a late answer would be taken for that of the next one.
 */
import { type Answer, noAnswer } from "@shardwright/core/Answer"
import { type Connection, type ConnectionOptions, createConnection } from "mysql2"
import { answerOfError, answerOfResult, readCell } from "./readAnswer.ts"

/** Where the MySQL listener of a daemon is. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** How daemons are logged in to; the server takes anybody where it is not configured otherwise. */
export interface Credentials {
  readonly user?: string
  readonly password?: string
  /** Certificates in PEM; `ca` alone is enough to encrypt and to know the server. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** What a pool is for. */
export interface PoolOptions {
  readonly endpoint: Endpoint
  readonly credentials: Credentials
  /** Connections at once; further statements wait for one, within their own time. */
  readonly connectionsMax: number
  /** A connection that nobody has used for this long is closed: the server closes idle ones too, after 15 minutes. */
  readonly idleMsMax: number
}

/** The only database there is; the empty name is refused. */
const database = "Manticore"

/** Pauses between attempts to reach a daemon that refuses connections: each is twice the one before. */
const backoffMsMin = 20
const backoffMsMax = 500

interface Idle {
  readonly connection: Connection
  readonly sinceMs: number
}

/** Called when a connection is free, or may be made. */
type Waiter = (connection: Connection | undefined) => void

/** Connections to one daemon. */
export class ConnectionPool {
  readonly #options: PoolOptions
  #idle: Array<Idle> = []
  #open = 0
  readonly #waiting = new Set<Waiter>()
  #refusedMs = Number.NEGATIVE_INFINITY
  #backoffMs = 0
  #closed = false
  /** Connections that statements run on. */
  readonly #busy = new Set<Connection>()

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Connections that are open now, idle ones included. */
  get open(): number {
    return this.#open
  }

  /**
   * Sends a statement and calls `reply` once, at the latest after `timeoutMs`. Answers a function that gives it up: its
   * connection is destroyed, and `reply` is not called any more.
   */
  query(sql: string, timeoutMs: number, reply: (answer: Answer) => void): () => void {
    let over = false
    let connection: Connection | undefined
    let stopWaiting = (): void => undefined
    const end = (answer: Answer | undefined): void => {
      if (over) return
      over = true
      clearTimeout(timer)
      stopWaiting()
      if (connection !== undefined) {
        if (answer === undefined || answer._tag === "NoAnswer") this.#discard(connection)
        else this.#give(connection)
      }
      if (answer !== undefined) reply(answer)
    }
    const timer = setTimeout(() => end(noAnswer("timeout")), timeoutMs)
    const send = (free: Connection): void => {
      connection = free
      this.#busy.add(free)
      free.query({ sql, rowsAsArray: true, typeCast: readCell }, (error, result, fields) => {
        if (error === null) return end(answerOfResult(result, fields))
        const answer = answerOfError(error, true)
        // After a fatal error of the protocol there is nothing to be read from it any more.
        if (answer._tag === "Refused" && error.fatal && connection !== undefined) {
          this.#discard(connection)
          connection = undefined
        }
        end(answer)
      })
    }
    stopWaiting = this.#take(
      (free) => (over ? this.#give(free) : send(free)),
      (answer) => end(answer),
    )
    return () => end(undefined)
  }

  /** Closes all connections; statements that run get no answer. */
  close(): void {
    this.#closed = true
    for (const { connection } of this.#idle) this.#discard(connection)
    for (const connection of this.#busy) connection.destroy()
    this.#idle = []
  }

  /** Gives a connection to `use` when there is one. Answers a function that ends the wait. */
  #take(use: (connection: Connection) => void, fail: (answer: Answer) => void): () => void {
    const nowMs = performance.now()
    this.#closeOld(nowMs)
    const idle = this.#idle.pop()
    if (idle !== undefined) {
      use(idle.connection)
      return () => undefined
    }
    if (this.#open < this.#options.connectionsMax) {
      // Who has just refused is not asked by every statement again.
      if (nowMs < this.#refusedMs + this.#backoffMs) {
        const later = setTimeout(() => fail(noAnswer("connection refused")), 1)
        return () => clearTimeout(later)
      }
      return this.#connect(use, fail)
    }
    let ended = (): void => undefined
    const waiter: Waiter = (connection) => {
      this.#waiting.delete(waiter)
      if (connection !== undefined) use(connection)
      else ended = this.#take(use, fail)
    }
    this.#waiting.add(waiter)
    return () => {
      this.#waiting.delete(waiter)
      ended()
    }
  }

  #connect(use: (connection: Connection) => void, fail: (answer: Answer) => void): () => void {
    const { credentials, endpoint } = this.#options
    const { tls, ...login } = credentials
    const options: ConnectionOptions = {
      ...endpoint,
      ...login,
      ...(tls === undefined ? {} : { ssl: tls }),
      database,
      // The statement's own timer ends the attempt.
      connectTimeout: 0,
      enableKeepAlive: true,
    }
    this.#open++
    let settled = false
    const connection = createConnection(options)
    const failed = (answer: Answer): void => {
      if (settled) return
      settled = true
      this.#discard(connection)
      fail(answer)
    }
    connection.once("connect", () => {
      if (settled) return
      settled = true
      this.#backoffMs = 0
      use(connection)
    })
    // Also what is lost between statements; statements hear of it themselves.
    connection.on("error", (error) => {
      // The event is typed with any error; before a connection stands they are mysql2's own.
      const answer = answerOfError(error as Parameters<typeof answerOfError>[0], false)
      if (settled) return this.#drop(connection)
      if (answer._tag === "NoAnswer" && answer.reason === "connection refused") {
        this.#refusedMs = performance.now()
        this.#backoffMs = Math.min(Math.max(backoffMsMin, this.#backoffMs * 2), backoffMsMax)
      }
      failed(answer)
    })
    connection.once("end", () => (settled ? this.#drop(connection) : failed(noAnswer("connection lost"))))
    return () => {
      if (settled) return
      settled = true
      this.#discard(connection)
    }
  }

  #give(connection: Connection): void {
    if (this.#closed) return this.#discard(connection)
    this.#busy.delete(connection)
    const [waiter] = this.#waiting
    if (waiter !== undefined) return waiter(connection)
    this.#idle.push({ connection, sinceMs: performance.now() })
  }

  readonly #gone = new WeakSet<Connection>()

  #discard(connection: Connection): void {
    connection.destroy()
    if (this.#gone.has(connection)) return
    this.#gone.add(connection)
    this.#busy.delete(connection)
    this.#open--
    const [waiter] = this.#waiting
    waiter?.(undefined)
  }

  /** An idle connection that the server has closed. One that is in use is told of it by its statement. */
  #drop(connection: Connection): void {
    const before = this.#idle.length
    this.#idle = this.#idle.filter((idle) => idle.connection !== connection)
    if (this.#idle.length < before) this.#discard(connection)
  }

  #closeOld(nowMs: number): void {
    const isOld = ({ sinceMs }: Idle): boolean => nowMs - sinceMs > this.#options.idleMsMax
    const old = this.#idle.filter(isOld)
    if (old.length === 0) return
    this.#idle = this.#idle.filter((idle) => !isOld(idle))
    for (const { connection } of old) this.#discard(connection)
  }
}
