/**
 * Runners among themselves: what one tells of its node, over HTTP, and the port `Peers` that asks. On loopback unless it is
 * told otherwise; a token, if there is one, must be shown.
 */
import type { NodeReport, Peers } from "@shardwright/core/gate/Peers"
import { http } from "@shardwright/manticore/nodeHttp"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ConfigError } from "./Config.ts"
import { isToken, json, listenHttp, refuse } from "./HttpServer.ts"

/** Above the port of a node's binary listener. */
export const runnerPortOffset = 10_000

/** How long another runner has to answer. */
const answerMsMax = 2000
/** Bytes of a report: some hundred for each of at most some dozen groups. */
const reportBytesMax = 1_000_000

const Report = Schema.Struct({
  clusters: Schema.Record(
    Schema.String,
    Schema.Struct({
      is: Schema.Literals(["serving", "open", "waiting"]),
      copy: Schema.Struct({
        history: Schema.NullOr(Schema.String),
        seqno: Schema.NullOr(Schema.Int),
        unproven: Schema.optionalKey(Schema.Boolean),
      }),
      closed: Schema.optionalKey(Schema.Boolean),
      members: Schema.optionalKey(Schema.Array(Schema.String)),
    }),
  ),
  epoch: Schema.Int,
  registered: Schema.Array(Schema.String),
  view: Schema.Array(Schema.String),
})
const decodeReport = Schema.decodeUnknownOption(Schema.fromJsonString(Report))

/** What a runner answers. */
export interface PeerServerOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  readonly token: string | undefined
  /** What is told of the own node; undefined if its daemon does not tell. */
  readonly report: () => Promise<NodeReport | undefined>
  /** One word of how the agent is, and whether that is well. */
  readonly health: () => { readonly ready: boolean; readonly state: string }
}

/** Listens until its scope ends. Answers its port; fails if that cannot be had. */
export const listenForPeers = ({ health, host, port, report, token }: PeerServerOptions) =>
  Effect.catchDefect(listen({ health, host, port, report, token }), (error) =>
    Effect.fail(
      new ConfigError({
        message: `listen: ${host}:${port} cannot be had (${String(error)}); end what has it, or set listen to another address`,
      }),
    ),
  )

const listen = ({ health, host, port, report, token }: PeerServerOptions) =>
  listenHttp({
    host,
    port,
    bodyBytesMax: 0,
    answer: async ({ headers, method, path }) => {
      if (method !== "GET") return refuse(405, "use GET")
      switch (path) {
        case "/health":
          return json(200, health())
        case "/ready": {
          const told = health()
          return json(told.ready ? 200 : 503, told)
        }
        case "/report": {
          if (token !== undefined && !isToken(token, headers.authorization))
            return refuse(401, "the token of the runners is missing or wrong")
          const told = await report()
          return told === undefined
            ? refuse(503, "the daemon does not tell")
            : json(200, { ...told, clusters: Object.fromEntries(told.clusters) })
        }
        default:
          return refuse(404, "there is nothing here; GET /health, /ready and /report")
      }
    },
  })

/** Where another runner listens, by the name of its node. */
export const runnerAddress = (node: string): string => {
  const colon = node.lastIndexOf(":")
  return `${node.slice(0, colon)}:${Number(node.slice(colon + 1)) + runnerPortOffset}`
}

/** How other runners are asked. */
export interface HttpPeersOptions {
  /** Addresses that do not follow from the node's name. */
  readonly known: ReadonlyMap<string, string>
  readonly token: string | undefined
}

/** The port. */
export const httpPeers = ({ known, token }: HttpPeersOptions): Peers["Service"] => ({
  report: (node) =>
    Effect.callback<NodeReport | undefined>((resume) => {
      const nothing = (): void => resume(Effect.succeed(undefined))
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const request = http.request(`http://${known.get(node) ?? runnerAddress(node)}/report`, { agent: false, headers })
      const timer = setTimeout(() => request.destroy(), answerMsMax)
      request.on("response", (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          text += chunk
          if (text.length > reportBytesMax) request.destroy()
        })
        response.on("end", () => resume(Effect.succeed(response.statusCode === 200 ? readReport(text) : undefined)))
      })
      request.on("error", nothing)
      request.on("close", () => {
        clearTimeout(timer)
        nothing()
      })
      request.end()
      return Effect.sync(() => request.destroy())
    }),
})

const readReport = (text: string): NodeReport | undefined => {
  const decoded = Option.getOrUndefined(decodeReport(text))
  return decoded === undefined ? undefined : { ...decoded, clusters: new Map(Object.entries(decoded.clusters)) }
}
