// Installs the workspace's dependencies when they are missing or no longer what the lock file says.
//
// After an installation a stamp is written into node_modules: the hash of all that decides what is installed. While it
// matches, a run reads a handful of small files and goes on; deleting node_modules deletes the stamp with it.
import crypto from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { codeOf, withLock } from "./lock.mjs"
import { installEnvironment, installError, installWithNpm, npmRegistry, runQuietly } from "./npm.mjs"
import { pnpmVersion } from "./versions.mjs"

const stampFile = path.join("node_modules", ".shardwright-installed")

/**
 * @param {{ root: string, node: string, say: (line: string) => void }} options
 */
export async function ensureDependencies({ root, node, say }) {
  const wanted = wantedStamp(root)
  if (isInstalled(root, wanted)) return
  await withLock({ root, say }, async () => {
    if (isInstalled(root, wanted)) return
    say("installing dependencies (on the first run, and when the lock file changes)")
    const startedAt = Date.now()
    await install({ root, node })
    try {
      writeAtomically(path.join(root, stampFile), `${wanted}\n`)
    } catch (error) {
      say(`installed, but ${stampFile} cannot be written (${codeOf(error)}): the next run will check again`)
    }
    say(`dependencies are in place (${((Date.now() - startedAt) / 1000).toFixed(0)} s)`)
  })
}

/** @param {{ root: string, node: string }} options */
async function install({ root, node }) {
  const home = path.join(root, ".runtime", `pnpm-${pnpmVersion}`)
  const script = path.join(home, "node_modules", "pnpm", "bin", "pnpm.mjs")
  if (!fs.existsSync(script)) {
    await installWithNpm({ root, home, spec: `pnpm@${pnpmVersion}`, what: `pnpm ${pnpmVersion}` })
  }
  const registry = await npmRegistry()
  const args = [
    "install",
    "--frozen-lockfile",
    "--prefer-offline",
    "--reporter=append-only",
    // No build script of any dependency is needed, and none runs.
    "--ignore-scripts",
    // Reviewed with the commit and held by its hashes. Asking the registry for the age of each version again takes
    // longer than the installation, and fails with mirrors that do not tell; CI asks on every pull request.
    "--trust-lockfile",
    // Offline, say so within seconds.
    "--config.fetch-retries=2",
    "--config.fetch-retry-mintimeout=1000",
    "--config.fetch-retry-maxtimeout=3000",
    // A half-made or foreign node_modules is made anew without a question: nobody may be there to answer.
    "--config.confirm-modules-purge=false",
    ...(registry === undefined ? [] : [`--registry=${registry}`]),
  ]
  const env = { ...installEnvironment(node), CI: "true" }
  const { code, output } = await runQuietly({ node, script, args, cwd: root, env })
  if (code !== 0) {
    throw installError("the dependencies", `pnpm@${pnpmVersion} install --frozen-lockfile`, output)
  }
}

/**
 * Hash of everything that decides what an installation of this checkout contains.
 *
 * @param {string} root
 * @returns {string}
 */
export function wantedStamp(root) {
  const hash = crypto.createHash("sha256")
  // Binaries in node_modules belong to one platform; a checkout may be shared between a host and a container.
  hash.update(`${process.platform}-${process.arch} pnpm-${pnpmVersion}\n`)
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc", ...packageFiles(root)]) {
    const full = path.join(root, file)
    // With lengths, so that text moving from one file to the next changes the hash.
    const content = fs.existsSync(full) ? fs.readFileSync(full) : undefined
    hash.update(`${file.split(path.sep).join("/")} ${content === undefined ? "absent" : content.length}\n`)
    if (content !== undefined) hash.update(content)
  }
  return hash.digest("hex")
}

/**
 * Whether node_modules is what `stamp` says: the stamp matches, and each direct dependency is there.
 *
 * @param {string} root
 * @param {string} stamp
 */
export function isInstalled(root, stamp) {
  try {
    if (fs.readFileSync(path.join(root, stampFile), "utf8").trim() !== stamp) return false
  } catch {
    return false
  }
  return packageFiles(root).every((file) => {
    const { dependencies, devDependencies } = JSON.parse(fs.readFileSync(path.join(root, file), "utf8"))
    const folder = path.join(root, path.dirname(file), "node_modules")
    return Object.keys({ ...dependencies, ...devDependencies }).every((name) =>
      // Through the link: a dangling one counts as missing.
      fs.existsSync(path.join(folder, name, "package.json")),
    )
  })
}

/**
 * The package.json files of the workspace, relative to the root, in a stable order.
 *
 * @param {string} root
 * @returns {ReadonlyArray<string>}
 */
export function packageFiles(root) {
  const text = fs.readFileSync(path.join(root, "pnpm-workspace.yaml"), "utf8")
  const found = ["package.json"]
  for (const pattern of workspacePatterns(text)) {
    const folders = pattern.endsWith("/*")
      ? listFolders(path.join(root, pattern.slice(0, -2))).map((name) => path.join(pattern.slice(0, -2), name))
      : [pattern]
    for (const folder of folders) {
      const file = path.join(folder, "package.json")
      if (fs.existsSync(path.join(root, file))) found.push(file)
    }
  }
  return found
}

/**
 * The entries under `packages:` of a pnpm-workspace.yaml: one folder or `folder/*` a line is all that ours uses.
 *
 * @param {string} text
 * @returns {ReadonlyArray<string>}
 */
export function workspacePatterns(text) {
  /** @type {Array<string>} */
  const patterns = []
  let inside = false
  for (const line of text.split(/\r?\n/)) {
    if (/^\S/.test(line)) inside = /^packages:\s*$/.test(line)
    const entry = inside ? /^\s+-\s+["']?([^"'#\s]+)["']?/.exec(line) : null
    if (entry !== null && entry[1] !== undefined) patterns.push(entry[1])
  }
  return patterns
}

/** @param {string} folder */
function listFolders(folder) {
  if (!fs.existsSync(folder)) return []
  return fs.readdirSync(folder).sort()
}

/**
 * @param {string} file
 * @param {string} text
 */
function writeAtomically(file, text) {
  const draft = `${file}.${process.pid}`
  try {
    fs.writeFileSync(draft, text)
    fs.renameSync(draft, file)
  } finally {
    fs.rmSync(draft, { force: true })
  }
}
