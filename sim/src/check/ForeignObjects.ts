/**
 * Tables and replication clusters that clients made in the course of a run: they are not the engine's, and no orphans of
 * it. What the existing orchestrator has made is the engine's from the moment at which its adoption begins.
 */
import type { Operation } from "@shardwright/core/State"
import type { WorldEvent } from "../world/SimulatedCluster.ts"
import type { StateWatcher } from "./StateWatcher.ts"

/**
 * Their names: `node table` of what was made on one node, and the bare name of a cluster, or of a table that a client took
 * into one. `onEvent` tells of everything that happens.
 */
export const foreignObjects = (
  state: StateWatcher,
  onEvent: (listener: (event: WorldEvent) => void) => void,
): ReadonlySet<string> => {
  const names = new Set<string>()
  onEvent((event) => {
    if (event.kind !== "statement" || event.from !== null) return
    const [, table] = /^CREATE TABLE ([\w.]+)/.exec(event.sql) ?? []
    if (table !== undefined) names.add(`${event.node} ${table}`)
    const [, cluster] = /^CREATE CLUSTER (\w+)/.exec(event.sql) ?? []
    if (cluster !== undefined) names.add(cluster)
    const [, added] = /^ALTER CLUSTER \w+ ADD ([\w.,]+)/.exec(event.sql) ?? []
    for (const name of added?.split(",") ?? []) names.add(name)
  })
  state.onRecord(({ key, value }) => {
    if (!key.startsWith("operation/")) return
    const { kind, status } = value as Operation // the store writes nothing else under this key
    if (kind === "adopt" && status === "running") names.clear()
  })
  return names
}
