/**
 * Turns what Effect's schema says about wrong values into mistakes that a person understands: one for each thing that
 * is to be put right, with the path to it. Where a value may be of several kinds (an entry of the timeline), the kind
 * that was most likely meant decides what is said.
 */
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import type { Cure } from "./ScalarSchemas.ts"
import { nearest, suggest } from "./Suggestion.ts"

export type Path = ReadonlyArray<string | number>

/** A mistake in the values of a document, before it has a position. */
export interface Mistake {
  readonly path: Path
  /** Whether the key itself is wrong, and not its value. */
  readonly atKey: boolean
  readonly message: string
  readonly expected: string
  readonly cure: string
}

/** A path as people write it: `timeline[2].kill`. */
const pathText = (path: Path): string =>
  path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`)).join("") ||
  "the file"

/** What a value is, in words. */
export const describe = (value: unknown): string => {
  if (value === null || value === undefined) return "empty"
  if (typeof value === "string")
    return value === "" ? "an empty text" : `"${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`
  if (typeof value === "number" || typeof value === "bigint") return `the number ${value}`
  if (typeof value === "boolean") return `${value}`
  return Array.isArray(value) ? "a list" : "a mapping"
}

const record = (value: unknown): Readonly<Record<string, unknown>> | null =>
  // Every object can be read by key; what is found there stays unknown.
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null

const child = (value: unknown, key: PropertyKey): unknown =>
  Array.isArray(value)
    ? value[Number(key)]
    : typeof key === "string" && Object.hasOwn(record(value) ?? {}, key)
      ? record(value)?.[key]
      : undefined

const plainKey = (key: PropertyKey): string | number => (typeof key === "symbol" ? String(key) : key)

interface Said {
  readonly message?: unknown
  readonly expected?: unknown
  readonly cure?: unknown
  readonly description?: unknown
}

/** What is said of values of the wrong kind: by the schema itself, or by the first of its checks that says it. */
const saidBy = (ast: SchemaAST.AST): Said => {
  const speaking = [ast.annotations, ...(ast.checks ?? []).map((check) => check.annotations)]
  return speaking.find((annotations) => annotations?.expected !== undefined) ?? {}
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null)

// The annotation `cure` is written in ScalarSchemas and ScenarioSource only, as a text or as a `Cure`.
const cureFrom = (cure: unknown, value: unknown): string =>
  (typeof cure === "function" ? (cure as Cure)(value) : text(cure)) ?? ""

const keysOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  ast._tag === "Objects" ? ast.propertySignatures.map((property) => String(property.name)) : []

const structureOf = (ast: SchemaAST.AST): string =>
  ast._tag === "Objects"
    ? `a mapping with the keys ${keysOf(ast).join(", ")}`
    : ast._tag === "Arrays"
      ? "a list"
      : "another value"

const wrongValue = (path: Path, value: unknown, said: Said, otherwise: string): Mistake => ({
  path,
  atKey: false,
  message: text(said.message) ?? `\`${pathText(path)}\` is ${describe(value)}`,
  expected: text(said.expected) ?? otherwise,
  cure: cureFrom(said.cure, value) || (value === null ? "write a value, or take the key away" : ""),
})

const unknownKey = (path: Path, keys: ReadonlyArray<string>): Mistake => ({
  path,
  atKey: true,
  message: `unknown key \`${path.at(-1) ?? ""}\``,
  expected: `one of the keys ${keys.join(", ")}`,
  cure: suggest(String(path.at(-1) ?? ""), keys) || "take it away, or use one of these keys",
})

