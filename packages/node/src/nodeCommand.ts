/**
 * `run`, `gate` and `helper`, as both binaries have them: the configuration is read, signals end the runner, and the exit code says why.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { exitCodeOf } from "./exitCode.ts"
import { ConfigError, readConfig } from "./Config.ts"
import { makeLog } from "./Log.ts"
import { prepareStart } from "./prepareStart.ts"
import { runNode } from "./runNode.ts"
import { runHelper } from "./sql/runHelper.ts"

/** Runs a command until it ends, or the process is told to stop. Answers the exit code. `rest`: what a daemon adds for its helper. */
export const nodeCommand = async (
  command: "run" | "gate" | "helper",
  file: string,
  rest: ReadonlyArray<string> = [],
): Promise<number> => {
  const asked = Promise.withResolvers<void>()
  const stop = (): void => asked.resolve()
  process.on("SIGTERM", stop).on("SIGINT", stop)
  const program = Effect.gen(function* () {
    const config = yield* readConfig(file, process.env)
    const log = makeLog({
      format: config.log?.format ?? (process.stdout.isTTY ? "pretty" : "json"),
      level: config.log?.level ?? "info",
      write: (line) => void process.stdout.write(`${line}\n`),
      now: () => new Date(),
    })
    const stopped = Effect.promise(() => asked.promise)
    if (command === "run") return yield* runNode({ config, log, stopped })
    if (command === "helper") {
      const print = (text: string): void => void process.stdout.write(text)
      return yield* runHelper({ config, log, daemonArguments: rest, print, stopped })
    }
    return yield* Effect.raceFirst(prepareStart({ config, log }), stopped)
  })
  const exit = await Effect.runPromiseExit(program)
  process.off("SIGTERM", stop).off("SIGINT", stop)
  if (Exit.isSuccess(exit)) return exitCodeOf.ok
  const error = Cause.squash(exit.cause)
  if (error instanceof ConfigError) {
    console.error(error.message)
    return exitCodeOf.badInput
  }
  console.error(`shardwright-node failed in a way that it should not:\n${Cause.pretty(exit.cause)}`)
  return exitCodeOf.bug
}
