/**
 * The daemon's original helper as a child of ours: the daemon starts only one helper, and if that is this program, nobody else starts
 * the other one. It gets the arguments and the environment that the daemon gave to us, and says where it listens in its first line.
 */
import { spawn } from "node:child_process"
import * as Effect from "effect/Effect"
import { addressIn } from "./HelperProtocol.ts"

/** How it is started. */
export interface UpstreamHelperOptions {
  /** The program and its arguments; those of the daemon follow. */
  readonly command: ReadonlyArray<string>
  readonly daemonArguments: ReadonlyArray<string>
  /** What it prints after its first line: the daemon logs it. */
  readonly say: (text: string) => void
}

/** If it ends, it is started again after this pause, doubled each time up to the longest. */
const pauseMsMin = 1000
const pauseMsMax = 60_000
/** A helper that lived this long has begun anew. */
const longLifeMs = 60_000

/** Keeps it running until the scope ends. Answers a function that tells its address once it listens. */
export const startUpstreamHelper = Effect.fnUntraced(function* ({
  command: [program = "", ...given],
  daemonArguments,
  say,
}: UpstreamHelperOptions) {
  let address: string | undefined
  const once = Effect.callback<void>((resume) => {
    const child = spawn(program, [...given, ...daemonArguments], { stdio: ["ignore", "pipe", "inherit"] })
    let first = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (address !== undefined) return say(text)
      first += text
      const end = first.indexOf("\n")
      if (end < 0) return
      address = addressIn(first.slice(0, end))
      say(address === undefined ? first : first.slice(end + 1))
    })
    const ended = (why: string): void => {
      address = undefined
      say(`the original helper ended: ${why}\n`)
      resume(Effect.void)
    }
    child.on("error", (error) => ended(error.message))
    child.on("exit", (code, signal) => ended(signal ?? `code ${code}`))
    return Effect.sync(() => {
      child.removeAllListeners()
      child.kill("SIGTERM")
    })
  })
  yield* Effect.forkScoped(
    Effect.gen(function* () {
      let pauseMs = pauseMsMin
      for (;;) {
        const begunMs = performance.now()
        yield* once
        pauseMs = performance.now() - begunMs > longLifeMs ? pauseMsMin : Math.min(pauseMs * 2, pauseMsMax)
        yield* Effect.sleep(pauseMs)
      }
    }),
  )
  return (): string | undefined => address
})
