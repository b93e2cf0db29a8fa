/**
 * Tokens of a statement, as the daemon's own lexer cuts them: words, `quoted names`, 'texts', numbers and signs. It is total:
 * what it does not know is a token too, and comments and spaces are none.
 */

/** What a token is. `end` is the one after the last. */
export type TokenKind = "word" | "name" | "text" | "number" | "sign" | "end"

/** A token with its place in the statement, in characters. */
export interface Token {
  readonly kind: TokenKind
  /** A word as it is written, a name without its backticks, a text without quotes and escapes. */
  readonly value: string
  readonly start: number
  readonly end: number
}

const patterns: ReadonlyArray<readonly [TokenKind | "skipped", RegExp]> = [
  ["skipped", /\s+|\/\*[^]*?(?:\*\/|$)|--(?=\s|$)[^\n]*/y],
  ["word", /[A-Za-z_@][A-Za-z0-9_]*/y],
  ["name", /`[A-Za-z0-9_@]+`/y],
  ["text", /'(?:[^'\\]|\\[^])*'/y],
  ["number", /-?\d+/y],
  ["sign", /[^]/y],
]

const escaped: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "0": "\0" }

const valueOf = (kind: TokenKind, raw: string): string => {
  if (kind === "name") return raw.slice(1, -1)
  if (kind !== "text") return raw
  return raw.slice(1, -1).replaceAll(/\\([^])/g, (_, sign: string) => escaped[sign] ?? sign)
}

/** The tokens of a statement; the last one is its `end`. */
export const tokensOf = (sql: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let at = 0
  while (at < sql.length) {
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = at
      const raw = pattern.exec(sql)?.[0]
      if (raw === undefined) continue
      if (kind !== "skipped") tokens.push({ kind, value: valueOf(kind, raw), start: at, end: at + raw.length })
      at += raw.length
      break
    }
  }
  tokens.push({ kind: "end", value: "", start: sql.length, end: sql.length })
  return tokens
}
