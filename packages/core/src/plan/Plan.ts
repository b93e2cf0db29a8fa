/**
 * Plans: which records change when an operation goes live, and which steps follow, in which order. Everything in this
 * folder is a function of a view of the records and of who is away; nothing acts.
 *
 * There is one way to plan changes of groups: records say who shall be a member and who shall leave, and `convergeSteps`
 * derives the steps from that. An operation that was given up half-way needs no memory of its own: its records say
 * what is left to do, and the next plan does it.
 */
import type { Mutation } from "../Mutation.ts"
import type { Group, Operation, OperationKind, Table } from "../State.ts"
import type { Step } from "../step/Step.ts"

/** A step of a plan; `dependsOn` are indices into the same plan. `node` null: the leader executes it. */
export interface PlannedStep {
  readonly node: string | null
  readonly step: Step
  readonly dependsOn: ReadonlyArray<number>
}

/** What a planner knows of nodes beside the records. */
export interface Presence {
  /** Registered nodes whose heartbeat stands still. */
  readonly away: ReadonlySet<string>
  /** Those of them that are given up: away for longer than the grace period. */
  readonly lost: ReadonlySet<string>
  /**
   * Nodes whose agent is silent while their daemon is seen in the coordination cluster. They are not away: the leader does
   * for them what a daemon can be told over SQL. What needs their disk or their process waits.
   */
  readonly runnerless?: ReadonlySet<string>
  /** Nodes that came and went again and again lately: their return is not trusted for moves. */
  readonly damped?: ReadonlySet<string>
  /** Defects that a test has switched on. */
  readonly mutations?: ReadonlySet<Mutation>
}

/** What carrying a plan out takes. */
export interface Cost {
  readonly steps: number
  /** Copies of shards that are made. */
  readonly replicas: number
  /** Rows and bytes of those copies; null where the size of one of them is not known. */
  readonly rows: number | null
  readonly bytes: number | null
  /** Steps in the longest chain of dependencies: no number of nodes makes the plan shorter. */
  readonly criticalPath: number
}

/** One change of a plan in words: what comes, goes or is moved, and why. */
export interface Explanation {
  /** The group that changes; null for shards without one, and for the plan as a whole. */
  readonly group: string | null
  /** Where copies go away from, and where they come to; null: neither. */
  readonly from: string | null
  readonly to: string | null
  /** How many copies of shards it concerns. */
  readonly replicas: number
  readonly reason: string
}

/** Records to change and steps to execute. */
export interface Plan {
  readonly kind: OperationKind
  readonly table: string | null
  readonly reason: string
  readonly tables: ReadonlyMap<string, Table>
  readonly groups: ReadonlyMap<string, Group>
  readonly steps: ReadonlyArray<PlannedStep>
  /** What it changes beside groups, as it was before; see `Operation.before`. */
  readonly before?: NonNullable<Operation["before"]>
  /** Why each thing changes, in the order of the changes. */
  readonly explanation: ReadonlyArray<Explanation>
}

/** Why there is no plan. `final`: asking again later changes nothing, so that a wish is refused and not kept waiting. */
export interface Refusal {
  readonly final: boolean
  readonly reason: string
}

/** A wish that cannot be fulfilled at all. */
export const refused = (reason: string): Refusal => ({ final: true, reason })

/** A wish that waits until something else has changed. */
export const notYet = (reason: string): Refusal => ({ final: false, reason })

/** True for what a planner answers instead of a plan. */
export const isRefusal = (answer: Plan | Refusal): answer is Refusal => !("steps" in answer)

/** Collects steps and hands out their indices. */
export class StepList {
  readonly steps: Array<PlannedStep> = []

  add(node: string | null, step: Step, dependsOn: ReadonlyArray<number | undefined> = []): number {
    const known = dependsOn.filter((index) => index !== undefined)
    this.steps.push({ node, step, dependsOn: [...new Set(known)].toSorted((a, b) => a - b) })
    return this.steps.length - 1
  }
}
