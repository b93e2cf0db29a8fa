/**
 * How the tables of the existing orchestrator are read, and what daemons show of what it made.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Cell } from "../Answer.ts"
import type { EngineConfig } from "../EngineConfig.ts"
import { Manticore } from "../Manticore.ts"
import { cellText, firstColumn, observedGroups } from "../Observe.ts"
import type { OldLayout } from "../plan/adopt.ts"
import { notYet, type Refusal, refused } from "../plan/Plan.ts"
import { registeredNodes } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import { Key, type ObservedGroup } from "../State.ts"
import type { StateStore } from "../StateStore.ts"
import type { View } from "../View.ts"

/** A daemon that answers nobody must not take so long that the lease runs out. */
const patience = Duration.seconds(1)

/** What was read. `mark` is all of its tables as text: it stays the same while nobody writes them. */
export interface OldTables {
  readonly layout: OldLayout
  readonly mark: string
}

/** Reads them by one node, and what every registered node holds. */
export const readOldTables = Effect.fnUntraced(function* (
  view: View,
  node: string,
  config: EngineConfig,
  store: StateStore["Service"],
): Effect.fn.Return<OldTables | Refusal, never, Manticore> {
  const manticore = yield* Manticore
  const send = (sql: string) => manticore.query(node, sql, config.statementTimeout)
  const held = new Map<string, ReadonlySet<string>>()
  const clusters = new Map<string, ReadonlyMap<string, ObservedGroup>>()
  for (const each of registeredNodes(view)) {
    const tables = firstColumn(yield* manticore.query(each, Sql.showSystemTables, patience))
    if (tables === undefined) return notYet(`${each} does not answer`)
    const shown = observedGroups(yield* manticore.query(each, Sql.showClusters, patience))
    if (shown === undefined) return notYet(`${each} does not answer`)
    held.set(each, new Set(tables))
    clusters.set(each, shown)
  }
  const own = held.get(node)
  if (own === undefined) return notYet(`${node} does not answer`)
  if (!own.has(Sql.oldStateTable)) {
    const kept = yield* Effect.result(store.get(Key.archive(Sql.oldStateTable)))
    if (kept._tag === "Failure") return notYet(kept.failure.message)
    // Their rows are in records of ours: a retirement was not finished.
    const isRest = [...held.values()].some((tables) => Sql.oldTables.some((table) => tables.has(table)))
    if (kept.success !== undefined && isRest)
      return { layout: { state: new Map(), rows: [], open: 0, held, clusters }, mark: "" }
    return refused(`there is no ${Sql.oldStateTable}: nothing was made by another orchestrator`)
  }
  const answers = yield* Effect.forEach(Sql.selectOldTables, (sql) => send(sql))
  const [state, rows, queue] = answers.map((answer) => (answer._tag === "Rows" ? answer.rows : undefined))
  if (state === undefined || rows === undefined || queue === undefined) return notYet("its tables cannot be read now")
  const layout: OldLayout = {
    state: new Map(state.map(([key, value]) => [cellText(key), firstOf(value)])),
    rows: rows.map(([at, table, shards]) => ({
      node: cellText(at),
      table: cellText(table),
      shards: numbersOf(shards),
    })),
    open: queue.filter(([status]) => !["processed", "error"].includes(cellText(status))).length,
    held,
    clusters,
  }
  return { layout, mark: JSON.stringify([state, rows, queue]) }
})

/** Its values are JSON lists of one item. */
const firstOf = (cell: Cell | undefined): unknown => {
  try {
    const value: unknown = JSON.parse(cellText(cell))
    return Array.isArray(value) ? value[0] : value
  } catch {
    return undefined
  }
}

const numbersOf = (cell: Cell | undefined): ReadonlyArray<number> =>
  cellText(cell)
    .split(",")
    .flatMap((item) => (/^\d+$/.test(item.trim()) ? [Number(item)] : []))
