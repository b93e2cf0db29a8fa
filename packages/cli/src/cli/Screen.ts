/**
 * All that a command says to its caller. Results go to standard output; progress, notes and errors go to standard
 * error, so that a pipe or `--json` gets results and nothing else.
 *
 * Writes are synchronous for files and terminals: a simulation keeps the thread busy for seconds, and a line that
 * waited for it would come too late.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/** Where lines go, and how the other end looks. */
export interface ScreenShape {
  /** A line of the result, on standard output. */
  readonly print: (line: string) => void
  /** A line for the person, on standard error. */
  readonly note: (line: string) => void
  /**
   * What goes on right now: one line on standard error that the next call replaces. Says nothing where nobody watches;
   * notes tell what happened there.
   */
  readonly status: (line: string) => void
  /** Whether somebody watches standard error on a terminal. */
  readonly isWatched: boolean
  /** Signs and colours of results; plain where standard output is no terminal or `NO_COLOR` is set. */
  readonly paint: Paint
  /** Columns of the terminal; 100 where there is none. */
  readonly columns: number
}

/** Ways to set text apart. */
export interface Paint {
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly dim: (text: string) => string
  readonly strong: (text: string) => string
}

/** Text as it is. */
export const plainPaint: Paint = {
  good: (text) => text,
  bad: (text) => text,
  dim: (text) => text,
  strong: (text) => text,
}

const escape = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`
const colours: Paint = { good: escape(32), bad: escape(31), dim: escape(2), strong: escape(1) }

/** The service that commands print with. */
export class Screen extends Context.Service<Screen, ScreenShape>()("shardwright/cli/Screen") {
  /** The terminal of this process. */
  static readonly layerProcess = Layer.sync(Screen, () => terminalScreen(process.stdout, process.stderr, process.env))
}

interface Stream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** A screen on two streams. */
export const terminalScreen = (out: Stream, error: Stream, env: NodeJS.ProcessEnv): ScreenShape => {
  const isWatched = error.isTTY === true && env["TERM"] !== "dumb"
  const columns = out.columns ?? error.columns ?? 100
  let shown = false
  const clear = () => {
    if (shown) error.write("\r\u001b[2K")
    shown = false
  }
  return {
    print: (line) => {
      clear()
      out.write(`${line}\n`)
    },
    note: (line) => {
      clear()
      error.write(`${line}\n`)
    },
    status: (line) => {
      if (!isWatched) return
      clear()
      error.write(line.length < columns ? line : `${line.slice(0, columns - 2)}…`)
      shown = line !== ""
    },
    isWatched,
    paint: out.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb" ? colours : plainPaint,
    columns,
  }
}