const missingKeys = (path: Path, keys: ReadonlyArray<string>, expected: string): Mistake => ({
  path,
  atKey: false,
  message: `\`${pathText([...path, keys[0] ?? ""])}\` is missing`,
  expected,
  cure: `add ${keys.map((key) => `\`${key}:\``).join(" and ")}`,
})

// ----------------------------------------------------------------------------------------- values of several kinds

interface Branch {
  readonly ast: SchemaAST.Objects
  readonly issue: SchemaIssue.Composite
  readonly missing: ReadonlyArray<string>
  readonly unexpected: ReadonlyArray<string>
}

const keysWith = (issue: SchemaIssue.Composite, tag: "MissingKey" | "UnexpectedKey"): ReadonlyArray<string> =>
  issue.issues.flatMap((it) => (it._tag === "Pointer" && it.issue._tag === tag ? [String(it.path[0])] : []))

const branchOf = (issue: SchemaIssue.Issue): Branch | null =>
  issue._tag === "Composite" && issue.ast._tag === "Objects"
    ? { ast: issue.ast, issue, missing: keysWith(issue, "MissingKey"), unexpected: keysWith(issue, "UnexpectedKey") }
    : null

/** Fewer missing keys first, then fewer keys that do not belong, then fewer mistakes. */
const order = (a: Branch, b: Branch): number =>
  a.missing.length - b.missing.length ||
  a.unexpected.length - b.unexpected.length ||
  a.issue.issues.length - b.issue.issues.length

const ofMappings = (
  path: Path,
  value: unknown,
  union: SchemaAST.Union,
  branches: ReadonlyArray<Branch>,
): ReadonlyArray<Mistake> => {
  const known = [...new Set(union.types.flatMap(keysOf))]
  const unknown = Object.keys(record(value) ?? {}).filter((key) => !known.includes(key))
  const mistakes = unknown.map((key) => unknownKey([...path, key], known))
  const sorted = branches.toSorted(order)
  const best = sorted[0]
  if (best === undefined) return mistakes
  if (best.missing.length > 0) {
    // The unknown key is most likely the missing one, misspelt.
    if (unknown.length > 0) return mistakes
    const tied = sorted.filter(
      (branch) => branch.missing.length === best.missing.length && branch.unexpected.length === best.unexpected.length,
    )
    const missing = [...new Set(tied.flatMap((branch) => branch.missing))]
    const expected = text(saidBy(union).expected) ?? structureOf(best.ast)
    return tied.length === 1
      ? [missingKeys(path, best.missing, expected), ...ofBranch(path, value, best, known, true)]
      : [
          {
            path,
            atKey: false,
            message: `\`${pathText(path)}\` is incomplete`,
            expected,
            cure: missing.length > 4 ? "" : `add one of ${missing.map((key) => `\`${key}:\``).join(", ")}`,
          },
        ]
  }
  return [...mistakes, ...ofBranch(path, value, best, known, false)]
}

const ofBranch = (
  path: Path,
  value: unknown,
  branch: Branch,
  known: ReadonlyArray<string>,
  present: boolean,
): ReadonlyArray<Mistake> =>
  branch.issue.issues.flatMap((issue): ReadonlyArray<Mistake> => {
    if (issue._tag === "Pointer" && issue.issue._tag === "MissingKey" && present) return []
    if (issue._tag === "Pointer" && issue.issue._tag === "UnexpectedKey") {
      const key = String(issue.path[0])
      if (!known.includes(key)) return []
      const others = Object.keys(record(value) ?? {}).filter((it) => it !== key && keysOf(branch.ast).includes(it))
      return [
        {
          path: [...path, key],
          atKey: true,
          message: `\`${key}\` does not go with \`${others.at(-1) ?? ""}\``,
          expected: `the keys ${keysOf(branch.ast).join(", ")}`,
          cure: "take one of them away, or write an item for each",
        },
      ]
    }
    return explain(issue, path, value)
  })

/** A key that is missing because it is there under a name that is nearly right: that is told once. */
const misspelt = (inner: SchemaIssue.Issue, whole: SchemaIssue.Composite): boolean => {
  if (inner._tag !== "Pointer" || inner.issue._tag !== "MissingKey") return false
  const missing = keysWith(whole, "MissingKey")
  return keysWith(whole, "UnexpectedKey").some((key) => nearest(key, missing) === inner.path[0])
}

const ofUnion = (issue: SchemaIssue.AnyOf, path: Path, value: unknown): ReadonlyArray<Mistake> => {
  const { types } = issue.ast
  const said = saidBy(issue.ast)
  if (types.every((type) => type._tag === "Literal")) {
    const words = types.map((type) => (type._tag === "Literal" ? String(type.literal) : ""))
    return [
      {
        ...wrongValue(path, value, said, `one of ${words.join(", ")}`),
        cure: said.cure === undefined ? suggest(String(value), words) : cureFrom(said.cure, value),
      },
    ]
  }
  const branches = issue.issues.map(branchOf).filter((branch) => branch !== null)
  if (branches.length > 0 && branches.length === issue.issues.length && record(value) !== null)
    return ofMappings(path, value, issue.ast, branches)
  const only = issue.issues.length === 1 ? issue.issues[0] : undefined
  return only === undefined ? [wrongValue(path, value, said, "a value of another kind")] : explain(only, path, value)
}

/** The mistakes behind an issue; `value` is what stands at `path` in the document. */
export const explain = (issue: SchemaIssue.Issue, path: Path, value: unknown): ReadonlyArray<Mistake> => {
  switch (issue._tag) {
    case "Pointer": {
      const key = issue.path[0]
      if (issue.issue._tag === "MissingKey" && key !== undefined) {
        return [missingKeys(path, [String(key)], text(issue.issue.annotations?.description) ?? "the key")]
      }
      return explain(
        issue.issue,
        [...path, ...issue.path.map(plainKey)],
        issue.path.reduce<unknown>((inner, key) => child(inner, key), value),
      )
    }
    case "Composite":
      return issue.issues.filter((inner) => !misspelt(inner, issue)).flatMap((inner) => explain(inner, path, value))
    case "Encoding":
      return explain(issue.issue, path, value)
    case "Filter":
      return [
        wrongValue(
          path,
          value,
          { ...issue.filter.annotations, ...(issue.issue._tag === "InvalidValue" ? issue.issue.annotations : {}) },
          "another value",
        ),
      ]
    case "UnexpectedKey":
      return [unknownKey(path, keysOf(issue.ast))]
    case "AnyOf":
      return ofUnion(issue, path, value)
    case "InvalidType":
      return [wrongValue(path, value, saidBy(issue.ast), structureOf(issue.ast))]
    case "MissingKey":
    case "InvalidValue":
    case "Forbidden":
    case "OneOf":
      return [wrongValue(path, value, {}, "another value")]
  }
}
