/**
 * One client's connection to one simulated daemon: the handshake, commands in, answers out. Statements go to the world as
 * those of a client that reaches every node.
 */
import type { Socket } from "node:net"
import { type Answer, ok, refused } from "@shardwright/core/Answer"
import type { Daemon } from "../world/Daemon.ts"
import type { Connection } from "../world/SimulatedCluster.ts"
import { serverVersion } from "../world/storage/Session.ts"
import type { RealTimePump } from "./RealTimePump.ts"
import { utf8Collation, writeAnswer } from "./ReplyPackets.ts"
import { type ClientHello, type CommandPacket, type ServerConnection, serverConnection } from "./ServerConnection.ts"

/** Commands of the protocol that are more than "unknown". */
const command = { quit: 1, initDatabase: 2, query: 3, ping: 14, statementExecute: 23, longData: 24, statementClose: 25 }
/** mysql2 has an answer of its own to these unless somebody listens. */
const ownAnswers = ["query", "stmt_prepare", "init_db", "field_list", "ping"]
const headerBytes = 4

/** LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, MULTI_STATEMENTS, MULTI_RESULTS, PLUGIN_AUTH, CONNECT_ATTRS, lenenc auth data; neither TLS nor compression. */
const capabilityFlags = 0x1 | 0x4 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x10000 | 0x20000 | 0x80000 | 0x100000 | 0x200000
const autocommitStatus = 2

/** The only database there is. */
const database = "manticore"

/** What a client's connection needs. */
export interface MysqlClientOptions {
  readonly socket: Socket
  readonly connectionId: number
  readonly pump: RealTimePump
  /** The process that accepted the connection; the connection ends with it. */
  readonly daemon: Daemon
  /** The connection in the world. */
  readonly connection: Connection
  /** Statements of all clients of the node that have no answer yet. */
  readonly statements: { unanswered: number }
}

/** Begins to serve a client. Nobody needs to hold it: it lives as long as its socket. */
export const serveMysqlClient = (options: MysqlClientOptions): void => {
  // A stalled process has the connection in its backlog, and says nothing.
  options.daemon.whenRunning(() => {
    if (!options.socket.destroyed) new MysqlClient(options).greet()
  })
}

class MysqlClient {
  readonly #options: MysqlClientOptions
  readonly #wire: ServerConnection

  constructor(options: MysqlClientOptions) {
    this.#options = options
    this.#wire = serverConnection(options.socket)
  }

  greet(): void {
    const wire = this.#wire
    // A client that goes away without a word is nothing to report.
    wire.on("error", () => {})
    for (const name of ownAnswers) wire.on(name, () => {})
    wire.on("packet", (packet: CommandPacket, _known: boolean, code: number) => this.#onCommand(packet, code))
    wire.serverHandshake({
      protocolVersion: 10,
      serverVersion,
      connectionId: this.#options.connectionId,
      statusFlags: autocommitStatus,
      characterSet: utf8Collation,
      capabilityFlags,
      authCallback: (hello) => this.#admit(hello),
    })
    // mysql2 would write CESU-8 for this character set.
    wire.serverConfig.encoding = "utf8"
  }

  /** Any user, any password, and the one database, by name or by naming none. */
  #admit(hello: ClientHello): void {
    const sequenceId = this.#nextCommand()
    const isKnown = hello.database === undefined || hello.database.toLowerCase() === database
    this.#options.daemon.whenRunning(() => {
      if (isKnown) return this.#reply(sequenceId, ok())
      const name = hello.database ?? ""
      this.#reply(sequenceId, refused(name === "" ? "no such database" : `no such database '${name}'`, 1049, "42000"))
      this.#options.socket.end()
    })
  }

  #onCommand(packet: CommandPacket, code: number): void {
    const { connection, daemon, pump, statements } = this.#options
    const sequenceId = this.#nextCommand()
    switch (code) {
      case command.query: {
        // Whatever the client calls its character set, the server reads UTF-8.
        const sql = packet.buffer.toString("utf8", packet.start + headerBytes + 1, packet.end)
        statements.unanswered++
        pump.act(() =>
          connection.query(sql, (answer) => {
            statements.unanswered--
            this.#reply(sequenceId, answer)
          }),
        )
        return
      }
      case command.ping:
      case command.initDatabase:
        // USE answers OK to any name, as the real server does (finding 42).
        daemon.whenRunning(() => this.#reply(sequenceId, ok()))
        return
      case command.quit:
      case command.longData:
      case command.statementClose:
        // These have no answer.
        return
      case command.statementExecute:
        // mysql2 has refused it.
        return
      default:
        daemon.whenRunning(() => this.#reply(sequenceId, refused(`unknown command (code=${code})`, 1047, "08S01")))
    }
  }

  /** The number of the answer to what just came; the client numbers its next command from 0. */
  #nextCommand(): number {
    const wire = this.#wire
    const sequenceId = wire.sequenceId
    wire.sequenceId = 0
    return sequenceId
  }

  #reply(sequenceId: number, answer: Answer): void {
    const { socket } = this.#options
    if (socket.destroyed) return
    if (answer._tag === "NoAnswer") {
      // Whoever never gets an answer keeps the connection, and waits.
      if (answer.reason !== "timeout") socket.destroy()
      return
    }
    const wire = this.#wire
    // One write for all packets of the answer.
    socket.cork()
    wire.sequenceId = sequenceId
    writeAnswer(wire, answer)
    wire.sequenceId = 0
    socket.uncork()
  }
}
