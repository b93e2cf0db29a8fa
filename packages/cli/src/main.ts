#!/usr/bin/env node
/**
 * The `shardwright` command. Everything that it does is in `cli/` and `commands/`; here it meets the process.
 */

// A reader that has seen enough (`| head`) is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
})

const args = process.argv.slice(2)
const [group, command, flag, config] = args
if (group === "node" && command === "run" && flag === "--config" && config !== undefined && args.length === 4) {
  // The runner stays for months: it does not carry the command line, which for anything else reads the arguments.
  const { startRunner } = await import("./commands/startRunner.ts")
  process.exitCode = await startRunner(config)
} else {
  const Effect = await import("effect/Effect")
  const { runCli } = await import("./cli/runCli.ts")
  const { Screen } = await import("./cli/Screen.ts")
  // No signal handlers: a simulation keeps the thread busy, and Ctrl-C must end it at once.
  process.exitCode = await Effect.runPromise(Effect.provide(runCli(args), Screen.layerProcess))
}
