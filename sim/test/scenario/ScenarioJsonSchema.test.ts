import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import { defaultEngineConfig } from "@shardwright/core/EngineConfig"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { scenarioJsonSchema, scenarioJsonSchemaText } from "../../src/scenario/ScenarioJsonSchema.ts"
import { resolvePaths } from "../../src/scenario/ScenarioFile.ts"

const scenarios = NodePath.join(import.meta.dirname, "../../../scenarios")
const file = NodePath.join(scenarios, "schema.json")

if (process.env["UPDATE_GOLDEN"] === "1") NodeFs.writeFileSync(file, scenarioJsonSchemaText())

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Paths of keys that an editor would show without a word. */
const undescribed = (schema: unknown, path: string): ReadonlyArray<string> => {
  if (Array.isArray(schema)) return schema.flatMap((item, index) => undescribed(item, `${path}[${index}]`))
  if (!isObject(schema)) return []
  const properties = isObject(schema["properties"]) ? Object.entries(schema["properties"]) : []
  const silent = properties
    .filter(([, value]) => !JSON.stringify(value).includes('"description"'))
    .map(([key]) => `${path}.${key}`)
  return [...silent, ...Object.entries(schema).flatMap(([key, value]) => undescribed(value, `${path}.${key}`))]
}

/** All keys and all words of closed sets. */
const namesIn = (schema: unknown): ReadonlySet<string> => {
  if (Array.isArray(schema)) return new Set(schema.flatMap((item) => [...namesIn(item)]))
  if (!isObject(schema)) return new Set()
  const keys = isObject(schema["properties"]) ? Object.keys(schema["properties"]) : []
  const words = Array.isArray(schema["enum"]) ? schema["enum"].map(String) : []
  return new Set([...keys, ...words, ...Object.values(schema).flatMap((inner) => [...namesIn(inner)])])
}

type Keyword = (value: unknown, given: unknown, schema: Readonly<Record<string, unknown>>) => boolean

const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
const entries = (value: unknown): ReadonlyArray<readonly [string, unknown]> =>
  isObject(value) ? Object.entries(value) : []
const typeOf = (value: unknown): string => (Array.isArray(value) ? "array" : value === null ? "null" : typeof value)
const root = scenarioJsonSchema()

/** The part of JSON Schema that is used here; a keyword that is not listed fails the test. */
const keywords: Readonly<Record<string, Keyword>> = {
  $ref: (value, ref) => allows(Reflect.get(Object(root["definitions"]), String(ref).split("/").at(-1) ?? ""), value),
  type: (value, type) =>
    (Array.isArray(type) ? type : [type]).some((one) =>
      one === "integer" ? Number.isInteger(value) : typeOf(value) === one,
    ),
  enum: (value, words) => list(words).includes(value),
  pattern: (value, pattern) => typeof value !== "string" || new RegExp(String(pattern), "u").test(value),
  minimum: (value, bound) => typeof value !== "number" || value >= Number(bound),
  maximum: (value, bound) => typeof value !== "number" || value <= Number(bound),
  minLength: (value, bound) => typeof value !== "string" || value.length >= Number(bound),
  maxLength: (value, bound) => typeof value !== "string" || value.length <= Number(bound),
  maxItems: (value, bound) => !Array.isArray(value) || value.length <= Number(bound),
  minItems: (value, bound) => !Array.isArray(value) || value.length >= Number(bound),
  items: (value, item) => list(value).every((it) => allows(item, it)),
  required: (value, keys) => !isObject(value) || list(keys).every((key) => Object.hasOwn(value, String(key))),
  properties: (value, properties) =>
    entries(properties).every(([key, it]) => !isObject(value) || !Object.hasOwn(value, key) || allows(it, value[key])),
  additionalProperties: (value, allowed, schema) =>
    isObject(allowed)
      ? entries(value).every(([, it]) => allows(allowed, it))
      : allowed !== false || entries(value).every(([key]) => Object.hasOwn(Object(schema["properties"]), key)),
  allOf: (value, schemas) => list(schemas).every((it) => allows(it, value)),
  anyOf: (value, schemas) => list(schemas).some((it) => allows(it, value)),
  oneOf: (value, schemas) => list(schemas).filter((it) => allows(it, value)).length === 1,
}
const silentKeywords = ["$schema", "title", "description", "definitions"]

