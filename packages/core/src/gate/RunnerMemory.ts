/**
 * What a runner keeps on its own disk, in three texts: what its agent has seen, what its gate has done, and which copies are
 * not to be trusted by their numbers. The first two are written by one of them only; the gate enters copies into the last
 * one before the daemon starts, and the agent while it runs.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { NodeFiles } from "../NodeFiles.ts"

/** What an agent never acts on less than (safety rule 1), and what its gate needs to know whom to ask. */
export const Seen = Schema.Struct({
  epoch: Schema.Int,
  term: Schema.Int,
  /** Registered nodes, as of the epoch. */
  registered: Schema.Array(Schema.String),
  /** Members of the last primary view of the coordination cluster. */
  view: Schema.Array(Schema.String),
})
export type Seen = typeof Seen.Type

const Copy = Schema.Struct({ history: Schema.NullOr(Schema.String), seqno: Schema.NullOr(Schema.Int) })

/** What the gate did at the last start, and what an operator told it. */
export const GateMemory = Schema.Struct({
  /**
   * Clusters that it started the daemon closed in: its files do not know their numbers any more. `yields`: another copy is the one
   * to begin.
   */
  closed: Schema.Record(Schema.String, Schema.Struct({ ...Copy.fields, yields: Schema.optionalKey(Schema.Boolean) })),
  /** An operator's word: whoever is not heard of is not waited for, the next time. */
  overruled: Schema.Boolean,
})
export type GateMemory = typeof GateMemory.Type

/** Copies of this node that are not what their numbers say. */
export const Doubts = Schema.Struct({
  /** Clusters whose copies went through a crash and have not been compared with another one since. */
  unproven: Schema.Array(Schema.String),
  /** Those of them that were found to lack rows, and are made anew at the next start. */
  anew: Schema.Array(Schema.String),
})
export type Doubts = typeof Doubts.Type

/** What a fresh disk remembers. */
export const nothingSeen: Seen = { epoch: 0, term: 0, registered: [], view: [] }
const nothingDone: GateMemory = { closed: {}, overruled: false }
const noDoubts: Doubts = { unproven: [], anew: [] }

const recall = <A>(
  files: NodeFiles["Service"],
  name: "seen" | "gate" | "doubts",
  schema: Schema.Codec<A>,
  otherwise: A,
) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema))
  return Effect.map(Effect.result(files.recall(name)), (recalled) =>
    recalled._tag === "Success" && recalled.success !== undefined
      ? Option.getOrElse(decode(recalled.success), () => otherwise)
      : otherwise,
  )
}

/** What the agent of this node has seen; nothing on a fresh disk. */
export const recallSeen = (files: NodeFiles["Service"]): Effect.Effect<Seen> => recall(files, "seen", Seen, nothingSeen)

/** Writes down what the agent has seen. */
export const rememberSeen = (files: NodeFiles["Service"], seen: Seen) => files.remember("seen", JSON.stringify(seen))

/** What the gate of this node did and was told; nothing on a fresh disk. */
export const recallGate = (files: NodeFiles["Service"]): Effect.Effect<GateMemory> =>
  recall(files, "gate", GateMemory, nothingDone)

/** Writes down what the gate did or was told. */
export const rememberGate = (files: NodeFiles["Service"], memory: GateMemory) =>
  files.remember("gate", JSON.stringify(memory))

/** Which copies of this node are not to be trusted; none on a fresh disk. */
export const recallDoubts = (files: NodeFiles["Service"]): Effect.Effect<Doubts> =>
  recall(files, "doubts", Doubts, noDoubts)

/** Writes down which copies are not to be trusted. */
export const rememberDoubts = (files: NodeFiles["Service"], doubts: Doubts) =>
  files.remember("doubts", JSON.stringify(doubts))
