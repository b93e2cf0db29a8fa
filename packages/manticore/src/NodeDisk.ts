/**
 * The port `NodeFiles` on the disk: directories of replication clusters below the daemon's data folder, and what the runner
 * remembers, in a folder of its own that nobody else reads.
 */
import fs from "node:fs"
import path from "node:path"
import { assertCluster } from "@shardwright/core/Identifier"
import { NodeFiles, NodeFilesError } from "@shardwright/core/NodeFiles"
import * as Effect from "effect/Effect"
import { privateFolderMode, readIfThere, replaceFile } from "./durably.ts"

/** Where things are. */
export interface NodeDiskOptions {
  /** The daemon's `data_dir`. */
  readonly dataFolder: string
  /** The runner's own folder; made when it is missing. */
  readonly stateFolder: string
}

/** As wide as the data folder itself, but never for everybody. */
const clusterFolderMode = 0o750

const attempt = <A>(what: string, run: () => A): Effect.Effect<A, NodeFilesError> =>
  Effect.try({
    try: run,
    catch: (error) =>
      new NodeFilesError({ message: `${what}: ${error instanceof Error ? error.message : String(error)}` }),
  })

/** Makes a folder that belongs to whoever owns the data folder, since it is the daemon that writes into it. */
const makeClusterFolder = (dataFolder: string, name: string): void => {
  const folder = path.join(dataFolder, assertCluster(name))
  const there = fs.lstatSync(folder, { throwIfNoEntry: false })
  if (there?.isDirectory() === true) return
  if (there !== undefined) throw new Error(`${folder} exists and is no directory`)
  fs.mkdirSync(folder, { mode: clusterFolderMode })
  const { uid, gid } = fs.statSync(dataFolder)
  if (process.getuid?.() === 0) fs.chownSync(folder, uid, gid)
}

const memoryName = /^[a-z]{1,32}$/

/** The files of a node. */
export const make = ({ dataFolder, stateFolder }: NodeDiskOptions): NodeFiles["Service"] => {
  const fileOf = (name: string): string => {
    if (!memoryName.test(name)) throw new Error(`not the name of something to remember: ${name}`)
    return path.join(stateFolder, `${name}.json`)
  }
  return NodeFiles.of({
    makeClusterDirectory: (name) =>
      attempt(`the directory of cluster ${name}`, () => makeClusterFolder(dataFolder, name)),
    recall: (name) => attempt(`what is remembered as ${name}`, () => readIfThere(fileOf(name))),
    remember: (name, text) =>
      attempt(`what is to be remembered as ${name}`, () => {
        fs.mkdirSync(stateFolder, { recursive: true, mode: privateFolderMode })
        replaceFile(fileOf(name), text)
      }),
  })
}
