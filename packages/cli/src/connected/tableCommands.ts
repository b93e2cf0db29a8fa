/**
 * `table …`: sharded tables.
 */
import type { Table } from "@shardwright/core/State"
import { tableWishProblem } from "@shardwright/core/TableWish"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { confirm } from "../cli/confirm.ts"
import { connected, operatorError } from "./Connection.ts"
import type { Confirmed, ConnectionOptions, RequestOptions } from "./flags.ts"
import { ask } from "./requests.ts"
import { lookAt, show, splitName } from "./showing.ts"

/** `table create` */
export const tableCreate = Effect.fnUntraced(function* (
  options: RequestOptions & {
    readonly name: string
    readonly structure: string
    readonly shards: number
    readonly rf: number
    readonly option: Option.Option<Readonly<Record<string, string>>>
  },
) {
  const [table, where] = splitName(options.name, options)
  const wish = {
    _tag: "CreateTable" as const,
    table,
    structure: options.structure,
    options: Option.getOrElse(options.option, () => ({})),
    shards: options.shards,
    rf: options.rf,
  }
  const problem = tableWishProblem(wish)
  if (problem !== undefined) return yield* badInput(problem)
  yield* ask({ ...options, ...where }, wish)
})

/** `table drop` */
export const tableDrop = Effect.fnUntraced(function* (options: RequestOptions & Confirmed & { readonly name: string }) {
  const [table, where] = splitName(options.name, options)
  if (!options.dryRun) yield* confirm(options, `Table ${table} and all its rows go`)
  yield* ask({ ...options, ...where }, { _tag: "DropTable", table })
})

/** `table set-rf` */
export const tableSetRf = (options: RequestOptions & { readonly names: ReadonlyArray<string>; readonly rf: number }) =>
  ask(options, { _tag: "SetRf", tables: [...options.names], rf: options.rf })

const tableDocument = (table: Table) => ({
  name: table.name,
  status: table.status,
  shards: table.shards,
  rf: table.rf,
  structure: table.structure,
  options: table.options,
  operation: table.operation,
  layout: table.layout,
})

/** `table list` */
export const tableList = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const { view } = yield* connected(options, lookAt)
  const tables = [...view.tables.values()].map(({ record }) => record).filter(({ status }) => status !== "dropped")
  yield* show(options, { tables: tables.map(tableDocument) }, [
    ["table", "status", "shards", "rf", "operation"],
    ...tables.map(({ name, operation, rf, shards, status }) => [
      name,
      status,
      String(shards),
      String(rf),
      operation ?? "",
    ]),
  ])
}, operatorError)

/** `table show NAME` and `table status NAME`: each shard with its copies and how they are. */
export const tableShow = Effect.fnUntraced(function* (options: ConnectionOptions & { readonly name: string }) {
  const [name, where] = splitName(options.name, options)
  const { away, view } = yield* connected(where, lookAt)
  const table = view.tables.get(name)?.record
  if (table === undefined || table.status === "dropped") {
    const known = [...view.tables.values()].flatMap(({ record }) => (record.status === "dropped" ? [] : [record.name]))
    return yield* badInput(`there is no sharded table '${name}'; there are: ${known.join(", ") || "none"}`)
  }
  const shards = table.layout.map(({ group, nodes, physical, shard }) => {
    const record = group === null ? undefined : view.groups.get(group)?.record
    const inSync = nodes.filter((node) => !away.has(node) && (record === undefined || record.inSync.includes(node)))
    return { shard, physical, group, nodes, inSync, copies: inSync.length, wanted: table.rf }
  })
  yield* show(options, { ...tableDocument(table), shards }, [
    ["shard", "group", "copies", "nodes"],
    ...shards.map(({ copies, group, inSync, nodes, shard, wanted }) => [
      String(shard),
      group ?? "",
      `${copies} of ${wanted}`,
      nodes.map((node) => (inSync.includes(node) ? node : `(${node})`)).join(" "),
    ]),
  ])
}, operatorError)
