/**
 * What a run of a scenario tells, as plain data: the fields of the outer contract, and what people want to see beside
 * them. Times are virtual milliseconds since the cluster and its tables were ready.
 */

/** The class of an outcome decides the exit code. */
export type ResultClass = "pass" | "correctness" | "liveness" | "nondeterminism"

/** An invariant that did not hold. */
export interface Violation {
  readonly checker: string
  readonly atMs: number
  readonly message: string
}

/** An expectation of the scenario, and whether it held. */
export interface ExpectationResult {
  readonly name: string
  readonly held: boolean
  readonly detail: string
}

/** Figures of a run. */
export interface RunStats {
  readonly acknowledged: number
  readonly refused: number
  readonly unknown: number
  readonly lost: number
  readonly moves: number
  readonly rollbacks: number
  readonly bytesMoved: number
  readonly leaderChanges: number
  readonly operationsCompleted: number
  readonly operationsFailed: number
  readonly stepsDone: number
}

/** Something that a person wants to see in the summary. */
export interface Happening {
  readonly atMs: number
  readonly kind:
    | "fault"
    | "act"
    | "leader"
    | "operation"
    | "move"
    | "finding"
    | "violation"
    | "expectation"
    | "phase"
    | "daemon"
  readonly node: string | null
  readonly text: string
}

/** The outcome of one scenario with one seed. */
export interface ScenarioResult {
  readonly name: string
  readonly file: string
  readonly seed: number
  readonly passed: boolean
  readonly class: ResultClass
  readonly virtualMs: number
  readonly wallMs: number
  readonly events: number
  readonly commands: number
  readonly traceHash: string
  readonly violations: ReadonlyArray<Violation>
  readonly expectations: ReadonlyArray<ExpectationResult>
  readonly stats: RunStats
  readonly timeline: ReadonlyArray<Happening>
  /** How often what the engine can say was said: `step JoinGroup done`, `operation create completed`, … */
  readonly seen: Readonly<Record<string, number>>
}

/** What a run that failed comes down to. */
export interface Failure {
  readonly class: ResultClass
  /** Name of the checker that reported it; `expectation` where the scenario's own expectations failed. */
  readonly checker: string
  readonly atMs: number
  readonly message: string
}

/** The gravest finding of a run that failed: what is wrong comes before what is late. */
export const gravestOf = (result: ScenarioResult): Failure => {
  const violation = result.violations.find(({ checker }) => checker !== "quiescence") ?? result.violations[0]
  const expectation = result.expectations.find((it) => !it.held)
  return {
    class: result.class,
    checker: violation?.checker ?? "expectation",
    atMs: violation?.atMs ?? result.virtualMs,
    message: violation?.message ?? (expectation === undefined ? "" : `${expectation.name}: ${expectation.detail}`),
  }
}
