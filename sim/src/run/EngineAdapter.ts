/**
 * The one place where the simulator names the engine's entry points.
 */
export { runAgent } from "@shardwright/core/agent/Agent"
export { initCluster, joinCluster, OperatorError, submit } from "@shardwright/core/Operator"
export { place } from "@shardwright/core/Placement"
