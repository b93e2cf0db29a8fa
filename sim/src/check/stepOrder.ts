/**
 * `step-order`: no step is worked on before everything that it depends on is done, and no finished step begins anew.
 */
import type { StepRow } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"

const name = "step-order"

/** Makes the checker. */
export const stepOrder: MakeChecker = (context) => {
  const steps = new Map<string, StepRow>()
  context.state.onRecord((record) => {
    if (!record.key.startsWith("step/")) return
    const step = record.value as StepRow // the store writes nothing else under these keys
    const before = steps.get(record.key)
    steps.set(record.key, step)
    if (step.status !== "processing" && step.status !== "done") return
    if (before?.status === step.status) return
    const about = `step ${step.index} (${step.step._tag}) of operation ${step.operation}`
    if (
      before !== undefined &&
      step.status === "processing" &&
      (before.status === "done" || before.status === "undone" || before.status === "cancelled")
    ) {
      context.report(name, `${about} began anew after it was ${before.status}`)
    }
    for (const index of step.dependsOn) {
      const dependency = steps.get(`step/${step.operation}/${index}`)
      const status = dependency?.status
      // An undo step follows what it undoes, whatever became of that.
      const satisfied = status === "done" || (step.undoes !== null && (status === "undone" || status === "cancelled"))
      if (!satisfied)
        context.report(
          name,
          `${about} is ${step.status} while step ${index} (${dependency?.step._tag ?? "unknown"}) is ${status ?? "unknown"}`,
        )
    }
  })
  return { name }
}
