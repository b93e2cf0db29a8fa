/**
 * `old-term`: an operation that went live after a newer term of the lease had been committed is the work of a leader
 * that had lost it. None of its steps may be claimed before a leader of the present term adopts the operation.
 */
import type { Lease, Operation, StepRow } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"

const name = "old-term"
const liveStatus: ReadonlyArray<string> = ["running", "stopping"]

/** Makes the checker. */
export const oldTerm: MakeChecker = (context) => {
  let leaseTerm = 0
  /** Operations of an old term that nobody has adopted, with the term that was current when they went live. */
  const stale = new Map<string, { readonly term: number; readonly current: number }>()
  context.state.onRecord((record, previous) => {
    if (record.key === "lease") {
      leaseTerm = Math.max(leaseTerm, (record.value as Lease).term) // the store writes nothing else under this key
      return
    }
    if (record.key.startsWith("operation/")) {
      const operation = record.value as Operation // as above
      const before = previous?.value as Operation | undefined
      const isLive = liveStatus.includes(operation.status)
      const wasLive = before !== undefined && liveStatus.includes(before.status)
      if (isLive && !wasLive && operation.term < leaseTerm)
        stale.set(operation.id, { term: operation.term, current: leaseTerm })
      else if (operation.term >= (stale.get(operation.id)?.current ?? 0)) stale.delete(operation.id)
      return
    }
    if (!record.key.startsWith("step/")) return
    const step = record.value as StepRow // as above
    const before = previous?.value as StepRow | undefined
    const claimed =
      step.status === "processing" && (before?.status !== "processing" || before.claimedBy !== step.claimedBy)
    const old = stale.get(step.operation)
    if (claimed && old !== undefined) {
      context.report(
        name,
        `step ${step.index} (${step.step._tag}) of operation ${step.operation} was claimed by ${step.claimedBy ?? "nobody"} under term ${old.term}, although term ${old.current} was committed before the operation went live`,
      )
    }
  })
  return { name }
}
