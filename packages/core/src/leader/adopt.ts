/**
 * How the tables of the existing orchestrator are read, and how it is shown to have stopped.
 */
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import type { Cell } from "../Answer.ts"
import { Manticore } from "../Manticore.ts"
import { cellText, firstColumn, observedGroups } from "../Observe.ts"
import { type AdoptWish, type OldLayout, planAdoption } from "../plan/adopt.ts"
import { notYet, type Plan, type Refusal, refused } from "../plan/Plan.ts"
import { answered, type PlannedWish, planWish, type WishPlan } from "../plan/planWish.ts"
import { registeredNodes } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import type { ObservedGroup } from "../State.ts"
import type { View } from "../View.ts"
import { tableInTheWay } from "./conflicts.ts"
import type { LeaderContext } from "./LeaderContext.ts"

/** Its nodes write a sign of life every second, and another one takes over after 5 s: three times that is silence. */
const silenceMs = 15_000

/** Plans the adoption once the existing orchestrator has been silent for long enough. */
const adopt = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  operation: string,
  wish: AdoptWish,
): Effect.fn.Return<Plan | Refusal, never, Manticore> {
  const { config, memory, node, presence } = context
  const manticore = yield* Manticore
  const send = (sql: string, at = node) => manticore.query(at, sql, config.statementTimeout)
  const held = new Map<string, ReadonlySet<string>>()
  const clusters = new Map<string, ReadonlyMap<string, ObservedGroup>>()
  for (const each of registeredNodes(view)) {
    const tables = firstColumn(yield* send(Sql.showSystemTables, each))
    const shown = observedGroups(yield* send(Sql.showClusters, each))
    if (tables === undefined || shown === undefined) return notYet(`${each} does not answer`)
    held.set(each, new Set(tables))
    clusters.set(each, shown)
  }
  const own = held.get(node)
  if (own === undefined) return notYet(`${node} does not answer`)
  if (!own.has(Sql.oldStateTable))
    return refused(`there is no ${Sql.oldStateTable}: nothing was made by another orchestrator`)
  const answers = yield* Effect.forEach(Sql.selectOldTables, (sql) => send(sql))
  const [state, rows, queue] = answers.map((answer) => (answer._tag === "Rows" ? answer.rows : undefined))
  if (state === undefined || rows === undefined || queue === undefined) return notYet("its tables cannot be read now")
  const mark = JSON.stringify([state, rows, queue])
  const nowMs = yield* monotonicMs
  if (memory.oldOrchestrator?.mark !== mark) memory.oldOrchestrator = { mark, sinceMs: nowMs }
  if (nowMs - memory.oldOrchestrator.sinceMs < silenceMs) {
    return notYet(
      `its tables must not change for ${silenceMs / 1000} s, to show that the existing orchestrator has stopped`,
    )
  }
  const old: OldLayout = {
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
  return planAdoption(view, presence, config, operation, old, wish)
})

/** Plans any wish; for an adoption and for a new table more than the records must be read. */
export const planRequest = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  operation: string,
  wish: PlannedWish,
): Effect.fn.Return<WishPlan, never, Manticore> {
  if (wish._tag === "Adopt") return answered(yield* adopt(context, view, operation, wish))
  const planned = planWish(view, context.presence, context.config, operation, wish)
  if (wish._tag !== "CreateTable" || planned._tag !== "Plan") return planned
  const reason = yield* tableInTheWay(context, view, planned.plan)
  return reason === undefined ? planned : { _tag: "Refused", reason }
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
