/**
 * Watches a run of chaos from inside: which steps were under way when, which operations there were, and interesting states
 * that cannot be told from the figures of the result. It listens and never acts.
 */
import type { JournalEvent } from "@shardwright/core/Journal"
import type { Group, Operation, OperationKind } from "@shardwright/core/State"
import type { CommittedRecord } from "../check/StateWatcher.ts"
import type { Judged } from "../run/Conditions.ts"
import type { ScenarioResult } from "../run/ScenarioResult.ts"
import type { WorldEvent } from "../world/SimulatedCluster.ts"

/** From when to when something lasted, in milliseconds since time zero. */
interface Stretch {
  readonly fromMs: number
  untilMs: number
}

/** States that the journal, the records and the daemons show, and the figures of a result do not. */
export const witnessed = [
  "takeover-during-rebalance",
  "takeover-during-create",
  "bootstrap-by-arbiter",
  "returned-node-cleaned",
  "paused-and-resumed",
  "stopped-now-by-operator",
  "draft-approved",
  "draft-withdrawn",
  "rf1-move-completed",
  "two-operations-at-once",
  "transfer-broken-off",
  "transfer-failed",
] as const
export type Witnessed = (typeof witnessed)[number]

/** Kinds of operations that change where copies are. */
const moving: ReadonlySet<OperationKind> = new Set<OperationKind>(["rebalance", "set-rf", "split", "replace"])
const ended: ReadonlySet<string> = new Set(["completed", "stopped", "failed", "critical_failure"])
const leaving: ReadonlySet<string> = new Set(["ExitGroup", "DropShard"])

/** What was seen. */
export class Witness {
  readonly reached = new Set<Witnessed>()
  /** Operations that have ended. */
  readonly #ended = new Set<string>()
  readonly #live = new Map<string, OperationKind>()
  /** Operations that awaited approval. */
  readonly #drafted = new Set<string>()
  readonly #paused = new Set<string>()
  readonly #resumed = new Set<string>()
  /** Operations that moved a copy by a temporary group. */
  readonly #temporary = new Set<string>()
  /** Addresses that were once given up as members. */
  readonly #exiled = new Set<string>()
  readonly #stopsNow = new Set<string>()
  readonly #underWay = new Map<string, Stretch>()
  readonly #stretches: Array<Stretch> = []
  #inside: Judged | undefined

