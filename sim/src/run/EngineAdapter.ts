/**
 * The one place where the simulator names the engine's entry points.
 */
export { runAgent } from "@shardwright/core/agent/Agent"
export { ownReport } from "@shardwright/core/gate/report"
export { recoverCoordination } from "@shardwright/core/gate/recoverCoordination"
export { startDaemon } from "@shardwright/core/gate/startDaemon"
export { initCluster, joinCluster, OperatorError, submit, tryOut } from "@shardwright/core/Operator"
export { place } from "@shardwright/core/Placement"
export type { DryRun } from "@shardwright/core/plan/dryRun"
export type { Cost } from "@shardwright/core/plan/Plan"
export { isPlanned } from "@shardwright/core/plan/planWish"
