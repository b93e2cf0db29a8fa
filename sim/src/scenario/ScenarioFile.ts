/**
 * Scenario files: finding them, reading them, and telling everything that is wrong with them at once, with positions.
 * The only place under scenario/ that touches the disk.
 */
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Document, isCollection, isMap, isScalar, isSeq } from "yaml"
import { compose, isMapping, type Source } from "./Composition.ts"
import { checkReferences } from "./ReferenceChecks.ts"
import type { Scenario } from "./Scenario.ts"
import { ScenarioCodec } from "./ScenarioCodec.ts"
import type { ScenarioProblem } from "./ScenarioProblem.ts"
import { describe, explain, type Mistake } from "./SchemaProblems.ts"
import { suggest } from "./Suggestion.ts"
import { type Span, YamlDocument } from "./YamlDocument.ts"

/** A scenario and the file that it came from. */
export interface LoadedScenario {
  readonly file: string
  readonly scenario: Scenario
}

/** No more than this many problems of one file are told. */
const problemsMax = 100

const decode = Schema.decodeUnknownExit(ScenarioCodec, { errors: "all", onExcessProperty: "error" })
const encode = Schema.encodeSync(ScenarioCodec)

const problemAt = (
  document: YamlDocument,
  file: string,
  span: Span,
  said: Omit<Mistake, "path" | "atKey">,
): ScenarioProblem => {
  const { line, column, source } = document.position(span[0])
  const length = Math.max(1, Math.min(span[1] - span[0], source.length - column + 1))
  return { file, line, column, length, source, message: said.message, expected: said.expected, cure: said.cure }
}

/** A problem with a file as a whole, or with a path that is none. */
const problemWith = (file: string, message: string, expected: string, cure: string): ScenarioProblem => ({
  file,
  line: 1,
  column: 1,
  length: 1,
  source: "",
  message,
  expected,
  cure,
})

/** Those of the file itself first, then those of the files that it includes. */
const inOrder = (problems: ReadonlyArray<ScenarioProblem>, file: string): ReadonlyArray<ScenarioProblem> => {
  const seen = new Set<string>()
  return problems
    .toSorted(
      (a, b) =>
        Number(a.file !== file) - Number(b.file !== file) ||
        byName(a.file, b.file) ||
        a.line - b.line ||
        a.column - b.column,
    )
    .filter((problem) => {
      const key = `${problem.file}:${problem.line}:${problem.column}:${problem.message}`
      return !seen.has(key) && seen.add(key)
    })
    .slice(0, problemsMax)
}

const aScenario = "a scenario: a mapping with shardwright, name, about, cluster and more"

const notAMapping = (document: YamlDocument, file: string, value: unknown): ScenarioProblem =>
  document.text.trim() === ""
    ? problemAt(document, file, [0, 0], {
        message: "the file is empty",
        expected: aScenario,
        cure: "begin with `shardwright: 1`; see scenarios/smoke for examples",
      })
    : problemAt(document, file, document.locate([], false), {
        message: value === null ? "the file says nothing" : `the file is ${describe(value)}`,
        expected: aScenario,
        cure: "begin with `shardwright: 1`; see scenarios/smoke for examples",
      })

/** What a scenario is read with. */
export interface LoadOptions {
  /** Values of its parameters by name, as texts. */
  readonly set?: ReadonlyMap<string, string>
}

/**
 * Reads a scenario from the text of a file, and the files that it includes from the disk. On failure it has every problem
 * that was found, in the order of the file. It never throws, whatever the text.
 *
 * ```ts
 * const result = loadScenario(text, "scenarios/smoke/create-rf1.yaml")
 * if (Result.isFailure(result)) console.error(printProblems(result.failure))
 * ```
 */
export const loadScenario = (
  text: string,
  file: string,
  options: LoadOptions = {},
): Result.Result<Scenario, ReadonlyArray<ScenarioProblem>> =>
  Result.map(load(text, file, options), ({ scenario }) => scenario)

interface Loaded {
  readonly scenario: Scenario
  /** Names of its parameters. */
  readonly parameters: ReadonlyArray<string>
}

