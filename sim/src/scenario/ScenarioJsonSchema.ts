/** The JSON Schema of scenario files, for editors; generated from the schema that decodes them. */
import * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import { ScenarioSource } from "./ScenarioSource.ts"

/** Draft 07, which the editors' YAML servers know best. `scenarios/schema.json` holds it. */
export const scenarioJsonSchema = (): JsonSchema.JsonSchema => {
  const document = JsonSchema.toDocumentDraft07(Schema.toJsonSchemaDocument(ScenarioSource, { onExcessProperty: "error" }))
  return { $schema: JsonSchema.META_SCHEMA_URI_DRAFT_07, ...document.schema, definitions: document.definitions }
}

/** As it is written to a file. */
export const scenarioJsonSchemaText = (): string => `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`
