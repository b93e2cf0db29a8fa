/**
 * Runs one scenario with one seed: brings the installation up, lets clients write and the timeline happen, heals, waits
 * until nothing happens any more, and judges. The outcome is a function of scenario, seed and engine.
 */
import type { Mutation } from "@shardwright/core/Mutation"
import type { Operation } from "@shardwright/core/State"
import * as Duration from "effect/Duration"
import type { Checker, CheckContext } from "../check/Checker.ts"
import { checkers as allCheckers } from "../check/checkers.ts"
import { missingEverywhere } from "../check/lostWrite.ts"
import { foreignObjects } from "../check/ForeignObjects.ts"
import { leftovers } from "../check/orphans.ts"
import { guardedSession, outsideSimulation } from "../runtime/ForbiddenGlobals.ts"
import type { StreamOutcome } from "../scenario/Condition.ts"
import { allNodes, type Scenario, type Workload } from "../scenario/Scenario.ts"
import { ClientModel } from "../workload/ClientModel.ts"
import { type PartialRead, TableClients } from "../workload/TableClients.ts"
import { type Judged, judge, resolveSelector } from "./Conditions.ts"
import { ExpectationTracker } from "./Expectations.ts"
import { judgeThreshold } from "./Measures.ts"
import { FaultBudget } from "./FaultBudget.ts"
import { RandomCore } from "./RandomCore.ts"
import { Observer } from "./Observer.ts"
import { Operators } from "./Operators.ts"
import type { ExpectationResult, ResultClass, ScenarioResult, Violation } from "./ScenarioResult.ts"
import { type RunUntil, setUp, startDaemons } from "./Setup.ts"
import { engineConfig, Simulation } from "./Simulation.ts"
import type { Disturb } from "./SimulatedPorts.ts"
import { SqlClients } from "./SqlClients.ts"
import { TidyUp } from "./TidyUp.ts"
import { type Decision, TimelineRunner } from "./TimelineRunner.ts"
import { Trace } from "./Trace.ts"

/** Somebody who looks inside of a run. */
export interface Inspector {
  /** Called at time zero. */
  readonly atZero?: (inside: Judged) => void
  /** Called every 200 ms of virtual time from then on. */
  readonly onTick?: () => void
  /** Called with each act of the timeline as it is carried out. */
  readonly onDecision?: (decision: Decision) => void
  /** Whether clients have written enough when the timeline has ended; asked at each look until they have. */
  readonly isEnough?: (inside: Judged) => boolean
  /** Whether the run has come to an end that counts although not every `final` condition holds; asked at rest. */
  readonly isSettled?: (inside: Judged) => boolean
  /** Called when nothing happens any more, or nothing more is waited for. */
  readonly atEnd?: (inside: Judged) => void
}

/** How a scenario is run. */
export interface RunOptions {
  readonly seed: number
  /** File that the scenario came from, for the result. */
  readonly file?: string
  /** Virtual time from time zero at which the run ends whatever happens. */
  readonly untilMicros?: number
  /** Run it twice and compare the traces. */
  readonly checkDeterminism?: boolean
  /** End at the first violation. */
  readonly stopAtViolation?: boolean
  readonly mutations?: ReadonlyArray<Mutation>
  /**
   * Faults of the timeline keep to what the design promises to survive (see `FaultBudget`), and in the end people let go
   * on what they have paused and stopped.
   */
  readonly withinBudget?: boolean
  /** How likely only a random core of the nodes is well for a while after the timeline (see `RandomCore`); 0 by default. */
  readonly coreShare?: number
  /** Makes statements of agents fail. */
  readonly disturb?: Disturb
  readonly inspector?: Inspector
  /** From this virtual time on, everything is drawn from a fresh seed. */
  readonly branch?: { readonly atMicros: number; readonly seed: number }
  /** Nobody asks for the trace or its hash: saves a twentieth of the time. */
  readonly untraced?: boolean
  /** Called with every line of the trace (NDJSON). */
  readonly trace?: (line: string) => void
  /** Called now and then with the virtual time. */
  readonly progress?: (atMs: number, phase: string) => void
}

