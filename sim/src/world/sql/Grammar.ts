/**
 * What the two grammars of the daemon share: a cursor over tokens, the names of tokens in messages, and the one form
 * of every syntax error: `P03: syntax error, unexpected IF near '…'`, with `, expecting A or B` after the token where
 * the generated parser knows at most four tokens that could come next. Where it knows more it lists none, and so do
 * callers here: they pass what the daemon would list.
 */
import {
  BACKTICKED,
  BACKTICKED_SUBKEY,
  END,
  FLOAT,
  IDENT,
  INTEGER,
  INVALID,
  OPERATOR,
  PUNCTUATION,
  STRING,
  SUBKEY,
  Tokens,
  unquote,
  VARIABLE,
} from "./Tokens.ts"
import { failure, notSimulated } from "./Statement.ts"
import type { SqlFailure } from "./Statement.ts"

/** Ends the reading of a statement; caught where the reading began, never seen outside of this folder. */
export class Unreadable extends Error {
  readonly failure: SqlFailure

  constructor(reason: SqlFailure) {
    super(reason.message)
    this.failure = reason
  }
}

/** What differs between the grammars. */
export interface Dialect {
  /** `P01`, `P02` or `P03`. */
  readonly prefix: string
  readonly ddl: boolean
  /** What an identifier is called in messages. */
  readonly identifier: string
  /** Words that are tokens of their own in messages. */
  readonly keywords: ReadonlySet<string>
  /** Of these, the words that cannot be a name. */
  readonly reserved: ReadonlySet<string>
}

export const OPEN = 40
export const CLOSE = 41
export const COMMA = 44
export const EQUALS = 61
export const COLON = 58
export const SEMICOLON = 59
export const MINUS = 45
export const DOT = 46
export const STAR = 42

export class Grammar {
  readonly tokens: Tokens
  readonly dialect: Dialect

  constructor(text: string, dialect: Dialect) {
    this.tokens = new Tokens(text, dialect.ddl)
    this.dialect = dialect
  }

  /** The name of a token in messages. */
  tokenName(index: number): string {
    const tokens = this.tokens
    switch (tokens.kindAt(index)) {
      case END:
        return "$end"
      case IDENT: {
        const word = tokens.wordAt(index).upper
        return this.dialect.keywords.has(word) ? (lowerCaseNames.get(word) ?? word) : this.dialect.identifier
      }
      case BACKTICKED:
        return this.dialect.ddl ? "tablename" : "BACKTICKED_IDENT"
      case STRING:
        return "string"
      case INTEGER:
        return "integer"
      case FLOAT:
        return "float"
      case SUBKEY:
        return "SUBKEY"
      case BACKTICKED_SUBKEY:
        return "BACKTICKED_SUBKEY"
      case VARIABLE:
        return tokens.textAt(index).startsWith("@@") ? "SYSVAR" : "USERVAR"
      case OPERATOR:
        return operatorNames.get(tokens.textAt(index)) ?? "NE"
      case PUNCTUATION:
        return `'${tokens.textAt(index)}'`
      case INVALID:
      default:
        return "invalid token"
    }
  }

  /** Refuses the token under the cursor. */
  unexpected(...expecting: ReadonlyArray<string>): never {
    const { prefix } = this.dialect
    const at = this.tokens.position
    const expected = expecting.length === 0 ? "" : `, expecting ${expecting.join(" or ")}`
    throw new Unreadable(
      failure(`${prefix}: syntax error, unexpected ${this.tokenName(at)}${expected} near '${this.tokens.nearAt(at)}'`),
    )
  }

  /** A refusal of the grammar's own actions; "near" shows from the token at `index` on. */
  refuse(message: string, index: number): never {
    throw new Unreadable(failure(`${this.dialect.prefix}: ${message} near '${this.tokens.nearAt(index)}'`))
  }

  notSimulated(what: string): never {
    throw new Unreadable(notSimulated(what))
  }

  expectWord(word: string): void {
    if (!this.tokens.takeWord(word)) {
      this.unexpected(word)
    }
  }

  expectCharacter(code: number, ...expecting: ReadonlyArray<string>): void {
    if (!this.tokens.takeCharacter(code)) {
      this.unexpected(...expecting)
    }
  }

  expectEnd(): void {
    if (this.tokens.kind !== END) {
      this.unexpected("$end")
    }
  }

  /** True if the token at `index` can be a name. */
  isNameAt(index: number): boolean {
    const kind = this.tokens.kindAt(index)
    return kind === BACKTICKED || (kind === IDENT && !this.dialect.reserved.has(this.tokens.wordAt(index).upper))
  }

  /** Takes a name as written, without its backticks. */
  takeName(...expecting: ReadonlyArray<string>): string {
    const { tokens } = this
    const at = tokens.position
    if (!this.isNameAt(at)) {
      this.unexpected(...expecting)
    }
    tokens.position++
    return tokens.kindAt(at) === BACKTICKED ? tokens.textAt(at).slice(1, -1) : tokens.wordAt(at).text
  }

  /** Takes the name of a column or table, which are kept in lower case. */
  takeLowerName(...expecting: ReadonlyArray<string>): string {
    const { tokens } = this
    const at = tokens.position
    if (tokens.kindAt(at) === IDENT && this.isNameAt(at)) {
      tokens.position++
      return tokens.wordAt(at).lower
    }
    return this.takeName(...expecting).toLowerCase()
  }

  takeString(...expecting: ReadonlyArray<string>): string {
    const { tokens } = this
    if (tokens.kind !== STRING) {
      this.unexpected(...expecting)
    }
    const text = tokens.textAt(tokens.position)
    tokens.position++
    return unquote(text)
  }
}

const lowerCaseNames = new Map([["NULL", "null"]])
const operatorNames = new Map([
  ["<=", "LTE"],
  [">=", "GTE"],
  ["<>", "NE"],
  ["!=", "NE"],
])
