/**
 * JSON that people write: where in the text a field is, and where the text stops being JSON.
 *
 * `JSON.parse` makes the values. This scanner only finds places, since the messages of `JSON.parse` name a position
 * for some mistakes and not for others. It is not used for valid text unless somebody asks for a place.
 */

/** A path into a JSON document: names of fields and indexes. */
export type JsonPath = ReadonlyArray<PropertyKey>

/** Nesting beyond this is refused, so that hostile text cannot exhaust the stack. */
const depthMax = 200

/** What is wrong with a text that is not JSON, and at which offset. */
export interface JsonMistake {
  readonly offset: number
  readonly message: string
}

/** The first mistake in a text, or null when it is JSON. */
export const jsonMistake = (text: string): JsonMistake | null => {
  const scanner = new Scanner(text, [], false)
  scanner.document()
  return scanner.mistake
}

/**
 * The offset of the field at `path` in a text that is JSON; of the closest enclosing one when there is none.
 * `atKey`: of the name of the field rather than of its value.
 */
export const jsonOffset = (text: string, path: JsonPath, atKey = false): number => {
  const scanner = new Scanner(text, path, atKey)
  scanner.document()
  return scanner.found
}

/** `line:column` of an offset, both counted from 1. */
export const lineAndColumn = (text: string, offset: number): string => {
  const before = text.slice(0, offset)
  const line = before.split("\n").length
  return `${line}:${offset - before.lastIndexOf("\n")}`
}

/** `nodes[0].name`; fields whose names are no identifiers are quoted. */
export const pathText = (path: JsonPath): string =>
  path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`
      const name = String(part)
      if (!/^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name)) return `[${JSON.stringify(name)}]`
      return index === 0 ? name : `.${name}`
    })
    .join("")

const blank = /[ \t\n\r]*/y
const string = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const word = /true|false|null/y

class Scanner {
  mistake: JsonMistake | null = null
  /** Start of the deepest value on the path that was met. */
  found = 0
  private offset = 0
  private readonly text: string
  private readonly path: JsonPath
  private readonly atKey: boolean

  constructor(text: string, path: JsonPath, atKey: boolean) {
    this.text = text
    this.path = path
    this.atKey = atKey
  }

  document(): void {
    if (!this.value(0, 0)) return
    this.take(blank)
    if (this.offset < this.text.length) this.fail("nothing more after the end of the document")
  }

  /** `matched`: how much of the path leads to this value; −1 when it is elsewhere. */
  private value(matched: number, depth: number): boolean {
    this.take(blank)
    if (matched >= 0) this.found = this.offset
    if (depth > depthMax) return this.fail(`at most ${depthMax} levels of nesting`)
    const first = this.text[this.offset]
    if (first === "{") return this.members("}", matched, depth)
    if (first === "[") return this.members("]", matched, depth)
    if (first === '"')
      return (
        this.take(string) !== null ||
        this.fail('a string that ends with " on the same line, with \\ only before " \\ / b f n r t u')
      )
    if (this.take(word) !== null || this.take(number) !== null) return true
    return this.fail("a value")
  }

  private members(close: "}" | "]", matched: number, depth: number): boolean {
    this.offset++
    this.take(blank)
    if (this.text[this.offset] === close) return this.step()
    for (let index = 0; ; index++) {
      this.take(blank)
      const start = this.offset
      const key = close === "}" ? this.key() : index
      if (key === null) return false
      const onPath = matched >= 0 && this.path[matched] === key
      if (!this.value(onPath ? matched + 1 : -1, depth + 1)) return false
      if (onPath && this.atKey && matched + 1 === this.path.length) this.found = start
      this.take(blank)
      const next = this.text[this.offset]
      if (next === close) return this.step()
      if (next !== ",") return this.fail(`"," or "${close}"`)
      this.offset++
    }
  }

  private key(): string | null {
    const quoted = this.take(string)
    if (quoted === null) {
      this.fail('the name of a field in double quotes (there is no "," after the last one)')
      return null
    }
    this.take(blank)
    if (this.text[this.offset] !== ":") {
      this.fail('":"')
      return null
    }
    this.offset++
    // The pattern admits only what JSON.parse reads as one string.
    return JSON.parse(quoted) as string
  }

  private step(): true {
    this.offset++
    return true
  }

  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.offset
    const match = pattern.exec(this.text)
    if (match === null) return null
    this.offset += match[0].length
    return match[0]
  }

  private fail(expected: string): false {
    const rest = this.text.slice(this.offset)
    const found = /^(?:[\p{L}\p{N}_]{1,20}|.)/u.exec(rest)?.[0]
    const seen =
      rest === "" ? "the end of the text" : found === undefined ? "the end of the line" : JSON.stringify(found)
    this.mistake = { offset: this.offset, message: `expected ${expected}, found ${seen}` }
    return false
  }
}
