/**
 * Admin HTTP: `/health`, `/ready`, `/metrics`, the API below `/api/v1`, and the dashboard at `/`. Everything can be read by whoever reaches
 * the address; only who shows the token may change things, and if none is configured, nobody may.
 */
import type { EngineConfig } from "@shardwright/core/EngineConfig"
import { Manticore } from "@shardwright/core/Manticore"
import * as Operator from "@shardwright/core/Operator"
import { isPlanned } from "@shardwright/core/plan/planWish"
import { Request } from "@shardwright/core/State"
import { tableWishProblem } from "@shardwright/core/TableWish"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { submitAndWait } from "../awaitRequest.ts"
import {
  type HttpReply,
  type HttpRequest,
  isFromElsewhere,
  isLoopback,
  isToken,
  json,
  listenHttp,
  refuse,
} from "../HttpServer.ts"
import { dashboardPage } from "./dashboard/page.ts"
import * as documents from "./documents.ts"
import type { Metrics } from "./Metrics.ts"

/** How it is served. */
export interface AdminServerOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  readonly token: string | undefined
  readonly node: string
  readonly config: EngineConfig
  readonly health: () => { readonly ready: boolean; readonly state: string }
  readonly metrics: Metrics
  readonly run: <A>(effect: Effect.Effect<A, never, Manticore>) => Promise<A>
  readonly failed: (error: unknown) => void
}

/** A request with the columns of a wide table. */
const bodyBytesMax = 1_000_000
/** More than a page that looks every two seconds, a scrape and a person need together. */
const requestsPerSecond = 50
/** Records are read again after this time: a look is a write on this node and a read of all records. */
const lookAge = Duration.seconds(2)
/** Whoever scrapes waits for seconds only, and wants the counters above all when the records cannot be read. */
const scrapeMsMax = 3000
/** How long a request may be waited for before the answer says that it goes on. */
const waitSecondsMax = 300

/** Listens until its scope ends. Answers its port. */
export const listenForAdmin = Effect.fnUntraced(function* (options: AdminServerOptions) {
  const admin = new Admin(options)
  const isOpen = !isLoopback(options.host)
  return yield* listenHttp({
    host: options.host,
    port: options.port,
    bodyBytesMax,
    requestsPerSecond,
    failed: options.failed,
    answer: (request) =>
      !isOpen && isFromElsewhere(request)
        ? refuse(403, "this address is for this machine: name it by 127.0.0.1 or localhost")
        : admin.answer(request),
  })
})

/** What is asked of the engine. */
const Asked = Schema.Struct({
  wish: Request.fields.wish,
  reason: Schema.optionalKey(Schema.String),
  by: Schema.optionalKey(Schema.String),
  approval: Schema.optionalKey(Schema.Boolean),
  dryRun: Schema.optionalKey(Schema.Boolean),
  /** How long to wait for the outcome; 0 answers as soon as the request is written down. */
  waitSeconds: Schema.optionalKey(Schema.Number),
})

/** What a new node is registered with. */
const Traits = {
  zone: Schema.optionalKey(Schema.NullOr(Schema.String)),
  weight: Schema.optionalKey(Schema.Number),
  capacity: Schema.optionalKey(Schema.Int),
}
const Init = Schema.Struct(Traits)
const Join = Schema.Struct({ ...Traits, at: Schema.String })

type Answering = Effect.Effect<HttpReply, never, Manticore>

const tooEarly = (error: Operator.OperatorError): HttpReply => refuse(409, error.message)

/** Decodes a body, or says what is wrong with it. */
const decoded = <A>(
  schema: Schema.Codec<A, unknown>,
  { body, headers }: HttpRequest,
  use: (value: A) => Answering,
): Answering => {
  if (!/^application\/json\b/.test(headers["content-type"] ?? ""))
    return Effect.succeed(refuse(415, "send JSON, as content-type application/json"))
  const exit = Schema.decodeUnknownExit(Schema.fromJsonString(schema))(body === "" ? "{}" : body)
  if (Exit.isSuccess(exit)) return use(exit.value)
  const [reason] = exit.cause.reasons
  const why = reason?._tag === "Fail" ? reason.error.message : "it cannot be read"
  return Effect.succeed(refuse(400, why))
}

class Admin {
  readonly #options: AdminServerOptions
  readonly #operator: Operator.OperatorOptions
  #seen: { readonly atMs: number; readonly sight: Promise<documents.Sight | Operator.OperatorError> } | undefined

  constructor(options: AdminServerOptions) {
    this.#options = options
    this.#operator = { node: options.node, config: options.config }
  }

  async answer(request: HttpRequest): Promise<HttpReply> {
    const { method, path } = request
    if (method === "GET" || method === "HEAD") return this.#read(request)
    if (method !== "POST") return refuse(405, "use GET or POST", { allow: "GET, HEAD, POST" })
    const { token } = this.#options
    if (token === undefined) return refuse(403, "nothing can be changed here: no admin.token is configured")
    if (!isToken(token, request.headers.authorization))
      return refuse(401, "show the token: Authorization: Bearer …", { "www-authenticate": "Bearer" })
    const reply = await this.#options.run(this.#change(path, request))
    this.#seen = undefined
    return reply
  }

  /** The records, as old as `lookAge` at most. */
  #look(): Promise<documents.Sight | Operator.OperatorError> {
    const nowMs = performance.now()
    const seen = this.#seen
    if (seen !== undefined && nowMs - seen.atMs < Duration.toMillis(lookAge)) return seen.sight
    const operator = this.#operator
    const sight = this.#options.run(
      Effect.gen(function* () {
        const looked = yield* Operator.look(operator)
        const found: documents.Sight = { ...operator, looked, nowMs: yield* Clock.currentTimeMillis }
        return found
      }).pipe(Effect.catch((error) => Effect.succeed(error))),
    )
    this.#seen = { atMs: nowMs, sight }
    return sight
  }

  async #read({ path }: HttpRequest): Promise<HttpReply> {
    const { config, health, metrics, node } = this.#options
    switch (path) {
      case "/":
        return dashboardPage()
      case "/health":
        return json(200, health())
      case "/ready": {
        const told = health()
        return json(told.ready ? 200 : 503, told)
      }
      case "/metrics": {
        const sight = await within(this.#look(), scrapeMsMax)
        const looked = sight !== undefined && "looked" in sight ? sight.looked : undefined
        const body = metrics.render({ node, config, ready: health().ready, nowMs: Date.now(), looked })
        return { status: 200, body, type: "text/plain; version=0.0.4; charset=utf-8" }
      }
      default:
        return path.startsWith("/api/v1/") ? this.#document(path.slice("/api/v1/".length)) : nothingThere
    }
  }

  async #document(name: string): Promise<HttpReply> {
    const [kind = "", id, ...rest] = name.split("/").map(decodePart)
    if (rest.length > 0) return nothingThere
    if (id !== undefined) return this.#options.run(this.#one(kind, id))
    const make = lists.get(kind)
    if (make === undefined) return nothingThere
    const sight = await this.#look()
    return "looked" in sight ? json(200, make(sight)) : refuse(503, sight.message)
  }

  /** One operation, also one that has ended, or one request. */
  #one(kind: string, id: string): Answering {
    const operator = this.#operator
    return Effect.gen(function* () {
      if (kind === "requests") {
        const request = yield* Operator.requestOf({ ...operator, id })
        return request === undefined ? refuse(404, `there is no request '${id}'`) : json(200, request)
      }
      if (kind !== "operations") return nothingThere
      const found = yield* Operator.operationOf({ ...operator, id })
      if (found === undefined) return refuse(404, `there is no operation '${id}'`)
      const looked = yield* Operator.look(operator)
      const nowMs = yield* Clock.currentTimeMillis
      return json(200, documents.operationDocument({ ...operator, looked, nowMs }, found.operation))
    }).pipe(Effect.catch((error) => Effect.succeed(refuse(503, error.message))))
  }

  #change(path: string, request: HttpRequest): Answering {
    const operator = this.#operator
    const acted = (act: Effect.Effect<void, Operator.OperatorError, Manticore>): Answering =>
      Effect.match(act, { onFailure: tooEarly, onSuccess: () => json(200, { node: operator.node }) })
    switch (path) {
      case "/api/v1/requests":
        return decoded(Asked, request, (asked) => this.#ask(asked))
      case "/api/v1/cluster/init":
        return decoded(Init, request, (traits) => acted(Operator.initCluster({ ...operator, ...traits })))
      case "/api/v1/cluster/join":
        return decoded(Join, request, (traits) => acted(Operator.joinCluster({ ...operator, ...traits })))
      case "/api/v1/cluster/leave":
        return acted(Operator.leaveCluster(operator))
      default:
        return Effect.succeed(nothingThere)
    }
  }

  #ask({
    approval = false,
    by = "admin",
    dryRun = false,
    reason = "",
    waitSeconds = 0,
    wish,
  }: typeof Asked.Type): Answering {
    const operator = this.#operator
    return Effect.gen(function* () {
      const problem = wish._tag === "CreateTable" ? tableWishProblem(wish) : undefined
      if (problem !== undefined) return refuse(400, problem)
      if (dryRun) {
        if (!isPlanned(wish)) return refuse(400, "there is nothing to plan for this: it is done at once")
        const result = yield* Operator.tryOut({ ...operator, wish })
        if (result._tag !== "Plan") return json(200, { result: result._tag.toLowerCase(), reason: result.reason })
        const { cost, explanation, plan } = result
        return json(200, { result: "plan", kind: plan.kind, reason: plan.reason, cost, explanation })
      }
      const patience = Duration.seconds(Math.min(Math.max(0, waitSeconds), waitSecondsMax))
      const { id, isOver, request } = yield* submitAndWait({ ...operator, wish, by, reason, approval }, patience)
      const document = {
        id,
        status: request?.status ?? "new",
        operation: request?.operation ?? null,
        answer: request?.answer ?? null,
      }
      return json(isOver ? 200 : 202, document, { location: `/api/v1/requests/${encodeURIComponent(id)}` })
    }).pipe(Effect.catch((error) => Effect.succeed(tooEarly(error))))
  }
}

const nothingThere = refuse(404, "there is nothing here; see docs/OPERATIONS.md, Watching")

/** What can be read below `/api/v1`. */
const lists = new Map<string, (sight: documents.Sight) => unknown>(
  Object.entries({
    status: documents.statusDocument,
    nodes: (sight: documents.Sight) => ({ nodes: documents.nodeDocuments(sight) }),
    groups: (sight: documents.Sight) => ({ groups: documents.groupDocuments(sight) }),
    tables: (sight: documents.Sight) => ({ tables: documents.tableDocuments(sight) }),
    operations: (sight: documents.Sight) => ({ operations: documents.operationDocuments(sight) }),
    findings: (sight: documents.Sight) => ({ findings: documents.findingDocuments(sight) }),
    history: (sight: documents.Sight) => ({ operations: documents.historyDocuments(sight) }),
    overview: documents.overviewDocument,
  }),
)

/** What a promise leads to, or undefined if that takes too long. */
const within = async <A>(promise: Promise<A>, msMax: number): Promise<A | undefined> => {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), msMax)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

const decodePart = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
