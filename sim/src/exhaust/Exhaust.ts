/**
 * Anomaly loops over a scenario: it is run once to see which statements the agents send for the operation under test,
 * then once for each of these statements and each way in which a statement can fail. The run is the same up to there, so
 * each point can be repeated. Whatever fails, the operation must end completed or rolled back to exactly what was there
 * before, and nothing may be lost or left over. While a fault lasts, an operation that cannot go on says why; once the fault
 * is gone nothing may wait.
 */
import { refused } from "@shardwright/core/Answer"
import * as Duration from "effect/Duration"
import { type Judged, judge } from "../run/Conditions.ts"
import { describeCondition } from "../run/describe.ts"
import { FaultBudget } from "../run/FaultBudget.ts"
import { outcomeOf, runScenario } from "../run/RunScenario.ts"
import type { ResultClass, ScenarioResult, Violation } from "../run/ScenarioResult.ts"
import type { Disturb } from "../run/SimulatedPorts.ts"
import type { Fault } from "../scenario/Fault.ts"
import type { Scenario } from "../scenario/Scenario.ts"
import { silentOperations } from "./silence.ts"
import { lastingMicros, shapeOf, type Way, ways } from "./Way.ts"
import { differences, type Snapshot, takeSnapshot } from "./Snapshot.ts"

/** A statement that an agent sent, counted from 1 since the operation under test was asked for. */
export interface AgentCommand {
  readonly number: number
  /** Virtual milliseconds since time zero. */
  readonly atMs: number
  /** Host of the agent, and host of the daemon that was asked. */
  readonly from: string
  readonly to: string
  readonly sql: string
}

/** One thing to try: a statement and the way in which it fails. */
export interface Point {
  readonly command: AgentCommand
  readonly way: Way
}

/** How the run of a point ended. */
export interface PointOutcome {
  /** Number of the statement. */
  readonly point: number
  readonly way: Way
  readonly statement: string
  /** Host of the agent that sent it, and of the daemon that it was sent to. */
  readonly node: string
  readonly to: string
  readonly atMs: number
  readonly seed: number
  readonly end: "completed" | "rolled back" | "neither"
  readonly passed: boolean
  readonly class: ResultClass
  readonly violations: ReadonlyArray<Violation>
  readonly commands: number
  readonly virtualMs: number
}

/** Which statements are tried. */
export interface PointChoice {
  /** Reads and signs of life as well; else a few of them. */
  readonly all: boolean
  /** Every so-manieth point; 1: each. */
  readonly sample: number
}

/** What the undisturbed run has shown. */
export interface Recording {
  readonly commands: ReadonlyArray<AgentCommand>
  readonly result: ScenarioResult
}

/** What a statement that is made to fail is answered: an error that nobody knows. */
const injected = refused("injected failure")
/** The same where it lasts: something is full. */
const full = refused("write error: No space left on device")
/** How long the agent that was killed stays dead. */
const restartMicros = 5_000_000
/** So many reads and signs of life are tried unless all are. */
const idleCommandsMax = 12

const isRead = ({ sql }: AgentCommand): boolean => /^(SELECT|SHOW|DESC)\b/i.test(sql)
const isSignOfLife = ({ sql }: AgentCommand): boolean => /'(heartbeat\/[^']*|lease)'/.test(sql)

/** Virtual milliseconds at which the first act of the timeline happens: from there on statements count. */
const firstActMs = (scenario: Scenario): number => {
  const moments = scenario.timeline.flatMap(({ when }) => (when._tag === "At" ? [Duration.toMillis(when.at)] : []))
  return moments.length === 0 ? 0 : Math.min(...moments)
}

/** Counts the statements of agents from the first act on. `inside` is known from time zero on. */
class Counter {
  #inside: Judged | undefined
  #number = 0
  readonly #fromMs: number

  constructor(scenario: Scenario) {
    this.#fromMs = firstActMs(scenario)
  }

  atZero(inside: Judged): void {
    this.#inside = inside
  }

  get inside(): Judged | undefined {
    return this.#inside
  }

  get simulation(): Judged["simulation"] | undefined {
    return this.#inside?.simulation
  }