/** Real time, taken before a run closes it. */
const realNowMs = performance.now.bind(performance)

const tickMicros = 200_000
/** Nothing but signs of life for this long counts as rest; longer than it takes to notice that a node is away. */
const restMicros = 15_000_000
const restLookMicros = 2_000_000
const violationsMax = 100
/** A read that lacks rows silently is held against the engine only if all daemons have been well for this long. */
const calmBeforeReadMicros = 30_000_000

const micros = (duration: Duration.Duration): number => Duration.toMillis(duration) * 1000

/** Faults that end with the timeline, besides those of the network and slow statements. */
const healedAtTheEnd = ["statements", "disks", "transfers", "ports", "ids", "clocks"] as const

const livenessCheckers = new Set(["quiescence", "progress", "set-up"])
const terminal: ReadonlyArray<Operation["status"]> = ["idle", "stopped", "completed", "failed", "critical_failure"]

/** Runs a scenario. */
export const runScenario = (scenario: Scenario, options: RunOptions): ScenarioResult =>
  guardedSession(() => runGuarded(scenario, withOutside(options)))

/** Listeners are called from inside of the simulation, and may do what they like. */
const withOutside = (options: RunOptions): RunOptions => {
  const { trace } = options
  return trace === undefined ? options : { ...options, trace: (line) => outsideSimulation(() => trace(line)) }
}

const runGuarded = (scenario: Scenario, options: RunOptions): ScenarioResult => {
  if (options.checkDeterminism !== true)
    return new Run(scenario, options, new Trace({ sink: options.trace, isOff: options.untraced })).execute()
  const first = new Run(scenario, options, new Trace({ sink: options.trace })).execute()
  const second = new Run(scenario, options, new Trace()).execute()
  const wallMs = first.wallMs + second.wallMs
  if (first.traceHash === second.traceHash) return { ...first, wallMs }
  const message = divergence(scenario, options)
  return {
    ...first,
    passed: false,
    class: "nondeterminism",
    wallMs,
    violations: [...first.violations, { checker: "determinism", atMs: first.virtualMs, message }],
  }
}

/** Where two runs part, in words: lines cost time and memory, and are kept only if the hashes have differed. */
const divergence = (scenario: Scenario, options: RunOptions): string => {
  const [first, second] = [new Trace({ keepLines: true }), new Trace({ keepLines: true })]
  for (const trace of [first, second]) new Run(scenario, options, trace).execute()
  const where = first.divergence(second)
  return where === undefined
    ? "the traces differ, and did not when they were run again"
    : `line ${where.index + 1} of the trace is ${where.first ?? "missing"} in one run and ${where.second ?? "missing"} in another`
}

/** One run of a scenario. */
class Run {
  readonly #scenario: Scenario
  readonly #options: RunOptions
  readonly #trace: Trace
  readonly #simulation: Simulation
  readonly #observer: Observer
  readonly #operators: Operators
  readonly #context: CheckContext
  readonly #models = new Map<string, ClientModel>()
  /** Models of tables that are still meant to be there. */
  readonly #clients = new Map<string, ClientModel>()
  readonly #workloads: Array<{ readonly spec: Workload; readonly clients: TableClients }> = []
  readonly #violations: Array<Violation> = []
  #checkers: ReadonlyArray<Checker> = []
  /** False: the daemons are alone, and only expectations are judged. */
  readonly #withEngine: boolean
  readonly #sqlClients: SqlClients
  readonly #tidyUp: TidyUp
  /** Of faults that are drawn. */
  readonly #budget: FaultBudget | null
  /** While only these nodes are well. */
  #core: RandomCore | undefined
  #ticked = false
  #onTick: () => void = () => undefined
  #lastRestLookMicros = 0
  #wasAtRest = false

