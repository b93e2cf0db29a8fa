/**
 * `one-holder`: a table or a group that an operation holds goes to no other one before the first is over: both would change
 * it, each on what it planned with.
 */
import type { Group, Operation, Table } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"

const name = "one-holder"
const liveStatus: ReadonlySet<string> = new Set(["running", "paused", "stopping"])

/** Makes the checker. */
export const oneHolder: MakeChecker = (context) => {
  const live = new Set<string>()
  context.state.onRecord((record, previous) => {
    if (record.key.startsWith("operation/")) {
      const operation = record.value as Operation // the store writes nothing else under these keys
      if (liveStatus.has(operation.status)) live.add(operation.id)
      else live.delete(operation.id)
      return
    }
    if (!record.key.startsWith("table/") && !record.key.startsWith("group/")) return
    const { operation } = record.value as Table | Group // as above
    const before = (previous?.value as Table | Group | undefined)?.operation ?? null
    if (operation === null || before === null || before === operation || !live.has(before)) return
    context.report(name, `${record.key} went to operation ${operation} while operation ${before} held it`)
  })
  return { name }
}
