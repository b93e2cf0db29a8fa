// Which Node runs the code: this one if it is new enough, else a pinned one in .runtime/.
import fs from "node:fs"
import path from "node:path"
import { BootstrapError, exitCodes } from "./errors.mjs"
import { withLock } from "./lock.mjs"
import { installWithNpm } from "./npm.mjs"
import { nodeMinimum, runtimePackages } from "./versions.mjs"

/**
 * Whether `version` can run the sources.
 *
 * @param {string} version `24.21.0`, with or without a leading `v`
 */
export function isNewEnough(version) {
  const [major, minor, patch] = parseVersion(version)
  const [wantedMajor, wantedMinor, wantedPatch] = parseVersion(nodeMinimum)
  if (major !== wantedMajor) return major > wantedMajor
  return minor === wantedMinor ? patch >= wantedPatch : minor > wantedMinor
}

/**
 * @param {string} version
 * @returns {[number, number, number]}
 */
function parseVersion(version) {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)
  return match === null ? [0, 0, 0] : [Number(match[1]), Number(match[2]), Number(match[3])]
}

/** Whether this process runs on musl (Alpine), for which no package of a bare Node binary exists. */
export function isMusl() {
  if (process.platform !== "linux") return false
  try {
    const report = /** @type {any} the report has no types */ (process.report.getReport())
    return report.header.glibcVersionRuntime === undefined
  } catch {
    return false
  }
}

/**
 * The package that brings Node for a platform.
 *
 * @param {{ platform: string, arch: string, musl: boolean }} machine
 * @returns {{ name: string, version: string }}
 */
export function runtimePackage({ platform, arch, musl }) {
  const found = musl ? undefined : runtimePackages[`${platform}-${arch}`]
  if (found !== undefined) return found
  throw new BootstrapError(
    exitCodes.badInput,
    `Node ${process.versions.node} is too old, and there is no ready-made newer one for ${platform}-${arch}${musl ? " with musl" : ""}: install Node ${nodeMinimum} or newer and run the same command again`,
  )
}

/**
 * Path of a Node that can run the sources; installs one when needed.
 *
 * @param {{ root: string, say: (line: string) => void }} options
 * @returns {Promise<string>}
 */
export async function resolveNode({ root, say }) {
  if (isNewEnough(process.versions.node)) return process.execPath
  const wanted = runtimePackage({ platform: process.platform, arch: process.arch, musl: isMusl() })
  const home = path.join(root, ".runtime", `${wanted.name}-${wanted.version}`)
  const binary = path.join(home, "node_modules", wanted.name, "bin", process.platform === "win32" ? "node.exe" : "node")
  // The folder appears by a rename when it is complete, so its presence is proof enough.
  if (fs.existsSync(binary)) return binary
  await withLock({ root, say }, async () => {
    if (fs.existsSync(binary)) return
    say(`this is Node ${process.versions.node}; bringing Node ${wanted.version} into .runtime (once)`)
    await installWithNpm({ root, home, spec: `${wanted.name}@${wanted.version}`, what: `Node ${wanted.version}` })
    if (!fs.existsSync(binary)) {
      throw new BootstrapError(
        exitCodes.bug,
        `${wanted.name}@${wanted.version} was installed but has no bin/node: install Node ${nodeMinimum} or newer yourself, and please report this`,
      )
    }
  })
  return binary
}
