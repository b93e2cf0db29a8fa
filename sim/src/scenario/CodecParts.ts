/** What the parts of the codec share: durations as texts, defaults, and keys that are left out where they say nothing. */
import * as Duration from "effect/Duration"
import type { Span } from "./Fault.ts"
import { durationText, parseDuration } from "./ScalarSchemas.ts"
import type { TableSpec } from "./Scenario.ts"
import type { TableSource } from "./SourceParts.ts"

/** A duration that the schema has let pass. */
export const duration = (text: string): Duration.Duration => parseDuration(text) ?? Duration.zero
export const durationOr = <Otherwise>(text: string | undefined, otherwise: Otherwise): Duration.Duration | Otherwise =>
  text === undefined ? otherwise : duration(text)

/** What is taken where a file says nothing. */
export const defaults = {
  seed: 1,
  coordination: "c",
  weight: 1,
  structure: "title text, v bigint",
  writers: 1,
  every: Duration.millis(50),
  mix: { insert: 80, replace: 10, update: 0, delete: 10 },
  rows: 1,
  timeout: Duration.seconds(15),
  readers: 1,
  readEvery: Duration.millis(200),
  quiesce: Duration.seconds(60),
  until: Duration.minutes(10),
  engine: "shardwright",
  gate: false,
  sqlTimeout: Duration.minutes(2),
  batch: 1000,
  streamTimeout: Duration.seconds(15),
  firstId: 1,
  connections: 1,
  swizzleStep: Duration.seconds(1),
  errno: 1064,
  errorMessage: "fault injected",
} as const

/** `{ [key]: text }`, or nothing where the duration is the default. */
export const unlessTime = <Key extends string>(
  key: Key,
  value: Duration.Duration | null,
  same: Duration.Duration | null,
): { readonly [K in Key]?: string } =>
  unless(key, value === null || (same !== null && Duration.equals(value, same)) ? null : durationText(value), null)

/** `{ [key]: value }`, or nothing where the value is the default. */
export const unless = <Key extends string, Value, Default>(
  key: Key,
  value: Value,
  same: Default,
): { readonly [K in Key]?: Exclude<Value, Default> } => {
  // An object literal with a computed key has the index type of all strings; the key is the one given.
  return (Object.is(value, same) ? {} : { [key]: value }) as { readonly [K in Key]?: Exclude<Value, Default> }
}

export const tableFrom = (source: typeof TableSource.Type): TableSpec => ({
  ...source,
  structure: source.structure ?? defaults.structure,
})

export const tableTo = ({ structure, ...table }: TableSpec): typeof TableSource.Type => ({
  ...table,
  ...unless("structure", structure, defaults.structure),
})

/** A length of time, or two between which one is drawn. */
export const spanFrom = (source: string | ReadonlyArray<string>): Span => {
  const [min, max] = typeof source === "string" ? [source, source] : source
  return { min: duration(min ?? ""), max: duration(max ?? min ?? "") }
}

export const spanTo = ({ min, max }: Span): string | ReadonlyArray<string> =>
  Duration.equals(min, max) ? durationText(min) : [durationText(min), durationText(max)]