  /** To be called at time zero. */
  begin(inside: Judged): void {
    this.#inside = inside
    const { simulation } = inside
    simulation.onJournal((event) => this.#onJournal(event, simulation.nowMs))
    simulation.state.onRecord((record) => this.#onRecord(record))
    simulation.onEvent((event) => this.#onEvent(event))
  }

  /** Writes that were acknowledged so far, for tables that are still meant to be there. */
  get acknowledged(): number {
    return [...(this.#inside?.context.clients.values() ?? [])].reduce((sum, model) => sum + model.acknowledged, 0)
  }

  /** Operations that have ended. */
  get operations(): number {
    return this.#ended.size
  }

  /** How many faults there were, and how many of them were in force while a step was under way. */
  faults({ timeline, virtualMs }: ScenarioResult): { readonly faults: number; readonly overlaps: number } {
    for (const key of [...this.#underWay.keys()]) this.#stepEnded(key, virtualMs)
    const stretches = faultStretches(timeline, virtualMs)
    const overlaps = stretches.filter((fault) =>
      this.#stretches.some((step) => step.fromMs <= fault.untilMs && fault.fromMs <= step.untilMs),
    )
    return { faults: stretches.length, overlaps: overlaps.length }
  }

  #onJournal(event: JournalEvent, atMs: number): void {
    if (event.kind === "operation") this.#onOperation(event, atMs)
    else if (event.kind === "step") {
      const key = `${event.operation}/${event.step}`
      if (event.status === "started") {
        if (!this.#underWay.has(key)) this.#underWay.set(key, { fromMs: atMs, untilMs: atMs })
      } else if (event.status !== "retry") this.#stepEnded(key, atMs)
      if (event.status === "done" && leaving.has(event.stepKind) && this.#exiled.has(event.node))
        this.reached.add("returned-node-cleaned")
    }
  }

  #onOperation(event: Extract<JournalEvent, { readonly kind: "operation" }>, atMs: number): void {
    const { operation, operationKind, status, detail } = event
    if (detail.startsWith("adopted from term")) {
      if (operationKind === "rebalance") this.reached.add("takeover-during-rebalance")
      if (operationKind === "create") this.reached.add("takeover-during-create")
    }
    if (status === "paused") this.#paused.add(operation)
    if (status === "running" && this.#paused.has(operation)) this.#resumed.add(operation)
    if (status === "awaiting_approval") this.#drafted.add(operation)
    if (status === "running" && this.#drafted.has(operation)) this.reached.add("draft-approved")
    if (status === "idle" && this.#drafted.has(operation) && !this.#ended.has(operation))
      this.reached.add("draft-withdrawn")
    if (status === "running") {
      this.#live.set(operation, operationKind)
      const layout = [...this.#live.values()].filter((kind) => kind !== "repair")
      if (layout.length > 1) this.reached.add("two-operations-at-once")
    }
    if (!ended.has(status)) return
    this.#live.delete(operation)
    this.#ended.add(operation)
    for (const key of [...this.#underWay.keys()]) if (key.startsWith(`${operation}/`)) this.#stepEnded(key, atMs)
    if (status === "stopped" && this.#stopsNow.has(operation)) this.reached.add("stopped-now-by-operator")
    if (status !== "completed") return
    if (this.#resumed.has(operation)) this.reached.add("paused-and-resumed")
    if (moving.has(operationKind) && this.#temporary.has(operation)) this.reached.add("rf1-move-completed")
  }

  #onRecord({ key, value }: CommittedRecord): void {
    if (key.startsWith("group/")) {
      const group = value as Group // the store writes nothing else under this key
      for (const address of group.exiled) this.#exiled.add(address)
      if (group.status === "temporary" && group.operation !== null) this.#temporary.add(group.operation)
    } else if (key.startsWith("operation/")) {
      const { id, stop } = value as Operation // as above
      if (stop !== null && stop.now && stop.asked) this.#stopsNow.add(id)
    }
  }

  #onEvent(event: WorldEvent): void {
    if (event.kind === "statement" && event.sql.includes("pc.bootstrap")) this.reached.add("bootstrap-by-arbiter")
    if (event.kind !== "transfer" || event.state !== "ended") return
    if (event.outcome === "broken off") this.reached.add("transfer-broken-off")
    if (event.outcome === "failed") this.reached.add("transfer-failed")
  }

  #stepEnded(key: string, atMs: number): void {
    const stretch = this.#underWay.get(key)
    if (stretch === undefined) return
    stretch.untilMs = atMs
    this.#stretches.push(stretch)
    this.#underWay.delete(key)
  }
}

/** When which fault was in force. */
const faultStretches = (timeline: ScenarioResult["timeline"], endMs: number): ReadonlyArray<Stretch> => {
  const stretches: Array<Stretch> = []
  const open = new Map<string, Stretch>()
  for (const { kind, text, atMs } of timeline) {
    if (kind !== "fault") continue
    const what = text.replace(/^end of /, "")
    const begun = [...open.keys()].find((key) => key.startsWith(what))
    if (text.startsWith("end of ")) {
      const stretch = begun === undefined ? undefined : open.get(begun)
      if (begun === undefined || stretch === undefined) continue
      stretch.untilMs = atMs
      open.delete(begun)
    } else {
      const stretch = { fromMs: atMs, untilMs: endMs }
      stretches.push(stretch)
      open.set(what, stretch)
    }
  }
  return stretches
}
