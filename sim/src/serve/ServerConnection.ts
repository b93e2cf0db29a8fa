/**
 * What of mysql2's server side is used here. Its type declarations leave most of it out, so this names the members, as
 * they are in the version that the workspace pins.
 */
import type { EventEmitter } from "node:events"
import type { Socket } from "node:net"
import type { Cell } from "@shardwright/core/Answer"
import mysql from "mysql2"
import type { OutgoingPacket } from "./ReplyPackets.ts"

/** A column of a result set, as mysql2 writes it. */
interface WireColumn {
  readonly catalog: string
  readonly schema: string
  readonly table: string
  readonly orgTable: string
  readonly name: string
  readonly orgName: string
  readonly characterSet: number
  readonly columnLength: number
  readonly columnType: number
  readonly flags: number
  readonly decimals: number
}

/** What a client said in its handshake. */
export interface ClientHello {
  readonly user: string
  /** Undefined when the client names none; empty when it names the empty one. */
  readonly database: string | undefined
}

interface HandshakeOptions {
  readonly protocolVersion: number
  readonly serverVersion: string
  readonly connectionId: number
  readonly statusFlags: number
  readonly characterSet: number
  readonly capabilityFlags: number
  readonly authCallback: (hello: ClientHello, done: (error: null) => void) => void
}

/** A command of a client; the buffer is shared with other packets. */
export interface CommandPacket {
  readonly buffer: Buffer
  /** Where it begins, with its header. */
  readonly start: number
  readonly end: number
}

/** A connection of mysql2 in the role of the server. */
export interface ServerConnection extends EventEmitter {
  readonly stream: Socket
  /** Number of the next packet in either direction. The client begins each command with 0; mysql2 leaves that to us. */
  sequenceId: number
  /** Set by `serverHandshake`. */
  readonly serverConfig: { encoding: string }
  serverHandshake(options: HandshakeOptions): void
  writeOk(ok: { readonly affectedRows: number; readonly warningCount: number; readonly serverStatus: number }): void
  writeColumns(columns: ReadonlyArray<WireColumn>): void
  writeTextRow(cells: ReadonlyArray<Cell>): void
  writeEof(warnings: number, statusFlags: number): void
  writePacket(packet: OutgoingPacket): void
}

interface ServerSide {
  readonly Connection: new (options: { readonly config: object }) => ServerConnection
  readonly ConnectionConfig: new (options: { readonly stream: Socket; readonly isServer: true }) => object
}

/** mysql2's server side on a socket. */
export const serverConnection = (stream: Socket): ServerConnection => {
  // Both classes are exported; only the declarations lack them.
  const { Connection, ConnectionConfig } = mysql as unknown as ServerSide
  return new Connection({ config: new ConnectionConfig({ stream, isServer: true }) })
}
