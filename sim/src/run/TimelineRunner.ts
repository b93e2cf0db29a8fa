/**
 * Carries out the timeline of a scenario: waits for each entry's moment, finds out which nodes it means, and acts. What an
 * entry leaves to chance is drawn from the stream `faults`, for each entry from one of its own.
 */
import { groupOf, groupRecords } from "@shardwright/core/plan/records"
import type { OperationStatus, Wish } from "@shardwright/core/State"
import * as Duration from "effect/Duration"
import { type Aimed, aimFault } from "../fault/aim.ts"
import { describeCourse } from "../fault/describeFault.ts"
import { drawMicros, recur } from "../fault/recur.ts"
import type { RandomStream } from "../runtime/RandomStream.ts"
import { type Fault, isFault, selectorsOf, targetsOf } from "../scenario/Fault.ts"
import type { Act, Control, TimelineEntry } from "../scenario/Scenario.ts"
import { type Judged, judge, resolveSelector } from "./Conditions.ts"
import { describeAct, describeTrigger } from "./describe.ts"
import type { ExpectationTracker } from "./Expectations.ts"
import { type FaultBudget, isFree } from "./FaultBudget.ts"
import { matches, type Observer, type Said } from "./Observer.ts"
import type { Operators } from "./Operators.ts"
import { askedWish } from "./askedWish.ts"
import { createWish } from "./Setup.ts"
import type { Simulation } from "./Simulation.ts"
import type { SqlClients } from "./SqlClients.ts"

/** How long an act waits for a node that a selector means (there may be no leader just now), and how often it looks. */
const selectorWaitMicros = 60_000_000
const selectorLookMicros = 200_000
/** How long a fault waits for a moment in which it is not too much. */
const excessWaitMicros = 15_000_000

const micros = (duration: Duration.Duration): number => Duration.toMillis(duration) * 1000

/** What acts need. */
export interface TimelineEnvironment {
  readonly judged: Judged
  readonly observer: Observer
  readonly operators: Operators
  readonly expectations: ExpectationTracker
  readonly sqlClients: SqlClients
  /** Faults beyond it wait for a while, and are left out then. Null: none is. */
  readonly budget: FaultBudget | null
  /** The clients of a table that is to be dropped stop. */
  readonly abandonTable: (table: string) => void
  /** Told what became of each entry, at the moment when it is carried out. */
  readonly decided: (decision: Decision) => void
}

/** An act as it was carried out: everything that was left to chance or to circumstances is settled. */
export interface Decision {
  /** Place of its entry in the timeline. */
  readonly entry: number
  /** Since time zero. */
  readonly atMs: number
  /** With names of nodes instead of words. */
  readonly act: Act
  /** For how long; null: until something ends it. */
  readonly lastsMs: number | null
}

/** An entry with what has become of it. */
interface Running {
  readonly index: number
  readonly entry: TimelineEntry
  /** What it leaves to chance. */
  readonly random: RandomStream
  /** How often what it waits for has been seen. */
  sightings: number
  /** True once it has come due. */
  begun: boolean
  /** True once it will not come due any more. */
  over: boolean
  /** When it is left out, if it is too much until then. */
  leftOutMicros: number | undefined
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
  /** Within a budget: the first fault, until it has happened. The others wait for it, or they might take its moment. */
  #first: Running | undefined

