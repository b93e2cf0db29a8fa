/**
 * What the leader works with in one look, and what it remembers between looks.
 */
import * as Effect from "effect/Effect"
import type { EngineConfig } from "../EngineConfig.ts"
import type { Finding } from "../Findings.ts"
import { journal } from "../Journal.ts"
import type { IllegalTransition } from "../operation/transitions.ts"
import type { Presence } from "../plan/Plan.ts"
import type { Operation, OperationStatus } from "../State.ts"
import type { Conflict, StateStore, StoreUnavailable } from "../StateStore.ts"
import { isSameView, type View } from "../View.ts"

/** What decisions are made on. */
export interface Facts {
  readonly view: View
  readonly presence: Presence
}

/** True if nothing has changed but signs of life: what was decided on one would be decided on the other. */
export const isSame = (before: Facts | undefined, { view, presence }: Facts): boolean =>
  before !== undefined &&
  isSameView(before.view, view) &&
  before.presence.away === presence.away &&
  before.presence.lost === presence.lost &&
  before.presence.runnerless === presence.runnerless &&
  before.presence.damped === presence.damped

/** What a leader remembers between looks; a new leader begins without it. */
export class LeaderMemory {
  #sequence = 0
  /** Since when groups have had no primary, in milliseconds of the own clock. */
  readonly withoutPrimarySinceMs = new Map<string, number>()
  /** Since when members have looked left behind, by group and node. */
  readonly behindSinceMs = new Map<string, number>()
  /** Since when the steps of an operation have not changed. */
  readonly progress = new Map<string, { readonly mark: string; readonly sinceMs: number }>()
  /** What the tables of the existing orchestrator showed last, and since when they have shown it. */
  oldOrchestrator: { readonly mark: string; readonly sinceMs: number } | undefined
  /** What is amiss, since when, and whether it was told. */
  readonly findings = new Map<string, { readonly sinceMs: number; readonly told: boolean }>()
  #convergeAfterMs = 0
  #cleanUpAfterMs: number | undefined
  /** Facts on which the layout last needed no change. */
  settled: Facts | undefined
  /** What was last found to be amiss, and on which facts. */
  diagnosis: { readonly facts: Facts; readonly found: ReadonlyMap<string, Finding> } | undefined

  /** A name for a new operation, never used before: terms are not repeated, and neither are numbers in a term. */
  nextOperation(term: number): string {
    this.#sequence += 1
    return `${term}_${this.#sequence}`
  }

  /** True if it is time to delete old records; a new leader waits for a whole interval first. */
  dueForCleanUp(nowMs: number, intervalMs: number): boolean {
    const isDue = this.#cleanUpAfterMs !== undefined && nowMs >= this.#cleanUpAfterMs
    if (isDue || this.#cleanUpAfterMs === undefined) this.#cleanUpAfterMs = nowMs + intervalMs
    return isDue
  }

  /** True if it is time to look for changes that nobody asked for; the next look is some time later. */
  dueForConverge(nowMs: number, pauseMs: number): boolean {
    if (nowMs < this.#convergeAfterMs) return false
    this.#convergeAfterMs = nowMs + pauseMs
    return true
  }
}

/** What the leader works with in one look. */
export interface LeaderContext {
  readonly node: string
  readonly term: number
  readonly config: EngineConfig
  readonly store: StateStore["Service"]
  readonly memory: LeaderMemory
  readonly presence: Presence
  /** False once the lease may have run out: nothing is written after that. */
  readonly holdsLease: Effect.Effect<boolean>
  /** As `holdsLease`, and renews the lease in good time: for work that takes longer than it lasts. */
  readonly keepLease: Effect.Effect<boolean, Conflict | StoreUnavailable>
}

/** What a look may end with; the next one begins anew. */
export type LeaderError = Conflict | StoreUnavailable | IllegalTransition

/** Journals what became of an operation. */
export const say = (
  context: LeaderContext,
  operation: Operation,
  status: OperationStatus | "rolling-back",
  detail = "",
) =>
  journal({
    kind: "operation",
    node: context.node,
    operation: operation.id,
    operationKind: operation.kind,
    status,
    term: context.term,
    detail: detail === "" ? operation.reason : detail,
  })
