/**
 * What can be done to a node while its daemon does not run: its files can be read and changed, and a daemon can be started
 * there that nobody else reaches, which knows the numbers again that a crash has taken out of the files.
 */
import type { Answer } from "@shardwright/core/Answer"
import type { Host } from "./Host.ts"
import { parse } from "./sql/parse.ts"
import { begin, Session } from "./storage/Session.ts"

/** What the files of a node say of a replication cluster. */
export interface ClusterFile {
  readonly name: string
  readonly nodes: ReadonlyArray<string>
  /** Null if the history was thrown away. */
  readonly history: string | null
  /** Null while the daemon runs, and after a crash. */
  readonly seqno: number | null
}

/** What the list of clusters and the `grastate.dat` of each say. */
export const clusterFiles = (host: Host): ReadonlyArray<ClusterFile> =>
  [...host.clusters.values()].map(({ clean, history, mustCopy, name, nodesSet, seqno }) => ({
    name,
    nodes: nodesSet,
    history: mustCopy ? null : String(history),
    seqno: clean && !mustCopy && host.daemon === undefined ? seqno : null,
  }))

/** Replaces the list of nodes of a cluster. */
export const setNodes = (host: Host, cluster: string, nodes: ReadonlyArray<string>): void => {
  const record = host.clusters.get(cluster)
  if (record === undefined) return
  record.nodesSet = [...nodes]
  record.alone = record.alone && nodes.length === 1
}

/** Throws away what a copy says of itself: it has to be made anew. */
export const forgetHistory = (host: Host, cluster: string): void => {
  const record = host.clusters.get(cluster)
  if (record !== undefined) record.mustCopy = true
}

/** Takes a cluster out of the list; its tables are the node's own from then on. */
export const removeCluster = (host: Host, cluster: string): void => {
  const record = host.clusters.get(cluster)
  if (record === undefined) return
  for (const table of record.tables) host.disk.setCluster(table, undefined)
  host.clusters.delete(cluster)
}

/** After a start and a clean stop with nobody else: the files know the numbers. */
export const settleNumbers = (host: Host): void => {
  host.disk.saved()
  for (const record of host.clusters.values()) record.clean = true
}

/** A daemon that nobody else reaches answers a statement about its tables. */
export const answerAlone = (host: Host, session: Session, sql: string): Answer => {
  const step = begin(host.disk.database, session, parse(sql))
  if (step.kind !== "answer") throw new Error(`only reads are sent to a daemon that is inspected, not: ${sql}`)
  return step.answer
}
