/**
 * Files that include others: their blocks are put together to the values of one document, and each value keeps the way
 * back to the file and the place where it is written. Reading files is for the caller.
 */
import * as NodePath from "node:path"
import * as Result from "effect/Result"
import {
  parametersOf,
  type ParameterValue,
  type ParameterValues,
  substitute,
  valueFromText,
  valueMistake,
  valuesOf,
} from "./Parameters.ts"
import { describe, type Mistake, type Path } from "./SchemaProblems.ts"
import { suggest } from "./Suggestion.ts"
import { YamlDocument } from "./YamlDocument.ts"

/** Blocks that a file takes over from those that it includes, before its own. */
const listBlocks: ReadonlyArray<Path> = [
  ["tables"],
  ["workloads"],
  ["timeline"],
  ["expect", "eventually"],
  ["expect", "always"],
  ["expect", "final"],
  ["expect", "sometimes"],
  ["expect", "never"],
]
/** Mappings whose keys are taken over unless the file has them itself. */
const mappingBlocks: ReadonlyArray<Path> = [["settings"], ["expect", "thresholds"]]
/** What a file that is included may say. */
const pieceKeys = [
  "shardwright",
  "about",
  "parameters",
  "include",
  "settings",
  "tables",
  "workloads",
  "timeline",
  "expect",
]

/** A document with the file that it came from. */
export interface Source {
  readonly file: string
  readonly document: YamlDocument
}

/** A mistake with the document that it is in. */
export interface PlacedMistake {
  readonly source: Source
  readonly mistake: Mistake
}

/** Values that come from several documents. */
export interface Composed {
  readonly value: Readonly<Record<string, unknown>>
  readonly mistakes: ReadonlyArray<PlacedMistake>
  /** Syntax mistakes of the files that are included, too. */
  readonly included: ReadonlyArray<Source>
  /** Names of the parameters of the file itself. */
  readonly parameters: ReadonlyArray<string>
  /** Where a value is written. */
  readonly place: (path: Path) => Origin
}

/** Reads a file; the failure says why it cannot be read. */
export type Read = (file: string) => Result.Result<string, string>

/** How a document is composed. */
export interface ComposeOptions {
  readonly read: Read
  /** Values of its parameters, as texts from the command line or as they are given by the file that includes it. */
  readonly given: ParameterValues
  /** Whether the given values are texts that become what the parameter is. */
  readonly fromTexts: boolean
}

type Values = Readonly<Record<string, unknown>>

export const isMapping = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((inner, key) => (isMapping(inner) ? inner[String(key)] : undefined), value)

/** The mapping with another value at the path. */
const put = (value: Values, [key, ...rest]: Path, inner: unknown): Values => {
  if (key === undefined) return value
  const own = value[String(key)]
  return { ...value, [String(key)]: rest.length === 0 ? inner : put(isMapping(own) ? own : {}, rest, inner) }
}

const listAt = (value: unknown, path: Path): ReadonlyArray<unknown> => {
  const found = at(value, path)
  return Array.isArray(found) ? found : []
}

const keyOf = (path: Path): string => JSON.stringify(path)

/** A place in a document. */
export interface Origin {
  readonly source: Source
  readonly path: Path
}

interface Piece {
  readonly source: Source
  readonly value: Values
  /** For each item or key that may come from elsewhere: where it is written. */
  readonly origins: ReadonlyMap<string, Origin>
}

class Composer {
  readonly mistakes: Array<PlacedMistake> = []
  readonly included: Array<Source> = []
  readonly #read: Read

  constructor(read: Read) {
    this.#read = read
  }

  compose(source: Source, raw: Values, options: ComposeOptions, above: ReadonlyArray<string>): Piece {
    const parameters = parametersOf(raw)
    for (const parameter of parameters)
      this.#say(source, valueMistake(parameter, parameter.default, [...parameter.path, "default"]))
    const given = new Map<string, ParameterValue>()
    for (const parameter of parameters) {
      const value = options.given.get(parameter.name)
      if (value === undefined) continue
      const meant = options.fromTexts ? valueFromText(parameter, String(value)) : value
      if (options.fromTexts) this.#say(source, valueMistake(parameter, meant, parameter.path))
      given.set(parameter.name, meant)
    }
    const { value, mistakes } = substitute(raw, valuesOf(parameters, given))
    for (const mistake of mistakes) this.#say(source, mistake)
    const own = isMapping(value) ? value : {}
    const pieces = this.#includes(source, own, above)
    return this.#merge(source, own, pieces)
  }

