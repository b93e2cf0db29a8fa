/**
 * `operation-status`: the status of an operation changes only in the ways that docs/OPERATIONS.md names, and each change is
 * in its history. The table here is the checker's own: an error in the engine's would show.
 */
import type { Operation, OperationStatus } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"

const name = "operation-status"

const legal: ReadonlySet<string> = new Set([
  "idle > awaiting_approval",
  "idle > queued",
  "awaiting_approval > queued",
  "awaiting_approval > idle",
  "queued > running",
  "queued > idle",
  "running > paused",
  "running > stopping",
  "running > completed",
  "running > failed",
  "running > critical_failure",
  "paused > running",
  "paused > stopping",
  "stopping > stopped",
  "stopping > critical_failure",
  "stopped > idle",
  "completed > idle",
  "failed > idle",
  "critical_failure > idle",
])

/** Makes the checker. */
export const operationStatus: MakeChecker = (context) => {
  context.state.onRecord((record, previous) => {
    if (!record.key.startsWith("operation/")) return
    const operation = record.value as Operation // the store writes nothing else under these keys
    const before = previous?.value as Operation | undefined
    const known = before?.history.length ?? 0
    // A full history drops its second line for each new one: then only the last change can be told.
    const added = operation.history.length > known ? operation.history.slice(known) : operation.history.slice(-1)
    let status: OperationStatus = before?.status ?? "idle"
    if (operation.status === status && operation.history.length === known) return
    for (const change of added) {
      if (!legal.has(`${status} > ${change.status}`))
        context.report(name, `operation ${operation.id} went from ${status} to ${change.status}`)
      status = change.status
    }
    if (status !== operation.status)
      context.report(name, `operation ${operation.id} is ${operation.status}, but its history ends with ${status}`)
  })
  return { name }
}