const syntaxProblems = ({ document, file }: Source): ReadonlyArray<ScenarioProblem> =>
  document.syntax.map((it) => problemAt(document, file, it.span, it))

const load = (
  text: string,
  file: string,
  { set = new Map() }: LoadOptions,
): Result.Result<Loaded, ReadonlyArray<ScenarioProblem>> => {
  const document = new YamlDocument(text)
  const source: Source = { file, document }
  const problems = [...syntaxProblems(source)]
  if (document.values === null) return Result.fail(inOrder(problems, file))
  if (!isMapping(document.values.value))
    return Result.fail(inOrder([...problems, notAMapping(document, file, document.values.value)], file))
  const composed = compose(source, document.values.value, { read: readPiece, given: set, fromTexts: true })
  const { value, place, parameters } = composed
  const exit = decode(value)
  const issue = Exit.isFailure(exit) ? Option.getOrNull(Exit.findErrorOption(exit))?.issue : undefined
  const mistakes = [...(issue === undefined ? [] : explain(issue, [], value)), ...checkReferences(value)]
  const unread = composed.mistakes.map(({ source: written, mistake }) =>
    problemAt(written.document, written.file, written.document.locate(mistake.path, mistake.atKey), mistake),
  )
  const wrong = mistakes.map((mistake) => {
    const { source: written, path } = place(mistake.path)
    return problemAt(written.document, written.file, written.document.locate(path, mistake.atKey), mistake)
  })
  // What became of a reference to no parameter is no mistake of its own.
  const isOwn = ({ file: named, line, column }: ScenarioProblem): boolean =>
    !unread.some((it) => it.file === named && it.line === line && it.column === column)
  problems.push(...composed.included.flatMap(syntaxProblems), ...unread, ...wrong.filter(isOwn))
  return problems.length === 0 && Exit.isSuccess(exit)
    ? Result.succeed({ scenario: exit.value, parameters })
    : Result.fail(inOrder(problems, file))
}

/** Keys whose value is a list with a line for each item; everything else has one line. */
const listed: ReadonlySet<string> = new Set(["tables", "workloads", "timeline"])

/** Lists and mappings on one line each: `- {at: 2s, kill: n1}`. */
const inOneLine = (node: unknown): void => {
  if (isCollection(node)) node.flow = true
}

const linesOf = (key: string, value: unknown): void => {
  if (key === "expect" && isMap(value)) for (const pair of value.items) linesOf("tables", pair.value)
  else if (listed.has(key) && isSeq(value)) value.items.forEach(inOneLine)
  else inOneLine(value)
}

/** The scenario as YAML text, with a modeline for editors. `loadScenario` gives the same scenario back. */
export const renderScenario = (scenario: Scenario, schemaPath = "../schema.json"): string => {
  const document = new Document(encode(scenario), { aliasDuplicateObjects: false })
  if (isMap(document.contents))
    for (const { key, value } of document.contents.items) linesOf(isScalar(key) ? String(key.value) : "", value)
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false })
  return `# yaml-language-server: $schema=${schemaPath}\n${text}`
}

// ------------------------------------------------------------------------------------------------------------- files

const isScenarioFile = (path: string): boolean => /\.ya?ml$/u.test(path)

/** Files with such names are pieces for others: a search passes them over. */
const isPiece = (name: string): boolean => name.startsWith("_")

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const messageOf = (defect: unknown): string => (defect instanceof Error ? defect.message : String(defect))

/** Scenario files under a directory; hidden directories and symbolic links are left alone. */
const filesUnder = (directory: string): ReadonlyArray<string> =>
  NodeFs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = NodePath.join(directory, entry.name)
    if (entry.isDirectory()) return entry.name.startsWith(".") || entry.name === "node_modules" ? [] : filesUnder(path)
    return entry.isFile() && isScenarioFile(entry.name) && !isPiece(entry.name) ? [path] : []
  })

