/**
 * Files that are there as a whole or not at all, and on the disk when the call returns.
 */
import fs from "node:fs"
import path from "node:path"

/** Readable by their owner alone. */
export const privateFileMode = 0o600
export const privateFolderMode = 0o700

/** Flushes the list of names of a folder, so that a rename in it outlives a power cut. */
const syncFolder = (folder: string): void => {
  const handle = fs.openSync(folder, "r")
  try {
    fs.fsyncSync(handle)
  } finally {
    fs.closeSync(handle)
  }
}

/** Replaces a file; one that was there keeps its owner and mode. Throws what the file system says. */
export const replaceFile = (file: string, text: string): void => {
  const before = fs.statSync(file, { throwIfNoEntry: false })
  const beside = `${file}.${process.pid}.new`
  const handle = fs.openSync(beside, "w", before?.mode ?? privateFileMode)
  try {
    fs.writeFileSync(handle, text)
    if (before !== undefined && process.getuid?.() === 0) fs.fchownSync(handle, before.uid, before.gid)
    fs.fsyncSync(handle)
  } finally {
    fs.closeSync(handle)
  }
  fs.renameSync(beside, file)
  syncFolder(path.dirname(file))
}

/** The text of a file, or undefined if there is none. Throws what the file system says otherwise. */
export const readIfThere = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch (error) {
    // Errors of `fs` are of this type.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}
