/**
 * One simulated node on its port: listens while the daemon accepts clients, and not a moment longer. A dead daemon
 * refuses connections, a stalled one takes them and says nothing.
 */
import net from "node:net"
import type { World } from "../world/World.ts"
import { serveMysqlClient } from "./MysqlClient.ts"
import type { RealTimePump } from "./RealTimePump.ts"

/** Everything here listens on loopback, and nowhere else. */
export const loopback = "127.0.0.1"

/** Clients of one node at a time; the connection of one more is closed at once. */
const clientsMax = 1_000
/** A port that was just closed may be busy for a moment: this often and this long apart it is tried again. */
const retriesMax = 250
const retryMs = 20

/** What a node needs to be served. */
export interface NodeServerOptions {
  readonly world: World
  readonly pump: RealTimePump
  readonly node: string
  /** 0: a free one, which the node then keeps. */
  readonly port: number
  /** Called when the port was taken by somebody else while the daemon was down. */
  readonly failed: (error: Error) => void
}

/** A node and its port. */
export class NodeServer {
  readonly node: string
  readonly #options: NodeServerOptions
  readonly #sockets = new Set<net.Socket>()
  #port: number
  #server: net.Server | undefined
  #wanted = false
  #connectionId = 0
  readonly #statements = { unanswered: 0 }

  constructor(options: NodeServerOptions) {
    this.#options = options
    this.node = options.node
    this.#port = options.port
  }

  get port(): number {
    return this.#port
  }

  /** Clients that are connected. */
  get clients(): number {
    return this.#sockets.size
  }

  /** Statements that have no answer yet. */
  get unanswered(): number {
    return this.#statements.unanswered
  }

  /** Takes the port for the first time; afterwards the daemon decides. */
  async reserve(): Promise<void> {
    this.#wanted = true
    await this.#listen()
  }

  /** The daemon accepts clients. */
  open(): void {
    this.#wanted = true
    if (this.#server === undefined) this.#listenAgain(retriesMax)
  }

  /** The daemon ended: its connections end with it. */
  close(): void {
    this.#wanted = false
    this.#server?.close()
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
  }

  #listen(): Promise<void> {
    const server = net.createServer({ noDelay: true }, (socket) => this.#accept(socket))
    server.maxConnections = clientsMax
    this.#server = server
    return new Promise((resolve, reject) => {
      server.once("error", (error) => {
        if (this.#server === server) this.#server = undefined
        reject(error)
      })
      server.listen(this.#port, loopback, () => {
        const address = server.address()
        if (address !== null && typeof address === "object") this.#port = address.port
        resolve()
      })
    })
  }

  #listenAgain(retries: number): void {
    this.#listen().catch((error: Error) => {
      if (!this.#wanted || this.#server !== undefined) return
      if (retries === 0) this.#options.failed(error)
      else setTimeout(() => this.#wanted && this.#server === undefined && this.#listenAgain(retries - 1), retryMs)
    })
  }

  #accept(socket: net.Socket): void {
    const { world, pump, node } = this.#options
    const daemon = world.hosts.get(node)?.daemon
    this.#sockets.add(socket)
    socket.on("error", () => {})
    if (daemon === undefined || !daemon.accepting) {
      socket.on("close", () => this.#sockets.delete(socket))
      socket.destroy()
      return
    }
    const connection = world.connect(null, node)
    socket.on("close", () => {
      this.#sockets.delete(socket)
      pump.act(() => connection.close())
    })
    const statements = this.#statements
    serveMysqlClient({ socket, connectionId: ++this.#connectionId, pump, daemon, connection, statements })
  }
}
