/** All checkers that every run has. */
import type { MakeChecker } from "./Checker.ts"
import { approvals } from "./approvals.ts"
import { groupStatements } from "./groupStatements.ts"
import { liveOperation } from "./liveOperation.ts"
import { lostWrite } from "./lostWrite.ts"
import { oldTerm } from "./oldTerm.ts"
import { oneHolder } from "./oneHolder.ts"
import { oneLeaderPerTerm } from "./oneLeaderPerTerm.ts"
import { operationStatus } from "./operationStatus.ts"
import { orphans } from "./orphans.ts"
import { pauseHolds } from "./pauseHolds.ts"
import { replicationFactor } from "./replicationFactor.ts"
import { stepOrder } from "./stepOrder.ts"
import { userTables } from "./userTables.ts"
import { wrapperCompleteness } from "./wrapperCompleteness.ts"

export const checkers: ReadonlyArray<MakeChecker> = [
  lostWrite,
  replicationFactor,
  wrapperCompleteness,
  oneLeaderPerTerm,
  oldTerm,
  stepOrder,
  liveOperation,
  groupStatements,
  operationStatus,
  pauseHolds,
  oneHolder,
  approvals,
  orphans,
  userTables,
]
