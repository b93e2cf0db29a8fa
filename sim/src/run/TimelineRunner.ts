/**
 * Carries out the timeline of a scenario: waits for each entry's moment, finds out which nodes it means, and acts. What an
 * entry leaves to chance is drawn from the stream `faults`, for each entry from one of its own.
 */
import { groupOf, groupRecords } from "@shardwright/core/plan/records"
import * as Duration from "effect/Duration"
import { type Aimed, aimFault } from "../fault/aim.ts"
import { describeCourse } from "../fault/describeFault.ts"
import { drawMicros, recur } from "../fault/recur.ts"
import type { RandomStream } from "../runtime/RandomStream.ts"
import { type Fault, isFault, selectorsOf, targetsOf } from "../scenario/Fault.ts"
import type { Act, TimelineEntry } from "../scenario/Scenario.ts"
import { type Judged, judge, resolveSelector } from "./Conditions.ts"
import { describeAct, describeTrigger } from "./describe.ts"
import type { ExpectationTracker } from "./Expectations.ts"
import { matches, type Observer, type Said } from "./Observer.ts"
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

/** An entry with what has become of it. */
interface Running {
  readonly entry: TimelineEntry
  /** What it leaves to chance. */
  readonly random: RandomStream
  /** How often what it waits for has been seen. */
  sightings: number
  /** True once it has come due. */
  begun: boolean
  /** True once it will not come due any more. */
  over: boolean
}

/** The entries of one timeline. */
export class TimelineRunner {
  readonly #environment: TimelineEnvironment
  readonly #simulation: Simulation
  readonly #entries: ReadonlyArray<Running>
  /** Acts that have begun and not ended. */
  #open = 0
  /** True if the last fault that would have made a victim was left out. */
  #victimLeftOut = false

