/**
 * Defects that tests switch on to prove that the simulator would notice them. Nothing but a test provides this
 * reference; without it no defect is active, and a check costs one set lookup.
 */
import * as Context from "effect/Context"

/** Safety mechanisms that can be switched off, by what then happens. */
export const mutations = [
  "drop-source-before-verification",
  "skip-term-check",
  /** Whoever the record counts as in sync is promoted, whatever the others name as their last primary view. */
  "promote-who-is-behind",
  /** An operation may become anything, whatever it is. */
  "ignore-transitions",
  /** Wishes for tables and groups that an operation holds are planned all the same. */
  "ignore-holders",
  /** What is to be approved goes live at once. */
  "skip-approval",
  /** Steps of a paused operation begin all the same. */
  "ignore-pause",
  /** An agent goes on with a step that may have been taken over. */
  "ignore-takeover",
  /** Nodes leave groups without a look at who else leaves. */
  "leave-crosswise",
  /** A minority of the last primary view is promoted. */
  "promote-a-minority",
  /** An agent acts although its coordination cluster does not show a majority of the registered nodes. */
  "act-without-majority",
  /** Steps of a draft begin before the operation is live. */
  "run-drafts",
  /** A write whose outcome is not known counts as done. */
  "trust-lost-answers",
  /** A member leaves before the new wrappers are confirmed everywhere, and the copy that it keeps is not watched. */
  "leave-without-asking",
  /** Shards change their group although wrappers may still show them, and the copies were not compared. */
  "split-under-writers",
  /** A table is attached without looking whether another member has one of that name. */
  "attach-over-copies",
  /** Tables are attached to groups and detached from them while a member is missing. */
  "attach-beside-missing",
  /** Wrappers list new replicas before they are made. */
  "publish-before-verification",
  /** Daemons start as they are, and elect themselves with whatever they have. */
  "start-without-gate",
  /** An agent recovers a coordination cluster that has lost its majority by itself. */
  "recover-unasked",
  /** Whatever bears the name of a dropped table is taken for a wrapper that was left. */
  "drop-any-table",
  /** A DROP that got no answer is sent again, and may take effect long after the step has ended. */
  "repeat-drops",
  /** An agent whose daemon lacks the coordination cluster makes one, with system tables of its own. */
  "make-absent-tables",
  /** A member leaves its group before the record says so. */
  "leave-before-record",
  /** A copy counts as verified without a comparison. */
  "skip-comparison",
  /** An agent does not recall from its disk which epoch and term it has seen. */
  "forget-the-disk",
  /** Members leave by DELETE CLUSTER, which ends the group for all. */
  "delete-to-leave",
  /** A member that is closed until its turn comes, as its daemon starts, counts as shut out for good. */
  "delete-as-it-starts",
  /** The RF of a table changes without the other tables of its groups. */
  "rf-of-some-tables",
] as const
export type Mutation = (typeof mutations)[number]

/** The mechanisms that are switched off. */
export const Mutations = Context.Reference<ReadonlySet<Mutation>>("shardwright/core/Mutations", {
  defaultValue: () => new Set<Mutation>(),
})
