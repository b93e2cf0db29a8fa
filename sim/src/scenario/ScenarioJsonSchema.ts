/** The JSON Schema of scenario files, for editors; generated from the schema that decodes them. */
import * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import { ScenarioSource } from "./ScenarioSource.ts"

const isObject = (value: unknown): value is JsonSchema.JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * The generator sets the description of a key apart from its value, under `allOf`. Editors show it sooner beside the
 * rest, so what does not collide moves up. A `$ref` stays alone: draft 07 ignores what stands beside it.
 */
const hoist = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(hoist)
  if (!isObject(value)) return value
  const schema: JsonSchema.JsonSchema = Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, hoist(inner)]),
  )
  if (!Array.isArray(schema.allOf) || schema.allOf.some((part) => !isObject(part) || "$ref" in part)) return schema
  const { allOf, ...merged } = schema
  const rest = allOf.filter(isObject).filter((part) => {
    const collides = Object.keys(part).some((key) => key in merged)
    if (!collides) Object.assign(merged, part)
    return collides
  })
  return rest.length === 0 ? merged : { ...merged, allOf: rest }
}

/** A text with a reference to a parameter, such as `${nodes}`. */
const reference = String.raw`\$\{`

/** Where a value may stand, a reference to a parameter may stand: what it becomes is seen when the file is read. */
const orReference = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(orReference)
  if (!isObject(value)) return value
  const schema: JsonSchema.JsonSchema = Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, orReference(inner)]),
  )
  if (typeof schema["pattern"] === "string") return { ...schema, pattern: `${reference}|${schema["pattern"]}` }
  switch (schema["type"]) {
    case "integer":
    case "number":
    case "boolean":
      return { ...schema, type: [schema["type"], "string"], pattern: reference }
    case "string": {
      const { description, ...rest } = schema
      const either = { anyOf: [rest, { type: "string", pattern: reference }] }
      return schema["enum"] === undefined ? schema : description === undefined ? either : { ...either, description }
    }
    default:
      return schema
  }
}

/** Draft 07, which the editors' YAML servers know best. `scenarios/schema.json` holds it. */
export const scenarioJsonSchema = (): JsonSchema.JsonSchema => {
  const document = JsonSchema.toDocumentDraft07(
    Schema.toJsonSchemaDocument(ScenarioSource, { onExcessProperty: "error" }),
  )
  return Object.assign(
    { $schema: JsonSchema.META_SCHEMA_URI_DRAFT_07 },
    orReference(hoist({ ...document.schema, definitions: document.definitions })),
  )
}

/** As it is written to a file. */
export const scenarioJsonSchemaText = (): string => `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`
