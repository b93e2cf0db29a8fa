/**
 * What a daemon keeps of its replication clusters in its data folder: the list in `manticore.json`, and of each cluster its
 * `grastate.dat`. Changed only while the daemon is stopped: it writes both itself.
 */
import fs from "node:fs"
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
  return { document, clusters }
}

const writeDocument = (dataFolder: string, document: unknown): void =>
  replaceFile(path.join(dataFolder, listFile), `${JSON.stringify(document, undefined, 1)}\n`)

/**
 * Lets a cluster be begun by this node: with an empty list of nodes the server refuses that unless the node was the last one to
 * leave, which says nothing after a crash. Who may begin is decided by the gate.
 */
const letBegin = (dataFolder: string, folder: unknown): void => {
  const file = path.join(dataFolder, typeof folder === "string" ? folder : "", stateFile)
  const text = readIfThere(file)
  if (text !== undefined) replaceFile(file, text.replace(/^safe_to_bootstrap:.*$/m, "safe_to_bootstrap: 1"))
}

/** Throws away what a copy says of itself: a member that serves the cluster sends a full one. */
const forgetHistory = (dataFolder: string, folder: unknown): void => {
  const file = path.join(dataFolder, typeof folder === "string" ? folder : "", stateFile)
  const text = readIfThere(file)
  if (text === undefined) return
  replaceFile(file, text.replace(/^uuid:.*$/m, `uuid:    ${noHistory}`).replace(/^seqno:.*$/m, "seqno:   -1"))
}

/** Changes the entries of clusters, by name, for the daemon of `node`. Throws if the file cannot be written. */
export const changeEntries = (dataFolder: string, node: string, entries: ReadonlyMap<string, EntryChange>): void => {
  if (entries.size === 0) return
  const { clusters, document } = readDocument(dataFolder)
  for (const [name, change] of entries) {
    const entry = clusters[name]
    if (entry === undefined) continue
    switch (change._tag) {
      case "Begin":
        letBegin(dataFolder, entry["path"])
        clusters[name] = { ...entry, nodes: [] }
        break
      case "Rejoin":
        if (change.anew === true) forgetHistory(dataFolder, entry["path"])
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

/** The lists of nodes as they were before a start alone: whoever is interrupted in between puts them back the next time. */
const listsFile = "shardwright-lists.json"
const Lists = Schema.Record(Schema.String, Schema.Unknown)

/** Puts lists of nodes back that were emptied for a start alone, whatever the daemon has written meanwhile. */
export const restoreLists = (dataFolder: string): void => {
  const file = path.join(dataFolder, listsFile)
  const text = readIfThere(file)
  if (text === undefined) return
  const lists = Schema.decodeUnknownSync(Lists)(JSON.parse(text))
  const { clusters, document } = readDocument(dataFolder)
  const restored = Object.entries(clusters).map(([name, entry]) => [
    name,
    Object.hasOwn(lists, name) ? { ...entry, nodes: lists[name] } : entry,
  ])
  writeDocument(dataFolder, { ...document, clusters: Object.fromEntries(restored) })
  fs.rmSync(file)
}

/** Empties the lists of nodes of all clusters, until `restoreLists`. */
export const emptyLists = (dataFolder: string): void => {
  const { clusters, document } = readDocument(dataFolder)
  const lists = Object.entries(clusters).map(([name, { nodes = [] }]) => [name, nodes])
  replaceFile(path.join(dataFolder, listsFile), JSON.stringify(Object.fromEntries(lists)))
  for (const entry of Object.values(clusters)) letBegin(dataFolder, entry["path"])
  const emptied = Object.entries(clusters).map(([name, entry]) => [name, { ...entry, nodes: [] }])
  writeDocument(dataFolder, { ...document, clusters: Object.fromEntries(emptied) })
}
