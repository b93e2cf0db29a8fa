/**
 * Cuts a statement into tokens, as the scanners of the daemon's two grammars do. The grammar of DDL knows less: there
 * `:`, `-` and `;` are invalid, and a dot stands alone; in the main grammar `.name` is one token.
 *
 * Works on character codes without regular expressions: this runs for every statement of a simulation.
 */

export const END = 0
export const IDENT = 1
export const BACKTICKED = 2
export const STRING = 3
export const INTEGER = 4
export const FLOAT = 5
export const SUBKEY = 6
export const BACKTICKED_SUBKEY = 7
export const VARIABLE = 8
/** `<=`, `>=`, `<>`, `!=`; single characters are `PUNCTUATION`. */
export const OPERATOR = 9
export const PUNCTUATION = 10
export const INVALID = 11

const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95
const isDigit = (code: number): boolean => code >= 48 && code <= 57
const isWordPart = (code: number): boolean => isLetter(code) || isDigit(code)

const mainPunctuation = new Set([..."(),;:=<>+-*/%.&|[]{}!"].map((character) => character.charCodeAt(0)))
const ddlPunctuation = new Set([..."(),=."].map((character) => character.charCodeAt(0)))

/** A word of SQL: read once, recognised ever after. */
export interface Word {
  readonly text: string
  readonly upper: string
  readonly lower: string
}

/** Words met so far. Bounded, and emptied as a whole because that is cheapest. */
const words = new Map<string, Word>()
const wordsMax = 20_000

const wordOf = (text: string): Word => {
  const known = words.get(text)
  if (known !== undefined) {
    return known
  }
  if (words.size >= wordsMax) {
    words.clear()
  }
  const word: Word = { text, upper: text.toUpperCase(), lower: text.toLowerCase() }
  words.set(text, word)
  return word
}

const noWord: Word = { text: "", upper: "", lower: "" }

// The arrays are shared by all statements: one statement is read at a time, and none outlives its reading.
const kinds: Array<number> = []
const starts: Array<number> = []
const ends: Array<number> = []
const wordsAt: Array<Word> = []

/** The tokens of one statement, with a cursor. Making one ends the use of the one before. */
export class Tokens {
  readonly text: string
  count = 0
  position = 0

  constructor(text: string, ddl: boolean) {
    this.text = text
    this.#scan(ddl)
  }

  /** Kind of the token under the cursor. */
  get kind(): number {
    return kinds[this.position] ?? END
  }

  kindAt(index: number): number {
    return index < this.count ? (kinds[index] ?? END) : END
  }

  startAt(index: number): number {
    return starts[index] ?? 0
  }

  endAt(index: number): number {
    return ends[index] ?? 0
  }

  /** The token's text as written. */
  textAt(index: number): string {
    return this.text.slice(starts[index] ?? 0, ends[index] ?? 0)
  }

  /** The word at `index`; an empty one if there stands something else. */
  wordAt(index: number): Word {
    return index < this.count && kinds[index] === IDENT ? (wordsAt[index] ?? noWord) : noWord
  }

  /** True if the token at `index` is this keyword, given in capitals. */
  isWordAt(index: number, word: string): boolean {
    return kinds[index] === IDENT && wordsAt[index]?.upper === word
  }

  isWord(word: string): boolean {
    return this.isWordAt(this.position, word)
  }

  /** True if the token under the cursor is this one character. */
  isCharacter(code: number): boolean {
    return this.isCharacterAt(this.position, code)
  }

  isCharacterAt(index: number, code: number): boolean {
    return kinds[index] === PUNCTUATION && this.text.charCodeAt(starts[index] ?? 0) === code
  }

  takeWord(word: string): boolean {
    if (this.isWordAt(this.position, word)) {
      this.position++
      return true
    }
    return false
  }

  takeCharacter(code: number): boolean {
    if (this.isCharacter(code)) {
      this.position++
      return true
    }
    return false
  }

  /** The rest of the statement from a token on, as the daemon shows it after "near"; at the end, the last token. */
  nearAt(index: number): string {
    if (this.kindAt(index) !== END) {
      return this.text.slice(starts[index] ?? 0)
    }
    return this.textAt(Math.max(0, this.count - 2))
  }

