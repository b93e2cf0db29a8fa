/**
 * The search for the smallest scenario: runs candidates, and keeps the last one that fails in the same way as the first.
 * "The same way" is class and checker: messages name ids and times, which change as a scenario gets smaller.
 */
import * as Result from "effect/Result"
import { runBundle } from "../bundle/Bundle.ts"
import { type Failure, gravestOf } from "../run/ScenarioResult.ts"
import type { Decision } from "../run/TimelineRunner.ts"
import type { Scenario } from "../scenario/Scenario.ts"
import { loadScenario, renderScenario } from "../scenario/ScenarioFile.ts"

/** A scenario with how it is run. */
export interface Candidate {
  readonly scenario: Scenario
  readonly seed: number
  readonly mode: "scenario" | "chaos"
}

/** What the search asks of its caller. */
export interface SearchOptions {
  /** True once there is no more time: the search ends with what it has. */
  readonly isOver: () => boolean
  /** Called after each run. */
  readonly onRun?: (run: { readonly runs: number; readonly smaller: boolean }) => void
}

/**
 * A candidate that has not failed long after the original did will not. Shorter than that, and one that merely fails later
 * would be given up.
 */
const patience = { factor: 1.5, moreMs: 30_000 } as const

/** The smallest failing candidate so far. */
export class Search {
  current: Candidate
  /** How it fails. */
  failure: Failure
  /** What was decided in its run. */
  decisions: ReadonlyArray<Decision> = []
  runs = 0
  readonly #options: SearchOptions
  readonly #kind: Pick<Failure, "class" | "checker">
  readonly #tried = new Set<string>()

  constructor(first: Candidate, failure: Failure, options: SearchOptions) {
    this.current = first
    this.failure = failure
    this.#kind = failure
    this.#options = options
  }

  get isOver(): boolean {
    return this.#options.isOver()
  }

  /** Whether expectations of the scenario itself are what fails: then they belong to it. */
  get isAboutExpectations(): boolean {
    return this.#kind.checker === "expectation"
  }

  /** Tries the scenario with a change; if it still fails, it is the current one from then on. */
  try(change: Partial<Scenario>): boolean {
    return this.tryCandidate({ ...this.current, scenario: { ...this.current.scenario, ...change } })
  }

  tryCandidate(candidate: Candidate): boolean {
    if (this.isOver) return false
    // What cannot be written (a fault that lasts no time), or names a node or a table that is gone, is no scenario.
    const text = Result.try(() => renderScenario(candidate.scenario))
    if (Result.isFailure(text)) return false
    const key = `${candidate.mode} ${candidate.seed} ${text.success}`
    if (this.#tried.has(key)) return false
    this.#tried.add(key)
    if (Result.isFailure(loadScenario(text.success, "candidate.yaml"))) return false
    const decisions: Array<Decision> = []
    const found = this.#run(candidate, (decision) => decisions.push(decision))
    if (found !== undefined) {
      this.current = candidate
      this.failure = found
      this.decisions = decisions
    }
    this.#options.onRun?.({ runs: this.runs, smaller: found !== undefined })
    return found !== undefined
  }

  #run(candidate: Candidate, onDecision: (decision: Decision) => void): Failure | undefined {
    this.runs++
    const isLate = this.#kind.class === "liveness" || this.isAboutExpectations
    const untilMs = this.failure.atMs * patience.factor + patience.moreMs
    const result = runBundle(candidate, {
      stopAtViolation: true,
      untraced: true,
      inspector: { onDecision },
      ...(isLate ? {} : { untilMicros: untilMs * 1000 }),
    })
    if (result.passed) return undefined
    const failure = gravestOf(result)
    return failure.class === this.#kind.class && failure.checker === this.#kind.checker ? failure : undefined
  }
}

/**
 * Delta debugging over a list: takes away halves, quarters, … and at last single items, as long as `attempt` accepts what is
 * left. `read` gives the items that are there now.
 */
export const shrinkList = <A>(
  read: () => ReadonlyArray<A>,
  attempt: (items: ReadonlyArray<A>) => boolean,
  isOver: () => boolean,
): void => {
  let size = read().length
  while (size >= 1 && !isOver()) {
    for (let start = read().length - size; start > -size && !isOver(); start -= size) {
      const items = read()
      const from = Math.max(0, start)
      if (from < items.length) attempt([...items.slice(0, from), ...items.slice(start + size)])
    }
    size = Math.min(Math.floor(size / 2), read().length)
  }
}
