// `npm run check`: types, lint, format, dead code and the architecture, all at once; fails if any of them does.
//
//   node scripts/check.mjs [--fix]        --fix formats and mends what can be mended first
import { spawn } from "node:child_process"
import path from "node:path"
import { fileURLToPath } from "node:url"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const fix = process.argv.includes("--fix")

/** @typedef {{ name: string, script: string, args: ReadonlyArray<string> }} Check */

/** @type {ReadonlyArray<Check>} */
const fixes = [
  { name: "lint --fix", script: "node_modules/oxlint/bin/oxlint", args: ["--fix"] },
  { name: "format --write", script: "node_modules/oxfmt/bin/oxfmt", args: [] },
]

/** @type {ReadonlyArray<Check>} */
const checks = [
  { name: "types", script: "node_modules/typescript/bin/tsc", args: ["--noEmit", "--pretty", "false"] },
  {
    name: "types of the report's page",
    script: "node_modules/typescript/bin/tsc",
    args: ["--noEmit", "--pretty", "false", "--project", "sim/src/report/viewer"],
  },
  {
    name: "types of the dashboard",
    script: "node_modules/typescript/bin/tsc",
    args: ["--noEmit", "--pretty", "false", "--project", "packages/node/src/admin/dashboard/viewer"],
  },
  { name: "lint", script: "node_modules/oxlint/bin/oxlint", args: ["--format=unix"] },
  { name: "format", script: "node_modules/oxfmt/bin/oxfmt", args: ["--list-different"] },
  { name: "dead code", script: "node_modules/knip/bin/knip.js", args: ["--no-progress"] },
  { name: "architecture", script: "scripts/check-architecture.mjs", args: [] },
]

/** What to do about a failed check, where its output does not say. @type {Record<string, string>} */
const advice = {
  format: "these files are not formatted; run `npm run check -- --fix`",
  "dead code": "remove what nothing uses, or export it where it is used",
}

/**
 * @param {Check} check
 * @returns {Promise<boolean>} whether it passed
 */
function run({ name, script, args }) {
  const startedAt = Date.now()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, script), ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    })
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (text) => (output += text))
    child.stderr.setEncoding("utf8").on("data", (text) => (output += text))
    child.on("error", reject)
    child.on("close", (code) => {
      const passed = code === 0
      console.log(`${passed ? "ok    " : "FAILED"} ${name} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`)
      if (!passed) {
        const lines = [...output.trim().split(/\r?\n/), ...(advice[name] === undefined ? [] : [`-> ${advice[name]}`])]
        console.log(lines.map((line) => `  ${line}`).join("\n"))
      }
      resolve(passed)
    })
  })
}

if (fix) for (const check of fixes) await run(check)
const passed = await Promise.all(checks.map(run))
const failures = passed.filter((ok) => !ok).length
console.log(failures === 0 ? "all checks passed" : `${failures} of ${checks.length} checks failed`)
process.exitCode = failures === 0 ? 0 : 1
