/**
 * What the leader does in one look at the records: supervise operations, answer requests, plan. It decides with pure
 * functions of `Plan` and `Health` and writes by compare-and-set; whatever it cannot write now, it finds again at the
 * next look.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { EngineConfig } from "./EngineConfig.ts"
import { isWithoutPrimary, leftBehind, promotable } from "./Health.ts"
import { journal } from "./Journal.ts"
import { isPrimary } from "./Observe.ts"
import { planConverge } from "./plan/converge.ts"
import { planCreate } from "./plan/create.ts"
import { planDrop } from "./plan/drop.ts"
import type { Plan, PlannedStep, Presence } from "./plan/Plan.ts"
import { planPromotion, planVerification } from "./plan/promotion.ts"
import { planUndo } from "./plan/undo.ts"
import type * as Sql from "./Sql.ts"
import type { Group, GroupShard, Operation, OperationStatus, Request, StepRow, Table } from "./State.ts"
import { Key } from "./State.ts"
import { stepSql, undoSql } from "./step/StepSql.ts"
import type { Conflict, StateStore, StoreUnavailable } from "./StateStore.ts"
import { tableWishProblem } from "./TableWish.ts"
import type { Stored, View } from "./View.ts"

/** What a leader remembers between looks; a new leader begins without it. */
export class LeaderMemory {
  #sequence = 0
  /** Since when groups have had no primary, in milliseconds of the own clock. */
  readonly withoutPrimarySinceMs = new Map<string, number>()
  /** Since when members have looked left behind, by group and node. */
  readonly behindSinceMs = new Map<string, number>()
  /** Since when the steps of an operation have not changed. */
  readonly progress = new Map<string, { readonly mark: string; readonly sinceMs: number }>()
  #convergeAfterMs = 0

  /** A name for a new operation, never used before: terms are not repeated, and neither are numbers in a term. */
  nextOperation(term: number): string {
    this.#sequence += 1
    return `${term}_${this.#sequence}`
  }

