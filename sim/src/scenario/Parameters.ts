/**
 * Parameters of scenario files: their values replace `${name}` in the values of the document before anything else is made
 * of it. A value that is nothing but `${name}` becomes what the parameter is (a number, for example); within other text
 * it is written out.
 */
import { parseDuration } from "./ScalarSchemas.ts"
import { describe, type Mistake, type Path } from "./SchemaProblems.ts"
import { suggest } from "./Suggestion.ts"

export const parameterTypes = ["text", "number", "duration", "flag"] as const
export type ParameterType = (typeof parameterTypes)[number]
export type ParameterValue = string | number | boolean

/** Values of parameters by name. */
export type ParameterValues = ReadonlyMap<string, ParameterValue>

/** A parameter that a file declares. */
export interface Parameter {
  readonly name: string
  readonly type: ParameterType
  readonly default: unknown
  /** Where it is declared. */
  readonly path: Path
}

const expectedOf: Readonly<Record<ParameterType, string>> = {
  text: "a text",
  number: "a number",
  duration: "a duration with a unit, such as 250ms, 10s, 2m or 1h",
  flag: "true or false",
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The parameters that a document declares, as far as they have the right shape. */
export const parametersOf = (values: unknown): ReadonlyArray<Parameter> => {
  const declared = isRecord(values) ? values["parameters"] : undefined
  return (Array.isArray(declared) ? declared : []).flatMap((item: unknown, index): ReadonlyArray<Parameter> => {
    if (!isRecord(item)) return []
    const { name } = item
    const type = parameterTypes.find((known) => known === item["type"])
    return typeof name !== "string" || type === undefined
      ? []
      : [{ name, type, default: item["default"], path: ["parameters", index] }]
  })
}

const isOfType = (type: ParameterType, value: unknown): value is ParameterValue => {
  switch (type) {
    case "number":
      return typeof value === "number" && Number.isFinite(value)
    case "flag":
      return typeof value === "boolean"
    case "duration":
      return typeof value === "string" && parseDuration(value) !== null
    case "text":
      return typeof value === "string"
  }
}

/** What is wrong with the value of a parameter; undefined if nothing is. */
export const valueMistake = (parameter: Parameter, value: unknown, path: Path): Mistake | undefined =>
  isOfType(parameter.type, value)
    ? undefined
    : {
        path,
        atKey: false,
        message: `the parameter ${parameter.name} is ${describe(value)}`,
        expected: expectedOf[parameter.type],
        cure: `it is declared as a ${parameter.type}`,
      }

/** The value of a parameter from the command line; what is no number or flag stays text, for `valueMistake` to tell. */
export const valueFromText = ({ type }: Parameter, text: string): ParameterValue => {
  if (type === "number" && /^-?[0-9]+(\.[0-9]+)?$/u.test(text)) return Number(text)
  if (type === "flag" && (text === "true" || text === "false")) return text === "true"
  return text
}

/** What stands for a value that is wrong: the mistake is told where the value is written, not where it is used. */
const standIn: Readonly<Record<ParameterType, ParameterValue>> = {
  text: "text",
  number: 1,
  duration: "1s",
  flag: false,
}

/** The values of all parameters of a document: those that are given, else the defaults. */
export const valuesOf = (parameters: ReadonlyArray<Parameter>, given: ParameterValues): ParameterValues =>
  new Map(
    parameters.map((parameter): readonly [string, ParameterValue] => {
      const candidates = [given.get(parameter.name), parameter.default]
      const value = candidates.find((candidate) => isOfType(parameter.type, candidate))
      return [parameter.name, isOfType(parameter.type, value) ? value : standIn[parameter.type]]
    }),
  )

const reference = /\$\{([^}]*)\}/gu

/** Replaces the references in the values of a document; says which of them mean nothing. */
export const substitute = (
  values: unknown,
  known: ParameterValues,
): { readonly value: unknown; readonly mistakes: ReadonlyArray<Mistake> } => {
  const mistakes: Array<Mistake> = []
  const look = (name: string, path: Path): ParameterValue => {
    const value = known.get(name)
    if (value !== undefined) return value
    const names = [...known.keys()]
    mistakes.push({
      path,
      atKey: false,
      message: `there is no parameter ${describe(name)}`,
      expected: names.length === 0 ? "a parameter that is declared under parameters" : `one of ${names.join(", ")}`,
      cure: suggest(name, names) || `declare it: parameters: [{name: ${name || "n"}, type: number, default: 3}]`,
    })
    return ""
  }
  const replace = (value: unknown, path: Path): unknown => {
    if (typeof value === "string") {
      if (!value.includes("${")) return value
      const only = /^\$\{([^}]*)\}$/u.exec(value)
      return only === null
        ? value.replaceAll(reference, (_, name: string) => String(look(name, path)))
        : look(only[1] ?? "", path)
    }
    if (Array.isArray(value)) return value.map((item: unknown, index) => replace(item, [...path, index]))
    if (!isRecord(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replace(inner, [...path, key])]))
  }
  return { value: replace(values, []), mistakes }
}
