/**
 * Which steps of an operation are to be worked on, by what has become of the operation.
 */
import { isOpen, type Operation, type StepRow } from "../State.ts"
import type { View } from "../View.ts"

/** Whether a step is to be begun, or to be gone on with. */
export type Moment = "begin" | "go-on"

/** True if nobody is to work on the step any more, or not yet. */
export const isOff = (operation: Operation, row: StepRow, moment: Moment): boolean => {
  if (row.undoes !== null) return operation.undoFrom === null || row.index < operation.undoFrom
  if (operation.undoing) return true
  return operation.status === "stopping" && (moment === "begin" || operation.stop?.now === true)
}

/**
 * True if somebody will still work on the step, or does. Nobody begins what was planned before the undo, or an undo that did not
 * become the one that counts.
 */
export const isToCome = (view: Pick<View, "operations">, row: StepRow): boolean => {
  const operation = view.operations.get(row.operation)?.record
  if (!isOpen(row)) return false
  return operation === undefined || !isOff(operation, row, row.status === "pending" ? "begin" : "go-on")
}

/** True if what was planned is not worked on any more. */
export const isEnding = (operation: Operation): boolean => operation.undoing || operation.status === "stopping"