const allows = (schema: unknown, value: unknown): boolean =>
  entries(schema).every(([key, given]) => {
    if (silentKeywords.includes(key)) return true
    const keyword = keywords[key]
    if (keyword === undefined) throw new Error(`no test knows the keyword ${key}`)
    return keyword(value, given, isObject(schema) ? schema : {})
  })

/** Values of the scenarios of the repository, by file. */
const values = new Map(
  resolvePaths([scenarios]).files.map((path) => [
    path,
    Object(parse(NodeFs.readFileSync(path, "utf8"), { merge: true })),
  ]),
)

describe("the JSON Schema of scenarios", () => {
  it("is what scenarios/schema.json holds (`UPDATE_GOLDEN=1` writes it anew)", () => {
    expect(NodeFs.readFileSync(file, "utf8")).toBe(scenarioJsonSchemaText())
  })

  it("says something about every key", () => {
    expect(undescribed(scenarioJsonSchema(), "")).toEqual([])
  })

  it("has a documentation that names every key, step, condition and count", () => {
    const documentation = NodeFs.readFileSync(NodePath.join(import.meta.dirname, "../../../docs/SCENARIOS.md"), "utf8")
    const words = new Set(documentation.match(/[\w-]+/gu))
    const all = [...namesIn(root)]
    expect(all.length).toBeGreaterThan(100)
    expect(all.filter((name) => !words.has(name) && !/^[UDS]\d\d$/u.test(name))).toEqual([])
  })

  it("knows every setting of the engine", () => {
    const settings = JSON.parse(scenarioJsonSchemaText()).properties.settings.properties
    const { coordination: _, ...config } = defaultEngineConfig
    expect(Object.keys(settings).toSorted()).toEqual(Object.keys(config).toSorted())
  })

  it.each([...values.keys()])("allows %s", (path) => {
    expect(allows(root, values.get(path))).toBe(true)
  })

  it("allows a parameter where a value may stand, and no other text there", () => {
    const using = (shards: unknown, every: unknown, is: unknown) => ({
      shardwright: 1,
      name: "a",
      about: "A.",
      cluster: { nodes: 3 },
      tables: [{ name: "t", shards, rf: 1 }],
      workloads: [{ table: "t", every }],
      expect: { final: [{ table: "t", is }] },
    })
    expect(allows(root, using("${shards}", "${every}", "${state}"))).toBe(true)
    expect(allows(root, using("4", "${every}", "${state}"))).toBe(false)
    expect(allows(root, using("${shards}", "often", "${state}"))).toBe(false)
    expect(allows(root, using("${shards}", "${every}", "well"))).toBe(false)
  })

  it.each([
    ["an unknown key", { wrokloads: [] }],
    ["a duration without unit", { until: 90 }],
    ["a length of zero", { until: "0s" }],
    ["an unknown verb", { timeline: [{ at: "1s", kil: "n1" }] }],
    ["two verbs", { timeline: [{ at: "1s", kill: "n1", stop: "n1" }] }],
    ["no time", { timeline: [{ kill: "n1" }] }],
    ["two times", { timeline: [{ at: "1s", after: { step: "JoinGroup" }, kill: "n1" }] }],
    ["an unknown step", { timeline: [{ after: { step: "Explode" }, kill: "n1" }] }],
    ["an unknown condition", { expect: { final: [{ table: "t", is: "redy" }] } }],
    ["an unknown id", { covers: ["U99"] }],
    ["rf 0", { tables: [{ name: "t", shards: 1, rf: 0 }] }],
  ])("does not allow %s", (_, wrong) => {
    expect([...values.values()].filter((it) => allows(root, { ...it, ...wrong }))).toEqual([])
  })
})
