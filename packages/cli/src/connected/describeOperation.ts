/** An operation in words, and as a document. */
import type { OperationStanding } from "@shardwright/core/Operator"

/** One line of how far it has come. */
export const progressText = ({ operation, progress }: OperationStanding): string => {
  const name = `${operation.id} ${operation.kind}${operation.table === null ? "" : ` ${operation.table}`}: ${operation.status}`
  if (progress === null) return name
  const { etaMs, percentage, steps, undo, waiting } = progress
  const parts = [
    name,
    undo === null ? `${steps.done} of ${steps.total} steps, ${percentage} %` : `undone ${undo.done} of ${undo.total}`,
    ...(etaMs === null ? [] : [`about ${Math.ceil(etaMs / 1000)} s left`]),
    ...(waiting === null ? [] : [`waits: ${waiting.code}, ${waiting.detail}`]),
  ]
  return parts.join(", ")
}

const barWidth = 20

/** How far an operation has come, as a bar with its text. */
export const progressLine = (standing: OperationStanding): string => {
  const { progress } = standing
  if (progress === null) return progressText(standing)
  const filled = Math.round((progress.percentage / 100) * barWidth)
  return `${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ${progressText(standing)}`
}

/** For `--json`. */
export const operationDocument = ({ operation, progress }: OperationStanding) => ({
  id: operation.id,
  kind: operation.kind,
  table: operation.table,
  status: operation.status,
  reason: operation.reason,
  error: operation.error,
  left: operation.left,
  progress,
  history: operation.history,
})
