/**
 * How the tables of the existing orchestrator are moved out of its reach: their rows are kept in a record of ours, and
 * the tables go. Whoever starts it again by mistake finds that it has nothing to look after.
 */
import * as Effect from "effect/Effect"
import { isPrimary } from "../Observe.ts"
import { registeredNodes } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import { Key } from "../State.ts"
import { clusterStatement, CurrentStep, ownGroup, query, systemTablesOf } from "./CurrentStep.ts"
import { done, retry, verdict } from "./Outcome.ts"

/** Keeps the rows of tables, takes the tables out of the coordination cluster, and drops them on every node. */
export const retireTables = Effect.fnUntraced(function* (tables: ReadonlyArray<string>) {
  const { config, node, permitted, refresh, store, term } = yield* CurrentStep
  const held = yield* systemTablesOf(node)
  for (const [index, table] of tables.entries()) {
    const key = Key.archive(table)
    if (!held.has(table) || (yield* store.get(key)) !== undefined) continue
    const answer = yield* query(Sql.selectOldTables[index] ?? Sql.countRows(table))
    if (answer._tag !== "Rows") return retry("table-missing", `${table} cannot be read here`)
    yield* store.create(key, { columns: answer.columns, rows: answer.rows }, { term, live: false })
  }
  const nodes = registeredNodes(yield* refresh)
  if (!(yield* permitted)) return retry("not-permitted", "not permitted now")
  const seen = yield* ownGroup(config.coordination)
  if (!isPrimary(seen)) return retry("no-primary", `${config.coordination} is ${seen?.status ?? "absent"}`)
  const attached = tables.filter((table) => seen?.tables.includes(table))
  if (attached.length > 0) {
    const missing = nodes.find((each) => seen?.members.includes(each) !== true)
    // Who misses that a table is taken out would join for ever (semantics 49).
    if (missing !== undefined) return retry("member-missing", `${missing} is missing from ${config.coordination}`)
    const answer = yield* clusterStatement(Sql.detachTables(config.coordination, attached))
    const after = yield* ownGroup(config.coordination)
    if (attached.some((table) => after?.tables.includes(table))) {
      return verdict(answer, "ALTER CLUSTER DROP") ?? retry("no-effect", "ALTER CLUSTER DROP took no effect")
    }
  }
  const outcomes = yield* Effect.forEach(nodes, (each) => dropAt(each, tables))
  return outcomes.find((outcome) => outcome !== undefined) ?? done()
})

const dropAt = Effect.fnUntraced(
  function* (node: string, tables: ReadonlyArray<string>) {
    const held = yield* systemTablesOf(node)
    for (const table of tables) {
      if (!held.has(table)) continue
      const outcome = verdict(yield* query(Sql.dropTable(table), undefined, node), "DROP TABLE")
      if (outcome !== undefined) return outcome
    }
    return undefined
  },
  // The others do not wait for one that is silent.
  Effect.catchTag("StoreUnavailable", ({ message }) => Effect.succeed(retry("daemon-silent", message))),
)
