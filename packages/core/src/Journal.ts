/**
 * What the engine says about itself while it works: one event per decision or step, for logs, progress, metrics and
 * the simulator's trace. Events describe, they never steer: nothing in the engine reads them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { OperationKind, OperationStatus, StepStatus } from "./State.ts"
import type { StepKind } from "./step/Step.ts"

/** One event; `node` is the node of the agent that says it. */
export type JournalEvent =
  | {
      readonly kind: "agent"
      readonly node: string
      readonly event: "started" | "waiting" | "acting"
      readonly detail: string
    }
  | {
      readonly kind: "leader"
      readonly node: string
      readonly event: "acquired" | "lost" | "released"
      readonly term: number
    }
  | {
      readonly kind: "operation"
      readonly node: string
      readonly operation: string
      readonly operationKind: OperationKind
      readonly status: OperationStatus | "rolling-back"
      readonly term: number
      readonly detail: string
    }
  | {
      readonly kind: "step"
      readonly node: string
      readonly operation: string
      readonly step: number
      readonly stepKind: StepKind
      /** The group or the table that it is about; null: neither, or more than one. */
      readonly subject: string | null
      readonly status: StepStatus | "started" | "retry"
      readonly term: number
      readonly undo: boolean
      readonly detail: string
    }
  | {
      readonly kind: "move"
      readonly node: string
      readonly group: string
      readonly from: string | null
      readonly to: string
      readonly replicas: number
      readonly rows: number
    }
  | { readonly kind: "wrapper"; readonly node: string; readonly table: string; readonly version: number }
  /** How a write of a record ended that did not simply succeed: see `StateStore`. */
  | { readonly kind: "write"; readonly node: string; readonly key: string; readonly event: WriteEvent }
  | { readonly kind: "finding"; readonly node: string; readonly code: string; readonly detail: string }

/**
 * `unknown-stored`: its answer was lost and it had taken effect. `unknown-absent`: it had not, and is sent again.
 * `fenced`: refused, because a leader of a later term had written the record.
 */
export type WriteEvent = "unknown-stored" | "unknown-absent" | "fenced"

/** Where events go; silent by default. */
export const Journal = Context.Reference<{ readonly write: (event: JournalEvent) => void }>(
  "shardwright/core/Journal",
  {
    defaultValue: () => ({ write: () => undefined }),
  },
)

/** Writes one event. */
export const journal = (event: JournalEvent): Effect.Effect<void> =>
  Effect.map(Effect.service(Journal), (log) => log.write(event))
