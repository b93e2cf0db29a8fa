/**
 * The little that the engine needs from the disk of its own node: directories for replication clusters below the
 * daemon's data folder, and a memory that survives restarts of the runner.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** A file operation on the own node failed; `message` says which and why. */
export class NodeFilesError extends Schema.TaggedError<NodeFilesError>()("NodeFilesError", {
  message: Schema.String,
}) {}

/** Files of the agent's own node. */
export class NodeFiles extends Context.Service<
  NodeFiles,
  {
    /** Makes the directory of a replication cluster below the data folder; one that exists already is fine. */
    readonly makeClusterDirectory: (name: string) => Effect.Effect<void, NodeFilesError>
    /** The text that was remembered last under a name, or undefined on a fresh disk. */
    readonly recall: (name: string) => Effect.Effect<string | undefined, NodeFilesError>
    /** Remembers a text durably: it is on disk when this returns. */
    readonly remember: (name: string, text: string) => Effect.Effect<void, NodeFilesError>
  }
>()("shardwright/core/NodeFiles") {}
