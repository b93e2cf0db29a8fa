#!/usr/bin/env node
/**
 * The `shardwright` command. Everything that it does is in `cli/` and `commands/`; here it meets the process.
 */
import * as Effect from "effect/Effect"
import { runCli } from "./cli/runCli.ts"
import { Screen } from "./cli/Screen.ts"

// A reader that has seen enough (`| head`) is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
})

// No signal handlers: a simulation keeps the thread busy, and Ctrl-C must end it at once.
process.exitCode = await Effect.runPromise(Effect.provide(runCli(process.argv.slice(2)), Screen.layerProcess))