  /** The statement with its number; undefined before the operation was asked for. */
  next(statement: Parameters<Disturb>[0]): AgentCommand | undefined {
    const atMs = this.#inside?.simulation.nowMs ?? -1
    if (this.#inside === undefined || atMs < this.#fromMs) return undefined
    return { number: ++this.#number, atMs, ...statement }
  }
}

/** Runs the scenario undisturbed and notes what agents send. */
export const record = (scenario: Scenario, seed: number, file = ""): Recording => {
  const counter = new Counter(scenario)
  const commands: Array<AgentCommand> = []
  const result = runScenario(scenario, {
    seed,
    file,
    inspector: { atZero: (inside) => counter.atZero(inside) },
    disturb: (statement) => {
      const command = counter.next(statement)
      if (command !== undefined) commands.push(command)
      return undefined
    },
  })
  return { commands, result }
}

/**
 * The points to try, in the order of the statements, up to the last one that changes something. The ways go round, so that a
 * sample has all of them.
 */
export const choosePoints = (commands: ReadonlyArray<AgentCommand>, choice: PointChoice): ReadonlyArray<Point> => {
  const changes = (command: AgentCommand) => !isRead(command) && !isSignOfLife(command)
  const during = commands.slice(0, commands.findLastIndex(changes) + 1)
  const idle = during.filter((command) => !changes(command))
  const stride = Math.max(1, Math.ceil(idle.length / idleCommandsMax))
  const sampled = new Set(idle.filter((_, index) => choice.all || index % stride === 0))
  const tried = during.filter((command) => changes(command) || sampled.has(command))
  const points: Array<Point> = []
  for (let index = 0; index < tried.length * ways.length; index += choice.sample) {
    const command = tried[Math.floor(index / ways.length)]
    const way = ways[points.length % ways.length]
    if (command !== undefined && way !== undefined) points.push({ command, way })
  }
  return points
}

/** Runs the scenario with one statement failing in one way. */
export const runPoint = (
  scenario: Scenario,
  seed: number,
  { command, way }: Point,
  options: { readonly file?: string; readonly trace?: (line: string) => void } = {},
): PointOutcome => {
  const counter = new Counter(scenario)
  let before: Snapshot = new Map()
  let end: PointOutcome["end"] = "neither"
  let reached: AgentCommand | undefined
  const problems: Array<string> = []
  const finals = scenario.expect.final
  const written = new Set(scenario.workloads.map(({ table }) => table))

  const crash = (from: string) => {
    const simulation = counter.simulation
    if (simulation === undefined) return
    simulation.processes.kill(from, "agent")
    simulation.queue.after(restartMicros, () => simulation.processes.start(from, "agent"))
  }
  const away = (name: string) => {
    const simulation = counter.simulation
    if (simulation === undefined) return
    const whole: Fault = { _tag: "Kill", node: [name], what: "host" }
    // Who has the last copy in sync of a group keeps its daemon: nothing brings that copy back but its peers, or an operator.
    const part = new FaultBudget(simulation).excess(whole, [name]) === undefined ? "host" : "agent"
    simulation.processes.kill(name, part)
    simulation.queue.after(lastingMicros, () => simulation.processes.revive(name, part))
  }
  let lastsUntilMicros = 0
  const isFull = ({ from, to, sql }: AgentCommand) =>
    from === command.from && to === command.to && shapeOf(sql) === shapeOf(command.sql)
  const silent: Array<string> = []
  const lasts = () => {
    const simulation = counter.simulation
    if (simulation === undefined || counter.inside === undefined) return
    lastsUntilMicros = simulation.queue.nowMicros + lastingMicros
    const { inside } = counter
    simulation.queue.after(lastingMicros - 1, () => silent.push(...silentOperations(inside)))
  }
  const disturb: Disturb = (statement) => {
    const next = counter.next(statement)
    if (next === undefined) return undefined
    if (next.number !== command.number) {
      const nowMicros = counter.simulation?.queue.nowMicros ?? 0
      return way === "full" && nowMicros < lastsUntilMicros && isFull(next)
        ? { _tag: "refused", answer: full }
        : undefined
    }
    reached = next
    counter.simulation?.note("fault", next.from, `statement ${next.number} fails: ${way}: ${next.sql}`)
    switch (way) {
      case "refused":
        return { _tag: "refused", answer: injected }
      case "error":
        return { _tag: "replaced", answer: injected }
      case "timeout":
        return { _tag: "withheld" }
      case "crash":
        return { _tag: "executed", ended: () => crash(next.from) }
      case "full":
        lasts()
        return { _tag: "refused", answer: full }
      case "away":
        lasts()
        // Whether the statement still has its effect is left to the daemon.
        counter.simulation?.queue.after(1, () => away(next.to))
        return undefined
    }
  }
  const result = runScenario(
    {
      ...scenario,
      expect: { ...scenario.expect, eventually: [], always: [], sometimes: [], never: [] },
    },
    {
      seed,
      disturb,
      ...options,
      inspector: {
        atZero: (inside) => {
          counter.atZero(inside)
          before = takeSnapshot(inside, written)
        },
        isEnough: ({ simulation }) => simulation.queue.nowMicros >= lastsUntilMicros,
        isSettled: (inside) => differences(before, takeSnapshot(inside, written)).length === 0,
        atEnd: (inside) => {
          const open = finals.filter((condition) => !judge(inside, condition).held)
          const changed = differences(before, takeSnapshot(inside, written))
          end = open.length === 0 ? "completed" : changed.length === 0 ? "rolled back" : "neither"
          if (end === "neither") {
            const finding = (condition: (typeof finals)[number]) =>
              `${describeCondition(condition)} (${judge(inside, condition).detail})`
            problems.push(`not completed: ${open.map(finding).join("; ")}`, `not as before: ${changed.join("; ")}`)
          }
        },
      },
    },
  )
  const violations: Array<Violation> = [...result.violations]
  if (problems.length > 0)
    violations.push({ checker: "completed-or-rolled-back", atMs: result.virtualMs, message: problems.join(". ") })
  if (silent.length > 0)
    violations.push({ checker: "waits-with-a-code", atMs: result.virtualMs, message: silent.join("; ") })
  const isSame = reached !== undefined && reached.sql === command.sql && reached.to === command.to
  if (!isSame)
    violations.push({
      checker: "determinism",
      atMs: result.virtualMs,
      message: `statement ${command.number} is ${reached?.sql ?? "missing"} and was ${command.sql}`,
    })
  const kind = isSame ? outcomeOf(violations, [], null) : "nondeterminism"
  return {
    point: command.number,
    way,
    statement: command.sql,
    node: command.from,
    to: command.to,
    atMs: command.atMs,
    seed,
    end,
    passed: kind === "pass",
    class: kind,
    violations,
    commands: result.commands,
    virtualMs: result.virtualMs,
  }
}
