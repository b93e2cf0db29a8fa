/**
 * The values of json columns: read, refused as the daemon's own small grammar (`P10`) refuses them, and written back
 * without white space. Only objects and arrays can be stored; an empty text is NULL.
 */

/** What became of a text meant for a json column. */
export type JsonText =
  | { readonly value: string | null; readonly error: undefined }
  | { readonly value: null; readonly error: string }

/** Texts that were read before: the same ones come again and again. Bounded, and emptied as a whole. */
const known = new Map<string, JsonText>()
const knownMax = 1000
const knownLengthMax = 1000

/** Reads a text as a json column would store it. */
export const toJsonText = (text: string): JsonText => {
  if (text.length > knownLengthMax) {
    return readJsonText(text)
  }
  let read = known.get(text)
  if (read === undefined) {
    if (known.size >= knownMax) {
      known.clear()
    }
    read = readJsonText(text)
    known.set(text, read)
  }
  return read
}

const readJsonText = (text: string): JsonText => {
  const first = text.charCodeAt(0)
  if ((first === 123 || first === 91) && !decimal.test(text)) {
    const rewritten = rewriteStrictly(text)
    if (rewritten === text) {
      return { value: text, error: undefined }
    }
  }
  return new Reader(text).read()
}

/** A number that is printed in another way than it was written: with six digits after the point. */
const decimal = /[:[,]-?\d+[.eE]/

/** The text again if it is strict, compact JSON: the common case, and the only fast one. */
const rewriteStrictly = (text: string): string | undefined => {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The value at a path of keys, as a select list prints it; null where there is none. */
export const atPath = (text: string | null, path: ReadonlyArray<string>): string | number | boolean | null => {
  let value: unknown = text === null ? null : JSON.parse(text)
  for (const key of path) {
    value = isRecord(value) ? value[key] : null
  }
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value
  }
  return value === undefined || value === null ? null : JSON.stringify(value)
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

class Refused extends Error {}

const number = /-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?/y
const word = /[A-Za-z_][A-Za-z0-9_]*/y
const space = /[\s]*/y
const depthMax = 100

/** Recursive descent over the text; tolerates unquoted keys and single quotes, as the daemon does. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  read(): JsonText {
    try {
      this.#skipSpace()
      if (this.#at >= this.#text.length) {
        return { value: null, error: undefined }
      }
      const opening = this.#text.charAt(this.#at)
      if (opening !== "{" && opening !== "[") {
        return this.#refuse("$end")
      }
      const value = this.#readValue(0)
      this.#skipSpace()
      if (this.#at < this.#text.length) {
        return this.#refuse("$end")
      }
      return { value, error: undefined }
    } catch (error) {
      if (error instanceof Refused) {
        return { value: null, error: error.message }
      }
      throw error
    }
  }

  #refuse(expecting?: string): never {
    const expected = expecting === undefined ? "" : `, expecting ${expecting}`
    throw new Refused(
      `P10: syntax error, unexpected ${this.#tokenName()}${expected} near '${this.#text.slice(this.#at)}'`,
    )
  }

  #tokenName(): string {
    const character = this.#text.charAt(this.#at)
    if (character === "") {
      return "$end"
    }
    if (character === '"' || character === "'") {
      return "TOK_STRING"
    }
    const digits = this.#match(number)
    if (digits !== undefined) {
      return /[.eE]/.test(digits) ? "TOK_FLOAT" : "TOK_INT"
    }
    const name = this.#match(word)
    if (name === undefined) {
      return `'${character}'`
    }
    return constants.has(name.toLowerCase()) ? `TOK_${name.toUpperCase()}` : "TOK_IDENT"
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    return pattern.exec(this.#text)?.[0]
  }

  #skipSpace(): void {
    this.#at += this.#match(space)?.length ?? 0
  }

  #readValue(depth: number): string {
    this.#skipSpace()
    const character = this.#text.charAt(this.#at)
    if (depth > depthMax) {
      return this.#refuse()
    }
    if (character === "{") {
      return this.#readMembers("}", depth)
    }
    if (character === "[") {
      return this.#readMembers("]", depth)
    }
    if (character === '"' || character === "'") {
      return JSON.stringify(this.#readString())
    }
    const digits = this.#match(number)
    if (digits !== undefined) {
      this.#at += digits.length
      return /[.eE]/.test(digits) ? Number(digits).toFixed(6) : digits
    }
    const name = this.#match(word)?.toLowerCase()
    if (name === undefined || !constants.has(name)) {
      return this.#refuse()
    }
    this.#at += name.length
    return name
  }

  #readMembers(closing: string, depth: number): string {
    const opening = this.#text.charAt(this.#at)
    this.#at++
    const parts: Array<string> = []
    this.#skipSpace()
    if (this.#text.charAt(this.#at) === closing) {
      this.#at++
      return opening + closing
    }
    for (;;) {
      const key = closing === "}" ? this.#readKey() : ""
      parts.push(key + this.#readValue(depth + 1))
      this.#skipSpace()
      const next = this.#text.charAt(this.#at)
      if (next !== "," && next !== closing) {
        return this.#refuse(`${closing === "}" ? "'}'" : "']'"} or ','`)
      }
      this.#at++
      if (next === closing) {
        return opening + parts.join(",") + closing
      }
    }
  }

  #readKey(): string {
    this.#skipSpace()
    const quote = this.#text.charAt(this.#at)
    let key: string
    if (quote === '"' || quote === "'") {
      key = this.#readString()
    } else {
      const name = this.#match(word)
      if (name === undefined) {
        return this.#refuse()
      }
      this.#at += name.length
      key = name
    }
    this.#skipSpace()
    if (this.#text.charAt(this.#at) !== ":") {
      return this.#refuse("':'")
    }
    this.#at++
    return `${JSON.stringify(key)}:`
  }

  #readString(): string {
    const quote = this.#text.charAt(this.#at)
    let end = this.#at + 1
    while (end < this.#text.length && this.#text.charAt(end) !== quote) {
      end += this.#text.charAt(end) === "\\" ? 2 : 1
    }
    if (end >= this.#text.length) {
      return this.#refuse()
    }
    const inner = this.#text.slice(this.#at + 1, end)
    this.#at = end + 1
    return inner.includes("\\")
      ? inner.replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, escaped: string) => unescaped(escaped))
      : inner
  }
}

const constants = new Set(["true", "false", "null"])

const unescaped = (escaped: string): string => {
  if (escaped.length > 1) {
    return String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  }
  return controls[escaped] ?? escaped
}

const controls: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }
