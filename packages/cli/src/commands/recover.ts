/** `recover`: on a machine whose node has survived, when the coordination cluster has lost its majority for good. */
import { ConfigError, readConfig } from "@shardwright/node/Config"
import { recoverNode } from "@shardwright/node/recoverNode"
import * as Effect from "effect/Effect"
import { badInput, CommandError } from "../cli/CommandError.ts"
import { confirm } from "../cli/confirm.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Screen } from "../cli/Screen.ts"

/** What the command line asked for. */
export interface RecoverOptions {
  readonly config: string
  readonly dryRun: boolean
  readonly yes: boolean
  readonly json: boolean
}

export const recover = Effect.fnUntraced(function* ({ config: file, dryRun, json, yes }: RecoverOptions) {
  const screen = yield* Screen
  if (!dryRun) yield* confirm({ yes }, "What only nodes that are not heard of have acknowledged is given up")
  const log = (_level: string, event: string, fields: object = {}): void =>
    screen.note(`${event} ${JSON.stringify(fields)}`)
  const found = yield* Effect.flatMap(readConfig(file, process.env), (config) =>
    recoverNode({ config, log, dryRun }),
  ).pipe(
    Effect.mapError((error) =>
      error instanceof ConfigError
        ? badInput(error.message)
        : new CommandError({ exitCode: ExitCode.correctness, message: error.message }),
    ),
  )
  if (json) return screen.print(JSON.stringify({ ...found, dryRun }))
  screen.print(`heard of: ${[found.node, ...found.heard].join(", ")}`)
  if (dryRun) {
    screen.print(`would be declared gone: ${found.missing.join(", ") || "nobody: nothing is to be recovered"}`)
    if (found.missing.length > 0)
      screen.print("What these alone have acknowledged is lost then. Without --dry-run it is done.")
  } else {
    screen.print(`declared gone: ${found.missing.join(", ")}`)
    screen.print("They do nothing until they have joined again: shardwright cluster join. See: shardwright health")
  }
})