  /** True if it is time to look for changes that nobody asked for; the next look is some time later. */
  dueForConverge(nowMs: number, pauseMs: number): boolean {
    if (nowMs < this.#convergeAfterMs) return false
    this.#convergeAfterMs = nowMs + pauseMs
    return true
  }
}

/** What the leader works with in one look. */
export interface LeaderContext {
  readonly node: string
  readonly term: number
  readonly config: EngineConfig
  readonly store: StateStore["Service"]
  readonly memory: LeaderMemory
  readonly presence: Presence
  /** False once the lease may have run out: nothing is written after that. */
  readonly holdsLease: Effect.Effect<boolean>
}

type LeaderError = Conflict | StoreUnavailable

/** Statuses in which an operation is carried on. */
export const isLive = (operation: Operation): boolean =>
  operation.status === "running" || operation.status === "stopping" || operation.status === "paused"

const isOpen = (row: StepRow) => row.status === "pending" || row.status === "processing"

/** One look. */
export const lead = Effect.fnUntraced(function* (context: LeaderContext, view: View) {
  for (const operation of view.operations.values()) {
    if (!(yield* context.holdsLease)) return
    yield* supervise(context, view, operation)
  }
  if (!(yield* context.holdsLease)) return
  // What is released now is planned with at the next look, when the records show it.
  if (yield* releaseLocks(context, view)) return
  if (yield* shrinkSets(context, view)) return
  if ((yield* promoteGroups(context, view)) || (yield* verifyReturned(context, view))) return
  // Operations that change the layout run one at a time; promotions and verifications run beside them.
  const busy = [...view.operations.values()].some(({ record }) => record.kind !== "repair")
  if (busy || !(yield* context.holdsLease)) return
  if (yield* answerRequest(context, view)) return
  yield* converge(context, view)
})

const say = (context: LeaderContext, operation: Operation, status: OperationStatus | "rolling-back", detail = "") =>
  journal({
    kind: "operation",
    node: context.node,
    operation: operation.id,
    operationKind: operation.kind,
    status,
    term: context.term,
    detail: detail === "" ? operation.reason : detail,
  })

// ---------------------------------------------------------------- making an operation live

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
const writeStep = (
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
const launch = Effect.fnUntraced(function* (
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

// ---------------------------------------------------------------- supervision

const supervise = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
): Effect.fn.Return<void, LeaderError> {
  const operation = stored.record
  if (operation.status === "queued") {
    // A draft that is seen at the beginning of a look was left by a leader that was lost or could not write on.
    return yield* discard(context, view, stored)
  }
  if (!isLive(operation)) return
  if (operation.term < context.term) {
    yield* context.store.compareAndSet(stored, { ...operation, term: context.term }, { term: context.term })
    return yield* say(context, operation, operation.status, `adopted from term ${operation.term}`)
  }
  const rows = view.steps.get(operation.id) ?? []
  const begunUndo = rows.some(({ record }) => record.undoes !== null)
  if (operation.undoing) {
    return begunUndo ? yield* superviseUndo(context, view, stored, rows) : yield* startUndo(context, view, stored, rows)
  }
  if (operation.status === "stopping") return yield* superviseStop(context, view, stored, rows)
  const failure = rows.find(({ record }) => record.status === "failed")
  if (failure !== undefined) return yield* giveUp(context, stored, failure.record.error ?? "a step failed")
  if (rows.length === operation.steps && rows.every(({ record }) => record.status === "done")) {
    return yield* finish(context, view, stored, "completed", "")
  }
  const stalled = yield* stallReason(context, operation, rows)
  if (stalled !== undefined) yield* giveUp(context, stored, stalled)
})

/** Why an operation cannot go on, or undefined. Nodes that are merely away have some seconds to return. */
const stallReason = Effect.fnUntraced(function* (
  context: LeaderContext,
  operation: Operation,
  rows: ReadonlyArray<Stored<StepRow>>,
) {
  const nowMs = yield* Clock.currentTimeMillis
  const mark = rows.map(({ record }) => record.status[0]).join("")
  const known = context.memory.progress.get(operation.id)
  if (known === undefined || known.mark !== mark) {
    context.memory.progress.set(operation.id, { mark, sinceMs: nowMs })
    return undefined
  }
  const waitedMs = nowMs - known.sinceMs
  const waiting = rows.find(
    ({ record }) => isOpen(record) && record.node !== null && context.presence.away.has(record.node),
  )
  if (waiting !== undefined && waitedMs > Duration.toMillis(context.config.stepPatience)) {
    return `${waiting.record.node}, which has to do step ${waiting.record.index}, is away`
  }
  const processing = rows.find(({ record }) => record.status === "processing")
  return waitedMs > Duration.toMillis(context.config.operationTimeout)
    ? `no progress in step ${processing?.record.index ?? "?"}: ${processing?.record.error ?? "unknown"}`
    : undefined
})

/** A creation is undone; anything else stops where it is, and its records say what is left to do. */
const giveUp = Effect.fnUntraced(function* (context: LeaderContext, stored: Stored<Operation>, error: string) {
  const undoing = stored.record.kind === "create"
  const next: Operation = { ...stored.record, status: "stopping", undoing, error }
  yield* context.store.compareAndSet(stored, next, { term: context.term })
  yield* say(context, next, undoing ? "rolling-back" : "stopping", error)
})

/** Cancels what has not begun, and what a node had begun that is away. Answers true when nothing is open any more. */
const cancelOpen = Effect.fnUntraced(function* (context: LeaderContext, rows: ReadonlyArray<Stored<StepRow>>) {
  let open = 0
  for (const stored of rows) {
    const row = stored.record
    if (!isOpen(row)) continue
    const abandoned = row.node !== null && context.presence.away.has(row.node)
    if (row.status === "pending" || abandoned) {
      yield* context.store.compareAndSet(stored, { ...row, status: "cancelled" }, { term: context.term })
    } else open++
  }
  return open === 0
})

const superviseStop = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  rows: ReadonlyArray<Stored<StepRow>>,
) {
  if (yield* cancelOpen(context, rows)) yield* finish(context, view, stored, "stopped", stored.record.error ?? "")
})

