/**
 * A YAML text with a way back from each value to the place where it is written. Knows nothing of scenarios; the
 * `yaml` library does the reading.
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  parseAllDocuments,
  type ParsedNode,
  type YAMLError,
  visit,
  type YAMLMap,
} from "yaml"
import type { Path } from "./SchemaProblems.ts"

/** A piece of the text: offsets of its first sign and of the one after its last. */
export type Span = readonly [start: number, end: number]

/** Something that is no proper YAML, or no single mapping. */
export interface SyntaxMistake {
  readonly span: Span
  readonly message: string
  readonly expected: string
  readonly cure: string
  /** Whether the values can be looked at all the same. */
  readonly readable: boolean
}

interface Advice {
  /** Instead of what the parser says. */
  readonly message?: string
  readonly expected: string
  readonly cure: string
  readonly readable?: boolean
}

const aliasAdvice: Advice = {
  expected: "the name of an anchor that stands above",
  cure: "write the anchor before it is used: &name … *name; a text that begins with * needs quotes",
}

/** What to say about the mistakes that people make; the others carry what the parser says. */
const advice: Readonly<Partial<Record<YAMLError["code"], Advice>>> = {
  TAB_AS_INDENT: {
    expected: "blanks",
    cure: "replace the tab by blanks, two for each level: YAML does not indent by tabs",
  },
  DUPLICATE_KEY: {
    message: "the key is here twice",
    expected: "each key once",
    cure: "take one of the two away, or make it an item of the list",
    readable: true,
  },
  NON_STRING_KEY: {
    message: "the key is not a plain word",
    expected: "keys that are plain words",
    cure: "write the key as a plain word",
  },
  BAD_INDENT: {
    expected: "the same indentation as its neighbours",
    cure: "align it with the line above that it belongs to; is a bracket or brace still open?",
  },
  MULTILINE_IMPLICIT_KEY: {
    expected: "key: value on one line",
    cure: "is a colon missing, or a quote or bracket not closed above?",
  },
  MISSING_CHAR: {
    expected: "the sign that the message names",
    cure: "close what was opened, or put a colon or comma where one is missing",
  },
  BLOCK_AS_IMPLICIT_KEY: {
    expected: "one `key: value` on a line",
    cure: "put the second key on a line of its own, or quote a text that contains a colon and a blank",
  },
  BAD_SCALAR_START: { expected: "a plain word, or a text in quotes", cure: "put the text into quotes" },
  BAD_ALIAS: aliasAdvice,
  BAD_DQ_ESCAPE: { expected: "an escape that YAML knows", cure: "write the backslash twice, or use single quotes" },
  TAG_RESOLVE_FAILED: { expected: "no tags", cure: "take the tag away; a text that begins with ! needs quotes" },
}

