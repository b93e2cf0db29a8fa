/**
 * Interesting states: chaos that never reaches one of them proves nothing about it. Each is counted at most once a run.
 */
import type { ScenarioResult } from "../run/ScenarioResult.ts"
import { witnessed, type Witness } from "./Witness.ts"

type Reached = (result: ScenarioResult) => boolean

const said =
  (...phrases: ReadonlyArray<string>): Reached =>
  (result) =>
    phrases.some((phrase) => (result.seen[phrase] ?? 0) > 0)
const acted =
  (pattern: RegExp): Reached =>
  (result) =>
    result.timeline.some(
      (happening) => happening.atMs > 0 && happening.kind === "fault" && pattern.test(happening.text),
    )

/** What the result of a run shows. */
const shown: Readonly<Record<string, Reached>> = {
  "leader-changed": (result) => result.stats.leaderChanges > 0,
  "replica-moved": (result) => result.stats.moves > 0,
  "create-completed": said("operation create completed"),
  "drop-completed": said("operation drop completed"),
  "rebalance-completed": said("operation rebalance completed"),
  "repair-completed": said("operation repair completed"),
  "set-rf-completed": said("operation set-rf completed"),
  "split-completed": said("operation split completed"),
  "replace-completed": said("operation replace completed"),
  "adopt-completed": said("operation adopt completed"),
  "draft-awaited-approval": (result) =>
    Object.keys(result.seen).some((phrase) => phrase.startsWith("operation ") && phrase.endsWith(" awaiting_approval")),
  "node-in-maintenance": (result) =>
    result.timeline.some(({ kind, text }) => kind === "act" && text.startsWith("maintain ")),
  "random-core": (result) => result.timeline.some(({ kind, text }) => kind === "phase" && text.startsWith("only ")),
  "group-promoted": said("step PromoteGroup done"),
  "member-verified": said("step VerifyReplica done"),
  "rollback-executed": (result) =>
    Object.keys(result.seen).some((phrase) => phrase.startsWith("undo step ") && phrase.endsWith(" done")),
  "operation-stopped": (result) =>
    Object.keys(result.seen).some((phrase) => phrase.startsWith("operation ") && phrase.endsWith(" stopped")),
  "operation-paused": (result) =>
    Object.keys(result.seen).some((phrase) => phrase.startsWith("operation ") && phrase.endsWith(" paused")),
  "step-retried": (result) =>
    Object.keys(result.seen).some((phrase) => phrase.startsWith("step ") && phrase.endsWith(" retry")),
  "step-failed": (result) =>
    Object.keys(result.seen).some((phrase) => phrase.startsWith("step ") && phrase.endsWith(" failed")),
  "fenced-write-refused": said("write fenced"),
  "unknown-outcome-stored": said("write unknown-stored"),
  "unknown-outcome-absent": said("write unknown-absent"),
  "daemon-restarted-by-agent": said("finding daemon-restarted"),
  "agent-waited": said("agent waiting"),
  "write-refused": (result) => result.stats.refused > 0,
  "write-unknown": (result) => result.stats.unknown > 0,
  "agent-killed": acted(/^kill (agent|host)/),
  "agent-stopped": acted(/^stop (agent|host)/),
  "agent-paused": acted(/^pause (agent|host)/),
  "daemon-killed": acted(/^kill (daemon|host)/),
  "daemon-stopped": acted(/^stop (daemon|host)/),
  "daemon-paused": acted(/^pause (daemon|host)/),
  "cold-start": acted(/^(kill|stop) \w+ of all/),
  "start-waited": said("finding start-waits"),
  "group-begun": said("finding start-begin"),
  "group-closed": said("finding start-close"),
  "donor-killed": acted(/^kill \w+ of donor/),
  "joiner-killed": acted(/^kill \w+ of joiner/),
  "network-partitioned": acted(/^partition/),
  "link-cut": acted(/^cut \S+ and (?!mend)/),
  "link-cut-one-way": acted(/^cut \S+ to/),
  "link-flapping": acted(/^cut and mend/),
  "network-ring": acted(/^ring/),
  "network-swizzled": acted(/^swizzle/),
  "link-bad": acted(/^link/),
  "statements-slow": acted(/^slow/),
  "statements-refused": acted(/^error/),
  "connections-broken": acted(/^disconnect/),
  "replies-lost": acted(/^lose/),
  "disk-full": acted(/^disk full/),
  "disk-slow": acted(/^disk slow/),
  "transfers-slow": acted(/^transfers \d/),
  "transfers-failing": acted(/^transfers fail/),
  "ports-exhausted": acted(/replication ports on/),
  "server-id-shared": acted(/^server_id/),
  "clock-jumped": acted(/^clock of .* jumps/),
  "clock-skewed": acted(/^clock of .* runs/),
}

/** Every state with a count of zero, so that one that is never reached shows. */
export const noSometimes: Readonly<Record<string, number>> = Object.fromEntries(
  [...Object.keys(shown), ...witnessed, "fault-during-step"].map((name) => [name, 0]),
)

/** Which states a run reached: 1 or 0 each. `overlaps`: faults that met a step. */
export const sometimesOf = (
  result: ScenarioResult,
  witness: Witness,
  overlaps: number,
): Readonly<Record<string, number>> => ({
  ...Object.fromEntries(Object.entries(shown).map(([name, reached]) => [name, reached(result) ? 1 : 0])),
  ...Object.fromEntries(witnessed.map((name) => [name, witness.reached.has(name) ? 1 : 0])),
  "fault-during-step": overlaps > 0 ? 1 : 0,
})
