// One installation at a time in one checkout, whoever started it. A lock whose owner died is taken over.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { BootstrapError, exitCodes } from "./errors.mjs"

const pollMs = 100
/** Longer than any installation that still makes progress; a person can remove the file earlier. */
const waitMsMax = 15 * 60 * 1000
/** Taking over a dead owner's lock takes microseconds; a take-over this old has died itself. */
const takeOverMsMax = 10 * 1000

/**
 * The lock that this process holds, if any.
 *
 * @type {string | undefined}
 */
let heldFile

/** @param {number | undefined} child */
const ownerText = (child) => JSON.stringify({ pid: process.pid, host: os.hostname(), child })

/**
 * Notes in the held lock that `child` does the installing: when this process is killed and the child lives on, the next
 * run waits for it instead of installing beside it.
 *
 * @param {number | undefined} child
 */
export function noteChild(child) {
  if (heldFile === undefined || child === undefined) return
  const draft = `${heldFile}.${process.pid}`
  fs.writeFileSync(draft, ownerText(child))
  fs.renameSync(draft, heldFile)
}

/**
 * Runs `work` while holding the checkout's lock.
 *
 * @template A
 * @param {{ root: string, say: (line: string) => void }} options
 * @param {() => Promise<A>} work
 * @returns {Promise<A>}
 */
export async function withLock({ root, say }, work) {
  const folder = path.join(root, ".runtime")
  const file = path.join(folder, "lock")
  const mine = ownerText(undefined)
  try {
    fs.mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new BootstrapError(
      exitCodes.badInput,
      `something has to be installed, but ${folder} cannot be made (${codeOf(error)}): make this checkout writable, or install once as a user who may write it`,
    )
  }
  const startedAt = Date.now()
  let told = false
  while (!tryAcquire(file, mine)) {
    const owner = readOwner(file)
    if (owner !== undefined && isDead(owner)) {
      takeOver(file, owner.text)
      continue
    }
    if (!told && owner !== undefined) {
      say(`waiting for another run (process ${owner.pid}) that is installing`)
      told = true
    }
    if (Date.now() - startedAt > waitMsMax) {
      throw new BootstrapError(
        exitCodes.badInput,
        `another run has been installing for more than 15 minutes; if there is none, remove ${file}`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  heldFile = file
  const release = () => {
    heldFile = undefined
    const owner = readOwner(file)
    if (owner !== undefined && owner.host === os.hostname() && owner.pid === process.pid)
      fs.rmSync(file, { force: true })
  }
  // Ctrl-C during an installation must not make the next run wait for a lock.
  process.once("exit", release)
  try {
    return await work()
  } finally {
    process.removeListener("exit", release)
    release()
  }
}

/**
 * @param {string} file
 * @param {string} mine
 */
function tryAcquire(file, mine) {
  // Written aside and linked, so that nobody ever reads a lock without its owner.
  const draft = `${file}.${process.pid}`
  try {
    fs.writeFileSync(draft, mine)
    fs.linkSync(draft, file)
    return true
  } catch (error) {
    const code = codeOf(error)
    if (code === "EEXIST") return false
    if (code === "EACCES" || code === "EROFS" || code === "ENOSPC") {
      throw new BootstrapError(
        exitCodes.badInput,
        `something has to be installed, but ${file} cannot be written (${code}): make this checkout writable`,
      )
    }
    // File systems without hard links.
    try {
      fs.writeFileSync(file, mine, { flag: "wx" })
      return true
    } catch (second) {
      if (codeOf(second) === "EEXIST") return false
      throw second
    }
  } finally {
    fs.rmSync(draft, { force: true })
  }
}

/**
 * @param {string} file
 * @returns {{ pid: number, host: string, child: number | undefined, text: string } | undefined}
 */
function readOwner(file) {
  try {
    const text = fs.readFileSync(file, "utf8")
    const { pid, host, child } = JSON.parse(text)
    return { pid: Number(pid), host: String(host), child: child === undefined ? undefined : Number(child), text }
  } catch {
    return undefined
  }
}

/** @param {{ pid: number, host: string, child: number | undefined }} owner */
function isDead(owner) {
  // Another host's processes (a checkout on a shared disk) cannot be judged from here.
  if (owner.host !== os.hostname()) return false
  // Process ids come round again: an owner with our own id is a dead namesake.
  if (owner.pid !== process.pid && isAlive(owner.pid)) return false
  return owner.child === undefined || !isAlive(owner.child)
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) !== "ESRCH"
  }
}

/**
 * Removes a dead owner's lock. Two runs may see the same dead owner: only the one that makes the marker removes, and it
 * looks again first, so a lock that was taken meanwhile stays.
 *
 * @param {string} file
 * @param {string} deadText
 */
function takeOver(file, deadText) {
  const marker = `${file}.takeover`
  try {
    fs.mkdirSync(marker)
  } catch {
    try {
      if (Date.now() - fs.statSync(marker).mtimeMs > takeOverMsMax) fs.rmdirSync(marker)
    } catch {
      // Gone meanwhile: the other run is done.
    }
    return
  }
  try {
    if (readOwner(file)?.text === deadText) fs.rmSync(file, { force: true })
  } finally {
    fs.rmdirSync(marker)
  }
}

/** @param {unknown} error */
export function codeOf(error) {
  return error instanceof Error && "code" in error ? String(error.code) : String(error)
}
