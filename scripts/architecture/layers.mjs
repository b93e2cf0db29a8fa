// Which package may use which: core ← manticore ← node ← cli, core ← sim ← cli.
import path from "node:path"
import { moduleSpecifiers } from "./syntax.mjs"

/** @import { Problem, Source } from "./syntax.mjs" */

const scope = "@shardwright/"

/**
 * The packages by folder, and the packages of ours that each may use.
 *
 * @type {Record<string, { name: string, mayUse: ReadonlyArray<string> }>}
 */
const layers = {
  "packages/core": { name: "core", mayUse: [] },
  "packages/manticore": { name: "manticore", mayUse: ["core"] },
  "packages/node": { name: "node", mayUse: ["core", "manticore"] },
  sim: { name: "sim", mayUse: ["core"] },
  "packages/cli": { name: "cli", mayUse: ["core", "manticore", "node", "sim"] },
}

/**
 * What a package may use from outside, where that is bounded; elsewhere its package.json says it. The engine runs
 * unchanged in production and in the simulator because it can reach neither.
 *
 * @type {Record<string, { allowed: RegExp, says: string }>}
 */
const outside = {
  core: {
    allowed: /^effect(\/|$)/,
    says: "core depends on effect alone: what it needs from the machine comes in as a service",
  },
}

/** @param {string} file */
function layerOf(file) {
  const folder = Object.keys(layers).find((candidate) => file.startsWith(`${candidate}/`))
  const layer = folder === undefined ? undefined : layers[folder]
  return folder === undefined || layer === undefined ? undefined : { folder, ...layer }
}

/**
 * Imports of one file against the direction of dependencies.
 *
 * @param {Source} source
 * @returns {ReadonlyArray<Problem>}
 */
export function layerProblems(source) {
  const layer = layerOf(source.file)
  if (layer === undefined) return []
  const isTest = source.file.startsWith(`${layer.folder}/test/`)
  return moduleSpecifiers(source).flatMap(({ node, specifier }) => {
    const message = specifier.startsWith(".")
      ? relativeProblem(source.file, layer.folder, specifier)
      : packageProblem(layer, specifier, isTest)
    return message === undefined ? [] : [source.problem(node, message)]
  })
}

/**
 * @param {string} file
 * @param {string} folder
 * @param {string} specifier
 */
function relativeProblem(file, folder, specifier) {
  const resolved = path.posix.join(path.posix.dirname(file), specifier)
  if (resolved.startsWith(`${folder}/`)) return undefined
  return `${specifier} leads out of ${folder}: name the package instead, so that its exports and the layers hold`
}

/**
 * @param {{ name: string, mayUse: ReadonlyArray<string> }} layer
 * @param {string} specifier
 * @param {boolean} isTest
 */
function packageProblem(layer, specifier, isTest) {
  if (specifier.startsWith(scope)) {
    const used = specifier.slice(scope.length).split("/")[0] ?? ""
    if (used === layer.name || layer.mayUse.includes(used)) return undefined
    return `${layer.name} must not use ${used}: it may use ${layer.mayUse.join(", ") || "no other package of ours"}`
  }
  const bound = outside[layer.name]
  if (isTest || bound === undefined || bound.allowed.test(specifier)) return undefined
  return `${specifier}: ${bound.says}`
}

/**
 * The same for what a package.json declares.
 *
 * @param {string} file
 * @param {{ dependencies?: Record<string, string>, devDependencies?: Record<string, string>, peerDependencies?: Record<string, string> }} manifest
 * @returns {ReadonlyArray<Problem>}
 */
export function manifestProblems(file, manifest) {
  const layer = layerOf(file)
  if (layer === undefined) return []
  const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = manifest
  const shipped = Object.keys({ ...dependencies, ...peerDependencies })
  return [
    ...shipped.map((name) => packageProblem(layer, name, false)),
    ...Object.keys(devDependencies).map((name) => packageProblem(layer, name, true)),
  ].flatMap((message) => (message === undefined ? [] : [{ file, line: 1, column: 1, message }]))
}
