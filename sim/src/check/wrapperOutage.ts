/**
 * `wrapper-outage`: while nothing disturbs any node, a table that is in use can be reached on some node at any time: its
 * wrappers are not gone from all of them at once for longer than it takes to swap one. A split does that, and says so.
 */
import type { Operation } from "@shardwright/core/State"
import { type CheckContext, type MakeChecker } from "./Checker.ts"
import { isKept, tableOn } from "./copies.ts"
import { registeredHosts } from "./wrapperCompleteness.ts"

const name = "wrapper-outage"
/** DROP and CREATE of a wrapper take some milliseconds each; nodes swap theirs in the same moment. */
const outageMicros = 100_000

const isShown = (context: CheckContext, hosts: ReadonlyArray<string>, table: string): boolean =>
  hosts.some((host) => tableOn(context.world, host, table)?.kind === "shard")

/** Makes the checker. */
export const wrapperOutage: MakeChecker = (context) => {
  const { report, state, world } = context
  /** Since when tables have had no wrapper anywhere. */
  const goneMicros = new Map<string, number>()
  const split = new Set<string>()
  state.onRecord(({ key, value }) => {
    if (!key.startsWith("operation/")) return
    const { kind, tables } = value as Operation // the store writes nothing else under these keys
    if (kind === "split") for (const table of tables) split.add(table)
  })
  return {
    name,
    onEvent: (event) => {
      if (event.kind !== "answer" || event.from === null || event.answer._tag !== "Ok") return
      const [, verb, table] =
        /^(DROP|CREATE) TABLE (?:IF EXISTS )?(\w+) (?:OPTION force=1|.*type='shard')/.exec(event.sql) ?? []
      if (verb === undefined || table === undefined) return
      const view = state.view()
      const record = view.tables.get(table)?.record
      const hosts = registeredHosts(context, view)
      const since = goneMicros.get(table)
      if (record === undefined || !isKept(record) || split.has(table)) goneMicros.delete(table)
      else if (!isShown(context, hosts, table)) {
        if (since === undefined) goneMicros.set(table, world.queue.nowMicros)
      } else if (since !== undefined) {
        goneMicros.delete(table)
        const lasted = world.queue.nowMicros - since
        const isCalm = hosts.every((host) => {
          const calmSince = context.undisturbedSinceMicros(host)
          return calmSince !== undefined && calmSince < since
        })
        if (isCalm && lasted > outageMicros)
          report(name, `table ${table} was on no node for ${Math.round(lasted / 1000)} ms`)
      }
    },
  }
}