  #push(kind: number, start: number, end: number): void {
    kinds[this.count] = kind
    starts[this.count] = start
    ends[this.count] = end
    this.count++
  }

  #scan(ddl: boolean): void {
    const text = this.text
    const length = text.length
    const punctuation = ddl ? ddlPunctuation : mainPunctuation
    let at = 0
    while (at < length) {
      const code = text.charCodeAt(at)
      if (code === 32 || (code >= 9 && code <= 13)) {
        at++
        continue
      }
      if (isLetter(code)) {
        let end = at + 1
        while (end < length && isWordPart(text.charCodeAt(end))) {
          end++
        }
        wordsAt[this.count] = wordOf(text.slice(at, end))
        this.#push(IDENT, at, end)
        at = end
        continue
      }
      if (isDigit(code)) {
        at = this.#scanNumber(at)
        continue
      }
      if (code === 39) {
        at = this.#scanString(at)
        continue
      }
      if (code === 96) {
        at = this.#scanBackticked(at, at + 1, BACKTICKED)
        continue
      }
      if (code === 46 && !ddl) {
        const next = text.charCodeAt(at + 1)
        if (isLetter(next)) {
          let end = at + 2
          while (end < length && isWordPart(text.charCodeAt(end))) {
            end++
          }
          this.#push(SUBKEY, at, end)
          at = end
          continue
        }
        if (next === 96) {
          at = this.#scanBackticked(at, at + 2, BACKTICKED_SUBKEY)
          continue
        }
        if (isDigit(next)) {
          at = this.#scanNumber(at)
          continue
        }
      }
      if (code === 64 && !ddl) {
        let end = at + 1
        while (
          end < length &&
          (text.charCodeAt(end) === 64 || text.charCodeAt(end) === 46 || isWordPart(text.charCodeAt(end)))
        ) {
          end++
        }
        this.#push(VARIABLE, at, end)
        at = end
        continue
      }
      if (code === 47 && text.charCodeAt(at + 1) === 42) {
        const close = text.indexOf("*/", at + 2)
        if (close >= 0) {
          at = close + 2
          continue
        }
      }
      if (!ddl && (code === 60 || code === 62 || code === 33)) {
        const next = text.charCodeAt(at + 1)
        if (next === 61 || (code === 60 && next === 62)) {
          this.#push(OPERATOR, at, at + 2)
          at += 2
          continue
        }
      }
      this.#push(punctuation.has(code) ? PUNCTUATION : INVALID, at, at + 1)
      at++
    }
    this.#push(END, length, length)
  }

  #scanNumber(start: number): number {
    const text = this.text
    let end = start
    while (isDigit(text.charCodeAt(end))) {
      end++
    }
    let kind = INTEGER
    if (text.charCodeAt(end) === 46) {
      kind = FLOAT
      end++
      while (isDigit(text.charCodeAt(end))) {
        end++
      }
    }
    const mark = text.charCodeAt(end)
    if (mark === 101 || mark === 69) {
      const sign = text.charCodeAt(end + 1)
      const digits = sign === 43 || sign === 45 ? end + 2 : end + 1
      if (isDigit(text.charCodeAt(digits))) {
        kind = FLOAT
        end = digits + 1
        while (isDigit(text.charCodeAt(end))) {
          end++
        }
      }
    }
    this.#push(kind, start, end)
    return end
  }

  #scanString(start: number): number {
    const text = this.text
    for (let end = start + 1; end < text.length; end++) {
      const code = text.charCodeAt(end)
      if (code === 92) {
        end++
      } else if (code === 39) {
        this.#push(STRING, start, end + 1)
        return end + 1
      }
    }
    this.#push(INVALID, start, text.length)
    return text.length
  }

  /** Only a plain name may stand between backticks; anything else makes the backtick itself an invalid token. */
  #scanBackticked(start: number, nameStart: number, kind: number): number {
    const text = this.text
    let end = nameStart
    while (end < text.length && isWordPart(text.charCodeAt(end))) {
      end++
    }
    if (end > nameStart && text.charCodeAt(end) === 96) {
      this.#push(kind, start, end + 1)
      return end + 1
    }
    this.#push(INVALID, start, nameStart)
    return nameStart
  }
}

/** The value of a quoted string: a backslash keeps the next character, except for the five that mean something. */
export const unquote = (quoted: string): string => {
  const inner = quoted.slice(1, -1)
  if (!inner.includes("\\")) {
    return inner.includes("\0") ? inner.replaceAll("\0", " ") : inner
  }
  let value = ""
  for (let at = 0; at < inner.length; at++) {
    const character = inner.charAt(at)
    if (character !== "\\" || at + 1 >= inner.length) {
      value += character
      continue
    }
    at++
    const escaped = inner.charAt(at)
    value += escapes[escaped] ?? escaped
  }
  return value
}

/** NUL becomes a space: the daemon's strings end at a NUL. */
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "0": " " }
