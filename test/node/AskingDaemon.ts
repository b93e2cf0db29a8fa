/**
 * The daemon's side of the helper protocol: it asks as a daemon of version 3 does, and takes an answer apart with the same rules. What
 * a daemon would not accept is thrown.
 */

/** What a client of the daemon would see. */
export type Seen =
  | { readonly ok: true; readonly columns: ReadonlyArray<string>; readonly rows: ReadonlyArray<ReadonlyArray<unknown>> }
  | { readonly ok: false; readonly error: string }

const columnTypes = new Set(["decimal", "long", "bool", "float", "double", "long long", "string", "multi", "json"])

/** One of the daemon's questions, before it is sent. */
export const question = (sql: string, error: string, user = "") => ({
  type: "unknown sql request",
  error: { message: error, body: null },
  version: 3,
  user,
  message: { path_query: "", body: sql, http_method: "" },
})

/** Sends a document as a daemon does. */
export const post = async (url: string, document: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json; charset=UTF-8", "request-id": "7_1", ...headers },
    body: JSON.stringify(document),
  })

interface Item {
  readonly total: number
  readonly error: string
  readonly warning: string
  readonly columns?: ReadonlyArray<Record<string, { readonly type: string }>>
  readonly data?: ReadonlyArray<Record<string, unknown>>
}

/** What the daemon makes of an answer to a statement over MySQL. */
export const seen = (text: string): Seen => {
  const reply = JSON.parse(text) as { version: number; type: string; message: unknown; error_code: number }
  if (!(reply.version >= 1 && reply.version <= 3)) throw new Error(`wrong version: ${text}`)
  if (reply.type !== "sql response") throw new Error(`wrong response type: ${text}`)
  if (!Number.isInteger(reply.error_code)) throw new Error(`no error_code: ${text}`)
  if (!Array.isArray(reply.message)) {
    const { error } = reply.message as { error?: unknown }
    if (typeof error !== "string") throw new Error(`wrong reply format: ${text}`)
    return { ok: false, error }
  }
  const [item] = reply.message as ReadonlyArray<Item>
  if (item === undefined) throw new Error(`no result: ${text}`)
  if (item.error !== "") return { ok: false, error: item.error }
  const columns = (item.columns ?? []).flatMap((column) =>
    Object.entries(column).map(([name, { type }]) => {
      if (!columnTypes.has(type)) throw new Error(`unknown type ${type}: ${text}`)
      return { name, type }
    }),
  )
  const rows = (item.data ?? []).map((row) =>
    Object.values(row).map((value, at) => {
      const type = columns[at]?.type
      if (type === undefined) throw new Error(`a value without a column: ${text}`)
      if (type === "long long" && typeof value !== "number") throw new Error(`no number: ${text}`)
      return value
    }),
  )
  return { ok: true, columns: columns.map(({ name }) => name), rows }
}
