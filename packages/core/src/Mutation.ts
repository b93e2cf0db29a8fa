/**
 * Defects that tests switch on to prove that the simulator would notice them. Nothing but a test provides this
 * reference; without it no defect is active, and a check costs one set lookup.
 */
import * as Context from "effect/Context"

/** A safety mechanism that can be switched off. */
export type Mutation =
  | "drop-source-before-verification"
  | "skip-term-check"
  /** Whoever the record counts as in sync is promoted, whatever the others name as their last primary view. */
  | "promote-who-is-behind"
  /** Steps of a paused operation begin all the same. */
  | "ignore-pause"
  /** A minority of the last primary view is promoted. */
  | "promote-a-minority"

/** The mechanisms that are switched off. */
export const Mutations = Context.Reference<ReadonlySet<Mutation>>("shardwright/core/Mutations", {
  defaultValue: () => new Set<Mutation>(),
})
