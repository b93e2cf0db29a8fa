/**
 * What lies in the way of a new table. Names of shards are never used twice, so whoever holds a table of such a name holds
 * somebody else's, and that is not touched (safety rules 9 and 10).
 */
import * as Effect from "effect/Effect"
import { Manticore } from "../Manticore.ts"
import { Mutations } from "../Mutation.ts"
import { firstColumn, tableKinds } from "../Observe.ts"
import type { Plan } from "../plan/Plan.ts"
import { registeredNodes } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import type { View } from "../View.ts"
import type { LeaderContext } from "./LeaderContext.ts"

/** Why the table of a plan cannot be made, or undefined. Nodes that are away are not asked. */
export const tableInTheWay = Effect.fnUntraced(function* (
  { config, presence }: LeaderContext,
  view: View,
  plan: Plan,
): Effect.fn.Return<string | undefined, never, Manticore> {
  const manticore = yield* Manticore
  const table = plan.table === null ? undefined : plan.tables.get(plan.table)
  if (table === undefined || (yield* Mutations).has("attach-over-copies")) return undefined
  for (const node of registeredNodes(view)) {
    if (presence.away.has(node)) continue
    const held = firstColumn(yield* manticore.query(node, Sql.showSystemTables, config.statementTimeout)) ?? []
    const taken = table.layout.find(({ physical }) => held.includes(physical))?.physical
    const kind = tableKinds(yield* manticore.query(node, Sql.showTables, config.statementTimeout)).get(table.name)
    const name = taken ?? (kind === undefined || kind === "shard" ? undefined : table.name)
    if (name !== undefined)
      return `${node} has a table '${name}' that is not ours: rename or drop it there, or choose another name`
  }
  return undefined
})
