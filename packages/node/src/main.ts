#!/usr/bin/env node
/**
 * The `shardwright-node` command: `run`, `gate` and `helper`, with a configuration file. As small as it is, it reads its arguments itself:
 * a command line's library would cost more time at the start than everything else.
 */
import { parseArgs } from "node:util"
import { exitCodeOf } from "./exitCode.ts"
import { keepHeapSmall } from "./heap.ts"

const usage = `shardwright-node: the process beside a Manticore daemon

  shardwright-node run  --config FILE    run in the foreground until SIGTERM or SIGINT
  shardwright-node gate --config FILE    wait until the daemon may start, prepare its files, and end (for ExecStartPre)
  shardwright-node helper --config FILE  answer a daemon's statements; the daemon starts it: buddy_path = shardwright-node helper --config FILE

See docs/OPERATIONS.md for the file. Values of it can be set by variables: SHARDWRIGHT_MYSQL, SHARDWRIGHT_LOG_FORMAT, …`

const given = process.argv.slice(2)
/** A daemon puts arguments of its own behind those of its `buddy_path`, and a later one may have others. */
const [asked, added] = given[0] === "helper" ? [given.slice(0, 3), given.slice(3)] : [given, []]

const read = () => {
  try {
    return parseArgs({
      args: asked,
      options: { config: { type: "string", short: "c" }, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    })
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const parsed = read()
if (typeof parsed !== "string" && parsed.values.help === true) console.log(usage)
else {
  const [command, ...rest] = typeof parsed === "string" ? [] : parsed.positionals
  const file = typeof parsed === "string" ? undefined : parsed.values.config
  const isKnown = command === "run" || command === "gate" || command === "helper"
  if (isKnown && rest.length === 0 && file !== undefined) {
    keepHeapSmall()
    const { nodeCommand } = await import("./nodeCommand.ts")
    process.exitCode = await nodeCommand(command, file, added)
  } else {
    console.error(typeof parsed === "string" ? `${parsed}\n\n${usage}` : usage)
    process.exitCode = exitCodeOf.badInput
  }
}