  constructor(entries: ReadonlyArray<TimelineEntry>, environment: TimelineEnvironment) {
    this.#environment = environment
    this.#simulation = environment.judged.simulation
    const random = this.#simulation.random.stream("faults")
    this.#entries = entries.map((entry, index) => ({
      index,
      entry,
      random: random.stream(`entry ${index}`),
      sightings: 0,
      begun: false,
      over: false,
      leftOutMicros: undefined,
    }))
    if (environment.budget !== null) this.#first = this.#entries.find(({ entry }) => isFault(entry.act))
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
      } else if (when.atLatest !== undefined) {
        queue.at(zeroMicros + micros(when.atLatest), () => {
          if (running.sightings < when.count) this.#due(running)
        })
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
    if (!isFault(act)) this.#act(running.index, act)
    else if (this.#fault(running, act) === "later") {
      this.#simulation.queue.after(selectorLookMicros, () => this.#begin(running, deadlineMicros))
      return
    }
    this.#open--
  }

  /** Lets a fault happen, or puts it off while it would be too much. */
  #fault(running: Running, fault: Fault): "over" | "later" {
    const { entry, random } = running
    const simulation = this.#simulation
    const { budget, observer } = this.#environment
    const isFirst = this.#first === undefined || this.#first === running
    if ((budget?.isSpent === true || !isFirst) && !isFree(fault)) return "later"
    this.#first = undefined
    const aimed = aimFault(fault, simulation, random)
    const node = aimed.nodes[0] ?? null
    const excess = budget?.excess(fault, aimed.nodes, isForGood(entry))
    if (excess !== undefined) {
      running.leftOutMicros ??= simulation.queue.nowMicros + excessWaitMicros
      if (simulation.queue.nowMicros < running.leftOutMicros) return "later"
      observer.happen("act", node, `left out, ${excess}: ${describeAct(fault)}`)
      this.#victimLeftOut = true
      return "over"
    }
    if (makesVictim(fault)) this.#victimLeftOut = false
    for (const drawn of aimed.drawn) simulation.note("draw", null, drawn)
    const words = describeAct(fault)
    simulation.note("act", node, words)
    const told = `${words}${entry.course === null ? "" : describeCourse(entry.course)}`
    observer.happen("fault", node, aimed.drawn.length === 0 ? told : `${told} (${aimed.drawn.join("; ")})`)
    this.#run(running, aimed)
    return "over"
  }

  #run({ index, random, entry }: Running, aimed: Aimed): void {
    const { course, act } = entry
    const { queue } = this.#simulation
    const { budget, observer } = this.#environment
    const running = this.#simulation.faults.begin(aimed)
    const isCounted = !isFree(aimed.fault)
    if (isCounted) budget?.begun(isForGood(entry) ? aimed.nodes : [])
    if (running === null || course === null || course.lasts === null) {
      this.#decided(index, aimed.fault, null)
      if (isCounted) budget?.ended(aimed.fault)
      return
    }
    this.#open++
    const lastsMicros = drawMicros(course.lasts, random)
    this.#decided(index, aimed.fault, lastsMicros / 1000)
    queue.after(lastsMicros, () => {
      this.#simulation.note("act", null, `end of ${describeAct(act)}`)
      observer.happen("fault", aimed.nodes[0] ?? null, `end of ${describeAct(act)}`)
      queue.after(running.end(), () => {
        this.#open--
        if (isCounted) budget?.ended(aimed.fault)
      })
    })
  }

  #decided(entry: number, act: Act, lastsMs: number | null): void {
    this.#environment.decided({ entry, atMs: this.#simulation.nowMs, act, lastsMs })
  }

  /** Asks something of the operations that are meant. */
  #control({ ask, table }: Extract<Act, { readonly _tag: "Control" }>): void {
    const { operators } = this.#environment
    if (table !== null) {
      operators.submit(`${ask} the operation on ${table}`, controlWish(ask, table))
      return
    }
    for (const { record } of this.#simulation.state.view().operations.values())
      if (askable[ask].includes(record.status))
        operators.submit(`${ask} operation ${record.id}`, controlWish(ask, record.id))
  }

  #node(selector: string): string {
    const name = resolveSelector(this.#simulation, selector)
    if (name === undefined) throw new Error(`there is no ${selector}`)
    return name
  }

  #act(entry: number, act: Exclude<Act, Fault>): void {
    const simulation = this.#simulation
    const { observer, operators, expectations, judged } = this.#environment
    const first = wordsOf(act)[0]
    const node = first === undefined ? null : this.#node(first)
    this.#decided(entry, node !== null && "node" in act ? { ...act, node } : act, null)
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
      case "Undrain":
        operators.submit(describeAct(act), {
          _tag: "SetNodeState",
          node: simulation.address(this.#node(act.node)),
          state: "active",
        })
        return
      case "Control":
        return this.#control(act)
      case "SetRf":
        operators.submit(
          describeAct(act),
          { _tag: "SetRf", tables: act.tables, rf: act.rf },
          { approval: act.approval },
        )
        return
      case "Split": {
        const groups = groupRecords(simulation.state.view())
        const group = groupOf(groups, act.table, act.shard)
        operators.submit(describeAct(act), { _tag: "SplitGroup", group: group?.name ?? "none" })
        return
      }
      case "Adopt":
        operators.submit(describeAct(act), { _tag: "Adopt", rf: {} })
        return
      case "Maintain":
        operators.submit(describeAct(act), {
          _tag: "SetNodeState",
          node: simulation.address(this.#node(act.node)),
          state: "maintenance",
        })
        return
      case "Forget":
        operators.submit(describeAct(act), { _tag: "ForgetNode", node: simulation.address(this.#node(act.node)) })
        return
      case "Recover":
        operators.recover(this.#node(act.node))
        return
      case "Promote": {
        const node = simulation.address(this.#node(act.node))
        operators.submit(describeAct(act), { _tag: "PromoteGroup", group: act.group, node })
        return
      }
      case "Reunite": {
        const keep = simulation.address(this.#node(act.node))
        operators.submit(describeAct(act), { _tag: "ReuniteGroup", group: act.group, keep })
        return
      }
      case "Replace":
        operators.submit(describeAct(act), {
          _tag: "ReplaceNode",
          old: simulation.address(this.#node(act.node)),
          new: simulation.address(act.by),
        })
        return
      case "Ask":
        operators.ask(act, describeAct(act), askedWish(act))
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

/** Statuses of operations of which something can be asked. */
const askable: Readonly<Record<Control, ReadonlyArray<OperationStatus>>> = {
  pause: ["running"],
  resume: ["paused"],
  stop: ["running", "paused"],
  "stop-now": ["running", "paused", "stopping"],
  approve: ["awaiting_approval"],
  withdraw: ["awaiting_approval"],
}

const controlWish = (ask: Control, operation: string): Wish => {
  switch (ask) {
    case "pause":
      return { _tag: "Pause", operation }
    case "resume":
      return { _tag: "Resume", operation }
    case "approve":
      return { _tag: "Approve", operation }
    case "stop":
    case "stop-now":
    case "withdraw":
      return { _tag: "Stop", operation, now: ask === "stop-now" }
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
    case "Undrain":
    case "Maintain":
    case "Forget":
    case "Recover":
    case "Promote":
    case "Reunite":
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

/** True for an end that nothing takes back. */
const isForGood = ({ act, course }: TimelineEntry): boolean => act._tag === "Kill" && (course?.lasts ?? null) === null
