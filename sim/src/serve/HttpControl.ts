/**
 * The HTTP control: injects faults while the nodes are served, JSON in and out. It listens on loopback and answers only
 * those who mean it: requests that a web page could send (with an `Origin`, or to another `Host`) are refused.
 */
import http from "node:http"
import { jsonMistake, jsonOffset, lineAndColumn } from "@shardwright/core/JsonText"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { explain } from "../scenario/SchemaProblems.ts"
import {
  type ControlledWorld,
  type ControlRequest,
  controlRequests,
  daemonState,
  type DaemonState,
} from "./ControlRequests.ts"
import { loopback, type NodeServer } from "./NodeServer.ts"
import type { RealTimePump, Speed } from "./RealTimePump.ts"

/** Bytes of a request's body; the largest sensible one names a few hundred nodes. */
const bodyBytesMax = 65_536
const mistakesMax = 10
/** A client that is slower than this is none. */
const requestMsMax = 10_000

/** What the control acts on. */
export interface HttpControlOptions {
  readonly controlled: ControlledWorld
  readonly pump: RealTimePump
  readonly speed: Speed
  readonly servers: ReadonlyArray<NodeServer>
  /** 0: a free one. */
  readonly port: number
}

/** A control that listens. */
export interface HttpControl {
  readonly port: number
  close(): void
}

interface Reply {
  readonly status: number
  readonly document: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const failed = (status: number, message: string, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  document: { error: { status, message } },
  headers,
})

/** Begins to listen. */
export const listenHttpControl = (options: HttpControlOptions): Promise<HttpControl> => {
  const server = http.createServer(
    { requestTimeout: requestMsMax, headersTimeout: requestMsMax },
    (request, response) => {
      const send = (reply: Reply): void => sendReply(request, response, reply)
      const refusal = outright(request)
      if (refusal !== undefined) return send(refusal)
      readBody(request, (body) => {
        if (body === undefined)
          return send(failed(413, `the request is longer than ${bodyBytesMax} bytes`, { connection: "close" }))
        try {
          send(answer(options, request, body))
        } catch (error) {
          send(failed(500, `a bug of ours: ${error instanceof Error ? error.message : String(error)}`))
        }
      })
    },
  )
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(options.port, loopback, () => {
      const address = server.address()
      resolve({
        port: address !== null && typeof address === "object" ? address.port : options.port,
        close: () => {
          server.close()
          server.closeAllConnections()
        },
      })
    })
  })
}

const sendReply = (request: http.IncomingMessage, response: http.ServerResponse, reply: Reply): void => {
  if (response.headersSent) return
  response.writeHead(reply.status, { "content-type": "application/json; charset=utf-8", ...reply.headers })
  response.end(request.method === "HEAD" ? undefined : `${JSON.stringify(reply.document)}\n`)
}

