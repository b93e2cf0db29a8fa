/**
 * Delta debugging of scenarios: first what can be left out, from the largest parts to the smallest, then what can be said
 * more simply. Passes repeat until none of them finds anything, or time is up.
 */
import { type Bundle, runBundle } from "../bundle/Bundle.ts"
import { type Failure, gravestOf } from "../run/ScenarioResult.ts"
import type { Decision } from "../run/TimelineRunner.ts"
import { withoutChaos } from "./passes/mode.ts"
import {
  fewerActs,
  fewerExpectations,
  fewerNodes,
  fewerSettings,
  fewerTables,
  fewerWorkloads,
  smallerTables,
} from "./passes/parts.ts"
import { lessChance, plainerEnd, plainerWorkloads, rounderTimes, usualSeed } from "./passes/values.ts"
import { type Candidate, Search, type SearchOptions } from "./Search.ts"

/** In the order in which they are gone through. */
const passes: ReadonlyArray<readonly [name: string, pass: (search: Search) => void]> = [
  ["fewer expectations", fewerExpectations],
  ["without chaos around it", withoutChaos],
  ["fewer faults and acts", fewerActs],
  ["fewer tables", fewerTables],
  ["fewer clients", fewerWorkloads],
  ["fewer settings", fewerSettings],
  ["fewer nodes", fewerNodes],
  ["smaller tables", smallerTables],
  ["plainer clients", plainerWorkloads],
  ["an earlier end", plainerEnd],
  ["less chance", lessChance],
  ["rounder times", rounderTimes],
  ["the usual seed", usualSeed],
]
/** More rounds than any scenario has needed. */
const roundsMax = 20

/** What came of it. */
export interface Minimized extends Candidate {
  readonly failure: Failure
  readonly runs: number
  /** False: time was up before every pass had found nothing more. */
  readonly isComplete: boolean
}

export interface MinimizeOptions extends SearchOptions {
  /** Called when a pass begins. */
  readonly onPass?: (pass: string, search: Search) => void
}

/** Undefined if the failure does not come again. */
export const minimize = (
  first: Pick<Bundle, "scenario" | "seed" | "mode">,
  options: MinimizeOptions,
): Minimized | undefined => {
  const decisions: Array<Decision> = []
  const result = runBundle(first, { stopAtViolation: true, inspector: { onDecision: (it) => decisions.push(it) } })
  if (result.passed) return undefined
  const { scenario, seed, mode } = first
  const search = new Search({ scenario, seed, mode }, gravestOf(result), options)
  search.decisions = decisions
  search.runs = 1
  let isComplete = false
  for (let round = 0; round < roundsMax && !isComplete && !search.isOver; round++) {
    const before = search.current
    for (const [name, pass] of passes) {
      if (search.isOver) break
      options.onPass?.(name, search)
      pass(search)
    }
    isComplete = search.current === before && !search.isOver
  }
  return { ...search.current, failure: search.failure, runs: search.runs, isComplete }
}