const startUndo = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  rows: ReadonlyArray<Stored<StepRow>>,
): Effect.fn.Return<void, LeaderError> {
  const operation = stored.record
  if (!(yield* cancelOpen(context, rows))) return
  const undo = planUndo(rows, view, operation.table ?? "", context.presence)
  if (undo.length === 0) return yield* finish(context, view, stored, "failed", operation.error ?? "")
  // Groups that the operation formed are over; what away nodes hold of them is tidied when they return.
  for (const name of operation.groups) {
    const group = view.groups.get(name)
    if (group === undefined || group.record.status !== "forming") continue
    const away = group.record.members.filter((node) => context.presence.away.has(node))
    const here = group.record.members.filter((node) => !context.presence.away.has(node))
    const next: Group = {
      ...group.record,
      status: "dissolved",
      members: [],
      inSync: [],
      leaving: here,
      exiled: away,
      epoch: group.record.epoch + 1,
    }
    yield* context.store.compareAndSet(group, next, { term: context.term })
  }
  for (const [offset, planned] of undo.entries()) {
    yield* writeStep(context, operation.id, rows.length + offset, planned, planned.undoes)
  }
  yield* context.store.compareAndSet(stored, { ...operation, steps: rows.length + undo.length }, { term: context.term })
})

const superviseUndo = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  rows: ReadonlyArray<Stored<StepRow>>,
): Effect.fn.Return<void, LeaderError> {
  const undo = rows.filter(({ record }) => record.undoes !== null)
  const failure = undo.find(({ record }) => record.status === "failed")
  if (failure !== undefined) {
    return yield* finish(
      context,
      view,
      stored,
      "critical_failure",
      `undo step ${failure.record.index}: ${failure.record.error}`,
    )
  }
  for (const row of undo) {
    const node = row.record.node
    if (!isOpen(row.record) || node === null || !context.presence.away.has(node)) continue
    // Whoever is away keeps its part until it returns: the groups' records name it.
    yield* context.store.compareAndSet(row, { ...row.record, status: "cancelled" }, { term: context.term })
    return
  }
  if (undo.some(({ record }) => isOpen(record))) return
  yield* finish(context, view, stored, "failed", stored.record.error ?? "")
})

/** Takes a draft back: it never went live, so its request is open again. */
const discard = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const request = stored.record.request === null ? undefined : view.requests.get(stored.record.request)
  if (request?.record.status === "accepted") {
    yield* store.compareAndSet(request, { ...request.record, status: "new", operation: null }, { term })
  }
  yield* store.compareAndSet(
    stored,
    { ...stored.record, status: "failed", error: "never went live" },
    { term, live: false },
  )
  yield* say(context, stored.record, "failed", "its leader was lost before it went live")
  const rows = view.steps.get(stored.record.id) ?? []
  yield* store.retire(rows.map(({ record }) => Key.step(record.operation, record.index)))
})

/** Ends an operation: its outcome is written, its locks are released by `releaseLocks`, its rows leave the listing. */
const finish = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  status: OperationStatus,
  error: string,
): Effect.fn.Return<void, LeaderError> {
  const { store, term } = context
  const operation = stored.record
  const request = operation.request === null ? undefined : view.requests.get(operation.request)
  if (request !== undefined && request.record.status !== "done" && request.record.status !== "refused") {
    const refused = status !== "completed" && operation.kind === "create"
    // A drop that stopped half-way is planned again; its request is answered when the wrapper is gone.
    const next: Request = {
      ...request.record,
      status: refused ? "refused" : "done",
      answer: error === "" ? null : error,
    }
    yield* store.compareAndSet(request, next, { term, live: false })
  }
  yield* store.compareAndSet(
    stored,
    { ...operation, status, error: error === "" ? operation.error : error },
    { term, live: false },
  )
  yield* say(context, operation, status, error)
  context.memory.progress.delete(operation.id)
  const rows = view.steps.get(operation.id) ?? []
  yield* store.retire(rows.map(({ record }) => Key.step(record.operation, record.index)))
})

/** False for shards that a draft entered into a group, and that no table knows to be there. */
const isCarried = (view: View, group: Group, shard: GroupShard): boolean => {
  if (group.status !== "live") return true
  const table = view.tables.get(shard.table)?.record
  return table?.layout.some((item) => item.physical === shard.physical && item.group === group.name) === true
}

