/**
 * What a run counts and remembers of what happens: figures, the timeline for people, sightings for triggers and
 * expectations. It listens and never acts.
 */
import type { JournalEvent } from "@shardwright/core/Journal"
import type { Sighting } from "../scenario/Scenario.ts"
import { type Counters, resolveSelector } from "./Conditions.ts"
import type { Happening } from "./ScenarioResult.ts"
import type { Simulation } from "./Simulation.ts"

/** Lines of a timeline; a run that has more shows the first and says so. */
const happeningsMax = 4000
/** Bytes of a row, for the estimate of what moves copied. */
const rowBytes = 64

/** A state transfer, with the addresses of the two nodes. */
export interface TransferEvent {
  readonly kind: "transfer"
  readonly state: "started" | "ended"
  readonly cluster: string
  readonly donor: string
  readonly joiner: string
  readonly what: string
  readonly outcome: string
}

/** What a sighting can be of: a word of the engine's journal, or what daemons do. */
export type Said = JournalEvent | TransferEvent

/** The world says `all tables`, the language `all-tables`. */
const dashed = (words: string): string => words.replaceAll(" ", "-")

const isTransfer = (
  { transfer, what, outcome, cluster, node }: Extract<Sighting, { readonly _tag: "TransferSeen" }>,
  event: TransferEvent,
  isNode: (selector: string, address: string) => boolean,
): boolean =>
  event.state === transfer &&
  (what === null || what === dashed(event.what)) &&
  (outcome === null || outcome === dashed(event.outcome)) &&
  (cluster === null || cluster === event.cluster) &&
  (node === null || isNode(node, event.donor) || isNode(node, event.joiner))

/** Whether a word of the journal is what a sighting asks for. */
export const matches = (
  sighting: Sighting,
  event: Said,
  isNode: (selector: string, address: string) => boolean,
): boolean => {
  if (event.kind === "transfer") return sighting._tag === "TransferSeen" && isTransfer(sighting, event, isNode)
  if (sighting.node !== null && !isNode(sighting.node, event.node)) return false
  switch (sighting._tag) {
    case "StepSeen":
      return (
        event.kind === "step" &&
        event.stepKind === sighting.step &&
        event.status === sighting.is &&
        (sighting.undo === null || sighting.undo === event.undo)
      )
    case "OperationSeen":
      return (
        event.kind === "operation" &&
        event.status === sighting.is &&
        (sighting.operation === "any" || sighting.operation === event.operationKind)
      )
    case "LeaderSeen":
      return event.kind === "leader" && event.event === sighting.leader
    case "FindingSeen":
      return event.kind === "finding" && event.code === sighting.finding
    case "TransferSeen":
      return false
  }
}

/** What an event says in one phrase, for counting. */
const phrase = (event: JournalEvent): string => {
  switch (event.kind) {
    case "agent":
    case "leader":
      return `${event.kind} ${event.event}`
    case "operation":
      return `operation ${event.operationKind} ${event.status}`
    case "step":
      return `${event.undo ? "undo " : ""}step ${event.stepKind} ${event.status}`
    case "finding":
      return `finding ${event.code}`
    case "write":
      return `write ${event.event}`
    case "move":
    case "wrapper":
      return event.kind
  }
}

/** Collects what a run has to tell. */
export class Observer {
  readonly counters: Counters = {
    moves: 0,
    bytesMoved: 0,
    rollbacks: 0,
    leaderChanges: 0,
    operationsCompleted: 0,
    operationsFailed: 0,
    stepsDone: 0,
  }
  readonly happenings: Array<Happening> = []
  readonly seen = new Map<string, number>()
  readonly #simulation: Simulation
  #counting = false
  /** When the engine last said or committed something that is more than a sign of life, or a daemon began or ended. */
  lastActivityMicros = 0

  constructor(simulation: Simulation) {
    this.#simulation = simulation
    simulation.onJournal((event) => this.#onJournal(event))
    simulation.onEvent((event) => {
      if (event.kind !== "daemon") return
      // Whoever has just been started has still to see what it missed.
      this.lastActivityMicros = simulation.queue.nowMicros
      if (event.state !== "starting") this.happen("daemon", event.node, `daemon ${event.state}`)
    })
    simulation.state.onRecord((record) => {
      if (record.key !== "lease") this.lastActivityMicros = simulation.queue.nowMicros
    })
  }

  /** Counts from now on: what came before belongs to the set-up. */
  beginCounting(): void {
    this.#counting = true
    this.seen.clear()
  }

  /** Adds a line to the timeline. */
  happen(kind: Happening["kind"], node: string | null, text: string): void {
    if (this.happenings.length < happeningsMax) this.happenings.push({ atMs: this.#simulation.nowMs, kind, node, text })
  }

  /** True if the selector means the node with this address now. */
  readonly isNode = (selector: string, address: string): boolean =>
    resolveSelector(this.#simulation, selector) === this.#simulation.hostOf(address)

  #onJournal(event: JournalEvent): void {
    const node = this.#simulation.hostOf(event.node) ?? event.node
    if (this.#counting) {
      const words = phrase(event)
      this.seen.set(words, (this.seen.get(words) ?? 0) + 1)
      this.#count(event)
    }
    switch (event.kind) {
      case "leader":
        this.happen("leader", node, `${event.event} the lease, term ${event.term}`)
        break
      case "operation":
        this.happen(
          "operation",
          node,
          `${event.operationKind} ${event.operation} ${event.status}${event.detail === "" ? "" : `: ${event.detail}`}`,
        )
        break
      case "step":
        this.lastActivityMicros = this.#simulation.queue.nowMicros
        if (event.status === "failed")
          this.happen(
            "operation",
            node,
            `step ${event.step} ${event.stepKind} of ${event.operation} failed: ${event.detail}`,
          )
        break
      case "move":
        this.happen(
          "move",
          node,
          `${event.group}: ${event.replicas} replicas from ${event.from ?? "nowhere"} to ${event.to}`,
        )
        break
      case "finding":
        this.happen("finding", node, `${event.code}: ${event.detail}`)
        break
      case "agent":
        if (event.event !== "started")
          this.happen("leader", node, `agent ${event.event}${event.detail === "" ? "" : `: ${event.detail}`}`)
        break
      case "wrapper":
      case "write":
        break
    }
  }

  /** About what a new member of a group has received: its rows, at a usual size. */
  #copiedBytes(group: string, to: string): number {
    const host = this.#simulation.hostOf(to)
    if (host === undefined) return 0
    const tables = this.#simulation.world.tables(host).filter((table) => table.cluster === group)
    return tables.reduce((sum, table) => sum + table.rows.size * rowBytes, 0)
  }

  #count(event: JournalEvent): void {
    const { counters } = this
    if (event.kind === "move") {
      counters.moves += event.replicas
      counters.bytesMoved += this.#copiedBytes(event.group, event.to)
    } else if (event.kind === "leader" && event.event === "acquired") counters.leaderChanges++
    else if (event.kind === "step" && event.status === "done") counters.stepsDone++
    else if (event.kind === "operation") {
      if (event.status === "completed") counters.operationsCompleted++
      else if (event.status === "failed" || event.status === "critical_failure") counters.operationsFailed++
      else if (event.status === "rolling-back") counters.rollbacks++
    }
  }
}
