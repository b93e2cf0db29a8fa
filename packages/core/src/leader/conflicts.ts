/**
 * What lies in the way of a new table. Names of shards are never used twice, so whoever holds a table of such a name holds
 * somebody else's, and that is not touched (safety rules 9 and 10).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Manticore } from "../Manticore.ts"
import { Mutations } from "../Mutation.ts"
import { firstColumn, tableKinds } from "../Observe.ts"
import type { Plan } from "../plan/Plan.ts"
import { registeredNodes } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import type { View } from "../View.ts"
import type { LeaderContext } from "./LeaderContext.ts"

/** How long a node has for an answer: the leader looks at nothing else meanwhile, and some node may be out of its reach. */
const patience = Duration.seconds(1)

/** Why the table of a plan cannot be made, or undefined. Nodes that do not answer are not waited for. */
export const tableInTheWay = Effect.fnUntraced(function* (
  { presence }: LeaderContext,
  view: View,
  plan: Plan,
): Effect.fn.Return<string | undefined, never, Manticore> {
  const manticore = yield* Manticore
  const table = plan.table === null ? undefined : plan.tables.get(plan.table)
  if (table === undefined || (yield* Mutations).has("attach-over-copies")) return undefined
  const asked = registeredNodes(view).filter((node) => !presence.away.has(node))
  const found = yield* Effect.forEach(
    asked,
    Effect.fnUntraced(function* (node) {
      const held = firstColumn(yield* manticore.query(node, Sql.showSystemTables, patience)) ?? []
      const taken = table.layout.find(({ physical }) => held.includes(physical))?.physical
      const kind = tableKinds(yield* manticore.query(node, Sql.showTables, patience)).get(table.name)
      const name = taken ?? (kind === undefined || kind === "shard" ? undefined : table.name)
      return name === undefined ? [] : [{ node, name }]
    }),
    { concurrency: "unbounded" },
  )
  const [first] = found.flat()
  return first === undefined
    ? undefined
    : `${first.node} has a table '${first.name}' that is not ours: rename or drop it there, or choose another name`
})