const resolvePath = (path: string): Result.Result<ReadonlyArray<string>, ScenarioProblem> => {
  const expected = "the path of a .yaml or .yml file, or of a directory with such files"
  try {
    const stat = NodeFs.statSync(path, { throwIfNoEntry: false })
    if (stat === undefined)
      return Result.fail(
        problemWith(
          path,
          "there is no such file or directory",
          expected,
          "check the path; it is taken from the current directory",
        ),
      )
    if (stat.isDirectory()) {
      const files = filesUnder(path)
      return files.length > 0
        ? Result.succeed(files)
        : Result.fail(
            problemWith(path, "the directory has no scenarios", expected, "name a directory such as scenarios/smoke"),
          )
    }
    return isScenarioFile(path)
      ? Result.succeed([path])
      : Result.fail(problemWith(path, "the file is not a scenario by its name", expected, "name it *.yaml"))
  } catch (defect) {
    return Result.fail(problemWith(path, messageOf(defect), expected, "check the path and who may read it"))
  }
}

/** The scenario files that the paths name, each once and sorted; directories are searched to the bottom. */
export const resolvePaths = (
  paths: ReadonlyArray<string>,
): { readonly files: ReadonlyArray<string>; readonly problems: ReadonlyArray<ScenarioProblem> } => {
  const files = new Map<string, string>()
  const problems: Array<ScenarioProblem> = []
  for (const path of paths) {
    const result = resolvePath(path)
    if (Result.isFailure(result)) problems.push(result.failure)
    else
      for (const file of result.success)
        files.set(NodePath.resolve(file), files.get(NodePath.resolve(file)) ?? NodePath.normalize(file))
  }
  return { files: [...files.values()].toSorted(byName), problems }
}

const readText = (file: string): Result.Result<string, ScenarioProblem> => {
  try {
    return Result.succeed(new TextDecoder("utf-8", { fatal: true }).decode(NodeFs.readFileSync(file)))
  } catch (defect) {
    return Result.fail(
      defect instanceof TypeError
        ? problemWith(file, "the file is not text in UTF-8", "a text file in UTF-8", "save it as UTF-8")
        : problemWith(file, messageOf(defect), "a file that can be read", "check who may read it"),
    )
  }
}

/** A file that another one includes. */
const readPiece = (file: string): Result.Result<string, string> =>
  Result.mapError(readText(file), ({ message }) => (message.startsWith("ENOENT") ? "there is no such file" : message))

/** Reads every scenario that the paths name; with any problem in any of them, nothing should be run. */
export const loadScenarios = (
  paths: ReadonlyArray<string>,
  options: LoadOptions = {},
): { readonly scenarios: ReadonlyArray<LoadedScenario>; readonly problems: ReadonlyArray<ScenarioProblem> } => {
  const resolved = resolvePaths(paths)
  const problems = [...resolved.problems]
  const scenarios: Array<LoadedScenario> = []
  const firstWith = new Map<string, string>()
  const declared = new Set<string>()
  for (const file of resolved.files) {
    const text = readText(file)
    const loaded = Result.isFailure(text) ? Result.fail([text.failure]) : load(text.success, file, options)
    if (Result.isFailure(loaded)) {
      problems.push(...loaded.failure)
      continue
    }
    const { name } = loaded.success.scenario
    for (const parameter of loaded.success.parameters) declared.add(parameter)
    const first = firstWith.get(name)
    if (first === undefined) {
      firstWith.set(name, file)
      scenarios.push({ file, scenario: loaded.success.scenario })
    } else if (Result.isSuccess(text)) {
      const document = new YamlDocument(text.success)
      problems.push(
        problemAt(document, file, document.locate(["name"], false), {
          message: `the name ${name} is taken by ${first}`,
          expected: "a name that no other scenario has",
          cure: "name it after what is special about it",
        }),
      )
    }
  }
  for (const name of options.set?.keys() ?? []) {
    if (declared.has(name) || problems.length > 0) continue
    problems.push(
      problemWith(
        `--set ${name}`,
        `no scenario has a parameter ${describe(name)}`,
        declared.size === 0 ? "a parameter that a scenario declares" : `one of ${[...declared].join(", ")}`,
        suggest(name, [...declared]),
      ),
    )
  }
  return { scenarios, problems }
}
