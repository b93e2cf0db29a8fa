// Runs the npm that is at hand, by its script: no shell, no `.cmd` shims, so paths with spaces are safe everywhere.
import { spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { BootstrapError, exitCodes, explainInstallFailure } from "./errors.mjs"
import { noteChild } from "./lock.mjs"

const shownLines = 30

/** @type {ReadonlyArray<NodeJS.Signals>} */
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"]

/**
 * Path of npm's own script: the npm that started us, else the one beside this Node, else the first on PATH.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string}
 */
export function findNpm(env = process.env) {
  const beside = path.dirname(process.execPath)
  const candidates = [
    env.npm_execpath,
    path.join(beside, "node_modules", "npm", "bin", "npm-cli.js"),
    path.join(beside, "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    ...(env.PATH ?? env.Path ?? "").split(path.delimiter).flatMap((folder) => {
      const link = path.join(folder, "npm")
      return [
        path.join(folder, "node_modules", "npm", "bin", "npm-cli.js"),
        fs.existsSync(link) ? fs.realpathSync(link) : undefined,
      ]
    }),
  ]
  // `npm_execpath` is another package manager's when that one started us.
  const found = candidates.find(
    (file) => file !== undefined && path.basename(file) === "npm-cli.js" && fs.existsSync(file),
  )
  if (found !== undefined) return found
  throw new BootstrapError(
    exitCodes.badInput,
    "npm was not found: it is needed for the first run; install Node.js with npm and run the same command again",
  )
}

/**
 * Runs a script with Node and gathers all it prints.
 *
 * @param {{ node: string, script: string, args: ReadonlyArray<string>, cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ code: number, output: string, stdout: string }>}
 */
export function runQuietly({ node, script, args, cwd, env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [script, ...args], {
      cwd,
      env: env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
    })
    noteChild(child.pid)
    let output = ""
    let stdout = ""
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text
      stdout += text
    })
    child.stderr.setEncoding("utf8").on("data", (text) => {
      output += text
    })
    // An installation does not outlive us: the next run would install into the same folders beside it.
    /** @param {NodeJS.Signals} signal */
    const stop = (signal) => {
      child.kill(signal)
      process.exit(128 + os.constants.signals[signal])
    }
    for (const signal of stopSignals) process.on(signal, stop)
    child.on("error", reject)
    child.on("close", (code) => {
      for (const signal of stopSignals) process.removeListener(signal, stop)
      resolve({ code: code ?? exitCodes.bug, output, stdout })
    })
  })
}

/**
 * The environment for package managers: what `npm run` was told about itself (a silent log level, production mode) is
 * not meant for an installation.
 *
 * @param {string} node
 * @returns {NodeJS.ProcessEnv}
 */
export function installEnvironment(node) {
  const env = withFirstOnPath(process.env, path.dirname(node))
  for (const name of ["NODE_ENV", "NODE_OPTIONS", "npm_config_omit", "npm_config_loglevel", "npm_config_json"]) {
    delete env[name]
  }
  return env
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} folder
 * @returns {NodeJS.ProcessEnv}
 */
export function withFirstOnPath(env, folder) {
  // Windows spells it `Path`, and a copied environment is case-sensitive.
  const name = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH"
  const rest = env[name]
  return { ...env, [name]: rest === undefined || rest === "" ? folder : `${folder}${path.delimiter}${rest}` }
}

/**
 * Installs one package into `home`, all or nothing: made in a folder aside, then renamed.
 *
 * @param {{ root: string, home: string, spec: string, what: string }} options
 */
export async function installWithNpm({ root, home, spec, what }) {
  const npm = findNpm()
  const draft = `${home}.${process.pid}.draft`
  removeDrafts(path.dirname(home))
  fs.mkdirSync(draft, { recursive: true })
  const args = [
    "install",
    "--prefix",
    draft,
    "--no-save",
    "--no-package-lock",
    "--no-audit",
    "--no-fund",
    // The packages ship ready-made binaries; nothing of theirs needs to run here.
    "--ignore-scripts",
    "--include=optional",
    "--location=project",
    "--loglevel=error",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=10000",
    spec,
  ]
  try {
    const { code, output } = await runQuietly({
      node: process.execPath,
      script: npm,
      args,
      cwd: root,
      env: installEnvironment(process.execPath),
    })
    if (code !== 0) throw installError(what, `npm install ${spec}`, output)
    fs.rmSync(home, { recursive: true, force: true })
    fs.renameSync(draft, home)
  } finally {
    fs.rmSync(draft, { recursive: true, force: true })
  }
}

/**
 * Folders that an interrupted run left behind. Only called while holding the lock, so none of them is in use.
 *
 * @param {string} folder
 */
function removeDrafts(folder) {
  for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
    if (name.endsWith(".draft")) fs.rmSync(path.join(folder, name), { recursive: true, force: true, maxRetries: 3 })
  }
}

/**
 * @param {string} what
 * @param {string} attempted
 * @param {string} output
 */
export function installError(what, attempted, output) {
  const { exitCode, cause, advice } = explainInstallFailure(output)
  const lines = output.trim().split(/\r?\n/)
  const shown = lines.slice(-shownLines).map((line) => `  | ${line}`)
  return new BootstrapError(
    exitCode,
    [`could not install ${what}: ${cause}`, `tried: ${attempted}`, ...shown, `what to do: ${advice}`].join("\n"),
  )
}

/** The registry that npm is set up to use here, for tools that do not read npm's own settings. */
export async function npmRegistry() {
  const { code, stdout } = await runQuietly({
    node: process.execPath,
    script: findNpm(),
    args: ["config", "get", "registry", "--loglevel=error"],
    cwd: process.cwd(),
  })
  const value = stdout.trim()
  return code === 0 && /^https?:\/\//.test(value) ? value : undefined
}
