// What core and sim never touch, because a run that did would differ from its replay, and SQL outside of its one place.
import { walk } from "./syntax.mjs"

/** @import { Problem, Source, SyntaxNode } from "./syntax.mjs" */

const simulated = ["packages/core/src/", "sim/src/"]

/**
 * Files of the simulator that stand outside of a simulation: they serve, write or start one, and may use the real world.
 * A folder ends with a slash.
 */
const outsideOfSimulations = ["sim/src/serve/", "sim/src/report/", "sim/src/runtime/ForbiddenGlobals.ts"]

/** Single names that a file may use all the same, as `file name`, with the reason. @type {ReadonlyMap<string, string>} */
const exceptions = new Map([
  ["sim/src/run/RunScenario.ts performance", "a result says how long the run took, measured around it"],
])

/** Where effects are run: in virtual time, by the simulator's own scheduler. */
const runsEffects = ["sim/src/runtime/"]

const time = "simulated code has virtual time only: use Effect's Clock, or the event queue"
const chance = "simulated code has seeded streams only: use Effect's Random, or a RandomStream"
const promises = "a promise never settles in virtual time: return an Effect"
const leaves = "this leaves the simulation, whose scheduler it does not know: return the effect to the caller"

/** Globals that may not be named at all. @type {ReadonlyMap<string, string>} */
const bannedGlobals = new Map([
  ["setTimeout", time],
  ["setInterval", time],
  ["setImmediate", time],
  ["queueMicrotask", time],
  ["performance", time],
  ["crypto", chance],
  ["Promise", promises],
  ["fetch", promises],
])

/** Members of globals that may not be read; the rest of these globals is harmless. @type {ReadonlyMap<string, string>} */
const bannedMembers = new Map([
  ["Date.now", time],
  ["Math.random", chance],
  ["process.hrtime", time],
  ["process.nextTick", time],
  ["process.uptime", time],
])

/** Modules that offer the same by another door. @type {ReadonlyMap<string, string>} */
const bannedModules = new Map([
  ["timers", time],
  ["timers/promises", time],
  ["perf_hooks", time],
  ["worker_threads", leaves],
  ["fs/promises", promises],
])

/** Imports by name that are banned, as `module name`. @type {ReadonlyMap<string, string>} */
const bannedImports = new Map(
  ["randomUUID", "randomBytes", "randomInt", "randomFillSync", "getRandomValues", "webcrypto"].map((name) => [
    `crypto ${name}`,
    chance,
  ]),
)

const effectRunners = /^run(Fork|Callback|Promise|PromiseExit|Sync|SyncExit)(With)?$/
const effectPromises = /^(promise|tryPromise)$/

/**
 * Uses of real time, real chance and real asynchrony.
 *
 * @param {Source} source
 * @returns {ReadonlyArray<Problem>}
 */
export function banProblems(source) {
  if (!isUnder(source.file, simulated) || isUnder(source.file, outsideOfSimulations)) return []
  const mayRun = isUnder(source.file, runsEffects)
  const { declared, effectNames } = bindings(source)
  /** @type {Array<Problem>} */
  const problems = []
  /**
   * @param {SyntaxNode} node
   * @param {string} what
   * @param {string | undefined} why
   */
  const refuse = (node, what, why) => {
    if (why !== undefined && !exceptions.has(`${source.file} ${what}`))
      problems.push(source.problem(node, `${what}: ${why}`))
  }
  /** @param {string} name */
  const effectMember = (name) =>
    effectPromises.test(name) ? promises : !mayRun && effectRunners.test(name) ? leaves : undefined
  /** @param {SyntaxNode} node */
  const isGlobal = (node) => node.type === "Identifier" && !declared.has(node.name)

  walk(source.program, (node, parent, field) => {
    if (node.async === true) refuse(node, "async function", promises)
    switch (node.type) {
      case "AwaitExpression":
        return refuse(node, "await", promises)
      case "ForOfStatement":
        return node.await === true ? refuse(node, "for await", promises) : undefined
      case "ImportExpression":
        return refuse(node, "import()", promises)
      case "NewExpression":
      case "CallExpression":
        if (isGlobal(node.callee) && node.callee.name === "Date" && isPresent(node)) {
          refuse(node, node.type === "NewExpression" ? "new Date()" : "Date()", time)
        }
        return undefined
      case "MemberExpression": {
        const name = memberName(node)
        if (node.object.type !== "Identifier" || name === undefined) return undefined
        if (effectNames.has(node.object.name)) return refuse(node, `Effect.${name}`, effectMember(name))
        if (!isGlobal(node.object)) return undefined
        const member = `${node.object.name}.${name}`
        const viaGlobal = node.object.name === "globalThis" ? bannedGlobals.get(name) : undefined
        return refuse(node, member, bannedMembers.get(member) ?? viaGlobal)
      }
      case "VariableDeclarator": {
        // `const { random } = Math`
        if (node.id.type !== "ObjectPattern" || node.init?.type !== "Identifier") return undefined
        for (const property of node.id.properties) {
          const name = property.key?.name
          const member = `${node.init.name}.${name}`
          if (effectNames.has(node.init.name)) refuse(property, `Effect.${name}`, effectMember(String(name)))
          else refuse(property, member, bannedMembers.get(member))
        }
        return undefined
      }
      case "ImportDeclaration":
        return importProblems(node, refuse, effectMember)
      case "Identifier":
        return isGlobal(node) && isReference(parent, field)
          ? refuse(node, node.name, bannedGlobals.get(node.name))
          : undefined
      default:
        return undefined
    }
  })
  return problems
}

