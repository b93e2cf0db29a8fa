// Makes `npm start`, `npm test` and the other root scripts work on a machine that has nothing but npm and some
// Node >= 18: brings a newer Node if needed, installs what is missing, then hands over to the target.
//
//   node scripts/bootstrap.mjs TARGET [ARGS…]
//
// Plain JavaScript without dependencies, for the oldest Node that the README allows: it runs before anything is
// installed. It writes to standard error only, and nothing at all when there is nothing to do, so that the target owns
// standard output. When all is in place it never touches the network.
import { fileURLToPath } from "node:url"
import path from "node:path"
import { ensureDependencies } from "./bootstrap/dependencies.mjs"
import { BootstrapError, exitCodes } from "./bootstrap/errors.mjs"
import { resolveNode } from "./bootstrap/node.mjs"
import { findTarget, targetNames } from "./bootstrap/targets.mjs"
import { runTarget } from "./bootstrap/run.mjs"
import { nodeMinimum } from "./bootstrap/versions.mjs"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** @param {string} line */
const say = (line) => process.stderr.write(`shardwright: ${line}\n`)

async function main() {
  const [name, ...args] = process.argv.slice(2)
  const target = name === undefined ? undefined : findTarget(name)
  if (target === undefined) {
    throw new BootstrapError(
      exitCodes.badInput,
      `unknown target ${name === undefined ? "(none given)" : `"${name}"`}; expected one of ${targetNames.join(", ")}`,
    )
  }
  if (Number(process.versions.node.split(".")[0]) < 18) {
    throw new BootstrapError(
      exitCodes.badInput,
      `this is Node ${process.versions.node}; Node 18 or newer is needed to start (what runs then needs ${nodeMinimum}, which is brought along)`,
    )
  }
  const node = await resolveNode({ root, say })
  await ensureDependencies({ root, node, say })
  return runTarget({ root, node, target, args })
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    if (error instanceof BootstrapError) {
      say(error.message)
      process.exitCode = error.exitCode
    } else {
      say("the bootstrap itself failed; this is a bug of ours, please report it with what follows")
      process.stderr.write(`${error && error.stack ? error.stack : String(error)}\n`)
      process.exitCode = exitCodes.bug
    }
  },
)