/** Releases tables and groups whose operation is over. */
const releaseLocks = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError> {
  const { store, term } = context
  let released = false
  for (const stored of view.tables.values()) {
    const table = stored.record
    if (table.operation === null || view.operations.has(table.operation)) continue
    released = true
    const failed = table.status === "creating"
    yield* store.compareAndSet(
      stored,
      { ...table, operation: null, status: failed ? "failed" : table.status },
      { term },
    )
  }
  for (const stored of view.groups.values()) {
    const group = stored.record
    if (group.operation === null || view.operations.has(group.operation)) continue
    released = true
    const forming = group.status === "forming"
    const next: Group = forming
      ? {
          ...group,
          status: "dissolved",
          members: [],
          inSync: [],
          leaving: [...new Set([...group.members, ...group.leaving])],
          operation: null,
        }
      : { ...group, shards: group.shards.filter((shard) => isCarried(view, group, shard)), operation: null }
    const empty = next.status === "dissolved" && next.leaving.length === 0 && next.exiled.length === 0
    yield* store.compareAndSet(stored, next, { term, live: !empty })
  }
  // A step whose operation is over was claimed in its last moment.
  const stray = [...view.steps]
    .filter(([operation]) => !view.operations.has(operation))
    .flatMap(([, rows]) => rows.map((row) => row.key))
  if (stray.length > 0) yield* store.retire(stray)
  return released
})

// ---------------------------------------------------------------- promotion

/** Observations of two nodes are not of the same moment: what they show together must last for this long. */
const behindMs = 4000

/** In-sync sets shrink to those who have what was acknowledged (safety rule 5). True if a record changed. */
const shrinkSets = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError> {
  const nowMs = yield* Clock.currentTimeMillis
  const { behindSinceMs } = context.memory
  let changed = false
  for (const stored of view.groups.values()) {
    const group = stored.record
    if (group.status === "dissolved") continue
    const behind = leftBehind(view, group, context.presence.away)
    const ripe: Array<string> = []
    for (const node of group.inSync) {
      const key = `${group.name}/${node}`
      const sinceMs = behindSinceMs.get(key)
      if (!behind.includes(node)) behindSinceMs.delete(key)
      else if (sinceMs === undefined) behindSinceMs.set(key, nowMs)
      else if (nowMs - sinceMs >= behindMs) ripe.push(node)
    }
    if (ripe.length === 0) continue
    const inSync = group.inSync.filter((node) => !ripe.includes(node))
    yield* context.store.compareAndSet(stored, { ...group, inSync, epoch: group.epoch + 1 }, { term: context.term })
    changed = true
  }
  return changed
})

const promoteGroups = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError> {
  const nowMs = yield* Clock.currentTimeMillis
  const { memory, presence, config } = context
  for (const { record: group } of view.groups.values()) {
    if (!isWithoutPrimary(view, group, presence.away)) {
      memory.withoutPrimarySinceMs.delete(group.name)
      continue
    }
    const sinceMs = memory.withoutPrimarySinceMs.get(group.name)
    if (sinceMs === undefined) {
      memory.withoutPrimarySinceMs.set(group.name, nowMs)
      continue
    }
    if (nowMs - sinceMs < Duration.toMillis(config.promotionDelay)) continue
    const coordination = view.observations.get(context.node)?.record.groups[config.coordination]
    const survivors = promotable(view, group, presence.away, coordination?.members ?? [])
    if (typeof survivors === "string") continue
    if (isRepaired(view, group)) continue
    memory.withoutPrimarySinceMs.set(group.name, nowMs)
    const id = memory.nextOperation(context.term)
    yield* launch(context, view, id, planPromotion(id, group, survivors), undefined)
    return true
  }
  return false
})

const isRepaired = (view: View, group: Group) =>
  [...view.operations.values()].some(({ record }) => record.kind === "repair" && record.groups.includes(group.name))

/** Members that came back into their groups by themselves count again once they are verified. */
const verifyReturned = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError> {
  for (const { record: group } of view.groups.values()) {
    if (group.status !== "live" || group.operation !== null || isRepaired(view, group)) continue
    const returned = group.members.filter((node) => {
      const shown = view.observations.get(node)?.record.groups[group.name]
      const outside = group.inSync.includes(node) || group.leaving.includes(node) || context.presence.away.has(node)
      return !outside && isPrimary(shown)
    })
    const source = group.inSync.some(
      (node) => !context.presence.away.has(node) && isPrimary(view.observations.get(node)?.record.groups[group.name]),
    )
    if (returned.length === 0 || !source) continue
    yield* launch(
      context,
      view,
      context.memory.nextOperation(context.term),
      planVerification(group, returned),
      undefined,
    )
    return true
  }
  return false
})

