/**
 * `wrapper-completeness`: a wrapper lists every shard of its table exactly once, and only mirrors that hold the shard;
 * and while a wrapper is in service, no mirror that it lists loses its copy. A node that has confirmed a wrapper shows it.
 */
import type { Table, WrapperConfirmation } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import type { TableView } from "../world/SimulatedCluster.ts"
import { type CheckContext, type MakeChecker } from "./Checker.ts"
import { isKept, tableOn } from "./copies.ts"

const name = "wrapper-completeness"

/** What is wrong with a wrapper; undefined if nothing is. */
export const wrapperProblem = (
  context: CheckContext,
  table: Table,
  wrapper: TableView,
  ownHost: string,
): string | undefined => {
  if (wrapper.agents.length !== table.shards) return `lists ${wrapper.agents.length} shards of ${table.shards}`
  const listed = new Set<string>()
  for (const mirrors of wrapper.agents) {
    const physical = mirrors[0]?.table
    if (physical === undefined) return "lists a shard without a mirror"
    if (listed.has(physical)) return `lists ${physical} twice`
    listed.add(physical)
    for (const mirror of mirrors) {
      if (mirror.table !== physical) return `mixes ${physical} and ${mirror.table} in one shard`
      const host = mirror.address === "" ? ownHost : context.hostOf(mirror.address)
      if (host === undefined) return `lists ${mirror.address}, which is no node`
      if (tableOn(context.world, host, physical) === undefined)
        return `lists ${mirror.address} for ${physical}, and there is no such table`
    }
  }
  const unlisted = table.layout.find((placement) => !listed.has(placement.physical))
  return unlisted === undefined ? undefined : `does not list ${unlisted.physical}`
}

/** Hosts of registered nodes that are up. */
export const registeredHosts = (context: CheckContext, view: View): ReadonlyArray<string> =>
  Object.keys(view.registry?.record.nodes ?? {}).flatMap((address) => context.hostOf(address) ?? [])

/** A node that has confirmed a wrapper, or its end. */
interface Confirmed {
  readonly host: string
  readonly table: string
  readonly version: number
  readonly atMicros: number
}

/** Two agents may show one wrapper on a node that has just got its own agent back: it is gone for a moment then. */
const againMicros = 1_000_000

/** What a node has confirmed and does not show; undefined if it does, or if something newer is published by now. */
const falselyConfirmed = (context: CheckContext, { host, table, version }: Confirmed): string | undefined => {
  const wrapper = context.state.view().tables.get(table)?.record.wrapper
  const isShown = tableOn(context.world, host, table)?.kind === "shard"
  if (wrapper?.version !== version || isShown === (wrapper.mirrors !== null)) return undefined
  return isShown
    ? `${host} confirmed the end of the wrapper of ${table} and still has it`
    : `${host} confirmed the wrapper of ${table} and has none`
}

/** Makes the checker. */
export const wrapperCompleteness: MakeChecker = (context) => {
  /** What was confirmed and not shown, oldest first: to be looked at again. */
  const suspicious: Array<Confirmed> = []
  context.state.onRecord(({ key, value, atMicros }, previous) => {
    const host = key.startsWith("wrapper/") ? context.hostOf(key.slice("wrapper/".length)) : undefined
    if (host === undefined) return
    // The store writes nothing else under these keys.
    const before = previous?.value as WrapperConfirmation | undefined
    for (const [table, version] of Object.entries((value as WrapperConfirmation).versions)) {
      const confirmed = { host, table, version, atMicros }
      const isNew = version !== before?.versions[table]
      if (isNew && falselyConfirmed(context, confirmed) !== undefined) suspicious.push(confirmed)
    }
  })
  const lookAgain = (nowMicros: number): void => {
    for (let first = suspicious[0]; first !== undefined && nowMicros - first.atMicros >= againMicros;) {
      const problem = falselyConfirmed(context, first)
      if (problem !== undefined) context.report(name, problem)
      suspicious.shift()
      first = suspicious[0]
    }
  }
  return {
    name,
    onEvent: (event) => {
      lookAgain(context.world.queue.nowMicros)
      if (event.kind !== "answer" || event.answer._tag !== "Ok" || event.from === null) return
      if (event.sql.startsWith("CREATE TABLE") && event.sql.includes("type='shard'")) {
        const tableName = event.sql.split(" ")[2] ?? ""
        const table = context.state.view().tables.get(tableName)?.record
        const wrapper = tableOn(context.world, event.node, tableName)
        // A retired record is no longer a table of ours: `orphans` speaks of such wrappers.
        if (table === undefined || wrapper === undefined || wrapper.kind !== "shard" || table.layout.length === 0)
          return
        const problem = wrapperProblem(context, table, wrapper, event.node)
        if (problem !== undefined) context.report(name, `the wrapper of ${tableName} on ${event.node} ${problem}`)
        return
      }
      if (!event.sql.startsWith("DROP TABLE IF EXISTS system.")) return
      const physical = event.sql.split(" ")[4] ?? ""
      const view = context.state.view()
      for (const host of registeredHosts(context, view)) {
        // A node that was away may show an old wrapper until its agent has looked.
        if (context.undisturbedSinceMicros(host) !== 0 || !context.world.isUp(host)) continue
        for (const wrapper of context.world.tables(host)) {
          if (wrapper.kind !== "shard") continue
          const listsIt = wrapper.agents.some((mirrors) =>
            mirrors.some((mirror) => mirror.table === physical && context.hostOf(mirror.address) === event.node),
          )
          if (listsIt)
            context.report(
              name,
              `the wrapper of ${wrapper.name} on ${host} lists ${event.node} for ${physical}, which was dropped there`,
            )
        }
      }
    },
    atQuiescence: () => {
      const view = context.state.view()
      for (const host of registeredHosts(context, view)) {
        if (!context.world.isUp(host)) continue
        for (const { record: table } of view.tables.values()) {
          const wrapper = tableOn(context.world, host, table.name)
          if (!isKept(table)) {
            if (table.status === "dropped" && wrapper?.kind === "shard")
              context.report(name, `the wrapper of the dropped table ${table.name} is still on ${host}`)
            continue
          }
          const problem = wrapper?.kind === "shard" ? wrapperProblem(context, table, wrapper, host) : "is missing"
          if (problem !== undefined) context.report(name, `the wrapper of ${table.name} on ${host} ${problem}`)
        }
      }
    },
  }
}
