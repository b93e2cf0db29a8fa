/**
 * The defects of the existing orchestrator, by which switch each is rebuilt, and what finds it: a scenario in which the checker
 * reports it, or in which an expectation fails.
 */
import type { Mutation } from "@shardwright/core/Mutation"

/** One defect. */
export interface Defect {
  readonly number: string
  readonly mutation: Mutation
  readonly scenario: string
  /** A checker, or the beginning of an expectation. */
  readonly by: string
}

const defect = (number: string, mutation: Mutation, scenario: string, by: string): Defect => ({
  number,
  mutation,
  scenario,
  by,
})

export const defects: ReadonlyArray<Defect> = [
  defect("D01", "d01-layout-made-anew", "d01-minimum-of-moves", "needed-moves"),
  defect("D02", "d02-blind-checks", "d02-success-without-an-answer", "quiescence"),
  defect("D03", "d03-skipped-after-ten-tries", "d07-long-transient-fault", "step-effects"),
  defect("D04", "run-drafts", "d04-leader-dies-while-it-drafts", "live-operation"),
  defect("D05", "d05-rollback-at-home", "d05-rollback-on-all-nodes", "wrapper-completeness"),
  defect("D06", "d06-purged-is-done", "d06-steps-of-an-operation-that-is-over", "step-order"),
  defect("D07", "d07-fails-after-ten-tries", "d07-long-transient-fault", "never: step JoinGroup failed"),
  defect("D08", "d08-blocked-by-the-first", "waiting-steps-take-no-place", "quiescence"),
  defect("D09", "d09-terms-of-its-own", "d09-clocks-that-disagree", "one-leader-per-term"),
  defect("D10", "skip-term-check", "r02-leader-that-was-replaced", "old-term"),
  defect("D11", "d11-topology-dealt-with", "d11-second-failure", "replication-factor"),
  defect("D12", "d12-one-replacement", "d11-second-failure", "replication-factor"),
  defect("D13", "d13-rf-as-seen", "d13-degraded-then-a-new-node", "replication-factor"),
  defect("D14", "d14-errors-are-done", "d14-wrapper-that-is-refused", "wrapper-completeness"),
  defect("D15", "d15-no-rollback", "d05-rollback-on-all-nodes", "wrapper-completeness"),
  defect("D16", "drop-any-table", "d16-plain-table-of-a-dropped-name", "user-tables-untouched"),
  defect("D17", "d17-bootstrap-at-once", "majority-on-the-other-side", "lost-write"),
  defect("D18", "d18-wrappers-dropped-first", "u15-new-node-gets-shards", "wrapper-outage"),
  defect("D19", "d19-no-shards-no-wrapper", "d19-node-without-shards", "wrapper-completeness"),
  defect("D20", "d20-last-step-forgotten", "d20-last-step-and-a-dead-leader", "completion"),
  defect("D21", "d21-detach-then-attach", "split", "silent-partial-read"),
  defect("D22", "d22-set-without-condition", "d22-writes-of-records-without-an-answer", "compare-and-set"),
  defect("D23", "d23-temporary-is-orphaned", "d23-long-move-of-a-single-copy", "quiescence"),
  defect("D24", "d24-strings-as-they-are", "u15-new-node-gets-shards", "set-up"),
  defect("D25", "d25-twenty-rows", "d25-more-than-twenty-of-everything", "set-up"),
  defect("D26", "d26-no-grace-period", "u32-short-outages-move-nothing", "grace-period"),
  defect("D27", "d27-group-for-each-set", "d27-few-ports", "check table t is ready at 45000 ms"),
  defect("D28", "ignore-pause", "pause-resume", "pause-holds"),
  defect("D29", "d29-names-come-back", "d29-names-never-come-back", "fresh-names"),
  defect("D30", "delete-to-leave", "r13-leaves-by-exit", "group-statements"),
  defect("D31", "d31-tables-before-join", "d31-crash-after-a-copy", "group-statements"),
  defect("D32", "d32-records-in-no-cluster", "d32-one-node", "one-leader-per-term"),
]