// ---------------------------------------------------------------- requests

const answerRequest = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError> {
  for (const stored of view.requests.values()) {
    if (stored.record.status === "accepted" && !view.operations.has(stored.record.operation ?? "")) {
      yield* close(context, stored, "done", null)
      return true
    }
    if (stored.record.status !== "new") continue
    if (yield* answer(context, view, stored)) return true
  }
  return false
})

const close = (context: LeaderContext, stored: Stored<Request>, status: "done" | "refused", text: string | null) =>
  context.store.compareAndSet(stored, { ...stored.record, status, answer: text }, { term: context.term, live: false })

/** True if the look ends with it: an operation began or the request was closed. */
const answer = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Request>,
): Effect.fn.Return<boolean, LeaderError> {
  const wish = stored.record.wish
  const id = context.memory.nextOperation(context.term)
  switch (wish._tag) {
    case "CreateTable": {
      const existing = view.tables.get(wish.table)?.record
      // What is left of a creation that failed goes first: it would look like shards of the new table.
      if (existing?.status === "failed") return false
      const problem =
        tableWishProblem(wish) ??
        (existing !== undefined && existing.status !== "dropped"
          ? `table '${wish.table}' exists already (${existing.status})`
          : undefined)
      const plan = problem ?? planCreate(view, context.presence, context.config, id, wish)
      if (typeof plan === "string") yield* close(context, stored, "refused", plan)
      else yield* launch(context, view, id, plan, stored)
      return true
    }
    case "DropTable": {
      const table = view.tables.get(wish.table)?.record
      if (table === undefined || table.status === "dropped") {
        yield* close(context, stored, "refused", `there is no sharded table '${wish.table}'`)
        return true
      }
      const plan = planDrop(view, context.presence, id, table)
      if (typeof plan === "string") return false
      yield* launch(context, view, id, plan, stored)
      return true
    }
    case "Rebalance": {
      const plan = planConverge(view, context.presence, context.config, id, { rebalance: true, requested: true })
      if (plan === undefined) yield* close(context, stored, "done", "nothing to do")
      else yield* launch(context, view, id, plan, stored)
      return true
    }
    case "SetNodeState": {
      const registry = view.registry
      const node = registry?.record.nodes[wish.node]
      if (registry === undefined || node === undefined) {
        yield* close(context, stored, "refused", `node ${wish.node} is not registered`)
        return true
      }
      const nodes = { ...registry.record.nodes, [wish.node]: { ...node, state: wish.state } }
      yield* context.store.compareAndSet(registry, { epoch: registry.record.epoch + 1, nodes }, { term: context.term })
      yield* close(context, stored, "done", null)
      return true
    }
  }
})

// ---------------------------------------------------------------- what nobody asked for

/** Finishes what was left half-way, and follows the topology. */
const converge = Effect.fnUntraced(function* (context: LeaderContext, view: View): Effect.fn.Return<void, LeaderError> {
  const nowMs = yield* Clock.currentTimeMillis
  const { memory, config, presence } = context
  if (!memory.dueForConverge(nowMs, Duration.toMillis(config.convergePause))) return
  const registered = Object.keys(view.registry?.record.nodes ?? {}).length
  // So many at once are not failures of nodes: an operator decides (architecture: blast radius).
  if (presence.away.size > registered * config.maxAwayShare) return
  const id = memory.nextOperation(context.term)
  for (const { record: table } of view.tables.values()) {
    const unfinished = table.status === "dropping" || table.status === "failed"
    if (!unfinished || table.operation !== null) continue
    const plan = planDrop(view, presence, id, table)
    if (typeof plan !== "string") return yield* launch(context, view, id, plan, undefined)
  }
  const plan = planConverge(view, presence, config, id, { rebalance: config.autoRebalance, requested: false })
  if (plan !== undefined) yield* launch(context, view, id, plan, undefined)
})