  constructor(entries: ReadonlyArray<TimelineEntry>, environment: TimelineEnvironment) {
    this.#environment = environment
    this.#simulation = environment.judged.simulation
    const random = this.#simulation.random.stream("faults")
    this.#entries = entries.map((entry, index) => ({
      entry,
      random: random.stream(`entry ${index}`),
      sightings: 0,
      begun: false,
      over: false,
    }))
  }

  /** Sets the entries off whose moment is a time. To be called at time zero. */
  start(): void {
    const { queue, zeroMicros } = this.#simulation
    for (const running of this.#entries) {
      const { when, act } = running.entry
      if (when._tag === "At") queue.at(zeroMicros + micros(when.at), () => this.#due(running))
      else if (when._tag === "Between") {
        const atMicros = drawMicros(when.span, running.random)
        this.#simulation.note("draw", null, `at ${atMicros / 1000} ms: ${describeAct(act)}`)
        queue.at(zeroMicros + atMicros, () => this.#due(running))
      }
    }
  }

  /** True once every entry has been carried out, and what lasts for a time is over. */
  get ended(): boolean {
    return this.#open === 0 && this.#entries.every((running) => running.over) && this.#environment.sqlClients.isQuiet
  }

  /** Entries whose moment never came, in words. */
  get missed(): ReadonlyArray<string> {
    return this.#entries
      .filter((running) => !running.begun)
      .map(({ entry }) => `${describeTrigger(entry.when)}: ${describeAct(entry.act)}`)
  }

  /** Something has been seen that entries may wait for. */
  onSaid(said: Said): void {
    for (const running of this.#entries) {
      const { when } = running.entry
      if (when._tag !== "After" || running.begun || !matches(when.sighting, said, this.#environment.observer.isNode))
        continue
      running.sightings++
      if (running.sightings === when.count) this.#simulation.queue.after(micros(when.plus), () => this.#due(running))
    }
  }

  /** The moment of an entry has come: now, and perhaps again later. */
  #due(running: Running): void {
    const { entry, random } = running
    const { queue, zeroMicros } = this.#simulation
    running.begun = true
    recur(
      entry.course,
      { queue, zeroMicros, random },
      {
        last: () => (running.over = true),
        leftOut: () => this.#simulation.note("draw", null, `left out by chance: ${describeAct(entry.act)}`),
        happen: () => {
          this.#open++
          this.#begin(running, queue.nowMicros + selectorWaitMicros)
        },
      },
    )
  }

  /** Acts now, or when there is a node that the selector means. */
  #begin(running: Running, deadlineMicros: number): void {
    const { act } = running.entry
    const selectors = wordsOf(act)
    if (this.#victimLeftOut && selectors.includes("victim")) {
      // What would undo a fault that was left out is left out too.
      this.#environment.observer.happen("act", null, `left out: ${describeAct(act)}`)
      this.#open--
      return
    }
    const unresolved = selectors.find((selector) => resolveSelector(this.#simulation, selector) === undefined)
    if (unresolved !== undefined) {
      if (this.#simulation.queue.nowMicros < deadlineMicros) {
        this.#simulation.queue.after(selectorLookMicros, () => this.#begin(running, deadlineMicros))
        return
      }
      this.#environment.expectations.add({ name: describeAct(act), held: false, detail: `there is no ${unresolved}` })
      this.#open--
      return
    }
    if (isFault(act)) this.#fault(running, act)
    else this.#act(act)
    this.#open--
  }

  #fault({ entry, random }: Running, fault: Fault): void {
    const simulation = this.#simulation
    const { observer } = this.#environment
    const aimed = aimFault(fault, simulation, random)
    const node = aimed.nodes[0] ?? null
    if (this.#environment.withinBudget && makesVictim(fault)) {
      const last = fault.what === "agent" ? undefined : this.#groupLeftBy(aimed.nodes)
      if (last !== undefined) {
        observer.happen("act", node, `left out, ${last} the last copy in sync of a group: ${describeAct(fault)}`)
        this.#victimLeftOut = true
        return
      }
    }
    if (makesVictim(fault)) this.#victimLeftOut = false
    for (const drawn of aimed.drawn) simulation.note("draw", null, drawn)
    const words = describeAct(fault)
    simulation.note("act", node, words)
    const told = `${words}${entry.course === null ? "" : describeCourse(entry.course)}`
    observer.happen("fault", node, aimed.drawn.length === 0 ? told : `${told} (${aimed.drawn.join("; ")})`)
    this.#run(entry, aimed, random)
  }

  #run({ course, act }: TimelineEntry, aimed: Aimed, random: RandomStream): void {
    const { queue } = this.#simulation
    const running = this.#simulation.faults.begin(aimed)
    if (running === null || course === null || course.lasts === null) return
    this.#open++
    queue.after(drawMicros(course.lasts, random), () => {
      this.#simulation.note("act", null, `end of ${describeAct(act)}`)
      this.#environment.observer.happen("fault", aimed.nodes[0] ?? null, `end of ${describeAct(act)}`)
      queue.after(running.end(), () => this.#open--)
    })
  }

  /** Whether a fault goes beyond what the design promises to survive: then who of the nodes has the last copy in sync. */
  #groupLeftBy(nodes: ReadonlyArray<string>): string | undefined {
    const simulation = this.#simulation
    const hit = (address: string): boolean => nodes.includes(simulation.hostOf(address) ?? "")
    for (const { record: group } of simulation.state.view().groups.values()) {
      if (group.status === "dissolved" || !group.inSync.some(hit)) continue
      const others = group.inSync.filter((address) => {
        const host = simulation.hostOf(address)
        if (host === undefined || nodes.includes(host) || !simulation.world.isUp(host)) return false
        return simulation.world
          .clusters(host)
          .some(
            (cluster) => cluster.name === group.name && cluster.status === "primary" && cluster.nodeState === "synced",
          )
      })
      // A temporary group of one is a plain copy on the move: its only member comes back as it was.
      if (others.length === 0 && group.members.length > 1)
        return nodes.length === 1 ? `${nodes.join()} has` : `${nodes.join(", ")} have`
    }
    return undefined
  }

  #node(selector: string): string {
    const name = resolveSelector(this.#simulation, selector)
    if (name === undefined) throw new Error(`there is no ${selector}`)
    return name
  }

  #act(act: Exclude<Act, Fault>): void {
    const simulation = this.#simulation
    const { observer, operators, expectations, judged } = this.#environment
    const first = wordsOf(act)[0]
    const node = first === undefined ? null : this.#node(first)
    simulation.note("act", node, describeAct(act))
    if (act._tag !== "Check") observer.happen("act", node, describeAct(act))
    switch (act._tag) {
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
        operators.submit(describeAct(act), { _tag: "Rebalance", tables: act.table === null ? null : [act.table] })
        return
      case "Drain":
        operators.submit(describeAct(act), {
          _tag: "SetNodeState",
          node: simulation.address(this.#node(act.node)),
          state: "draining",
        })
        return
      case "SetRf":
        operators.submit(describeAct(act), { _tag: "SetRf", tables: act.tables, rf: act.rf })
        return
      case "Split": {
        const groups = groupRecords(simulation.state.view())
        const group = groupOf(groups, act.table, act.shard)
        operators.submit(describeAct(act), { _tag: "SplitGroup", group: group?.name ?? "none" })
        return
      }
      case "Replace":
        operators.submit(describeAct(act), {
          _tag: "ReplaceNode",
          old: simulation.address(this.#node(act.node)),
          new: simulation.address(act.by),
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
}

/** Faults after which the selector `victim` means their node. */
const makesVictim = (fault: Fault): fault is Extract<Fault, { readonly _tag: "Kill" | "Stop" | "Pause" }> =>
  fault._tag === "Kill" || fault._tag === "Stop" || fault._tag === "Pause"

/** The names and selector words of an act, which must mean nodes before it can begin. */
const wordsOf = (act: Act): ReadonlyArray<string> => {
  if (isFault(act)) return targetsOf(act).flatMap(selectorsOf)
  switch (act._tag) {
    case "Drain":
    case "Replace":
    case "Sql":
    case "Fill":
    case "Mkdir":
      return [act.node]
    case "Stream":
      return [act.stream.node]
    default:
      return []
  }
}
