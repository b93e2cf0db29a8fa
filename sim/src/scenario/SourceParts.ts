/** What the sources of the scenario language are made of: how keys are described, lists, bounds, tables. */
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { Length, oneOf, TableName, Text, Time, whole, Word } from "./ScalarSchemas.ts"

/** Bounds that keep a slip of the finger from filling the memory. */
export const limits = {
  nodes: 200,
  shards: 10_000,
  rf: 16,
  writers: 1_000,
  rows: 1_000,
  threads: 64,
  batch: 100_000,
  count: 1_000_000_000,
} as const

export const described = <S extends Schema.Top>(schema: S, description: string): S["Rebuild"] =>
  schema.annotateKey({ description })
export const optional = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema).annotateKey({ description })
const asList = (found: unknown) =>
  Array.isArray(found)
    ? "write at least one item"
    : found === null
      ? "leave the key out, or write [] for none"
      : "write it as a list: [ … ], or one item a line, each after a dash"
export const listOf = <S extends Schema.Constraint>(item: S, of: string) =>
  Schema.Array(item).annotate({ expected: `a list of ${of}`, cure: asList })
export const someOf = <S extends Schema.Constraint>(item: S, of: string) =>
  Schema.Array(item).check(Schema.isMinLength(1, { expected: `a list of ${of}, at least one`, cure: asList }))

/** Says that the keys of the set exclude each other, and that one of them is needed. */
export const exactlyOne = <const Keys extends ReadonlyArray<string>>(keys: Keys, why: string) =>
  Schema.makeFilter<Readonly<Record<string, unknown>>>(
    (value) => {
      const present = keys.filter((key) => value[key] !== undefined)
      if (present.length === 1) return undefined
      const expected = `exactly one of ${keys.map((key) => `\`${key}\``).join(keys.length === 2 ? " and " : ", ")}`
      return new SchemaIssue.InvalidValue({
        message:
          present.length === 0
            ? `neither ${keys.map((key) => `\`${key}\``).join(" nor ")} is here`
            : `${present.map((key) => `\`${key}\``).join(" and ")} exclude each other`,
        expected,
        cure: why,
      })
    },
    { toJsonSchema: () => ({ oneOf: keys.map((key) => ({ required: [key] })) }) },
  )

export const bound = whole(0, limits.count)
export const bounds = {
  is: optional(bound, "Exactly this many."),
  atLeast: optional(bound, "This many or more."),
  atMost: optional(bound, "This many or fewer."),
}
export const someBound = Schema.makeFilter<{
  readonly is?: unknown
  readonly atLeast?: unknown
  readonly atMost?: unknown
}>(
  (value) => {
    const range = value.atLeast !== undefined || value.atMost !== undefined
    if ((value.is !== undefined) === range) {
      return new SchemaIssue.InvalidValue({
        message: range ? "`is` and a range exclude each other" : "no number is given to compare with",
        expected: "`is`, or `atLeast` or `atMost` or both",
        cure: range ? "leave out `is`, or the range" : "add `is: 4`, `atLeast: 1` or `atMost: 4`",
      })
    }
    const { atLeast, atMost } = value
    if (typeof atLeast === "number" && typeof atMost === "number" && atLeast > atMost) {
      return new SchemaIssue.InvalidValue({
        message: `no number is at least ${atLeast} and at most ${atMost}`,
        expected: "`atLeast` not above `atMost`",
        cure: "exchange the two",
      })
    }
    return undefined
  },
  {
    toJsonSchema: () => ({
      oneOf: [{ required: ["is"] }, { anyOf: [{ required: ["atLeast"] }, { required: ["atMost"] }] }],
    }),
  },
)
export const BoundsSource = Schema.Struct(bounds).check(someBound)

/** A document id. */
export const id = whole(0, Number.MAX_SAFE_INTEGER)

/** Name of a stream of the timeline. */
export const StreamName = Word

export const TableSource = Schema.Struct({
  name: described(TableName, "Name of the table."),
  shards: described(whole(1, limits.shards), "Number of shards."),
  rf: described(whole(1, limits.rf), "Replication factor: copies of each shard, on distinct nodes."),
  structure: optional(Text, "Columns as in CREATE TABLE. Default: title text, v bigint."),
  placement: optional(
    oneOf(["balanced", "buddy"]),
    "How its shards are placed at first: `buddy` as the existing orchestrator does it. Default: balanced.",
  ),
}).annotate({ identifier: "Table", description: "A sharded table." })

const pairOf = <S extends Schema.Constraint>(item: S, expected: string) =>
  Schema.Array(item)
    .check(Schema.isMinLength(2, { expected }), Schema.isMaxLength(2, { expected }))
    .annotate({ expected })

/** Two moments, between which one is drawn. */
export const MomentsSource = pairOf(Time, "two times, such as [10s, 20s]")

/** A length of time, or two between which one is drawn each time. */
export const SpanSource = Schema.Union([Length, pairOf(Length, "two durations, such as [5s, 10s]")]).annotate({
  expected: "a duration such as 10s, or two between which one is drawn: [5s, 10s]",
})
