// Reading sources as syntax trees, so that a rule never trips over a comment or a string.
import { parseSync } from "rolldown/utils"

/**
 * A node of the tree: `type`, `start`, and whatever the kind has. The parser's own types are a union of some two hundred;
 * rules here look at a few fields each.
 *
 * @typedef {{ type: string, start: number, [field: string]: any }} SyntaxNode
 */

/**
 * @typedef {object} Problem
 * @property {string} file
 * @property {number} line
 * @property {number} column
 * @property {string} message
 */

/**
 * A parsed source file.
 *
 * @typedef {object} Source
 * @property {string} file relative to the root, with forward slashes
 * @property {SyntaxNode} program
 * @property {(node: SyntaxNode, message: string) => Problem} problem
 */

/**
 * @param {string} file
 * @param {string} text
 * @returns {Source}
 */
export function parseSource(file, text) {
  const { program, errors } = parseSync(file, text)
  const failure = errors[0]
  if (failure !== undefined) throw new Error(`${file} does not parse: ${failure.message}`)
  return {
    file,
    program,
    problem: (node, message) => {
      const before = text.slice(0, node.start).split("\n")
      return { file, line: before.length, column: (before.at(-1) ?? "").length + 1, message }
    },
  }
}

/**
 * Visits a node and all below it, each with its parent and the field of the parent that holds it.
 *
 * @param {SyntaxNode} node
 * @param {(node: SyntaxNode, parent: SyntaxNode | undefined, field: string) => void} visit
 * @param {SyntaxNode} [parent]
 * @param {string} [field]
 */
export function walk(node, visit, parent, field = "") {
  visit(node, parent, field)
  for (const [name, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") walk(child, visit, node, name)
    }
  }
}

/**
 * Every module that a file names: imports, re-exports, dynamic imports and `import("…")` types.
 *
 * @param {Source} source
 * @returns {ReadonlyArray<{ node: SyntaxNode, specifier: string }>}
 */
export function moduleSpecifiers(source) {
  /** @type {Array<{ node: SyntaxNode, specifier: string }>} */
  const found = []
  walk(source.program, (node) => {
    if (!/^(Import|ExportNamed|ExportAll|TSImport|TSExternalModule)/.test(node.type)) return
    const literal = node.source ?? node.argument?.literal ?? node.expression
    if (typeof literal?.value === "string") found.push({ node: literal, specifier: literal.value })
  })
  return found
}
