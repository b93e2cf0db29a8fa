/**
 * Carries out the timeline of a scenario: waits for each entry's moment, finds out which node it means, and acts.
 */
import type { JournalEvent } from "@shardwright/core/Journal"
import * as Duration from "effect/Duration"
import { type Act, type Part, partitionGroups, type TimelineEntry } from "../scenario/Scenario.ts"
import { type Judged, judge, resolveSelector } from "./Conditions.ts"
import { describeAct, describeTrigger } from "./describe.ts"
import type { ExpectationTracker } from "./Expectations.ts"
import { matches, type Observer } from "./Observer.ts"
import type { Operators } from "./Operators.ts"
import { createWish } from "./Setup.ts"
import type { Simulation } from "./Simulation.ts"
import type { SqlClients } from "./SqlClients.ts"

/** How long an act waits for a node that a selector means (there may be no leader just now), and how often it looks. */
const selectorWaitMicros = 60_000_000
const selectorLookMicros = 200_000

const micros = (duration: Duration.Duration): number => Duration.toMillis(duration) * 1000

/** What acts need. */
export interface TimelineEnvironment {
  readonly judged: Judged
  readonly observer: Observer
  readonly operators: Operators
  readonly expectations: ExpectationTracker
  readonly sqlClients: SqlClients
  /** Leaves out faults that would take the last copy in sync of a group. */
  readonly withinBudget: boolean
  /** The clients of a table that is to be dropped stop. */
  readonly abandonTable: (table: string) => void
}

/** The entries of one timeline. */
export class TimelineRunner {
  readonly #environment: TimelineEnvironment
  readonly #simulation: Simulation
  readonly #entries: ReadonlyArray<TimelineEntry>
  readonly #fired = new Set<number>()
  readonly #sightings = new Map<number, number>()
  /** Acts that have begun and not ended. */
  #open = 0
  /** True if the last fault that would have made a victim was left out. */
  #victimLeftOut = false

  constructor(entries: ReadonlyArray<TimelineEntry>, environment: TimelineEnvironment) {
    this.#environment = environment
    this.#simulation = environment.judged.simulation
    this.#entries = entries
  }

