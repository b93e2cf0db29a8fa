/**
 * Operators who ask the engine for things and look for what became of it. A command that finds no node to talk to is
 * given again, at another node, as people do.
 */
import type { Request, Wish } from "@shardwright/core/State"
import * as Cause from "effect/Cause"
import type { Ask } from "../scenario/Scenario.ts"
import { type Cost, type DryRun, isPlanned, joinCluster, recoverCoordination, submit, tryOut } from "./EngineAdapter.ts"
import type { Simulation } from "./Simulation.ts"

/** Attempts to hand in a request, and the pause between them. */
const attemptsMax = 40
const pauseMicros = 3_000_000

/** A thing that was asked for. */
export interface Asked {
  readonly what: string
  readonly atMicros: number
  /** Id of the request, once it has been handed in. */
  id: string | undefined
  /** Attempts that may have been handed in although they failed. */
  attempts: number
  /** What is asked of no leader has been done. */
  isDone: boolean
  problem: string | undefined
  gaveUp: boolean
  /** What the engine must answer; null: anything. */
  readonly expected: Ask["answer"]
  /** The answer of what was only tried out. */
  triedOut: { readonly done: boolean; readonly text: string } | undefined
}

/** What became of it. */
export interface AskedOutcome {
  readonly settled: boolean
  readonly done: boolean
  readonly text: string
}

/** What a node is registered with. */
export const traitsOf = (simulation: Simulation, name: string) => {
  const { capacity, weight, zone } = simulation.declaration(name)
  return { weight, zone, ...(capacity === undefined ? {} : { capacity }) }
}
const costText = ({ bytes, replicas, rows, steps }: Cost): string =>
  `${steps} steps, ${replicas} replicas${rows === null ? "" : `, ${rows} rows`}${bytes === null ? "" : `, about ${bytes} bytes`}`

const dryRunText = (result: DryRun): { readonly done: boolean; readonly text: string } =>
  result._tag === "Plan"
    ? {
        done: true,
        text: `${result.plan.reason}: ${costText(result.cost)}; ${result.explanation.map(({ reason }) => reason).join("; ")}`,
      }
    : { done: result._tag === "Nothing", text: result.reason }

/** The people at the command line. */
export class Operators {
  readonly #simulation: Simulation
  readonly asked: Array<Asked> = []

  constructor(simulation: Simulation) {
    this.#simulation = simulation
  }

  /** Hands in a request at a node that is up. */
  submit(
    what: string,
    wish: Wish,
    {
      expected,
      ...how
    }: { readonly expected?: Ask["answer"]; readonly reason?: string; readonly approval?: boolean } = {},
  ): Asked {
    const asked = this.#begin(what, expected ?? null)
    const attempt = (): void =>
      this.#attempt(asked, (node) => {
        this.#simulation.command(
          null,
          submit({ node: this.#simulation.address(node), config: this.#simulation.config, wish, ...how }),
          (exit) => {
            if (exit._tag === "Success") asked.id = exit.value
            else this.#again(asked, Cause.pretty(exit.cause), attempt)
          },
        )
      })
    attempt()
    return asked
  }

  /** Asks for something that has no act of its own, and remembers what must be answered. */
  ask(act: Ask, what: string, wish: Wish): void {
    if (act.dryRun) this.#tryOut(what, act.answer, wish)
    else this.submit(what, wish, { reason: act.reason, approval: act.approval, expected: act.answer })
  }

  /** What was not answered as it must be, in words, by what was asked. */
  judge(): ReadonlyArray<{ readonly what: string; readonly held: boolean; readonly detail: string }> {
    return this.asked.flatMap((asked) => {
      if (asked.expected === null) return []
      const { is, containing } = asked.expected
      const { settled, done, text } = this.outcome(asked)
      const held =
        settled && (is === null || done === (is === "done")) && (containing === null || text.includes(containing))
      return [{ what: asked.what, held, detail: text }]
    })
  }

  #tryOut(what: string, expected: Ask["answer"], wish: Wish): void {
    const asked = this.#begin(what, expected)
    if (!isPlanned(wish)) {
      asked.triedOut = { done: false, text: "only wishes that lead to an operation can be tried out" }
      return
    }
    const attempt = (): void =>
      this.#attempt(asked, (node) => {
        const { config } = this.#simulation
        this.#simulation.command(null, tryOut({ node: this.#simulation.address(node), config, wish }), (exit) => {
          if (exit._tag === "Success") asked.triedOut = dryRunText(exit.value)
          else this.#again(asked, Cause.pretty(exit.cause), attempt)
        })
      })
    attempt()
  }

  /** Brings a node into the cluster. */
  join(name: string): Asked {
    const asked = this.#begin(`add node ${name}`)
    const attempt = (): void =>
      this.#attempt(asked, (at) => {
        const { config } = this.#simulation
        this.#simulation.command(
          name,
          joinCluster({
            node: this.#simulation.address(name),
            at: this.#simulation.address(at),
            config,
            ...traitsOf(this.#simulation, name),
          }),
          (exit) => {
            if (exit._tag === "Success") asked.isDone = true
            else this.#again(asked, Cause.pretty(exit.cause), attempt)
          },
        )
      })
    attempt()
    return asked
  }

  /** Says on a node that whoever is not heard of is gone. */
  recover(name: string): Asked {
    const asked = this.#begin(`recover the coordination cluster on ${name}`)
    const { config } = this.#simulation
    const attempt = (): void => {
      asked.attempts++
      this.#simulation.command(name, recoverCoordination({ node: this.#simulation.address(name), config }), (exit) => {
        if (exit._tag === "Success") asked.isDone = true
        else this.#again(asked, Cause.pretty(exit.cause), attempt)
      })
    }
    attempt()
    return asked
  }

  /** What became of something that was asked for. */
  outcome(asked: Asked): AskedOutcome {
    if (asked.triedOut !== undefined) return { settled: true, ...asked.triedOut }
    if (asked.isDone) return { settled: true, done: true, text: "done" }
    if (asked.gaveUp) return { settled: true, done: false, text: `given up: ${asked.problem ?? "no node answered"}` }
    if (asked.id === undefined) return { settled: false, done: false, text: asked.problem ?? "not handed in" }
    const request = this.#simulation.state.get(`request/${asked.id}`)?.value as Request | undefined // the store writes nothing else there
    if (request === undefined) return { settled: false, done: false, text: "not seen in the records" }
    return {
      settled: request.status === "done" || request.status === "refused",
      done: request.status === "done",
      text: `${request.status}${request.answer === null ? "" : `: ${request.answer}`}`,
    }
  }

  #begin(what: string, expected: Ask["answer"] = null): Asked {
    const asked: Asked = {
      what,
      atMicros: this.#simulation.queue.nowMicros,
      id: undefined,
      attempts: 0,
      isDone: false,
      problem: undefined,
      gaveUp: false,
      expected,
      triedOut: undefined,
    }
    this.asked.push(asked)
    return asked
  }

  #attempt(asked: Asked, act: (node: string) => void): void {
    const candidates = this.#simulation.upMembers
    const node = candidates[asked.attempts % Math.max(1, candidates.length)]
    asked.attempts++
    if (node !== undefined) act(node)
    else this.#again(asked, "no node is up", () => this.#attempt(asked, act))
  }

  #again(asked: Asked, problem: string, act: () => void): void {
    asked.problem = problem
    if (asked.attempts >= attemptsMax) asked.gaveUp = true
    else this.#simulation.queue.after(pauseMicros, act)
  }
}
