/**
 * The trace of a run: every statement, answer, word of the journal and fault, with its virtual time, folded into one
 * hash as it happens. Two runs with the same hash did the same things at the same times.
 */
import type { Answer, Cell } from "@shardwright/core/Answer"

/** One line of a trace, as it is written to files (NDJSON). */
export interface TraceLine {
  readonly atMs: number
  readonly kind: string
  readonly node: string | null
  readonly text: string
}

/** Where two traces differ first. */
export interface Divergence {
  readonly index: number
  readonly first: string | undefined
  readonly second: string | undefined
}

/** What a trace keeps besides the hash. */
export interface TraceOptions {
  /** Called with every line. */
  readonly sink?: ((line: string) => void) | undefined
  /** Keep the lines, to compare them with those of another run. */
  readonly keepLines?: boolean
  /** Nothing is folded or kept. */
  readonly isOff?: boolean | undefined
}

/** Lines that are kept for a comparison; beyond them only the hash tells. */
const linesKeptMax = 2_000_000

const cellText = (cell: Cell): string => (cell === null ? "\0" : String(cell))

/** An answer as one line of text. */
export const answerText = (answer: Answer): string => {
  switch (answer._tag) {
    case "Ok":
      return `ok ${answer.affectedRows}`
    case "Refused":
      return `error ${answer.message}`
    case "NoAnswer":
      return `no answer: ${answer.reason}`
    case "Rows":
      return `${answer.rows.length} rows: ${answer.rows.map((row) => row.map(cellText).join("|")).join(" / ")}`
  }
}

/** Folds what happens into a hash of 64 bits: two independent ones of 32. */
export class Trace {
  /** The two halves. A typed array holds them without boxing, which counts: every character of a run comes here. */
  readonly #state = Int32Array.of(0x811c9dc5, 0x9e3779b9)
  readonly #sink: ((line: string) => void) | undefined
  readonly #lines: Array<string> | undefined
  readonly #isOff: boolean
  /** Lines so far. */
  count = 0

  constructor(options: TraceOptions = {}) {
    this.#sink = options.sink
    this.#lines = options.keepLines === true ? [] : undefined
    this.#isOff = options.isOff === true
  }

  /** Adds one happening. `nowMicros` is virtual time, `atMs` the same from time zero, as people read it. */
  add(nowMicros: number, atMs: number, kind: string, node: string | null, text: string): void {
    if (this.#isOff) return
    this.#foldNumber(nowMicros)
    this.#fold(kind)
    if (node !== null) this.#fold(node)
    this.#fold(text)
    this.count++
    if (this.#sink === undefined && this.#lines === undefined) return
    const line = JSON.stringify({ atMs, kind, node, text } satisfies TraceLine)
    this.#sink?.(line)
    if (this.#lines !== undefined && this.#lines.length < linesKeptMax) this.#lines.push(line)
  }

  /** Adds an answer without writing it out, unless somebody reads along. */
  addAnswer(nowMicros: number, atMs: number, node: string, answer: Answer): void {
    if (this.#isOff) return
    if (this.#sink !== undefined || this.#lines !== undefined) {
      this.add(nowMicros, atMs, "answer", node, answerText(answer))
      return
    }
    this.#foldNumber(nowMicros)
    this.#fold("answer")
    this.#fold(node)
    this.#foldAnswer(answer)
    this.count++
  }

  /** The hash so far, as 16 hexadecimal digits. */
  get hash(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0")
    return hex(this.#state[1] ?? 0) + hex(this.#state[0] ?? 0)
  }

  /** Where the lines of this trace and of another one part; undefined if they do not. */
  divergence(other: Trace): Divergence | undefined {
    const first = this.#lines ?? []
    const second = other.#lines ?? []
    for (let index = 0; index < Math.max(first.length, second.length); index++) {
      if (first[index] !== second[index]) return { index, first: first[index], second: second[index] }
    }
    return undefined
  }

  #foldAnswer(answer: Answer): void {
    // Must fold the same text as `answerText`, piece by piece.
    if (answer._tag !== "Rows") {
      this.#fold(answerText(answer))
      return
    }
    this.#foldPart(`${answer.rows.length} rows: `)
    let isFirstRow = true
    for (const row of answer.rows) {
      if (!isFirstRow) this.#foldPart(" / ")
      isFirstRow = false
      for (let index = 0; index < row.length; index++) {
        if (index > 0) this.#foldPart("|")
        this.#foldPart(cellText(row[index] ?? null))
      }
    }
    this.#foldEnd()
  }

  #fold(text: string): void {
    this.#foldPart(text)
    this.#foldEnd()
  }

  #foldPart(text: string): void {
    const state = this.#state
    let low = state[0] ?? 0
    let high = state[1] ?? 0
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      low = Math.imul(low ^ code, 0x01000193)
      high = Math.imul(high + code, 0x85ebca6b) ^ (high >>> 13)
    }
    state[0] = low
    state[1] = high
  }

  #foldEnd(): void {
    const state = this.#state
    const high = state[1] ?? 0
    state[0] = Math.imul((state[0] ?? 0) ^ 0x0a, 0x01000193)
    state[1] = Math.imul(high ^ 0x0a, 0xc2b2ae35) ^ (high >>> 16)
  }

  #foldNumber(value: number): void {
    const state = this.#state
    const high = state[1] ?? 0
    state[0] = Math.imul((state[0] ?? 0) ^ (value | 0), 0x01000193)
    state[1] = Math.imul(high + Math.floor(value / 0x100000000) + (value | 0), 0x85ebca6b) ^ (high >>> 13)
  }
}
