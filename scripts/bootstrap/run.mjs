// Hands over to the target: same terminal, same standard streams, its exit code is ours.
import { spawn } from "node:child_process"
import os from "node:os"
import path from "node:path"
import { BootstrapError, exitCodes } from "./errors.mjs"
import { withFirstOnPath } from "./npm.mjs"

/**
 * @param {{ root: string, node: string, target: import("./targets.mjs").Target, args: ReadonlyArray<string> }} options
 * @returns {Promise<number>}
 */
export function runTarget({ root, node, target, args }) {
  const env = withFirstOnPath(process.env, path.dirname(node))
  // Compiled code is kept from run to run, which takes a third off the start; where it cannot be kept nothing is lost.
  env.NODE_COMPILE_CACHE ??= path.join(root, ".runtime", "compile-cache")
  const nodeArgs = [
    // Node 22 calls type stripping an experiment in every process; that line is no news to anybody here.
    "--disable-warning=ExperimentalWarning",
    path.join(root, target.script),
    ...target.args,
    ...args,
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(node, nodeArgs, { cwd: workingFolder(root, target), env, stdio: "inherit" })
    // A terminal sends Ctrl-C to the whole group, so the child has it already; other signals reach only us.
    /** @type {ReadonlyArray<NodeJS.Signals>} */
    const forwarded = process.stdin.isTTY ? ["SIGTERM", "SIGHUP"] : ["SIGTERM", "SIGHUP", "SIGINT"]
    for (const signal of forwarded) process.on(signal, () => child.kill(signal))
    process.on("SIGINT", () => {})
    child.on("error", (error) =>
      reject(
        new BootstrapError(
          exitCodes.bug,
          `${node} does not start (${error.message}): remove .runtime and run the same command again`,
        ),
      ),
    )
    child.on("close", (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : (os.constants.signals[signal] ?? 0))),
    )
  })
}

/**
 * `npm run` changes into the root, and keeps where the person was in `INIT_CWD`.
 *
 * @param {string} root
 * @param {import("./targets.mjs").Target} target
 */
function workingFolder(root, target) {
  if (!target.inCallersFolder) return root
  const here = process.cwd()
  return path.resolve(here) === path.resolve(root) ? (process.env.INIT_CWD ?? here) : here
}