const pathOf = (request: http.IncomingMessage): string => (request.url ?? "/").replace(/[?#].*$/u, "")

/** The request of a path; own keys only, as a path may be `/constructor`. */
const requestAt = (path: string): ControlRequest<never> | undefined =>
  // Bodies are decoded by the schema of the very request whose act they are given to.
  Object.hasOwn(controlRequests, path)
    ? (controlRequests[path as keyof typeof controlRequests] as unknown as ControlRequest<never>)
    : undefined

/** What is refused before the body is read. */
const outright = (request: http.IncomingMessage): Reply | undefined => {
  const host = (request.headers.host ?? "").replace(/:\d+$/u, "")
  if ((host !== loopback && host !== "localhost") || request.headers.origin !== undefined) {
    return failed(
      403,
      `only programs on this machine may use the control: ask for http://${loopback} and send no Origin`,
    )
  }
  const path = pathOf(request)
  if (path === "/state") {
    if (request.method === "GET" || request.method === "HEAD") return undefined
    return failed(405, `${request.method} /state: use GET`, { allow: "GET, HEAD" })
  }
  if (requestAt(path) === undefined) {
    const known = Object.keys(controlRequests).join(", ")
    return failed(404, `there is nothing at ${path}; GET /state, and POST ${known}`)
  }
  if (request.method !== "POST") return failed(405, `${request.method} ${path}: use POST`, { allow: "POST" })
  return undefined
}

/** The whole body as text; undefined if it is too long. */
const readBody = (request: http.IncomingMessage, done: (body: Buffer | undefined) => void): void => {
  const chunks: Array<Buffer> = []
  let bytes = 0
  request.on("error", () => {})
  request.on("data", (chunk: Buffer) => {
    if (bytes > bodyBytesMax) return
    bytes += chunk.length
    if (bytes > bodyBytesMax) done(undefined)
    else chunks.push(chunk)
  })
  request.on("end", () => {
    if (bytes <= bodyBytesMax) done(Buffer.concat(chunks))
  })
}

const answer = (options: HttpControlOptions, request: http.IncomingMessage, body: Buffer): Reply => {
  const path = pathOf(request)
  if (path === "/state") return { status: 200, document: options.pump.act(() => stateOf(options)) }
  const known = requestAt(path)
  if (known === undefined) return failed(404, `there is nothing at ${path}`)
  return carryOut(options, known, body)
}

const carryOut = (options: HttpControlOptions, request: ControlRequest<never>, body: Buffer): Reply => {
  const read = readDocument(body)
  if ("error" in read) return failed(400, read.error)
  const decoded = Schema.decodeUnknownExit(request.body, { errors: "all", onExcessProperty: "error" })(read.value)
  if (Exit.isFailure(decoded)) {
    const issue = Option.getOrNull(Exit.findErrorOption(decoded))?.issue
    const mistakes = issue === undefined ? [] : explain(issue, [], read.value)
    const told = mistakes.slice(0, mistakesMax).map(({ path, atKey, message, expected, cure }) => {
      const place = lineAndColumn(read.text, jsonOffset(read.text, path, atKey))
      return `${place}: ${message}; expected ${expected}${cure === "" ? "" : ` (${cure})`}`
    })
    return failed(400, told.join("\n"))
  }
  return options.pump.act(() => {
    const refusal = request.act(options.controlled, decoded.value)
    return refusal === undefined ? { status: 200, document: stateOf(options) } : failed(refusal.status, refusal.message)
  })
}

/** The document of a body; an empty body stands for an empty object. */
const readDocument = (
  body: Buffer,
): { readonly text: string; readonly value: unknown } | { readonly error: string } => {
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body)
  } catch {
    return { error: "the body is not text in UTF-8; expected a JSON document" }
  }
  if (text.trim() === "") return { text: "{}", value: {} }
  const mistake = jsonMistake(text)
  if (mistake !== null) return { error: `${lineAndColumn(text, mistake.offset)}: not JSON: ${mistake.message}` }
  return { text, value: JSON.parse(text) }
}

interface NodeState {
  readonly node: string
  readonly address: string
  readonly port: number
  readonly state: DaemonState
  readonly up: boolean
  readonly connections: number
  /** Statements that have no answer yet. */
  readonly unanswered: number
  readonly clusters: ReadonlyArray<unknown>
  readonly tables: ReadonlyArray<unknown>
}

/** What `GET /state` tells. Rows are counted, not listed: SELECT shows them. */
const stateOf = ({ controlled, pump, servers, speed }: HttpControlOptions): object => {
  const { world } = controlled
  const nodes = world.nodes.map((spec): NodeState => {
    const server = servers.find(({ node }) => node === spec.name)
    return {
      node: spec.name,
      address: spec.address,
      port: server?.port ?? 0,
      state: daemonState(world, spec.name),
      up: world.isUp(spec.name),
      connections: server?.clients ?? 0,
      unanswered: server?.unanswered ?? 0,
      clusters: world.clusters(spec.name),
      tables: world.tables(spec.name).map(({ name, kind, cluster, rows, agents }) => ({
        name,
        kind,
        cluster: cluster ?? null,
        rows: rows.size,
        agents,
      })),
    }
  })
  return { virtualMs: Math.floor(pump.presentMs), speed, nodes }
}
