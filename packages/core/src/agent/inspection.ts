/**
 * Looks whether the shards that the records give to a node are still there as they were made: somebody with a client may
 * have dropped or altered them. What is amiss is written down for people; nothing is done about it, because only they know
 * which rows were meant.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import { cellText, firstColumn } from "../Observe.ts"
import * as Sql from "../Sql.ts"
import { type Inspection, Key, type ShardPlacement, type Table } from "../State.ts"
import type { View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"

interface Expected {
  readonly table: Table
  readonly placement: ShardPlacement
}

/** Shards of tables at rest that the committed layout gives to a node. */
const expectedOn = (view: View, node: string): ReadonlyArray<Expected> =>
  [...view.tables.values()].flatMap(({ record: table }) =>
    table.status !== "ready" || table.operation !== null
      ? []
      : table.layout.flatMap((placement) =>
          placement.nodes.includes(node) && isAtRest(view, placement, node) ? [{ table, placement }] : [],
        ),
  )

const isAtRest = (view: View, { group: name }: ShardPlacement, node: string): boolean => {
  const group = name === null ? undefined : view.groups.get(name)?.record
  return name === null || (group?.status === "live" && group.operation === null && group.inSync.includes(node))
}

/** Names of the columns of a structure, in small letters. */
const columnsOf = (structure: string): ReadonlySet<string> =>
  new Set(
    structure
      .replace(/\([^)]*\)/g, "")
      .split(",")
      .map((column) => (column.trim().split(/\s+/)[0] ?? "").replaceAll("`", "").toLowerCase()),
  )

/** How the columns of a copy differ from those that the table was made with, or undefined. */
const alteration = Effect.fnUntraced(function* (agent: AgentContext, node: string, { table, placement }: Expected) {
  const { config, manticore } = agent
  const answer = yield* manticore.query(node, Sql.describe(placement.physical), config.statementTimeout)
  if (answer._tag !== "Rows") return undefined
  const made = columnsOf(table.structure)
  const found = new Set(answer.rows.map((row) => cellText(row[0]).toLowerCase()))
  const added = [...found].filter((column) => column !== "id" && !made.has(column))
  const lost = [...made].filter((column) => !found.has(column))
  if (added.length + lost.length === 0) return undefined
  return [...added.map((column) => `it has a column ${column}`), ...lost.map((column) => `it lacks ${column}`)].join(
    ", ",
  )
})

/** Looks at the shards of a node at intervals: whether all are there, and at one of the single copies more closely. */
export const tendInspection = Effect.fnUntraced(function* (agent: AgentContext, view: View, node: string) {
  const { config, manticore, state, store } = agent
  const nowMs = yield* monotonicMs
  const turn = state.inspections.get(node) ?? { number: 0, atMs: Number.NEGATIVE_INFINITY }
  if (nowMs < turn.atMs + Duration.toMillis(config.wrapperCheckInterval)) return
  state.inspections.set(node, { number: turn.number + 1, atMs: nowMs })
  const stored = view.inspections.get(node)
  const before = stored?.record.amiss ?? {}
  const expected = expectedOn(view, node)
  if (expected.length === 0 && Object.keys(before).length === 0) return
  const held = firstColumn(yield* manticore.query(node, Sql.showSystemTables, config.statementTimeout))
  if (held === undefined) return
  const names = new Set(held)
  // Nothing that is in a cluster can be altered.
  const single = expected.filter(({ placement }) => placement.group === null && names.has(placement.physical))
  const closely = single[turn.number % Math.max(1, single.length)]
  const altered = closely === undefined ? undefined : yield* alteration(agent, node, closely)
  const amiss: Record<string, Inspection["amiss"][string]> = {}
  for (const item of expected) {
    const { physical } = item.placement
    const known = before[physical]
    if (!names.has(physical)) amiss[physical] = { what: "missing", detail: "there is no such table" }
    else if (item === closely) {
      if (altered !== undefined) amiss[physical] = { what: "altered", detail: altered }
    } else if (known?.what === "altered") amiss[physical] = known
  }
  if (JSON.stringify(amiss) === JSON.stringify(before)) return
  if (stored === undefined) yield* store.create(Key.inspection(node), { amiss }, { term: 0 })
  else yield* store.compareAndSet(stored, { amiss }, { term: 0 })
})
