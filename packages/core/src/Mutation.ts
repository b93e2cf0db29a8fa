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
  /** A daemon that starts is told of nobody but whom its runner heard, and members leave by what their own view says. */
  "rejoin-through-who-leaves",
  /** A copy that went through a crash is what its number says. */
  "trust-crashed-copies",
  /** Wrappers go on listing a node in maintenance. */
  "show-who-rests",
  /** The RF of a table changes without the other tables of its groups. */
  "rf-of-some-tables",
  // Defects of the existing orchestrator, in their essence; docs/TESTING.md says by what each is found.
  /** The layout is made anew for the nodes that are there, instead of moving as little as possible. */
  "d01-layout-made-anew",
  /** Whether a statement took effect is looked for where nothing is ever found. */
  "d02-blind-checks",
  /** A step that was tried ten times counts as done. */
  "d03-skipped-after-ten-tries",
  /** Only what the leader's own node did is rolled back, of the first 20 steps. */
  "d05-rollback-at-home",
  /** A step that waits counts as done for those that follow it. */
  "d06-purged-is-done",
  /** A step that was tried ten times has failed for good. */
  "d07-fails-after-ten-tries",
  /** While one step of a node waits, it begins no other. */
  "d08-blocked-by-the-first",
  /** Each agent numbers its terms by itself: the order of what two leaders do is lost. */
  "d09-terms-of-its-own",
  /** Who is there counts as dealt with, whether or not anything could be planned. */
  "d11-topology-dealt-with",
  /** A group that has lost several members gets one replacement. */
  "d12-one-replacement",
  /** As many copies as are seen are as many as there shall be. */
  "d13-rf-as-seen",
  /** A wrapper that could not be created counts as shown. */
  "d14-errors-are-done",
  /** A creation that fails while its steps are carried out is not rolled back. */
  "d15-no-rollback",
  /** Whoever is there without primary is promoted at once. */
  "d17-bootstrap-at-once",
  /** Wrappers are dropped on all nodes, then created anew. */
  "d18-wrappers-dropped-first",
  /** A node that carries no shard of a table gets no wrapper of it. */
  "d19-no-shards-no-wrapper",
  /** An operation counts as completed although its last step was not done. */
  "d20-last-step-forgotten",
  /** Shards are detached from their group and attached to another while clients write to them. */
  "d21-detach-then-attach",
  /** A record is replaced whatever it says, and errors are swallowed. */
  "d22-set-without-condition",
  /** Temporary groups count as left over, also while they are needed. */
  "d23-temporary-is-orphaned",
  /** Strings get into SQL as they are. */
  "d24-strings-as-they-are",
  /** Records are listed without LIMIT: the server answers 20. */
  "d25-twenty-rows",
  /** Who is away is given up at once. */
  "d26-no-grace-period",
  /** A group for each set of nodes that carries a shard. */
  "d27-group-for-each-set",
  /** Names of groups come back. */
  "d29-names-come-back",
  /** Tables that a JOIN will bring are left there, or made, before it. */
  "d31-tables-before-join",
  /** The system tables are in no cluster. */
  "d32-records-in-no-cluster",
] as const
export type Mutation = (typeof mutations)[number]

/** The mechanisms that are switched off. */
export const Mutations = Context.Reference<ReadonlySet<Mutation>>("shardwright/core/Mutations", {
  defaultValue: () => new Set<Mutation>(),
})