  #say(source: Source, mistake: Mistake | undefined): void {
    if (mistake !== undefined) this.mistakes.push({ source, mistake })
  }

  #includes(source: Source, own: Values, above: ReadonlyArray<string>): ReadonlyArray<Piece> {
    const include = own["include"]
    const items: ReadonlyArray<unknown> = Array.isArray(include) ? include : []
    return items.flatMap((item, index): ReadonlyArray<Piece> => {
      const path: Path = ["include", index]
      const name = isMapping(item) ? item["file"] : item
      // Another shape is told by the schema.
      if (typeof name !== "string") return []
      const given = isMapping(item) && isMapping(item["with"]) ? item["with"] : {}
      return this.#include(source, isMapping(item) ? [...path, "file"] : path, name, [...path, "with"], given, above)
    })
  }

  #include(
    source: Source,
    path: Path,
    name: string,
    withPath: Path,
    given: Values,
    above: ReadonlyArray<string>,
  ): ReadonlyArray<Piece> {
    const file = NodePath.join(NodePath.dirname(source.file), name)
    const wrong = (message: string, cure: string): ReadonlyArray<Piece> => {
      const expected = "the path of a file of blocks, from the folder of this file"
      this.#say(source, { path, atKey: false, message, expected, cure })
      return []
    }
    const chain = [...above, NodePath.normalize(source.file)]
    if (chain.includes(file))
      return wrong(`${name} is included by itself: ${[...chain, file].join(" > ")}`, "take it away")
    const text = this.#read(file)
    if (Result.isFailure(text)) return wrong(`${file} cannot be read: ${text.failure}`, "check the path")
    const inner: Source = { file, document: new YamlDocument(text.success) }
    this.included.push(inner)
    const value = inner.document.values?.value
    if (!isMapping(value)) {
      if (inner.document.values !== null)
        wrong(`${file} is ${describe(value)}`, "begin it with `timeline:`, for example")
      return []
    }
    for (const key of Object.keys(value).filter((it) => !pieceKeys.includes(it))) {
      this.#say(inner, {
        path: [key],
        atKey: true,
        message: `\`${key}\` has no place in a file that is included`,
        expected: `the keys ${pieceKeys.join(", ")}`,
        cure: suggest(key, pieceKeys) || "write it in the file that includes this one",
      })
    }
    const values = this.#given(source, inner, value, given, withPath)
    return [this.compose(inner, value, { read: this.#read, given: values, fromTexts: false }, chain)]
  }

  /** What `with` gives the parameters of a file. */
  #given(source: Source, inner: Source, value: Values, given: Values, path: Path): ParameterValues {
    const parameters = parametersOf(value)
    const values = new Map<string, ParameterValue>()
    for (const [name, wanted] of Object.entries(given)) {
      const parameter = parameters.find((it) => it.name === name)
      const mistake =
        parameter === undefined
          ? {
              path: [...path, name],
              atKey: true,
              message: `${inner.file} has no parameter ${describe(name)}`,
              expected:
                parameters.length === 0 ? "no parameters" : `one of ${parameters.map((it) => it.name).join(", ")}`,
              cure: suggest(
                name,
                parameters.map((it) => it.name),
              ),
            }
          : valueMistake(parameter, wanted, [...path, name])
      this.#say(source, mistake)
      if (
        mistake === undefined &&
        (typeof wanted === "string" || typeof wanted === "number" || typeof wanted === "boolean")
      )
        values.set(name, wanted)
    }
    return values
  }

  /** The blocks of the pieces, then those of the file. */
  #merge(source: Source, own: Values, pieces: ReadonlyArray<Piece>): Piece {
    if (pieces.length === 0) return { source, value: own, origins: new Map() }
    const origins = new Map<string, Origin>()
    let value = own
    for (const block of listBlocks) {
      // What is no list is told by the schema.
      if (at(own, block) !== undefined && !Array.isArray(at(own, block))) continue
      const merged: Array<unknown> = []
      for (const piece of pieces) {
        listAt(piece.value, block).forEach((item, index) => {
          origins.set(keyOf([...block, merged.length]), this.#origin(piece, [...block, index]))
          merged.push(item)
        })
      }
      if (merged.length === 0) continue
      listAt(own, block).forEach((item, index) => {
        origins.set(keyOf([...block, merged.length]), { source, path: [...block, index] })
        merged.push(item)
      })
      value = put(value, block, merged)
    }
    for (const block of mappingBlocks) {
      for (const piece of pieces) {
        const inner = at(piece.value, block)
        for (const [key, wanted] of Object.entries(isMapping(inner) ? inner : {})) {
          const path = [...block, key]
          if (at(value, path) !== undefined) continue
          origins.set(keyOf(path), this.#origin(piece, path))
          value = put(value, path, wanted)
        }
      }
    }
    return { source, value, origins }
  }

  #origin(piece: Piece, path: Path): Origin {
    return piece.origins.get(keyOf(path)) ?? { source: piece.source, path }
  }
}

/** Puts the values of a document together with those of the files that it includes. */
export const compose = (source: Source, values: Values, options: ComposeOptions): Composed => {
  const composer = new Composer(options.read)
  const { value, origins } = composer.compose(source, values, options, [])
  return {
    value,
    mistakes: composer.mistakes,
    included: composer.included,
    parameters: parametersOf(values).map(({ name }) => name),
    place: (path) => {
      for (let length = Math.min(3, path.length); length > 0; length--) {
        const origin = origins.get(keyOf(path.slice(0, length)))
        if (origin !== undefined) return { source: origin.source, path: [...origin.path, ...path.slice(length)] }
      }
      return { source, path }
    },
  }
}
