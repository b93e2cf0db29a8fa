/** The production runner, in this process until it is told to stop. */
import { keepHeapSmall } from "@shardwright/node/heap"

/** Runs with a configuration file; answers the exit code. */
export const startRunner = async (config: string): Promise<number> => {
  keepHeapSmall()
  const { nodeCommand } = await import("@shardwright/node/nodeCommand")
  return nodeCommand("run", config)
}
