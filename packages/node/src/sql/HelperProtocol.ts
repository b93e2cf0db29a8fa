/**
 * What the daemon and its helper say to each other: JSON in the body of a POST, protocol version 3. The daemon asks with each
 * statement that it could not carry out itself, and puts the answer in place of its own error. Older daemons speak version 1,
 * in which the error is a text, or 2; whatever is answered has the version that was asked with.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** The newest version that is spoken here. A daemon refuses an answer that is newer than itself. */
export const protocolVersion = 3

const Incoming = Schema.Struct({
  type: Schema.String,
  version: Schema.Int,
  error: Schema.Union([
    Schema.String,
    Schema.Struct({ message: Schema.String, body: Schema.optionalKey(Schema.Unknown) }),
  ]),
  message: Schema.Struct({
    path_query: Schema.optionalKey(Schema.String),
    body: Schema.String,
    http_method: Schema.optionalKey(Schema.String),
  }),
  user: Schema.optionalKey(Schema.String),
})
const decodeIncoming = Schema.decodeUnknownOption(Schema.fromJsonString(Incoming))

/** What the daemon asks. */
export interface HelperRequest {
  readonly version: number
  /** How the answer is to be given: to a MySQL client or `/sql`, as JSON, or as a text for a terminal. */
  readonly format: "sql" | "json" | "text"
  /** True if the body is a statement. */
  readonly isStatement: boolean
  readonly body: string
  /** What the daemon would answer, and the document that it would send over HTTP. */
  readonly error: string
  readonly errorBody: unknown
  /** Empty if nobody has logged in. */
  readonly user: string
}

const endpointOf = (path: string): string => path.replace(/^\/+/u, "").replace(/[?#].*$/u, "")

/** Reads a request; undefined if it is none. */
export const readHelperRequest = (text: string): HelperRequest | undefined => {
  const incoming = Option.getOrUndefined(decodeIncoming(text))
  if (incoming === undefined) return undefined
  const { error, message, type, user = "", version } = incoming
  const isSql = type === "unknown sql request"
  if (!isSql && type !== "unknown json request") return undefined
  const endpoint = endpointOf(message.path_query ?? "")
  const isHttp = endpoint === "sql" || endpoint === "cli" || endpoint === "cli_json"
  return {
    version,
    format: isSql ? "sql" : endpoint === "cli" ? "text" : "json",
    isStatement: isSql || isHttp,
    body: isHttp ? statementOf(message.body) : message.body,
    error: typeof error === "string" ? error : error.message,
    errorBody: typeof error === "string" ? undefined : error.body,
    user,
  }
}

/** Over HTTP a statement may come encoded as in an address; the daemon cuts off `query=`. */
const statementOf = (body: string): string => {
  if (/\s/.test(body) || !/[%+]/.test(body)) return body
  try {
    return decodeURIComponent(body.replaceAll("+", " "))
  } catch {
    return body
  }
}

/** `string`, or a whole number of 64 bits. */
export type ColumnType = "string" | "long long"

/** Rows with their columns, in order. */
export interface ResultSet {
  readonly columns: ReadonlyArray<readonly [name: string, type: ColumnType]>
  readonly rows: ReadonlyArray<ReadonlyArray<string | number>>
}

/** What a statement of ours leads to. */
export type Outcome =
  | { readonly _tag: "Done"; readonly warning?: string }
  | ({ readonly _tag: "Rows" } & ResultSet)
  | { readonly _tag: "Failed"; readonly message: string }

const document = (outcome: Outcome): unknown => {
  switch (outcome._tag) {
    case "Failed":
      return { error: outcome.message }
    case "Done":
      return [{ total: 0, error: "", warning: outcome.warning ?? "" }]
    case "Rows":
      return [
        {
          columns: outcome.columns.map(([name, type]) => ({ [name]: { type } })),
          // The daemon takes values by their order, not by their names.
          data: outcome.rows.map((row) =>
            Object.fromEntries(outcome.columns.map(([name], at) => [name, row[at] ?? ""])),
          ),
          total: outcome.rows.length,
          error: "",
          warning: "",
        },
      ]
  }
}

/** A table of signs, as MySQL's client draws it. */
const drawn = ({ columns, rows }: ResultSet): string => {
  const lines = [columns.map(([name]) => name), ...rows.map((row) => row.map(String))]
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  const rule = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+`
  const [head = "", ...body] = lines.map(
    (line) => `|${widths.map((width, at) => ` ${(line[at] ?? "").padEnd(width)} `).join("|")}|`,
  )
  return [rule, head, rule, ...body, ...(body.length > 0 ? [rule] : []), `${rows.length} rows in set`, ""].join("\n")
}

const textOf = (outcome: Outcome): string => {
  if (outcome._tag === "Rows") return drawn(outcome)
  return outcome._tag === "Failed" ? `ERROR: ${outcome.message}\n` : "Query OK\n"
}

const reply = (
  { format, version }: Pick<HelperRequest, "format" | "version">,
  message: unknown,
  code: number,
): string =>
  JSON.stringify({
    version: Math.min(version, protocolVersion),
    type: format === "sql" ? "sql response" : "json response",
    message,
    error_code: code,
    meta: null,
  })

/** The answer to a statement of ours. */
export const replyWith = (request: HelperRequest, outcome: Outcome): string =>
  reply(request, request.format === "text" ? textOf(outcome) : document(outcome), outcome._tag === "Failed" ? 500 : 200)

/** The daemon's own answer, for whatever nobody here knows; code 0 leaves its status as it was. */
export const replyWithOwnError = (request: HelperRequest): string => {
  const { error, errorBody, format } = request
  const message = error === "" ? "this statement needs the daemon's original helper, which is not configured" : error
  if (format === "sql") return reply(request, { error: message }, 0)
  if (format === "text") return reply(request, `ERROR: ${message}\n`, 0)
  return reply(request, errorBody === undefined || errorBody === null ? { error: message } : errorBody, 0)
}

/** The line by which a helper that was started says where it listens. The daemon takes the first line that it reads. */
export const addressLine = (version: string, address: string): string => `Buddy ${version} started ${address}`

/** The address in such a line of another helper; undefined if it is none. */
export const addressIn = (line: string): string | undefined => {
  const [first, , third, address] = line.trim().split(/\s+/)
  return first === "Buddy" && third === "started" ? address : undefined
}
