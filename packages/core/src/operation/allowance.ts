/**
 * How much longer than others a step may take for what it copies or reads: every deadline of a step grows by its bytes.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import { isOpen, type StepRow } from "../State.ts"
import type { View } from "../View.ts"

/** What the slowest rate that is not stuck asks for, in milliseconds; 0 where the size is not known. */
export const allowanceMs = ({ expects }: StepRow, { copyBytesPerSecondMin }: EngineConfig): number =>
  ((expects?.bytes ?? 0) * 1000) / copyBytesPerSecondMin

/** How long a copy of a group to a node may show the same percentage beyond what others may, in milliseconds. */
export const percentAllowanceMs = (view: View | undefined, group: string, config: EngineConfig): number => {
  let longestMs = 0
  for (const rows of view?.steps.values() ?? []) {
    for (const { record } of rows) {
      const isCopy = record.step._tag === "JoinGroup" && record.step.group === group && isOpen(record)
      if (isCopy) longestMs = Math.max(longestMs, allowanceMs(record, config))
    }
  }
  return longestMs / 100
}
