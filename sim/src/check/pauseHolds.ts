/**
 * `pause-holds`: once the pause of an operation has been committed, no step of it begins. A claim that was on its way then
 * may still be committed, but it comes to nothing: the step is as it was before anything else becomes of it.
 */
import type { Operation, StepRow } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"

const name = "pause-holds"

/** Makes the checker. */
export const pauseHolds: MakeChecker = (context) => {
  const paused = new Set<string>()
  /** Steps that were claimed during a pause, and not given back yet. */
  const late = new Map<string, StepRow>()
  context.state.onRecord((record, previous) => {
    if (record.key.startsWith("operation/")) {
      const operation = record.value as Operation // the store writes nothing else under these keys
      if (operation.status === "paused") paused.add(operation.id)
      else if (paused.delete(operation.id)) {
        for (const [key, step] of late) if (step.operation === operation.id) late.delete(key)
      }
      return
    }
    if (!record.key.startsWith("step/")) return
    const step = record.value as StepRow // as above
    const before = previous?.value as StepRow | undefined
    if (!paused.has(step.operation)) return
    if (step.status === "pending") late.delete(record.key)
    else if (step.status === "processing" && before?.status === "pending") late.set(record.key, step)
    else if (late.has(record.key) && (step.status === "done" || step.status === "failed")) {
      context.report(
        name,
        `step ${step.index} (${step.step._tag}) of operation ${step.operation} was begun and ${step.status} while the operation was paused`,
      )
    }
  })
  return { name }
}