  constructor(scenario: Scenario, options: RunOptions, trace: Trace) {
    this.#scenario = scenario
    this.#options = options
    this.#trace = trace
    const simulation = new Simulation({
      seed: options.seed,
      nodes: allNodes(scenario),
      config: engineConfig({ ...scenario.settings, coordination: scenario.cluster.coordination }),
      ...(scenario.cluster.threads === null ? {} : { threads: scenario.cluster.threads }),
      withEngine: scenario.engine !== "none",
      isGated: scenario.cluster.gate,
      trace,
      mutations: new Set([...(options.mutations ?? []), ...scenario.without]),
      ...(options.disturb === undefined ? {} : { disturb: options.disturb }),
    })
    this.#simulation = simulation
    this.#withEngine = scenario.engine !== "none"
    this.#observer = new Observer(simulation)
    this.#operators = new Operators(simulation)
    this.#sqlClients = new SqlClients(simulation)
    this.#tidyUp = new TidyUp(simulation, this.#operators)
    this.#budget = options.withinBudget === true ? new FaultBudget(simulation) : null
    this.#context = {
      world: simulation.world,
      state: simulation.state,
      config: simulation.config,
      clients: this.#clients,
      hostOf: (address) => simulation.hostOf(address),
      foreign: foreignObjects(simulation.state, (listener) => simulation.onEvent(listener)),
      onStoreWrite: (listener) => simulation.onStoreWrite(listener),
      undisturbedSinceMicros: (name) => simulation.undisturbedSinceMicros(name),
      report: (checker, message) => this.#report(checker, message),
    }
    this.#checkers = this.#withEngine ? allCheckers.map((make) => make(this.#context)) : []
    for (const { onEvent } of this.#checkers) if (onEvent !== undefined) simulation.onEvent(onEvent)
    simulation.onAgentCrash((node, text) =>
      this.#report("agent-crash", `the agent of ${node} ended: ${text.slice(0, 2000)}`),
    )
  }

