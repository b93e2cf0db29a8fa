/**
 * `lost-write`: what was acknowledged is there. At quiescence on every replica of its shard; and each time a copy
 * leaves its group or is dropped, in at least one of the copies that remain.
 */
import type { Table } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import { ClientModel, type RowModel, type RowState, absent, present } from "../workload/ClientModel.ts"
import { checkedColumn, columnsOf } from "../workload/ClientSql.ts"
import type { TableView } from "../world/SimulatedCluster.ts"
import { type CheckContext, few, type MakeChecker } from "./Checker.ts"
import { copiesOf, isKept, shardsByPhysical, takenAway } from "./copies.ts"

const name = "lost-write"

const showState = (state: RowState): string => (state.present ? `value ${state.value}` : "absent")

const stateIn = (copy: TableView, id: bigint, column: string | undefined): RowState => {
  const row = copy.rows.get(id)
  if (row === undefined) return absent
  return present(column === undefined ? 0 : Number(row.get(column)))
}

const allowed = (row: RowModel, found: RowState, column: string | undefined): boolean =>
  column !== undefined || !found.present ? ClientModel.allows(row, found) : row.possible.some((state) => state.present)

const mustBePresent = (row: RowModel): boolean =>
  row.possible.every((state) => state.present) && row.underway?.present !== false

/** Copies that are to be left out: those of some shards on one host. */
interface Except {
  readonly host: string
  readonly physicals: ReadonlyArray<string>
}

/** Rows of a model that no copy of any shard holds although they must be there. */
export const missingEverywhere = (
  context: CheckContext,
  view: View,
  table: Table,
  model: ClientModel,
  except?: Except,
): ReadonlyArray<number> => {
  const copies = table.layout.flatMap((placement) => [
    ...copiesOf(
      context,
      view,
      { table, placement },
      except?.physicals.includes(placement.physical) === true ? except.host : undefined,
    ).values(),
  ])
  const missing: Array<number> = []
  for (const row of model.rows.values()) {
    if (!mustBePresent(row)) continue
    const id = BigInt(row.id)
    if (!copies.some((copy) => copy.rows.has(id))) missing.push(row.id)
  }
  return missing
}

const checkTableAtRest = (context: CheckContext, table: Table, model: ClientModel): void => {
  const column = checkedColumn(columnsOf(table.structure))
  const shards = table.layout.map((placement) => ({
    placement,
    copies: placement.nodes.flatMap((address) => {
      const host = context.hostOf(address)
      const copy =
        host === undefined
          ? undefined
          : context.world.tables(host).find((candidate) => candidate.name === placement.physical)
      return host === undefined || copy === undefined || !context.world.isUp(host) ? [] : [{ host, copy }]
    }),
  }))
  const lost: Array<number> = []
  const wrong = new Map<string, Array<string>>()
  for (const row of model.rows.values()) {
    const id = BigInt(row.id)
    const homes = shards.filter((shard) => shard.copies.some(({ copy }) => copy.rows.has(id)))
    if (homes.length > 1)
      context.report(
        name,
        `row ${row.id} of table ${table.name} is in shards ${homes.map((home) => home.placement.physical).join(" and ")}`,
      )
    if (homes.length === 0) {
      if (!allowed(row, absent, column)) lost.push(row.id)
      continue
    }
    for (const { copies } of homes) {
      for (const { host, copy } of copies) {
        const found = stateIn(copy, id, column)
        if (allowed(row, found, column)) continue
        const where = `${copy.name} on ${host}`
        const list = wrong.get(where) ?? []
        list.push(`row ${row.id} is ${showState(found)} and must be ${row.possible.map(showState).join(" or ")}`)
        wrong.set(where, list)
      }
    }
  }
  if (lost.length > 0)
    context.report(name, `${lost.length} acknowledged rows of table ${table.name} are in no copy: ids ${few(lost)}`)
  for (const [where, problems] of wrong)
    context.report(name, `${problems.length} rows differ from what was acknowledged in ${where}: ${few(problems, 3)}`)
}

/** Makes the checker. */
export const lostWrite: MakeChecker = (context) => ({
  name,
  onEvent: (event) => {
    if (event.kind !== "answer" || event.answer._tag !== "Ok") return
    const taken = takenAway(context, event.node, event.sql)
    if (taken === undefined) return
    const view = context.state.view()
    const shards = shardsByPhysical(view)
    const tables = new Set(taken.physicals.flatMap((physical) => shards.get(physical)?.table ?? []).filter(isKept))
    for (const table of tables) {
      const model = context.clients.get(table.name)
      if (model === undefined) continue
      const missing = missingEverywhere(context, view, table, model, { host: event.node, physicals: taken.physicals })
      if (missing.length > 0) {
        context.report(
          name,
          `after '${event.sql}' on ${event.node}, ${missing.length} acknowledged rows of table ${table.name} are in no copy that remains: ids ${few(missing)}`,
        )
      }
    }
  },
  atQuiescence: () => {
    const view = context.state.view()
    for (const model of context.clients.values()) {
      const table = view.tables.get(model.table)?.record
      if (table !== undefined && isKept(table)) checkTableAtRest(context, table, model)
    }
  },
})

/** Number of acknowledged rows that are in no copy of any shard. */
export const countLost = (context: CheckContext, onlyTable?: string): number => {
  const view = context.state.view()
  let lost = 0
  for (const model of context.clients.values()) {
    if (onlyTable !== undefined && model.table !== onlyTable) continue
    const table = view.tables.get(model.table)?.record
    if (table !== undefined && isKept(table)) lost += missingEverywhere(context, view, table, model).length
  }
  return lost
}
