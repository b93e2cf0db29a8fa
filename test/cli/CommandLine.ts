/** The command line in this process, for its tests. */
import { expect } from "@effect/vitest"
import type { Served } from "@shardwright/sim/serve/Serve"
import * as Effect from "effect/Effect"
import { runCli } from "../../packages/cli/src/cli/runCli.ts"
import { plainPaint, Screen } from "../../packages/cli/src/cli/Screen.ts"
import { mysqlOf } from "../node/Runners.ts"

/** The command line with these arguments. */
export const shardwright = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const printed: Array<string> = []
  const noted: Array<string> = []
  const exitCode = yield* runCli(args).pipe(
    Effect.provideService(Screen, {
      print: (line) => printed.push(line),
      note: (line) => noted.push(line),
      status: () => {},
      isWatched: false,
      paint: plainPaint,
      columns: 100,
    }),
  )
  return { exitCode, out: printed.join("\n"), noted: noted.join("\n"), lines: printed.length }
})

/** The same with `--json`, at a node: exactly one document. */
export const documentOf = Effect.fnUntraced(function* (served: Served, node: string, ...args: ReadonlyArray<string>) {
  const ran = yield* shardwright(...args, "--connect", mysqlOf(served, node), "--json")
  expect(ran.lines).toBe(1)
  return { exitCode: ran.exitCode, document: JSON.parse(ran.out) }
})
