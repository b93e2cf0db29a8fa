/**
 * What a daemon keeps of its replication clusters in its data folder: the list in `manticore.json`, and of each cluster its
 * `grastate.dat`. Changed only while the daemon is stopped: it writes both itself.
 */
import path from "node:path"
import type { ClusterOnDisk } from "@shardwright/core/DaemonControl"
import type { EntryChange } from "@shardwright/core/StartGate"
import * as Schema from "effect/Schema"
import { readIfThere, replaceFile } from "./durably.ts"

const listFile = "manticore.json"
const stateFile = "grastate.dat"
/** An address at which nobody ever answers: the discard port. */
const nobody = "127.0.0.1:9"
/** The history of a copy that was given up. */
const noHistory = "00000000-0000-0000-0000-000000000000"

/** The parts that are read; what else is in the file is kept as it is. */
const ListedClusters = Schema.Struct({
  clusters: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({
        nodes: Schema.optionalKey(Schema.Union([Schema.Array(Schema.String), Schema.String])),
        path: Schema.optionalKey(Schema.String),
      }),
    ),
  ),
})
const decodeList = Schema.decodeUnknownSync(ListedClusters)

/** Reads `grastate.dat`: `seqno` is -1 while the daemon runs and after a crash. */
export const readState = (text: string | undefined): Pick<ClusterOnDisk, "history" | "seqno"> => {
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(text ?? "")?.[1]
  const history = field("uuid")
  const seqno = Number(field("seqno") ?? -1)
  return {
    history: history === undefined || history === noHistory ? null : history,
    seqno: Number.isSafeInteger(seqno) && seqno >= 0 ? seqno : null,
  }
}

const nodesOf = (nodes: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  nodes === undefined ? [] : typeof nodes === "string" ? nodes.split(",").filter((node) => node !== "") : nodes

/** Replication clusters on the disk. Throws if the files cannot be read. */
export const readClusters = (dataFolder: string): ReadonlyArray<ClusterOnDisk> => {
  const text = readIfThere(path.join(dataFolder, listFile))
  if (text === undefined) return []
  const { clusters = {} } = decodeList(JSON.parse(text))
  return Object.entries(clusters).map(([name, { nodes, path: folder = "" }]) => ({
    name,
    nodes: nodesOf(nodes),
    ...readState(readIfThere(path.join(dataFolder, folder, stateFile))),
  }))
}

/** The document as it is in the file, with its clusters to be changed. */
const readDocument = (dataFolder: string) => {
  const text = readIfThere(path.join(dataFolder, listFile))
  const document = JSON.parse(text ?? "{}") as Record<string, unknown>
  decodeList(document)
  // Of the shape that was just checked.
  const clusters = { ...(document["clusters"] as Record<string, Record<string, unknown>> | undefined) }
  return { document, clusters, text }
}

const writeDocument = (dataFolder: string, document: unknown): void =>
  replaceFile(path.join(dataFolder, listFile), `${JSON.stringify(document, undefined, 1)}\n`)

/** Changes the entries of clusters, by name, for the daemon of `node`. Throws if the file cannot be written. */
export const changeEntries = (dataFolder: string, node: string, entries: ReadonlyMap<string, EntryChange>): void => {
  if (entries.size === 0) return
  const { clusters, document } = readDocument(dataFolder)
  for (const [name, change] of entries) {
    const entry = clusters[name]
    if (entry === undefined) continue
    switch (change._tag) {
      case "Begin":
        clusters[name] = { ...entry, nodes: [] }
        break
      case "Rejoin":
        clusters[name] = { ...entry, nodes: [...change.peers, node] }
        break
      case "Close":
        clusters[name] = { ...entry, nodes: [node, nobody] }
        break
      case "SetAside":
        delete clusters[name]
        break
    }
  }
  writeDocument(dataFolder, { ...document, clusters })
}

/** Empties the lists of nodes of all clusters; answers what puts them back, whatever the daemon has written meanwhile. */
export const loneClusters = (dataFolder: string): (() => void) => {
  const before = readDocument(dataFolder).clusters
  const withNodes = (nodesOfCluster: (name: string) => unknown): void => {
    const { clusters, document } = readDocument(dataFolder)
    const changed = Object.entries(clusters).map(([name, entry]) => [name, { ...entry, nodes: nodesOfCluster(name) }])
    writeDocument(dataFolder, { ...document, clusters: Object.fromEntries(changed) })
  }
  withNodes(() => [])
  return () => withNodes((name) => before[name]?.["nodes"] ?? [])
}