  execute(): ScenarioResult {
    const startedMs = realNowMs()
    const scenario = this.#scenario
    this.#tick()
    const runUntil: RunUntil = (predicate, within) => this.#runUntil(predicate, within)
    const members = scenario.cluster.nodes.map((node) => node.name)
    const problem = this.#withEngine
      ? setUp(this.#simulation, this.#operators, runUntil, members, scenario.tables)
      : startDaemons(this.#simulation, runUntil)
    if (problem !== undefined) {
      this.#report("set-up", problem)
      return this.#result([], startedMs)
    }
    return this.#result(this.#afterSetUp(), startedMs)
  }

  // ------------------------------------------------------------------------------------------------------- phases

  #afterSetUp(): ReadonlyArray<ExpectationResult> {
    const simulation = this.#simulation
    const scenario = this.#scenario
    if (this.#withEngine) this.#runUntil(() => false, 3_000_000)
    simulation.beginTime()
    const commandsBefore = simulation.commands
    this.#observer.beginCounting()
    this.#observer.happen("phase", null, "the cluster and its tables are ready")
    const judged = this.#judged()
    const inspector = this.#options.inspector
    inspector?.atZero?.(judged)
    const expectations = new ExpectationTracker(scenario.expect, judged, this.#observer)
    const sqlClients = this.#sqlClients
    sqlClients.onJudged((result) => expectations.add(result))
    const budget = this.#budget
    const timeline = new TimelineRunner(scenario.timeline, {
      judged,
      observer: this.#observer,
      operators: this.#operators,
      expectations,
      sqlClients,
      abandonTable: (table) => this.#abandonTable(table),
      budget,
      decided: (decision) => inspector?.onDecision?.(decision),
    })
    simulation.onJournal((event) => {
      expectations.onSaid(event)
      timeline.onSaid(event)
    })
    simulation.onEvent((event) => {
      if (event.kind !== "transfer") return
      const donor = simulation.address(event.donor)
      const transfer = { ...event, donor, joiner: simulation.address(event.joiner) }
      expectations.onSaid(transfer)
      timeline.onSaid(transfer)
    })
    this.#onTick = () => {
      expectations.tick()
      inspector?.onTick?.()
    }
    const { branch } = this.#options
    if (branch !== undefined)
      simulation.queue.at(simulation.zeroMicros + branch.atMicros, () => simulation.random.branch(branch.seed))
    this.#startWorkloads()
    timeline.start()

    const endMicros = Math.min(micros(scenario.until), this.#options.untilMicros ?? Number.MAX_SAFE_INTEGER)
    const left = (): number => endMicros - this.#sinceZero
    const stopped = (): boolean => this.#options.stopAtViolation === true && this.#violations.length > 0
    const open = (): boolean =>
      this.#workloads.some(({ spec }) => spec.until !== null && this.#sinceZero < micros(spec.until))
    const enough = (): boolean => inspector?.isEnough?.(judged) !== false
    this.#runUntil(() => stopped() || (timeline.ended && !open() && enough()), left())
    if (budget !== null && !stopped()) this.#workAsCore(judged, budget, stopped, left)
    for (const missed of timeline.missed)
      expectations.add({ name: `timeline: ${missed}`, held: false, detail: "its moment never came" })
    for (const waiting of sqlClients.waiting)
      expectations.add({ name: `timeline: ${waiting}`, held: false, detail: "the run ended before the answer" })
    expectations.timelineEnded()
    for (const { clients } of this.#workloads) clients.stop()
    if (!this.#withEngine) this.#runUntil(() => expectations.decided, left())
    else if (!stopped() && left() > 0) {
      const isSettled = () => enough() && (expectations.finalsHold || inspector?.isSettled?.(judged) === true)
      this.#quiesce(expectations, endMicros, stopped, isSettled)
    }
    inspector?.atEnd?.(judged)
    for (const { what, held, detail } of this.#operators.judge())
      expectations.add({ name: `answer to ${what}`, held, detail })
    const measured = {
      clients: [...this.#models.values()],
      streams: [...sqlClients.streams.values()],
      counters: this.#observer.counters,
      commands: simulation.commands - commandsBefore,
      durationMs: simulation.nowMs,
    }
    const results = [
      ...expectations.results(),
      ...scenario.expect.thresholds.map((threshold) => judgeThreshold(threshold, measured)),
    ]
    if (this.#withEngine && !stopped()) this.#judgeEnd()
    return results
  }

  /** Lets only a random core of the nodes be well for a while, and demands that it goes on. */
  #workAsCore(judged: Judged, budget: FaultBudget, stopped: () => boolean, left: () => number): void {
    const random = this.#simulation.random.stream("core")
    if (!random.chance(this.#options.coreShare ?? 0)) return
    this.#runUntil(() => stopped() || !budget.isSpent, left())
    const core = stopped() ? undefined : RandomCore.draw(judged, this.#operators, budget, random)
    if (core === undefined) return
    this.#core = core
    this.#observer.happen("phase", null, core.text)
    this.#simulation.note("act", null, core.text)
    this.#runUntil(stopped, Math.min(left(), RandomCore.settleMicros))
    const isJudged = left() >= RandomCore.workMicros
    core.beginWork()
    this.#runUntil(stopped, Math.min(left(), RandomCore.workMicros))
    const problems = core.problems()
    if (isJudged && !stopped()) for (const problem of problems) this.#report("progress", problem)
    core.end()
    this.#core = undefined
  }

  #quiesce(
    expectations: ExpectationTracker,
    endMicros: number,
    stopped: () => boolean,
    isSettled: () => boolean,
  ): void {
    this.#observer.happen("phase", null, "faults are healed; waiting until nothing happens")
    this.#heal()
    const quiesceMicros = this.#sinceZero + micros(this.#scenario.quiesce)
    const deadline = (): number =>
      Math.min(endMicros, Math.max(quiesceMicros, expectations.deadlineMicros + tickMicros))
    const done = (): boolean =>
      this.#workloads.every(({ clients }) => clients.isQuiet) && expectations.decided && this.#atRest() && isSettled()
    let untilMicros = 0
    // Again if the deadline has moved meanwhile. Time stands at the last event before it, so that alone ends nothing.
    while (!stopped() && untilMicros < deadline()) {
      untilMicros = deadline()
      if (this.#runUntil(() => stopped() || done(), untilMicros - this.#sinceZero)) break
    }
  }

  /** Network, faults by rule and stalled processes; what was killed stays dead unless the scenario restarts it. */
  #heal(): void {
    const simulation = this.#simulation
    simulation.note("act", null, "heal")
    const { faults } = simulation
    if (faults.links.active) faults.heal("network")
    faults.heal("slow")
    if (faults.hasRules) for (const what of healedAtTheEnd) faults.heal(what)
    for (const name of simulation.names) {
      simulation.processes.resume(name, "daemon")
      simulation.processes.resume(name, "agent")
    }
  }

  #judgeEnd(): void {
    const unrest = this.#unrest()
    if (unrest.length > 0) {
      this.#report("quiescence", unrest.join("; "))
      // What still changes cannot be judged as if it were at rest. Lost is lost all the same.
      for (const [name, model] of this.#clients) {
        const view = this.#simulation.state.view()
        const table = view.tables.get(name)?.record
        const lost = table?.status === "ready" ? missingEverywhere(this.#context, view, table, model) : []
        if (lost.length > 0)
          this.#report(
            "lost-write",
            `${lost.length} acknowledged rows of table ${name} are in no copy: ids ${lost.slice(0, 5).join(", ")}`,
          )
      }
      return
    }
    for (const checker of this.#checkers) checker.atQuiescence?.()
  }

  /** What still goes on, in words. */
  #unrest(): ReadonlyArray<string> {
    const view = this.#simulation.state.view()
    const reasons: Array<string> = []
    for (const { record } of view.operations.values()) {
      if (terminal.includes(record.status)) continue
      const steps = (view.steps.get(record.id) ?? [])
        .map((stored) => stored.record)
        .filter((step) => step.status === "pending" || step.status === "processing")
      const waiting = steps
        .slice(0, 3)
        .map(
          (step) =>
            `${step.step._tag} on ${step.node ?? "the leader"} is ${step.status}${step.error === null ? "" : ` (${step.error})`}`,
        )
      reasons.push(
        `operation ${record.kind} ${record.id} is ${record.status}${record.undoing ? ", undoing" : ""}: ${waiting.join(", ") || "no step is open"}`,
      )
    }
    for (const asked of this.#operators.asked) {
      const outcome = this.#operators.outcome(asked)
      if (!outcome.settled) reasons.push(`request '${asked.what}' is ${outcome.text}`)
    }
    if (this.#workloads.some(({ clients }) => !clients.isQuiet)) reasons.push("clients still wait for answers")
    if (reasons.length === 0 && this.#simulation.queue.nowMicros - this.#observer.lastActivityMicros < restMicros / 3) {
      reasons.push(
        `the records still change: last ${Math.round((this.#simulation.queue.nowMicros - this.#observer.lastActivityMicros) / 1000)} ms ago`,
      )
    }
    return reasons
  }

  /** True when nothing happens any more and nothing is left to be done. Looked at now and then, because it is a long look. */
  #atRest(): boolean {
    const simulation = this.#simulation
    if (simulation.queue.nowMicros - this.#lastRestLookMicros < restLookMicros)
      return this.#wasAtRest && this.#observer.lastActivityMicros <= this.#lastRestLookMicros
    this.#lastRestLookMicros = simulation.queue.nowMicros
    const untidy = this.#budget !== null && this.#tidyUp.look(this.#budget.gone)
    this.#wasAtRest =
      !untidy &&
      simulation.queue.nowMicros - this.#observer.lastActivityMicros >= restMicros &&
      this.#unrest().length === 0 &&
      this.#isWhole()
    return this.#wasAtRest
  }

  /** What conditions are judged by from now on. */
  #judged(): Judged {
    return {
      simulation: this.#simulation,
      context: this.#context,
      counters: this.#observer.counters,
      streams: this.#sqlClients.streams,
      initial: this.#simulation.state.view(),
    }
  }

  /** Every table complete and replicated, and nothing left over: no reason to wait longer. */
  #isWhole(): boolean {
    const judged = this.#judged()
    const view = this.#simulation.state.view()
    if (leftovers(this.#context, view).length > 0) return false
    for (const { record } of view.tables.values()) {
      if (record.status !== "ready") continue
      if (!judge(judged, { _tag: "TableIs", table: record.name, is: "ready" }).held) return false
      if (!judge(judged, { _tag: "TableIs", table: record.name, is: "fully-replicated" }).held) return false
    }
    return true
  }

  // ------------------------------------------------------------------------------------------------------- clients

  #startWorkloads(): void {
    const simulation = this.#simulation
    this.#scenario.workloads.forEach((spec, index) => {
      const model = this.#models.get(spec.table) ?? new ClientModel(spec.table)
      this.#models.set(spec.table, model)
      this.#clients.set(spec.table, model)
      const structure =
        this.#scenario.tables.find((table) => table.name === spec.table)?.structure ??
        this.#createdStructure(spec.table)
      const clients = new TableClients(
        {
          structure,
          writers: spec.writers,
          everyMicros: micros(spec.every),
          mix: spec.mix,
          rows: spec.rows,
          timeoutMicros: micros(spec.timeout),
          readers: spec.reads?.readers ?? 0,
          readEveryMicros: spec.reads === null ? 0 : micros(spec.reads.every),
          firstId: (index + 1) * 1_000_000_000,
        },
        {
          world: simulation.world,
          queue: simulation.queue,
          random: simulation.random.stream(`workload ${index}`),
          model,
          targets: () => this.#targets(spec),
          onPartial: (read) => this.#onPartial(spec.table, read),
        },
      )
      this.#workloads.push({ spec, clients })
      simulation.queue.at(simulation.zeroMicros + micros(spec.from), () => clients.start())
      if (spec.until !== null) simulation.queue.at(simulation.zeroMicros + micros(spec.until), () => clients.stop())
    })
  }

  #createdStructure(table: string): string {
    for (const { act } of this.#scenario.timeline)
      if (act._tag === "Create" && act.table.name === table) return act.table.structure
    return "title text, v bigint"
  }

  #targets(spec: Workload): ReadonlyArray<string> {
    const core = this.#core
    const { upMembers } = this.#simulation
    if (spec.through === null) return core === undefined ? upMembers : upMembers.filter((it) => core.nodes.includes(it))
    return spec.through.flatMap((selector) => resolveSelector(this.#simulation, selector) ?? [])
  }

  #onPartial(table: string, read: PartialRead): void {
    if (read.warned || !this.#clients.has(table)) return
    const calm = this.#simulation.members.every((name) => {
      const since = this.#simulation.servesSinceMicros(name)
      return since !== undefined && (since === 0 || read.sentMicros - since >= calmBeforeReadMicros)
    })
    if (calm)
      this.#report(
        "silent-partial-read",
        `a read of ${table} on ${read.node} ${read.what} without a warning, although all daemons were well`,
      )
  }

  #abandonTable(table: string): void {
    this.#clients.delete(table)
    for (const { spec, clients } of this.#workloads) if (spec.table === table) clients.stop()
  }

  // ------------------------------------------------------------------------------------------------------- the rest

  get #sinceZero(): number {
    return this.#simulation.queue.nowMicros - this.#simulation.zeroMicros
  }

  #tick(): void {
    this.#ticked = true
    this.#onTick()
    this.#simulation.queue.after(tickMicros, () => this.#tick())
  }

  /** Runs until the predicate holds, looking at each tick, or until the time is over; answers whether it holds. */
  #runUntil(predicate: () => boolean, withinMicros: number): boolean {
    const deadline = this.#simulation.queue.nowMicros + Math.max(0, withinMicros)
    let progressMs = 0
    for (;;) {
      if (predicate()) return true
      this.#ticked = false
      const end = this.#simulation.runtime.run({ untilMicros: deadline, stop: () => this.#ticked })
      if (end !== "stopped") return predicate()
      if (this.#options.progress !== undefined && this.#simulation.nowMs - progressMs >= 1000) {
        progressMs = this.#simulation.nowMs
        this.#options.progress(progressMs, this.#scenario.name)
      }
    }
  }

  #report(checker: string, message: string): void {
    if (
      this.#violations.length >= violationsMax ||
      this.#violations.some((known) => known.checker === checker && known.message === message)
    )
      return
    const violation: Violation = { checker, atMs: this.#simulation.nowMs, message }
    this.#violations.push(violation)
    this.#simulation.note("violation", null, `${checker}: ${message}`)
    this.#observer.happen("violation", null, `${checker}: ${message}`)
  }

  #result(expectations: ReadonlyArray<ExpectationResult>, startedMs: number): ScenarioResult {
    const { counters, happenings, seen } = this.#observer
    const models = [...this.#models.values()]
    const sum = (of: (model: ClientModel) => number): number => models.reduce((total, model) => total + of(model), 0)
    const streams = [...this.#sqlClients.streams.values()]
    const streamed = (of: StreamOutcome): number => streams.reduce((total, stream) => total + stream[of].size, 0)
    const view = this.#simulation.state.view()
    const lost = [...this.#clients].reduce((total, [name, model]) => {
      const table = view.tables.get(name)?.record
      return total + (table?.status === "ready" ? missingEverywhere(this.#context, view, table, model).length : 0)
    }, 0)
    const outcome = outcomeOf(this.#violations, expectations, this.#scenario.expect.violation)
    return {
      name: this.#scenario.name,
      file: this.#options.file ?? "",
      seed: this.#options.seed,
      passed: outcome === "pass",
      class: outcome,
      virtualMs: this.#simulation.nowMs,
      wallMs: Math.round(realNowMs() - startedMs),
      events: this.#simulation.queue.executed,
      commands: this.#simulation.commands,
      traceHash: this.#trace.hash,
      violations: this.#violations,
      expectations,
      stats: {
        acknowledged: sum((model) => model.acknowledged) + streamed("acknowledged"),
        refused: sum((model) => model.refused) + streamed("refused"),
        unknown: sum((model) => model.unknown) + streamed("unknown"),
        lost,
        ...counters,
      },
      timeline: happenings,
      seen: Object.fromEntries([...seen].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    }
  }
}

/** The class of a run: what is wrong outweighs what is slow. */
export const outcomeOf = (
  violations: ReadonlyArray<Violation>,
  expectations: ReadonlyArray<ExpectationResult>,
  expected: string | null,
): ResultClass => {
  const failed = expectations.filter((expectation) => !expectation.held)
  const isSlow = (expectation: ExpectationResult): boolean => /^(eventually|sometimes|timeline):/.test(expectation.name)
  if (expected !== null) {
    if (!violations.some((violation) => violation.checker === expected)) return "correctness"
    if (failed.length === 0) return "pass"
    return failed.every(isSlow) ? "liveness" : "correctness"
  }
  if (violations.some((violation) => !livenessCheckers.has(violation.checker))) return "correctness"
  // A final state that was never reached is late if the cluster did not come to rest, and wrong if it did.
  const late = violations.length > 0
  if (failed.some((expectation) => !isSlow(expectation) && !(late && expectation.name.startsWith("final:"))))
    return "correctness"
  return late || failed.length > 0 ? "liveness" : "pass"
}
