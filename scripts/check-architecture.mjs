// Holds the sources against the rules of scripts/architecture: prints each breach with its place, exits 1 if there is one.
//
//   node scripts/check-architecture.mjs [ROOT]
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { banProblems, sqlProblems } from "./architecture/bans.mjs"
import { layerProblems, manifestProblems } from "./architecture/layers.mjs"
import { parseSource } from "./architecture/syntax.mjs"

/** @import { Problem } from "./architecture/syntax.mjs" */

const root = path.resolve(process.argv[2] ?? path.dirname(path.dirname(fileURLToPath(import.meta.url))))
const searched = ["packages", "sim"]
const skipped = new Set(["node_modules", "dist", "coverage", "testdata"])

/**
 * Files below `folder`, relative to the root with forward slashes.
 *
 * @param {string} folder
 * @returns {ReadonlyArray<string>}
 */
function filesBelow(folder) {
  const full = path.join(root, folder)
  if (!fs.existsSync(full)) return []
  return fs.readdirSync(full, { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : filesBelow(name)
    return entry.isFile() ? [name] : []
  })
}

/**
 * @param {string} file
 * @returns {ReadonlyArray<Problem>}
 */
function check(file) {
  const read = () => fs.readFileSync(path.join(root, file), "utf8")
  if (file.endsWith("/package.json")) return manifestProblems(file, JSON.parse(read()))
  if (!/\.(ts|mts|mjs|js)$/.test(file)) return []
  const source = parseSource(file, read())
  return [...layerProblems(source), ...banProblems(source), ...sqlProblems(source)]
}

const files = searched.flatMap(filesBelow)
const problems = files.flatMap(check)
for (const { file, line, column, message } of problems) console.log(`${file}:${line}:${column} ${message}`)
console.log(
  problems.length === 0
    ? `${files.length} files keep to the architecture`
    : `${problems.length} breaches of the architecture`,
)
process.exitCode = problems.length === 0 && files.length > 0 ? 0 : 1
