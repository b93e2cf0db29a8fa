/**
 * How a plan becomes an operation: its draft is written, its locks are taken, and then it is live.
 */
import * as Effect from "effect/Effect"
import type { Plan, PlannedStep } from "../plan/Plan.ts"
import type * as Sql from "../Sql.ts"
import { type Group, Key, type Operation, type Request, type StepRow, type Table } from "../State.ts"
import { stepSql, undoSql } from "../step/StepSql.ts"
import type { Stored, View } from "../View.ts"
import { type LeaderContext, type LeaderError, say } from "./LeaderContext.ts"

const stepColumns = (row: StepRow): Sql.ColumnValues => ({
  node: row.node ?? "",
  query: stepSql(row.step).join("; "),
  rollback_query: undoSql(row.step).join("; "),
  operation_group: row.operation,
  status: row.status,
  tries: row.tries,
  wait_for_id: row.dependsOn.at(-1) ?? 0,
})

/** Writes the row of a step that nobody has begun. */
export const writeStep = (
  { store, term }: LeaderContext,
  operation: string,
  index: number,
  { node, step, dependsOn }: PlannedStep,
  undoes: number | null,
) => {
  const row: StepRow = {
    operation,
    index,
    node,
    step,
    dependsOn,
    status: "pending",
    tries: 0,
    claimedBy: null,
    undoes,
    error: null,
  }
  return store.create(Key.step(operation, index), row, { term, columns: stepColumns(row) })
}

/** Writes the draft, takes the locks, and makes the operation live by one compare-and-set of its root row. */
export const launch = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  id: string,
  plan: Plan,
  request: Stored<Request> | undefined,
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const operation: Operation = {
    id,
    kind: plan.kind,
    table: plan.table,
    status: "queued",
    term,
    undoing: false,
    steps: plan.steps.length,
    tables: [...plan.tables.keys()],
    groups: [...plan.groups.keys()],
    request: request?.record.id ?? null,
    reason: plan.reason,
    error: null,
  }
  const root = yield* store.create(Key.operation(id), operation, { term })
  for (const [index, planned] of plan.steps.entries()) yield* writeStep(context, id, index, planned, null)
  for (const [name, table] of plan.tables) yield* put(context, view.tables.get(name), Key.table(name), table)
  for (const [name, group] of plan.groups) yield* put(context, view.groups.get(name), Key.group(name), group)
  if (request !== undefined) {
    yield* store.compareAndSet(request, { ...request.record, status: "accepted", operation: id }, { term })
  }
  if (!(yield* context.holdsLease)) return
  const status = plan.steps.length === 0 ? "completed" : "running"
  yield* store.compareAndSet(root, { ...operation, status }, { term, live: status === "running" })
  yield* say(context, operation, status)
})

const put = (
  context: LeaderContext,
  before: Stored<Group> | Stored<Table> | undefined,
  key: string,
  next: Group | Table,
) =>
  before === undefined
    ? context.store.create(key, next, { term: context.term })
    : context.store.compareAndSet(before, next, { term: context.term })
