/**
 * Where daemons listen. The engine names a node by its binary listener; that one answers HTTP as well, so the MySQL listener
 * of any node is found by asking it, and nothing but the node's name needs to be known.
 */
import type { Answer } from "@shardwright/core/Answer"
import { cellText } from "@shardwright/core/Observe"
import * as Sql from "@shardwright/core/Sql"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Credentials, Endpoint } from "./ConnectionPool.ts"
import { http, https } from "./nodeHttp.ts"

/** What SHOW SETTINGS says, by name; a name that comes several times has several values. */
export type Settings = ReadonlyMap<string, ReadonlyArray<string>>

/** SHOW SETTINGS as a statement answers it; undefined if the answer is not rows. */
export const settingsOf = (answer: Answer): Settings | undefined =>
  answer._tag === "Rows" ? gather(answer.rows.map(([name, value]) => [cellText(name), cellText(value)])) : undefined

const gather = (pairs: ReadonlyArray<readonly [string, string]>): Settings => {
  const settings = new Map<string, Array<string>>()
  for (const [name, value] of pairs) settings.set(name, [...(settings.get(name) ?? []), value])
  return settings
}

/** One `listen` line. `host` is null for all interfaces. */
export interface Listener {
  readonly host: string | null
  readonly port: number
  /** Empty: the binary protocol, and HTTP. */
  readonly protocol: string
}

const everywhere: ReadonlySet<string> = new Set(["", "0.0.0.0", "*", "[::]"])

/** Reads `port`, `host:port`, `host:port:protocol` and `port:protocol`; undefined for sockets and anything else. */
export const parseListener = (text: string): Listener | undefined => {
  const match = /^(?:(\[[^\]]*\]|[^:/]*):)?(\d+)(?:-\d+)?(?::([a-z0-9_]+))?$/i.exec(text.trim())
  const port = Number(match?.[2])
  if (match === null || !(port > 0 && port < 65_536)) return undefined
  const host = match[1] ?? ""
  return { host: everywhere.has(host) ? null : host, port, protocol: (match[3] ?? "").replace(/_vip$/, "") }
}

const listenersOf = (settings: Settings): ReadonlyArray<Listener> =>
  (settings.get("searchd.listen") ?? []).flatMap((text) => parseListener(text) ?? [])

/** The binary listener, by which other nodes know this one: `host:port`; `host` is null if it listens on all interfaces. */
export const binaryListener = (settings: Settings): Listener | undefined =>
  listenersOf(settings).find(({ protocol }) => protocol === "")

/** The MySQL listener of a node that is reached at `host`. */
export const mysqlEndpoint = (settings: Settings, host: string): Endpoint | undefined => {
  const listener = listenersOf(settings).find(({ protocol }) => protocol === "mysql" || protocol === "mysql41")
  return listener === undefined ? undefined : { host: listener.host ?? host, port: listener.port }
}

/** The first value of a setting. */
export const setting = (settings: Settings, name: string): string | undefined => settings.get(name)?.[0]

/** A daemon's settings are some kilobytes. */
const replyBytesMax = 1_000_000

/**
 * Asks a binary listener for the settings of its daemon; undefined if it does not tell in time. With certificates it is asked over
 * HTTPS. A password is shown over HTTPS alone: this protocol sends it as it is, where that of MySQL proves that it is known.
 */
export const askSettings = (
  node: string,
  timeout: Duration.Duration,
  { password = "", tls, user }: Credentials = {},
): Effect.Effect<Settings | undefined> =>
  Effect.callback((resume) => {
    const colon = node.lastIndexOf(":")
    const body = `mode=raw&query=${encodeURIComponent(Sql.showSettings)}`
    // The name in a certificate is not compared, as with MySQL: whoever has one of this authority is a node.
    const secured = tls === undefined ? {} : { ...tls, checkServerIdentity: () => undefined }
    const request = (tls === undefined ? http : https).request(
      {
        ...secured,
        ...(tls === undefined || user === undefined ? {} : { auth: `${user}:${password}` }),
        host: node.slice(0, colon),
        port: Number(node.slice(colon + 1)),
        path: "/sql",
        method: "POST",
        timeout: Duration.toMillis(timeout),
        agent: false,
        headers: { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          text += chunk
          if (text.length > replyBytesMax) request.destroy()
        })
        response.on("end", () => resume(Effect.succeed(readReply(text))))
      },
    )
    const nothing = (): void => resume(Effect.succeed(undefined))
    request.on("timeout", () => request.destroy())
    request.on("error", nothing)
    request.on("close", nothing)
    request.end(body)
    return Effect.sync(() => request.destroy())
  })

const readReply = (text: string): Settings | undefined => {
  try {
    // `mode=raw` answers a list of results, each with rows as objects.
    const document: unknown = JSON.parse(text)
    const data = Array.isArray(document) ? (document[0] as { data?: unknown } | undefined)?.data : undefined
    if (!Array.isArray(data)) return undefined
    return gather(
      (data as ReadonlyArray<Record<string, unknown>>).map((row) => [
        String(row["Setting_name"]),
        String(row["Value"]),
      ]),
    )
  } catch {
    return undefined
  }
}

/** What finds endpoints. */
export interface EndpointOptions {
  /** Endpoints that are known from elsewhere, by node: they are not asked for. */
  readonly known: ReadonlyMap<string, Endpoint>
  readonly credentials?: Credentials
}

/** Finds MySQL listeners by node and remembers them until a node is forgotten: it may have come back on another port. */
export const endpoints = ({ credentials, known }: EndpointOptions) => {
  const found = new Map<string, Endpoint>()
  return {
    endpointOf: Effect.fnUntraced(function* (node: string, timeout: Duration.Duration) {
      const remembered = known.get(node) ?? found.get(node)
      if (remembered !== undefined) return remembered
      const settings = yield* askSettings(node, timeout, credentials)
      const endpoint =
        settings === undefined ? undefined : mysqlEndpoint(settings, node.slice(0, node.lastIndexOf(":")))
      if (endpoint !== undefined) found.set(node, endpoint)
      return endpoint
    }),
    unreachable: (node: string): void => void found.delete(node),
  }
}
