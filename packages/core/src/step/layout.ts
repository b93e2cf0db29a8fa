/**
 * How an operation ends: the layout that came about is written into its tables and groups.
 */
import * as Effect from "effect/Effect"
import { carriers, groupRecords, isBeginning, servingMembers } from "../plan/records.ts"
import { Key, type Operation, type Table } from "../State.ts"
import type { View } from "../View.ts"
import { CurrentStep } from "./CurrentStep.ts"
import { updateGroup } from "./groups.ts"
import { done, failed } from "./Outcome.ts"

/** Writes into the tables where their shards live now; the groups' records say it. */
export const commitLayout = Effect.gen(function* () {
  const { refresh, store, term, row } = yield* CurrentStep
  const view = yield* refresh
  const operation = view.operations.get(row.operation)?.record
  if (operation === undefined) return failed(`no record of operation ${row.operation}`)
  const carrier = carriers(groupRecords(view))
  for (const name of operation.tables) {
    const stored = view.tables.get(name)
    if (stored === undefined) continue
    const layout = stored.record.layout.map((placement) => {
      const group = carrier.get(placement.physical)
      // What is not attached to its new group yet is where it was.
      if (group === undefined || isBeginning(group)) return placement
      const nodes = servingMembers(group).filter((node) => group.inSync.includes(node))
      // A temporary group ends with a single copy.
      const carriedBy = group.status === "temporary" ? null : group.name
      return nodes.length === 0 ? placement : { ...placement, group: carriedBy, nodes }
    })
    const next: Table =
      operation.kind === "drop"
        ? afterDrop(view, operation, stored.record)
        : { ...stored.record, layout, status: operation.kind === "create" ? "ready" : stored.record.status }
    if (JSON.stringify(next) !== JSON.stringify(stored.record)) yield* store.compareAndSet(stored, next, { term })
    yield* listLayout(stored.record, next)
  }
  for (const name of operation.groups) {
    const stored = view.groups.get(name)
    if (stored?.record.status === "forming") yield* updateGroup(stored, (group) => ({ ...group, status: "live" }))
    if (
      operation.kind === "drop" &&
      stored?.record.operation === operation.id &&
      stored.record.status !== "dissolved"
    ) {
      const shards = stored.record.shards.filter((shard) => !operation.tables.includes(shard.table))
      yield* updateGroup(stored, (group) => ({ ...group, shards }))
    }
  }
  return done()
})

/** A table of which an operation dropped what it could; it is `dropping` until nothing of it is left. */
const afterDrop = (view: View, operation: Operation, table: Table): Table => {
  const gone = new Set(
    (view.steps.get(operation.id) ?? []).flatMap(({ record: { step, status } }) =>
      step._tag === "DropShard" && status === "done" ? step.tables : [],
    ),
  )
  const isCarried = (physical: string) =>
    [...view.groups.values()].some(
      ({ record }) =>
        record.status !== "dissolved" &&
        record.operation !== operation.id &&
        record.shards.some((shard) => shard.physical === physical),
    )
  const layout = table.layout.filter(({ group, physical }) =>
    group === null ? !gone.has(physical) : isCarried(physical),
  )
  return { ...table, layout, status: layout.length === 0 ? "dropped" : "dropping" }
}

/** Rows of `system.shardwright_table`, for people: which shards of a table each node carries. */
const listLayout = Effect.fnUntraced(function* (before: Table, after: Table) {
  const { store, term, config } = yield* CurrentStep
  const nodes = new Set([...before.layout, ...after.layout].flatMap((placement) => placement.nodes))
  for (const node of nodes) {
    const shards = after.layout.filter((placement) => placement.nodes.includes(node) && after.status !== "dropped")
    const value = { shards: shards.map(({ shard }) => shard) }
    const key = Key.listing(after.name, node)
    const columns = { cluster: config.coordination, node, table: after.name, shards: value.shards.join(",") }
    const stored = yield* store.get(key)
    if (stored === undefined) yield* store.create(key, value, { term, columns, live: false })
    else if (JSON.stringify(stored.value) !== JSON.stringify(value)) {
      yield* store.compareAndSet(stored, value, { term, columns, live: false })
    }
  }
})
