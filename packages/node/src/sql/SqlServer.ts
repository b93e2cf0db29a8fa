/**
 * The SQL endpoint: answers the daemon's questions. Statements of ours are carried out; all else goes on to the original helper as it
 * came, and its answer comes back as it is. Without one, or while it does not answer, the daemon gets its own error back.
 */
import type { Manticore } from "@shardwright/core/Manticore"
import type { OperatorOptions } from "@shardwright/core/Operator"
import { http } from "@shardwright/manticore/nodeHttp"
import * as Effect from "effect/Effect"
import { type HttpReply, type HttpRequest, isFromElsewhere, listenHttp, refuse } from "../HttpServer.ts"
import { carryOut } from "./carryOut.ts"
import { type HelperRequest, type Outcome, readHelperRequest, replyWith, replyWithOwnError } from "./HelperProtocol.ts"
import { isAboutRecords, type Parsed, parseStatement, type Statement } from "./Statement.ts"

/** What became of a statement, for metrics: ours by how it ended, or not ours. */
export type Answered = "done" | "failed" | "foreign"

/** How the endpoint is served. */
export interface SqlServerOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** Where the original helper is, `host:port`; undefined if there is none, or as long as it does not say. */
  readonly upstream: () => string | undefined
  /** The only users who may use statements of ours; undefined: all. */
  readonly users: ReadonlyArray<string> | undefined
  /** The own node, once it is known; never if the daemon does not tell. */
  readonly operator: Effect.Effect<OperatorOptions>
  /** Runs what a statement does. */
  readonly run: <A>(effect: Effect.Effect<A, never, Manticore>) => Promise<A>
  /** Told of each statement with the time it took. */
  readonly answered?: (what: Answered, ms: number) => void
  readonly failed: (error: unknown) => void
}

/** A bulk insert that a daemon could not read may be long, and goes on to the original helper. */
const bodyBytesMax = 128 * 1024 * 1024
/** How long the original helper may take: as long as its own longest statements. */
const upstreamMsMax = 10 * 60_000

/** Listens until its scope ends. Answers its port. */
export const listenForDaemon = (options: SqlServerOptions) =>
  listenHttp({
    host: options.host,
    port: options.port,
    bodyBytesMax,
    failed: options.failed,
    answer: (request) => answer(request, options),
  })

const foreign: Parsed = { _tag: "Foreign" }

const reply = (body: string): HttpReply => ({ status: 200, body, type: "application/json" })

const answer = async (request: HttpRequest, options: SqlServerOptions): Promise<HttpReply> => {
  const { answered, failed } = options
  // Only a daemon has something to say here, and it is no browser.
  if (isFromElsewhere(request) || request.headers.origin !== undefined) return refuse(403, "this is for a daemon only")
  if (request.path === "/config") return (await passOn(request, options)) ?? reply("{}")
  if (request.method !== "POST") return refuse(405, "use POST")
  const asked = readHelperRequest(request.body)
  if (asked === undefined) return (await passOn(request, options)) ?? refuse(400, "this is no question of a daemon")
  const begunMs = performance.now()
  const parsed = asked.isStatement ? parseStatement(asked.body) : foreign
  try {
    const outcome =
      parsed._tag === "Malformed"
        ? { _tag: "Failed" as const, message: parsed.message }
        : parsed._tag === "Ours"
          ? await ours(asked, parsed.statement, options)
          : undefined
    if (outcome !== undefined) {
      answered?.(outcome._tag === "Failed" ? "failed" : "done", performance.now() - begunMs)
      return reply(replyWith(asked, outcome))
    }
  } catch (error) {
    failed(error)
    return reply(replyWith(asked, { _tag: "Failed", message: "the runner failed in a way that it should not" }))
  }
  // The engine's own statements fail as the daemon has them fail: the original helper would make a table for an INSERT that finds none.
  const isEngine = asked.isStatement && isAboutRecords(asked.body)
  const passed = (isEngine ? undefined : await passOn(request, options)) ?? reply(replyWithOwnError(asked))
  answered?.("foreign", performance.now() - begunMs)
  return passed
}

/** What a statement leads to that is ours by its words; undefined if it is about a table that is not. */
const ours = async (
  asked: HelperRequest,
  statement: Statement,
  { operator, run, users }: SqlServerOptions,
): Promise<Outcome | undefined> => {
  if (users !== undefined && !users.includes(asked.user)) {
    // The daemon's own tables stay a matter between it and its users.
    if (statement._tag === "Drop" || statement._tag === "Describe") return undefined
    return { _tag: "Failed", message: `Permission denied for user '${asked.user}': sql.users does not name it` }
  }
  const by = asked.user === "" ? "sql" : `sql:${asked.user}`
  const outcome = await run(
    Effect.flatMap(operator, (node) => carryOut(statement, { ...node, by, error: asked.error })),
  )
  return outcome._tag === "Foreign" ? undefined : outcome
}

/** Headers that go on: the daemon's id of the request, by which both logs can be compared. */
const passedHeaders = ["content-type", "request-id", "user-agent"] as const

/** The original helper's answer; undefined if there is none. */
const passOn = (request: HttpRequest, { failed, upstream }: SqlServerOptions): Promise<HttpReply | undefined> => {
  const address = upstream()
  if (address === undefined) return Promise.resolve(undefined)
  const headers: Record<string, string> = {}
  for (const name of passedHeaders) {
    const value = request.headers[name]
    if (typeof value === "string") headers[name] = value
  }
  return new Promise((resolve) => {
    const outgoing = http.request(`http://${address}${request.path}`, { method: request.method, headers })
    const timer = setTimeout(() => outgoing.destroy(new Error("no answer in time")), upstreamMsMax)
    outgoing.on("response", (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 502,
          body: Buffer.concat(chunks).toString("utf8"),
          type: response.headers["content-type"] ?? "application/json",
        }),
      )
    })
    outgoing.on("error", (error) => failed(new Error(`the original helper at ${address}: ${error.message}`)))
    outgoing.on("close", () => {
      clearTimeout(timer)
      resolve(undefined)
    })
    outgoing.end(request.body)
  })
}
