/**
 * A file that takes a trace line by line while a simulation keeps the thread: written synchronously, in large pieces.
 */
import fs from "node:fs"
import * as Effect from "effect/Effect"
import { badInput, type CommandError } from "../cli/CommandError.ts"

/** Characters that are gathered before they are written. */
const pieceLengthMax = 1 << 16

/** An open trace. */
export interface TraceFile {
  readonly write: (line: string) => void
  readonly close: () => void
}

/** Opens the file anew. */
export const openTrace = (file: string): Effect.Effect<TraceFile, CommandError> =>
  Effect.try({
    try: () => fs.openSync(file, "w"),
    catch: (error) =>
      badInput(`--trace ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`),
  }).pipe(
    Effect.map((descriptor) => {
      let piece = ""
      const flush = () => {
        fs.writeFileSync(descriptor, piece)
        piece = ""
      }
      return {
        write: (line) => {
          piece += `${line}\n`
          if (piece.length > pieceLengthMax) flush()
        },
        close: () => {
          flush()
          fs.closeSync(descriptor)
        },
      }
    }),
  )
