/**
 * `live-operation`: no step is claimed before the one compare-and-set that makes its operation live: until then the steps are
 * a draft, of which nobody knows whether it is whole. (A claim may still be committed just after the operation is over.)
 */
import type { Operation, StepRow } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"

const name = "live-operation"
const draftStatus: ReadonlyArray<string> = ["idle", "awaiting_approval", "queued"]

/** Makes the checker. */
export const liveOperation: MakeChecker = (context) => {
  /** Operations that have been live once. */
  const live = new Set<string>()
  context.state.onRecord((record, previous) => {
    if (record.key.startsWith("operation/")) {
      const operation = record.value as Operation // the store writes nothing else under these keys
      if (!draftStatus.includes(operation.status)) live.add(operation.id)
      return
    }
    if (!record.key.startsWith("step/")) return
    const step = record.value as StepRow // as above
    const before = previous?.value as StepRow | undefined
    if (step.status !== "processing" || before?.status === "processing" || live.has(step.operation)) return
    context.report(
      name,
      `step ${step.index} (${step.step._tag}) was claimed by ${step.claimedBy ?? "nobody"} while operation ${step.operation} was a draft`,
    )
  })
  return { name }
}
