/** All checkers that every run has. */
import type { MakeChecker } from "./Checker.ts"
import { approvals } from "./approvals.ts"
import { completion } from "./completion.ts"
import { freshNames } from "./freshNames.ts"
import { gracePeriod } from "./gracePeriod.ts"
import { compareAndSet } from "./compareAndSet.ts"
import { groupStatements } from "./groupStatements.ts"
import { liveOperation } from "./liveOperation.ts"
import { lostWrite } from "./lostWrite.ts"
import { neededMoves } from "./neededMoves.ts"
import { oldTerm } from "./oldTerm.ts"
import { oneHolder } from "./oneHolder.ts"
import { oneLeaderPerTerm } from "./oneLeaderPerTerm.ts"
import { operationStatus } from "./operationStatus.ts"
import { orphans } from "./orphans.ts"
import { pauseHolds } from "./pauseHolds.ts"
import { replicationFactor } from "./replicationFactor.ts"
import { stepEffects } from "./stepEffects.ts"
import { stepOrder } from "./stepOrder.ts"
import { userTables } from "./userTables.ts"
import { wrapperCompleteness } from "./wrapperCompleteness.ts"
import { wrapperOutage } from "./wrapperOutage.ts"

export const checkers: ReadonlyArray<MakeChecker> = [
  lostWrite,
  replicationFactor,
  wrapperCompleteness,
  oneLeaderPerTerm,
  compareAndSet,
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
  gracePeriod,
  wrapperOutage,
  completion,
  stepEffects,
  freshNames,
  neededMoves,
]