const otherwise: Advice = {
  expected: "YAML",
  cure: "look at the indentation, colons, quotes and brackets here and on the line above",
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

const spanOf = (node: unknown): Span | null => (isNode(node) && node.range ? [node.range[0], node.range[1]] : null)

const isMerge = (pair: Pair): boolean =>
  isScalar(pair.key) && (pair.key.value === "<<" || typeof pair.key.value === "symbol")

/** A text that was read, with what is wrong with it. */
export class YamlDocument {
  readonly text: string
  readonly syntax: ReadonlyArray<SyntaxMistake>
  /** The values; null where there are none that could be looked at. */
  readonly values: { readonly value: unknown } | null
  readonly #document: Document.Parsed<ParsedNode> | null

  constructor(text: string) {
    this.text = text
    const read = this.#read()
    this.#document = read.document
    const syntax = [...read.syntax]
    this.values = syntax.some((it) => !it.readable) ? null : this.#convert(syntax)
    this.syntax = syntax
  }

  #read(): { readonly document: Document.Parsed<ParsedNode> | null; readonly syntax: ReadonlyArray<SyntaxMistake> } {
    try {
      const parsed = parseAllDocuments(this.text, {
        merge: true,
        prettyErrors: false,
        stringKeys: true,
        logLevel: "silent",
      })
      const [document, second] = "empty" in parsed ? [] : parsed
      if (document === undefined) return { document: null, syntax: [] }
      const syntax = [...[...document.errors, ...document.warnings].map(syntaxMistake), ...unknownAliases(document)]
      return { document, syntax: second === undefined ? syntax : [...syntax, severalDocuments(second)] }
    } catch (defect) {
      return { document: null, syntax: [unreadable(defect)] }
    }
  }

  #convert(syntax: Array<SyntaxMistake>): { readonly value: unknown } | null {
    if (this.#document === null) return { value: null }
    try {
      const value: unknown = this.#document.toJS({ maxAliasCount: 1_000 })
      return { value }
    } catch (defect) {
      syntax.push(unreadable(defect))
      return null
    }
  }

  /** Line and column of an offset, both counted from 1, and the whole line. */
  position(offset: number): { readonly line: number; readonly column: number; readonly source: string } {
    const before = this.text.slice(0, offset)
    const line = before.split("\n").length
    const start = before.lastIndexOf("\n") + 1
    const end = this.text.indexOf("\n", offset)
    return {
      line,
      column: offset - start + 1,
      source: this.text.slice(start, end === -1 ? undefined : end).replace(/\r$/u, ""),
    }
  }

  /** Where the value at the path is written, or its key; the nearest thing around it if it is not there at all. */
  locate(path: Path, atKey: boolean): Span {
    let node: unknown = this.#document?.contents
    let key: unknown = null
    for (const step of path) {
      const container: unknown = isAlias(node) && this.#document !== null ? node.resolve(this.#document) : node
      const pair: Pair | null = isMap(container) ? this.#pair(container, String(step)) : null
      const next: unknown = pair === null ? (isSeq(container) ? container.items[Number(step)] : undefined) : pair.value
      if (pair === null && !isNode(next)) return spanOf(node) ?? [0, 0]
      key = pair?.key ?? null
      node = next ?? pair?.key
    }
    const keySpan = spanOf(key)
    const valueSpan = spanOf(node)
    // An empty value has no place of its own: its key stands for it.
    const empty = valueSpan === null || valueSpan[0] === valueSpan[1]
    return (atKey || empty ? keySpan : null) ?? valueSpan ?? [0, 0]
  }

  #pair(map: YAMLMap, key: string, depth = 0): Pair | null {
    const own = map.items.find((pair) => isPair(pair) && isScalar(pair.key) && String(pair.key.value) === key)
    // Merged mappings may merge others; no one nests them deeper than this.
    if (own !== undefined || depth > 10) return own ?? null
    for (const pair of map.items.filter(isMerge)) {
      const merged: ReadonlyArray<unknown> = isSeq(pair.value) ? pair.value.items : [pair.value]
      for (const item of merged) {
        const target: unknown = isAlias(item) && this.#document !== null ? item.resolve(this.#document) : item
        const found = isMap(target) ? this.#pair(target, key, depth + 1) : null
        if (found !== null) return found
      }
    }
    return null
  }
}

const syntaxMistake = (error: YAMLError): SyntaxMistake => {
  const { message, expected, cure, readable } = advice[error.code] ?? otherwise
  return { span: error.pos, message: message ?? lowerFirst(error.message), expected, cure, readable: readable ?? false }
}

/** Aliases of anchors that are not there: the library would throw at the first of them. */
const unknownAliases = (document: Document.Parsed<ParsedNode>): ReadonlyArray<SyntaxMistake> => {
  const found: Array<SyntaxMistake> = []
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return
      found.push({
        ...aliasAdvice,
        span: spanOf(alias) ?? [0, 0],
        message: `there is no anchor &${alias.source} above`,
        readable: false,
      })
    },
  })
  return found
}

const severalDocuments = (second: Document.Parsed<ParsedNode>): SyntaxMistake => ({
  span: [second.range[0], second.range[0] + 3],
  message: "a second document begins here",
  expected: "one scenario in each file",
  cure: "move it to a file of its own, or take the line --- away",
  readable: true,
})

const unreadable = (defect: unknown): SyntaxMistake => ({
  span: [0, 0],
  message:
    defect instanceof RangeError
      ? "the file is nested too deeply"
      : lowerFirst(defect instanceof Error ? defect.message : "the file cannot be read"),
  expected: "a scenario",
  cure: "compare it with one of the files under scenarios/smoke",
  readable: false,
})
