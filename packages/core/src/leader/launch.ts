/**
 * How a plan becomes an operation: its draft is written, its locks are taken, and then it is live. A draft that is to be
 * approved stops half-way: it holds nothing, and what it would do can be read.
 */
import * as Effect from "effect/Effect"
import { rowId } from "../Identifier.ts"
import type { Manticore } from "../Manticore.ts"
import { Mutations } from "../Mutation.ts"
import { costOf, type ShardSize, weightOf } from "../plan/cost.ts"
import type { Plan, PlannedStep } from "../plan/Plan.ts"
import type * as Sql from "../Sql.ts"
import { type Group, Key, type Operation, type Request, type StepRow, type Table } from "../State.ts"
import type { Conflict, NewRecord } from "../StateStore.ts"
import { stepSql, undoSql } from "../step/StepSql.ts"
import type { Stored, View } from "../View.ts"
import { changeStatus, engineOn } from "./changeStatus.ts"
import { type LeaderContext, type LeaderError, say } from "./LeaderContext.ts"
import { measure } from "./sizes.ts"

/** Records that are written at once when a plan takes its locks. */
const parallelWrites = 8

const stepColumns = (row: StepRow): Sql.ColumnValues => ({
  node: row.node ?? "",
  query: stepSql(row.step).join("; "),
  rollback_query: undoSql(row.step).join("; "),
  operation_group: row.operation,
  status: row.status,
  tries: row.tries,
  wait_for_id: row.dependsOn.at(-1) ?? 0,
})

/** The row of a step that nobody has begun. */
export const stepRecord = (
  operation: string,
  index: number,
  { node, step, dependsOn }: PlannedStep,
  undoes: number | null,
  expects?: ShardSize,
): NewRecord => {
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
    ...(expects === undefined ? {} : { expects }),
  }
  return { key: Key.step(operation, index), value: row, columns: stepColumns(row) }
}

/** Writes rows of steps in chunks, and makes sure between them that this agent is still the leader. */
export const writeSteps = (context: LeaderContext, rows: ReadonlyArray<NewRecord>) =>
  context.store.createAll(rows, { term: context.term }, context.keepLease)

/** What a plan is, in one number: two plans with the same digest do the same. */
export const digestOf = (plan: Plan): string =>
  rowId(JSON.stringify([plan.kind, [...plan.tables.values()], [...plan.groups.values()], plan.steps]))

/** Sentences that an operation's record keeps of the explanation of its plan. */
const explanationMax = 50

const explanationText = (plan: Plan): ReadonlyArray<string> => {
  const sentences = plan.explanation.map(({ group, from, to, reason }) => {
    const move = from === null && to === null ? "" : `${from ?? "nowhere"} → ${to ?? "nowhere"}: `
    return `${group === null ? "" : `${group}: `}${move}${reason}`
  })
  if (sentences.length <= explanationMax) return sentences
  return [...sentences.slice(0, explanationMax), `and ${sentences.length - explanationMax} more`]
}

/** Writes the draft of an operation and makes it live, or leaves it to be approved. */
export const launch = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  id: string,
  plan: Plan,
  request: Stored<Request> | undefined,
): Effect.fn.Return<void, LeaderError, Manticore> {
  const { node, presence, store, term } = context
  const sizes = yield* measure(view, plan, { node, away: presence.away, goOn: context.keepLease })
  if (!(yield* context.keepLease)) return
  const operation: Operation = {
    id,
    kind: plan.kind,
    table: plan.table,
    status: "idle",
    term,
    stop: null,
    undoing: false,
    undoFrom: null,
    steps: plan.steps.length,
    tables: [...plan.tables.keys()],
    groups: [...plan.groups.keys()],
    request: request?.record.id ?? null,
    reason: plan.reason,
    cost: costOf(plan, view, sizes),
    explanation: explanationText(plan),
    ...(plan.before === undefined ? {} : { before: plan.before }),
    digest: digestOf(plan),
    history: [],
    error: null,
    left: [],
  }
  const root = yield* store.create(Key.operation(id), operation, { term })
  const rows = plan.steps.map((planned, index) =>
    stepRecord(id, index, planned, null, weightOf(plan, view, sizes, planned.step)),
  )
  if (!(yield* writeSteps(context, rows))) return
  const by = request?.record.by ?? engineOn(context.node)
  const why = request === undefined || request.record.reason === "" ? plan.reason : request.record.reason
  if (request?.record.approval === true && !(yield* Mutations).has("skip-approval")) {
    const accepted: Request = { ...request.record, status: "accepted", operation: id }
    yield* store.compareAndSet(request, accepted, { term })
    const drafted = yield* changeStatus(context, root, operation, ["awaiting_approval"], { by, why })
    return yield* say(context, drafted, drafted.status)
  }
  const stored: Stored<Operation> = { ...root, record: operation }
  yield* goLive(context, view, stored, plan, request, { by, why })
})

/** Takes the locks of a draft and makes it live by one compare-and-set of its root row. */
export const goLive = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  plan: Plan,
  request: Stored<Request> | undefined,
  { by, why }: { readonly by: string; readonly why: string },
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const puts = [
    ...[...plan.tables].map(
      ([name, table]) =>
        () =>
          put(context, view.tables.get(name), Key.table(name), table),
    ),
    ...[...plan.groups].map(
      ([name, group]) =>
        () =>
          put(context, view.groups.get(name), Key.group(name), group),
    ),
  ]
  for (let start = 0; start < puts.length; start += parallelWrites) {
    if (!(yield* context.keepLease)) return
    yield* Effect.forEach(puts.slice(start, start + parallelWrites), (write) => write(), {
      concurrency: parallelWrites,
      discard: true,
    })
  }
  if (request !== undefined) {
    const accepted: Request = { ...request.record, status: "accepted", operation: stored.record.id }
    yield* store.compareAndSet(request, accepted, { term })
  }
  if (!(yield* context.keepLease)) return
  const empty = plan.steps.length === 0
  const through = empty ? (["queued", "running", "completed"] as const) : (["queued", "running"] as const)
  const live = yield* changeStatus(context, stored, stored.record, through, { by, why, patch: { term }, live: !empty })
  yield* say(context, live, live.status)
})

const put = (
  context: LeaderContext,
  before: Stored<Group> | Stored<Table> | undefined,
  key: string,
  next: Group | Table,
) =>
  before === undefined
    ? Effect.catchTag(context.store.create(key, next, { term: context.term }), "Conflict", (conflict) =>
        putAgain(context, conflict, next),
      )
    : context.store.compareAndSet(before, next, { term: context.term })

/** Names do not come back, so that a record which is there already is somebody else's, except for a mutant; see `Mutation`. */
const putAgain = Effect.fnUntraced(function* (context: LeaderContext, conflict: Conflict, next: Group | Table) {
  const before = (yield* Mutations).has("d29-names-come-back") ? yield* context.store.get(conflict.key) : undefined
  return before === undefined
    ? yield* conflict
    : yield* context.store.compareAndSet(before, next, { term: context.term })
})
