/**
 * The runner's HTTP servers: small requests that are read as a whole within limits, answers with headers that keep browsers from
 * doing more with them than they should, and tokens that are compared in constant time.
 */
import crypto from "node:crypto"
import type { IncomingHttpHeaders, IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { http } from "@shardwright/manticore/nodeHttp"
import * as Effect from "effect/Effect"

/** A request that came as a whole. */
export interface HttpRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** An answer. */
export interface HttpReply {
  readonly status: number
  readonly body: string
  /** Default: `application/json; charset=utf-8`. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What a server allows. */
export interface HttpServerOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** Longer bodies are refused; 0 for a server that reads none. */
  readonly bodyBytesMax: number
  /** Requests that one address may send in a second, on average; ten times as many at once. Default: no limit. */
  readonly requestsPerSecond?: number
  /** Whatever it throws is answered with status 500, and told to `failed`. */
  readonly answer: (request: HttpRequest) => HttpReply | Promise<HttpReply>
  readonly failed?: (error: unknown) => void
}

/** How long a request may take to arrive. */
const arrivalMsMax = 10_000
/** Addresses whose rate is remembered; beyond that the oldest are forgotten. */
const addressesMax = 1000

const securityHeaders = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
} as const

/** A document as JSON. */
export const json = (status: number, document: unknown, headers: Readonly<Record<string, string>> = {}): HttpReply => ({
  status,
  body: `${JSON.stringify(document)}\n`,
  headers,
})

/** An error as JSON. */
export const refuse = (status: number, message: string, headers: Readonly<Record<string, string>> = {}): HttpReply =>
  json(status, { error: { status, message } }, headers)

const digest = (text: string): Buffer => crypto.createHash("sha256").update(text).digest()

/** Compares a bearer token in a time that tells nothing of how much is right. */
export const isToken = (expected: string, header: string | undefined): boolean =>
  crypto.timingSafeEqual(digest(`Bearer ${expected}`), digest(header ?? ""))

/** True if only programs of this machine can reach the address. */
export const isLoopback = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|localhost|::1|\[::1\])$/.test(host)

/**
 * True for a request that a page of elsewhere may have made a browser send: a server on loopback trusts programs of its machine,
 * and a browser is one that does what others ask.
 */
export const isFromElsewhere = ({ headers }: Pick<HttpRequest, "headers">): boolean => {
  const host = (headers.host ?? "").replace(/:\d+$/, "")
  const { origin } = headers
  const site = headers["sec-fetch-site"]
  return (
    (!isLoopback(host) && !/^[\d.]+$|^\[[0-9a-f:]+\]$/i.test(host)) ||
    (origin !== undefined && origin !== `http://${headers.host}`) ||
    (site !== undefined && site !== "same-origin" && site !== "none")
  )
}

/** Counts requests by address: each has a bucket that is filled by a steady stream. */
class Rates {
  readonly #perSecond: number
  readonly #buckets = new Map<string, { level: number; atMs: number }>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** True if one more is too many. */
  isTooMany(address: string): boolean {
    const nowMs = performance.now()
    const most = this.#perSecond * 10
    const { atMs, level } = this.#buckets.get(address) ?? { level: most, atMs: nowMs }
    const now = Math.min(most, level + ((nowMs - atMs) / 1000) * this.#perSecond)
    this.#buckets.delete(address)
    this.#buckets.set(address, { level: Math.max(0, now - 1), atMs: nowMs })
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > addressesMax && oldest !== undefined) this.#buckets.delete(oldest)
    return now < 1
  }
}

/** The body, or undefined if it is too long. Rejects if the client goes away. */
const readBody = (request: IncomingMessage, bytesMax: number): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= bytesMax) chunks.push(chunk)
      else resolve(undefined)
    })
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")))
    request.on("error", reject)
  })

/** Listens until its scope ends. Answers its port; dies if the port cannot be had. */
export const listenHttp = Effect.fnUntraced(function* (options: HttpServerOptions) {
  const rates = options.requestsPerSecond === undefined ? undefined : new Rates(options.requestsPerSecond)
  const replyTo = async (request: IncomingMessage): Promise<HttpReply> => {
    if (rates?.isTooMany(request.socket.remoteAddress ?? "") === true)
      return refuse(429, "too many requests; ask less often", { "retry-after": "1" })
    const body = await readBody(request, options.bodyBytesMax)
    if (body === undefined)
      return refuse(413, `a request may have ${options.bodyBytesMax} bytes`, { connection: "close" })
    const [path = "/", query = ""] = (request.url ?? "/").split("?", 2)
    const { headers, method = "GET" } = request
    return options.answer({ method, path, query: new URLSearchParams(query), headers, body })
  }
  const server = http.createServer(
    { requestTimeout: arrivalMsMax, headersTimeout: arrivalMsMax },
    (request, response) => {
      const send = ({ body, headers = {}, status, type = "application/json; charset=utf-8" }: HttpReply): void => {
        response.writeHead(status, { ...securityHeaders, "content-type": type, ...headers })
        response.end(request.method === "HEAD" ? undefined : body)
      }
      replyTo(request).then(send, (error: unknown) => {
        options.failed?.(error)
        send(refuse(500, "the request failed in a way that it should not"))
      })
    },
  )
  return yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.once("error", (error) => resume(Effect.die(error)))
      server.listen(options.port, options.host, () => {
        // A server on a TCP port has such an address.
        resume(Effect.succeed((server.address() as AddressInfo).port))
      })
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      }),
  )
})
