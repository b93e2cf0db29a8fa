/**
 * Interesting states: chaos that never reaches one of them proves nothing about it. Each is counted at most once a run.
 */
import type { ScenarioResult } from "../run/ScenarioResult.ts"

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

/** By name, whether a run reached the state. */
const states: Readonly<Record<string, Reached>> = {
  "leader-changed": (result) => result.stats.leaderChanges > 0,
  "replica-moved": (result) => result.stats.moves > 0,
  "rebalance-completed": said("operation rebalance completed"),
  "create-completed": said("operation create completed"),
  "drop-completed": said("operation drop completed"),
  "repair-completed": said("operation repair completed"),
  "group-promoted": said("step PromoteGroup done"),
  "rollback-executed": (result) => result.stats.rollbacks > 0,
  "operation-stopped": said(
    "operation create stopped",
    "operation rebalance stopped",
    "operation drop stopped",
    "operation repair stopped",
  ),
  "step-retried": (result) =>
    Object.keys(result.seen).some((phrase) => phrase.startsWith("step ") && phrase.endsWith(" retry")),
  "step-failed": (result) =>
    Object.keys(result.seen).some((phrase) => phrase.startsWith("step ") && phrase.endsWith(" failed")),
  "write-refused": (result) => result.stats.refused > 0,
  "write-unknown": (result) => result.stats.unknown > 0,
  "agent-killed": acted(/^kill (agent|host)/),
  "agent-paused": acted(/^pause agent/),
  "daemon-killed": acted(/^kill (daemon|host)/),
  "daemon-paused": acted(/^pause daemon/),
  "network-cut": acted(/^(partition|cut)/),
  "statements-slow": acted(/^slow/),
  "fault-during-operation": (result) => faultMeetsOperation(result),
}

/** True if a fault began between the start and the end of some operation. */
const faultMeetsOperation = (result: ScenarioResult): boolean => {
  let running = 0
  for (const { kind, text, atMs } of result.timeline) {
    if (kind === "operation" && / running(:|$)/.test(text)) running++
    else if (kind === "operation" && / (completed|stopped|failed|critical_failure)(:|$)/.test(text)) running--
    else if (
      kind === "fault" &&
      running > 0 &&
      atMs > 0 &&
      !text.startsWith("heal") &&
      !text.startsWith("restart") &&
      !text.startsWith("resume")
    )
      return true
  }
  return false
}

/** Every state with a count of zero, so that one that is never reached shows. */
export const noSometimes: Readonly<Record<string, number>> = Object.fromEntries(
  Object.keys(states).map((name) => [name, 0]),
)

/** Which states a run reached: 1 or 0 each. */
export const sometimesOf = (result: ScenarioResult): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(states).map(([name, reached]) => [name, reached(result) ? 1 : 0]))
