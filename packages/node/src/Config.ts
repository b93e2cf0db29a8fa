/**
 * Reads the runner's configuration: a YAML file, overridden by the environment, with secrets from files. Whatever is wrong
 * with it is told with file, line and column, what was expected, and what to do; never with the value of a secret.
 */
import fs from "node:fs"
import path from "node:path"
import { type EngineConfig } from "@shardwright/core/EngineConfig"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml"
import { ConfigFile, engineConfig } from "./ConfigSchema.ts"
import { isLoopback } from "./HttpServer.ts"

/** The configuration cannot be used; each problem says where and what to do. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", { message: Schema.String }) {}

/** The file as it is, with its secrets read and its engine settings. */
export interface Config extends Omit<ConfigFile, "engine" | "passwordFile" | "tokenFile" | "admin"> {
  readonly engine: EngineConfig
  readonly admin?: { readonly listen?: string; readonly token?: string }
}

/** Variables of the environment that override the file, by the path of what they set. */
const prefix = "SHARDWRIGHT_"
const overridable: ReadonlyArray<ReadonlyArray<string>> = [
  ...["mysql", "cluster", "address", "user", "password", "passwordFile", "dataFolder", "stateFolder", "listen"].map(
    (name) => [name],
  ),
  ["token"],
  ["tokenFile"],
  ["log", "format"],
  ["log", "level"],
  ["sql", "listen"],
  ["admin", "listen"],
  ["admin", "token"],
  ["admin", "tokenFile"],
]

/** `passwordFile` is `SHARDWRIGHT_PASSWORD_FILE`, `log.format` is `SHARDWRIGHT_LOG_FORMAT`. */
const variableOf = (keys: ReadonlyArray<string>): string =>
  prefix + keys.map((key) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join("_")

type Path = ReadonlyArray<PropertyKey>

interface Problem {
  readonly path: Path
  readonly message: string
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/** Reads a configuration. `env` is the environment of the process. */
export const readConfig = Effect.fnUntraced(function* (
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Effect.fn.Return<Config, ConfigError> {
  const text = yield* Effect.try({
    try: () => fs.readFileSync(file, "utf8"),
    catch: (error) =>
      new ConfigError({
        message: `${file} cannot be read (${error instanceof Error ? error.message : String(error)}); name the file with --config`,
      }),
  })
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const place = (offset: number): string => {
    const { col, line } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  if (document.errors.length > 0) {
    return yield* new ConfigError({
      message: document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`).join("\n"),
    })
  }
  const value: unknown = document.toJS() ?? {}
  const overridden = new Map<string, string>()
  const values = withOverrides(value, env, overridden)
  const decoded = SchemaParser.decodeUnknownExit(ConfigFile)(values, { errors: "all", onExcessProperty: "error" })
  const problems: ReadonlyArray<Problem> = Exit.isSuccess(decoded) ? contradictions(decoded.value) : issuesOf(decoded)
  if (problems.length > 0 || !Exit.isSuccess(decoded)) {
    const tell = ({ path, message }: Problem): string => {
      const variable = overridden.get(path.join("."))
      const at = variable === undefined ? place(offsetOf(document, path)) : `the variable ${variable}`
      return `${at}: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}`
    }
    return yield* new ConfigError({ message: problems.map(tell).join("\n") })
  }
  return yield* withSecrets(decoded.value, path.dirname(path.resolve(file)))
})

/** What the library says of a file, in the words of the rest. */
const plainly: Readonly<Record<string, string>> = {
  "Expected no excess property": "is no setting of this file; see docs/OPERATIONS.md",
  "Missing key": "is missing, and has no default",
}

const issuesOf = (exit: Exit.Failure<unknown, SchemaIssue.Issue>): ReadonlyArray<Problem> =>
  exit.cause.reasons.flatMap((reason) =>
    reason._tag === "Fail"
      ? formatIssue(reason.error).issues.map(({ message, path = [] }) => ({
          message: plainly[message] ?? message,
          path: path.map((key) => (typeof key === "object" ? key.key : key)),
        }))
      : [],
  )

const withOverrides = (
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
  overridden: Map<string, string>,
): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  const values: Record<string, unknown> = { ...value }
  for (const keys of overridable) {
    const [first = "", second] = keys
    const set = env[variableOf(keys)]
    if (set === undefined || set === "") continue
    overridden.set(keys.join("."), variableOf(keys))
    if (second === undefined) values[first] = set
    else values[first] = { ...(values[first] as Record<string, unknown> | undefined), [second]: set }
  }
  return values
}

/** Where a value, or the deepest part of its path that is there, stands in the file. */
const offsetOf = (document: Document, path: Path): number => {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true)
    const key = path[length - 1]
    const item = isMap(parent)
      ? parent.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key))?.key
      : isSeq(parent)
        ? parent.items[Number(key)]
        : undefined
    const range = isNode(item) ? item.range : undefined
    if (range?.[0] !== undefined) return range[0]
  }
  return 0
}

const isOnLoopback = (address: string): boolean => isLoopback(address.replace(/:\d+$/, ""))

/** What each value allows and all together do not. */
const contradictions = (file: ConfigFile): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  for (const [name, fileName] of [
    ["password", "passwordFile"],
    ["token", "tokenFile"],
  ] as const) {
    if (file[name] !== undefined && file[fileName] !== undefined)
      problems.push({ path: [fileName], message: `${name} is there as well; take one of the two away` })
  }
  if (file.admin?.token !== undefined && file.admin.tokenFile !== undefined)
    problems.push({ path: ["admin", "tokenFile"], message: "token is there as well; take one of the two away" })
  if (file.sql?.listen !== undefined && !isOnLoopback(file.sql.listen)) {
    problems.push({
      path: ["sql", "listen"],
      message: "a daemon shows nothing by which it could be known, so this is for the own machine: use 127.0.0.1",
    })
  }
  if (
    file.listen !== undefined &&
    !isOnLoopback(file.listen) &&
    file.token === undefined &&
    file.tokenFile === undefined
  ) {
    problems.push({
      path: ["listen"],
      message: "others than this machine reach it, so a token is needed; add tokenFile, the same on all nodes",
    })
  }
  return problems
}

const withSecrets = Effect.fnUntraced(function* (file: ConfigFile, folder: string) {
  const secret = (from: string | undefined, key: string): Effect.Effect<string | undefined, ConfigError> =>
    from === undefined
      ? Effect.succeed(undefined)
      : Effect.try({
          try: () => fs.readFileSync(path.resolve(folder, from), "utf8").trim(),
          catch: (error) =>
            new ConfigError({
              message: `${key}: ${from} cannot be read (${error instanceof Error ? error.message : String(error)})`,
            }),
        })
  const { admin, passwordFile, tokenFile, ...rest } = file
  const password = (yield* secret(passwordFile, "passwordFile")) ?? file.password
  const token = (yield* secret(tokenFile, "tokenFile")) ?? file.token
  const adminToken = (yield* secret(admin?.tokenFile, "admin.tokenFile")) ?? admin?.token
  const tls: Record<string, string> = {}
  for (const [name, from] of Object.entries(file.tls ?? {})) tls[name] = (yield* secret(from, `tls.${name}`)) ?? ""
  return {
    ...rest,
    ...(password === undefined ? {} : { password }),
    ...(token === undefined ? {} : { token }),
    ...(file.tls === undefined ? {} : { tls }),
    ...(admin === undefined
      ? {}
      : {
          admin: {
            ...(admin.listen === undefined ? {} : { listen: admin.listen }),
            ...(adminToken === undefined ? {} : { token: adminToken }),
          },
        }),
    engine: engineConfig(file),
  }
})
