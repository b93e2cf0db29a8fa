/**
 * The statuses of an operation and the only ways from one to another. Every change of a status is made here, so that the
 * table is the truth about what an operation can become, and each change leaves a line in its history.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Operation, OperationStatus, type StatusChange } from "../State.ts"

/** Where each status may lead. `waiting` is no status, see `WaitCode`. */
export const transitions: Readonly<Record<OperationStatus, ReadonlyArray<OperationStatus>>> = {
  idle: ["awaiting_approval", "queued"],
  awaiting_approval: ["queued", "idle"],
  queued: ["running", "idle"],
  running: ["paused", "stopping", "completed", "failed", "critical_failure"],
  paused: ["running", "stopping"],
  stopping: ["stopped", "critical_failure"],
  stopped: ["idle"],
  completed: ["idle"],
  failed: ["idle"],
  critical_failure: ["idle"],
}

/** What there would be without the table: for a mutant, see `Mutation`. */
export const anyTransition: typeof transitions = {
  idle: OperationStatus.literals,
  awaiting_approval: OperationStatus.literals,
  queued: OperationStatus.literals,
  running: OperationStatus.literals,
  paused: OperationStatus.literals,
  stopping: OperationStatus.literals,
  stopped: OperationStatus.literals,
  completed: OperationStatus.literals,
  failed: OperationStatus.literals,
  critical_failure: OperationStatus.literals,
}

/** A status was to change in a way that the table does not know. */
export class IllegalTransition extends Schema.TaggedError<IllegalTransition>()("IllegalTransition", {
  from: OperationStatus,
  to: OperationStatus,
}) {
  override get message(): string {
    const legal = transitions[this.from].join(" or ")
    return `an operation that is ${this.from} cannot become ${this.to}; it can become ${legal}`
  }
}

/** Changes of a status that an operation's record keeps: the first, and the last ones. */
export const historyMax = 40

/** Who changes a status, when by the wall clock, and why. */
export type Author = Omit<StatusChange, "status">

/** The operation with another status, or why it cannot have it. */
export const transition = (
  operation: Operation,
  to: OperationStatus,
  author: Author,
  table = transitions,
): Result.Result<Operation, IllegalTransition> => {
  const from = operation.status
  if (!table[from].includes(to)) return Result.fail(new IllegalTransition({ from, to }))
  const all = [...operation.history, { ...author, status: to }]
  const history = all.length > historyMax ? [...all.slice(0, 1), ...all.slice(1 - historyMax)] : all
  return Result.succeed({ ...operation, status: to, history })
}

/** The operation after several changes in a row, or the first one that is illegal. */
export const transitionThrough = (
  operation: Operation,
  statuses: ReadonlyArray<OperationStatus>,
  author: Author,
  table = transitions,
): Result.Result<Operation, IllegalTransition> =>
  statuses.reduce<Result.Result<Operation, IllegalTransition>>(
    (result, to) => Result.flatMap(result, (before) => transition(before, to, author, table)),
    Result.succeed(operation),
  )

/** Statuses in which an operation has come to its end. */
export const isOver = (status: OperationStatus): boolean =>
  status === "stopped" || status === "completed" || status === "failed" || status === "critical_failure"