/**
 * @param {SyntaxNode} node
 * @param {(node: SyntaxNode, what: string, why: string | undefined) => void} refuse
 * @param {(name: string) => string | undefined} effectMember
 */
function importProblems(node, refuse, effectMember) {
  const specifier = String(node.source.value)
  const module = specifier.replace(/^node:/, "")
  refuse(node, specifier, bannedModules.get(module))
  for (const imported of node.specifiers) {
    const name = imported.imported?.name
    if (name === undefined) continue
    const why = specifier === "effect/Effect" ? effectMember(name) : bannedImports.get(`${module} ${name}`)
    refuse(imported, `${name} of ${specifier}`, why)
  }
}

/**
 * Names that a file declares anywhere (they hide globals of the same name), and those by which it knows Effect.
 *
 * @param {Source} source
 */
function bindings(source) {
  /** @type {Set<string>} */
  const declared = new Set()
  /** @type {Set<string>} */
  const effectNames = new Set()
  walk(source.program, (node, parent, field) => {
    if (/^Import(Namespace|Default)?Specifier$/.test(node.type)) {
      declared.add(node.local.name)
      const module = parent?.source?.value
      const isNamespace = node.type === "ImportNamespaceSpecifier" && module === "effect/Effect"
      if (isNamespace || (module === "effect" && node.imported?.name === "Effect")) effectNames.add(node.local.name)
    }
    if (/^(Function|Class|TSInterface|TSTypeAlias)\w*(Declaration|Expression)$/.test(node.type) && node.id) {
      declared.add(node.id.name)
    }
    if (node.type === "VariableDeclarator" && node.id.type === "Identifier") declared.add(node.id.name)
    if (node.type === "Identifier" && field === "params") declared.add(node.name)
  })
  return { declared, effectNames }
}

/** Whether a `Date` that is made is the present: a date of a given instant is a value. @param {SyntaxNode} node */
function isPresent(node) {
  return node.type === "CallExpression" || node.arguments.length === 0
}

/** @param {SyntaxNode} node */
function memberName(node) {
  if (!node.computed) return String(node.property.name)
  return typeof node.property.value === "string" ? node.property.value : undefined
}

/**
 * Whether an identifier in that place stands for a variable or type, rather than being the name of a field.
 *
 * @param {SyntaxNode | undefined} parent
 * @param {string} field
 */
function isReference(parent, field) {
  if (parent === undefined) return true
  if (field === "property" && parent.type === "MemberExpression") return parent.computed === true
  if (field === "key") return parent.computed === true
  return !(
    field === "imported" ||
    field === "exported" ||
    field === "label" ||
    (field === "right" && parent.type === "TSQualifiedName")
  )
}

const sqlPlace = "packages/core/src/Sql.ts"
/** Folders where text may be SQL: the simulated daemon parses it, the client to a server sends what it is given. */
const sqlChecked = ["packages/core/src/", "packages/node/src/", "packages/cli/src/"]

/**
 * Shapes of whole statements; a bare `CREATE TABLE` in a message is a name, not a statement. `?` stands for what a
 * template fills in.
 */
const statements = [
  /^\s*SELECT\s+\S[^]*\sFROM\s/,
  /^\s*(INSERT|REPLACE)\s+INTO\s+\S/,
  /^\s*UPDATE\s+\S+\s+SET\s/,
  /^\s*DELETE\s+FROM\s+\S/,
  /^\s*(CREATE|DROP)\s+(TABLE|CLUSTER)\s+(IF\s+(NOT\s+)?EXISTS\s+)?([\w.:?`]*[?`][\w.:?`]*|\S+\s*\(|\S+\s+[A-Z'`]|\S+$)/,
  /^\s*ALTER\s+(CLUSTER|TABLE)\s+\S+\s+(ADD|DROP|UPDATE)\s+\S/,
  /^\s*(JOIN|DELETE|EXIT)\s+CLUSTER\s+[\w?`]+(\s+(AT|AS|NODES)\b|$)/,
  /^\s*SHOW\s+(STATUS|TABLES|CREATE|META|TABLE|PROCESSLIST|THREADS|QUERIES|VARIABLES)(\s+(LIKE|FROM|TABLE)\b|\s+\?|$)/,
  /^\s*SET\s+(GLOBAL|CLUSTER|SESSION)\s+\S/,
  /^\s*(DESC|DESCRIBE|FLUSH|TRUNCATE|OPTIMIZE|ATTACH|IMPORT)\s+(TABLE\s+|RTINDEX\s+|RAMCHUNK\s+)?[\w?`.]+$/,
]

/**
 * SQL as text outside of the one module that renders and escapes it.
 *
 * @param {Source} source
 * @returns {ReadonlyArray<Problem>}
 */
export function sqlProblems(source) {
  if (!isUnder(source.file, sqlChecked) || source.file === sqlPlace) return []
  /** @type {Array<Problem>} */
  const problems = []
  walk(source.program, (node) => {
    const text = literalText(node)
    if (text === undefined || !statements.some((statement) => statement.test(text))) return
    problems.push(source.problem(node, `SQL as text: render it in ${sqlPlace}, where it is escaped and tested`))
  })
  return problems
}

/** @param {SyntaxNode} node */
function literalText(node) {
  if (node.type === "Literal" && typeof node.value === "string") return node.value
  if (node.type !== "TemplateLiteral") return undefined
  return node.quasis.map((/** @type {SyntaxNode} */ quasi) => quasi.value.cooked).join("?")
}

/**
 * @param {string} file
 * @param {ReadonlyArray<string>} places
 */
function isUnder(file, places) {
  return places.some((place) => (place.endsWith("/") ? file.startsWith(place) : file === place))
}
