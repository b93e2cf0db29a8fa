/**
 * `completion`: an operation that is said to be completed has done all of its steps, and a table that it was to make is
 * ready. Of a creation that was being given up it is enough that the table is ready.
 */
import type { Operation, StepRow } from "@shardwright/core/State"
import { few, type MakeChecker } from "./Checker.ts"

const name = "completion"

/** Makes the checker. */
export const completion: MakeChecker = ({ report, state }) => {
  const steps = new Map<string, Map<number, StepRow>>()
  state.onRecord((record, previous) => {
    if (record.key.startsWith("step/")) {
      const step = record.value as StepRow // the store writes nothing else under these keys
      if (step.undoes === null)
        steps.set(step.operation, (steps.get(step.operation) ?? new Map()).set(step.index, step))
      return
    }
    if (!record.key.startsWith("operation/")) return
    const operation = record.value as Operation // as above
    if (operation.status !== "completed" || (previous?.value as Operation | undefined)?.status === "completed") return
    const open = [...(steps.get(operation.id)?.values() ?? [])].filter(({ status }) => status !== "done")
    if (open.length > 0 && !operation.undoing) {
      const names = open.map(({ index, status, step }) => `${index} (${step._tag}) ${status}`)
      report(name, `operation ${operation.kind} ${operation.id} is completed, and its step ${few(names)}`)
    }
    const table = operation.kind === "create" ? state.view().tables.get(operation.table ?? "")?.record : undefined
    if (table !== undefined && table.status !== "ready")
      report(name, `operation create ${operation.id} is completed, and table ${table.name} is ${table.status}`)
  })
  return { name }
}
