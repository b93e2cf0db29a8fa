/**
 * What commands that show something share: the records, and how they are printed.
 */
import { renderColumns } from "@shardwright/core/Columns"
import * as Operator from "@shardwright/core/Operator"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { Screen } from "../cli/Screen.ts"
import type { ConnectionOptions } from "./flags.ts"

/** Looks at the records, and says so if they may be old. */
export const lookAt = Effect.fnUntraced(function* (operator: Operator.OperatorOptions) {
  const screen = yield* Screen
  const looked = yield* Operator.look(operator)
  if (!looked.isCurrent) {
    screen.note(
      `${operator.config.coordination} takes no writes on ${operator.node}, so this may be old; if its majority is gone for good: shardwright recover`,
    )
  }
  return looked
})

/** Prints a document, or a table of columns. */
export const show = Effect.fnUntraced(function* (
  { json }: ConnectionOptions,
  document: unknown,
  rows: ReadonlyArray<ReadonlyArray<string>>,
) {
  const screen = yield* Screen
  if (json) return screen.print(JSON.stringify(document))
  for (const line of renderColumns(rows)) screen.print(line)
})

/** `CLUSTER:NAME` or `NAME`. */
export const splitName = (name: string, options: ConnectionOptions): readonly [string, ConnectionOptions] => {
  const colon = name.indexOf(":")
  return colon < 0
    ? [name, options]
    : [name.slice(colon + 1), { ...options, cluster: Option.some(name.slice(0, colon)) }]
}

/** Nothing goes by this name. */
export const noOperation = (name: string) =>
  badInput(`there is no operation '${name}', and none on a table of that name; see: shardwright operation list`)