  /** Sets the entries off whose moment is a time. To be called at time zero. */
  start(): void {
    this.#entries.forEach((entry, index) => {
      if (entry.when._tag === "At")
        this.#simulation.queue.at(this.#simulation.zeroMicros + micros(entry.when.at), () => this.#fire(index))
    })
  }

  /** True once every entry has been carried out. */
  get ended(): boolean {
    return this.#fired.size === this.#entries.length && this.#open === 0 && this.#environment.sqlClients.isQuiet
  }

  /** Entries whose moment never came, in words. */
  get missed(): ReadonlyArray<string> {
    return this.#entries
      .filter((_, index) => !this.#fired.has(index))
      .map((entry) => `${describeTrigger(entry.when)}: ${describeAct(entry.act)}`)
  }

  onJournal(event: JournalEvent): void {
    this.#entries.forEach((entry, index) => {
      if (
        entry.when._tag !== "After" ||
        this.#fired.has(index) ||
        !matches(entry.when.sighting, event, this.#environment.observer.isNode)
      )
        return
      const count = (this.#sightings.get(index) ?? 0) + 1
      this.#sightings.set(index, count)
      if (count === entry.when.count) this.#simulation.queue.after(micros(entry.when.plus), () => this.#fire(index))
    })
  }

  #fire(index: number): void {
    const entry = this.#entries[index]
    if (entry === undefined || this.#fired.has(index)) return
    this.#fired.add(index)
    this.#open++
    this.#begin(entry.act, this.#simulation.queue.nowMicros + selectorWaitMicros)
  }

  /** Acts now, or when there is a node that the selector means. */
  #begin(act: Act, deadlineMicros: number): void {
    const selectors = selectorsOf(act)
    if (this.#victimLeftOut && selectors.includes("victim")) {
      // What would undo a fault that was left out is left out too.
      this.#environment.observer.happen("act", null, `left out: ${describeAct(act)}`)
      this.#open--
      return
    }
    const unresolved = selectors.find((selector) => resolveSelector(this.#simulation, selector) === undefined)
    if (unresolved !== undefined) {
      if (this.#simulation.queue.nowMicros < deadlineMicros) {
        this.#simulation.queue.after(selectorLookMicros, () => this.#begin(act, deadlineMicros))
        return
      }
      this.#environment.expectations.add({ name: describeAct(act), held: false, detail: `there is no ${unresolved}` })
      this.#open--
      return
    }
    this.#act(act)
    this.#open--
  }

  /** Whether a fault goes beyond what the design promises to survive: the loss of every copy in sync of some group. */
  #wouldTakeLastCopy(act: Act, node: string): boolean {
    if (!makesVictim(act)) return false
    if (act.what === "agent") return false
    const simulation = this.#simulation
    for (const { record: group } of simulation.state.view().groups.values()) {
      if (group.status === "dissolved" || !group.inSync.some((address) => simulation.hostOf(address) === node)) continue
      const others = group.inSync.filter((address) => {
        const host = simulation.hostOf(address)
        if (host === undefined || host === node || !simulation.world.isUp(host)) return false
        return simulation.world
          .clusters(host)
          .some(
            (cluster) => cluster.name === group.name && cluster.status === "primary" && cluster.nodeState === "synced",
          )
      })
      // A temporary group of one is a plain copy on the move: its only member comes back as it was.
      if (others.length === 0 && group.members.length > 1) return true
    }
    return false
  }

  #node(selector: string): string {
    const name = resolveSelector(this.#simulation, selector)
    if (name === undefined) throw new Error(`there is no ${selector}`)
    return name
  }

  #act(act: Act): void {
    const simulation = this.#simulation
    const { observer, operators, expectations, judged } = this.#environment
    const first = selectorsOf(act)[0]
    const node = first === undefined ? null : this.#node(first)
    if (this.#environment.withinBudget && node !== null && this.#wouldTakeLastCopy(act, node)) {
      observer.happen("act", node, `left out, ${node} has the last copy in sync of a group: ${describeAct(act)}`)
      this.#victimLeftOut = true
      return
    }
    if (makesVictim(act)) this.#victimLeftOut = false
    simulation.note("act", node, describeAct(act))
    if (act._tag !== "Check") observer.happen(isFault(act) ? "fault" : "act", node, describeAct(act))
    switch (act._tag) {
      case "Kill":
        return this.#parts(
          this.#node(act.node),
          act.what,
          (name) => simulation.killDaemon(name),
          (name) => simulation.killAgent(name),
        )
      case "Stop":
        return this.#parts(
          this.#node(act.node),
          act.what,
          (name) => simulation.stopDaemon(name),
          (name) => simulation.stopAgent(name),
        )
      case "Restart":
        return this.#parts(
          this.#node(act.node),
          act.what,
          (name) => simulation.startDaemon(name, act.flag),
          (name) => simulation.startAgent(name),
        )
      case "Pause":
        return this.#parts(
          this.#node(act.node),
          act.what,
          (name) => simulation.pauseDaemon(name),
          (name) => simulation.pauseAgent(name),
        )
      case "Resume":
        return this.#parts(
          this.#node(act.node),
          act.what,
          (name) => simulation.resumeDaemon(name),
          (name) => simulation.resumeAgent(name),
        )
      case "Partition":
        return simulation.partition(
          partitionGroups(act.groups, simulation.names, (word) => resolveSelector(simulation, word) ?? null),
        )
      case "Cut":
        return simulation.cut(this.#node(act.from), this.#node(act.to), act.symmetric)
      case "Heal":
        if (act.what !== "slow") simulation.healNetwork()
        if (act.what !== "network") simulation.healSlow()
        return
      case "Slow":
        return simulation.slow({
          statement: act.statement,
          byMicros: micros(act.by),
          ...(act.node === null ? {} : { node: this.#node(act.node) }),
          ...(act.times === null ? {} : { times: act.times }),
        })
      case "Create":
        operators.submit(`create ${act.table.name}`, createWish(act.table))
        return
      case "Drop":
        this.#environment.abandonTable(act.table)
        operators.submit(`drop ${act.table}`, { _tag: "DropTable", table: act.table })
        return
      case "AddNode":
        operators.join(act.node)
        return
      case "Rebalance":
        operators.submit(describeAct(act), { _tag: "Rebalance" })
        return
      case "Drain":
        operators.submit(describeAct(act), {
          _tag: "SetNodeState",
          node: simulation.address(this.#node(act.node)),
          state: "draining",
        })
        return
      case "Sql":
        return this.#environment.sqlClients.ask(this.#node(act.node), act)
      case "Fill":
        return this.#environment.sqlClients.fill(this.#node(act.node), act)
      case "Stream":
        return this.#environment.sqlClients.stream(this.#node(act.stream.node), act.stream)
      case "Mkdir":
        return simulation.world.makeDirectory(this.#node(act.node), act.directory)
      case "Check": {
        const finding = judge(judged, act.condition)
        expectations.add({
          name: `${describeAct(act)} at ${simulation.nowMs} ms`,
          held: finding.held,
          detail: finding.detail,
        })
        if (!finding.held) observer.happen("expectation", node, `not held: ${describeAct(act)}: ${finding.detail}`)
        return
      }
    }
  }

  #parts(name: string, what: Part, daemon: (name: string) => void, agent: (name: string) => void): void {
    if (what !== "daemon") agent(name)
    if (what !== "agent") daemon(name)
  }
}

const isFault = (act: Act): boolean =>
  ["Kill", "Stop", "Restart", "Pause", "Resume", "Partition", "Cut", "Heal", "Slow"].includes(act._tag)

/** The nodes that an act names and must know to begin. */
/** Faults after which the selector `victim` means their node. */
const makesVictim = (act: Act): act is Extract<Act, { readonly _tag: "Kill" | "Stop" | "Pause" }> =>
  act._tag === "Kill" || act._tag === "Stop" || act._tag === "Pause"

const selectorsOf = (act: Act): ReadonlyArray<string> => {
  switch (act._tag) {
    case "Kill":
    case "Stop":
    case "Restart":
    case "Pause":
    case "Resume":
    case "Drain":
    case "Sql":
    case "Fill":
    case "Mkdir":
      return [act.node]
    case "Stream":
      return [act.stream.node]
    case "Slow":
      return act.node === null ? [] : [act.node]
    case "Cut":
      return [act.from, act.to]
    case "Partition":
      return act.groups.flat()
    default:
      return []
  }
}
