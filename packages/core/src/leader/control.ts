/**
 * What people ask of operations that are there: pause, resume, stop, approve, reset. Whether it may be done is the table
 * of transitions' to say; a wish that it does not know is refused with what the table says instead.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { IllegalTransition, isOver, transition } from "../operation/transitions.ts"
import type { Manticore } from "../Manticore.ts"
import { isPlanned, operationText } from "../plan/planWish.ts"
import { Key, Operation, type OperationStatus, Request, type Wish } from "../State.ts"
import type { Stored, View } from "../View.ts"
import { planRequest } from "./adopt.ts"
import { changeStatus, transitionTable } from "./changeStatus.ts"
import { withdraw, writeFinished } from "./finish.ts"
import { digestOf, goLive } from "./launch.ts"
import { setNodeState } from "./nodeState.ts"
import { type LeaderContext, type LeaderError, say } from "./LeaderContext.ts"

/** Wishes about operations. */
export type ControlWish = Extract<Wish, { readonly _tag: "Pause" | "Resume" | "Stop" | "Approve" | "Reset" }>

interface Answered {
  readonly status: "done" | "refused"
  readonly answer: string | null
}

const done = (answer: string | null = null): Answered => ({ status: "done", answer })
const refused = (answer: string): Answered => ({ status: "refused", answer })

const decodeOperation = Schema.decodeUnknownOption(Operation)
const decodeRequest = Schema.decodeUnknownOption(Request)

/** The operation that a person means by its id or by a table: the one that holds the table, or is to be approved. */
const findOperation = (view: View, target: string): Stored<Operation> | undefined => {
  const holder = view.tables.get(target)?.record.operation
  return (
    view.operations.get(target) ??
    (holder === null || holder === undefined ? undefined : view.operations.get(holder)) ??
    [...view.operations.values()].find(
      ({ record }) => record.status === "awaiting_approval" && record.tables.includes(target),
    )
  )
}

/** Does what is asked, or answers why not. */
export const control = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  request: Request,
  wish: ControlWish,
): Effect.fn.Return<Answered, LeaderError, Manticore> {
  if (wish._tag === "Reset") return yield* reset(context, view, request, wish)
  const stored = findOperation(view, wish.operation)
  if (stored === undefined)
    return refused(`there is no operation '${wish.operation}' under way, and none on such a table`)
  switch (wish._tag) {
    case "Pause":
      return stored.record.undoing
        ? refused(`${operationText(stored.record)} is being rolled back`)
        : yield* move(context, stored, request, "paused")
    case "Resume":
      return stored.record.status === "paused"
        ? yield* move(context, stored, request, "running")
        : refused(new IllegalTransition({ from: stored.record.status, to: "running" }).message)
    case "Stop":
      return yield* stop(context, view, stored, request, wish.now)
    case "Approve":
      return yield* approve(context, view, stored, request)
  }
})

/** Changes the status, if the table allows it. */
const move = Effect.fnUntraced(function* (
  context: LeaderContext,
  stored: Stored<Operation>,
  { by, reason }: Request,
  to: OperationStatus,
  patch: Partial<Operation> = {},
): Effect.fn.Return<Answered, LeaderError> {
  const allowed = transition(stored.record, to, { by, why: reason, atMs: 0 }, yield* transitionTable)
  if (Result.isFailure(allowed)) return refused(`${operationText(stored.record)}: ${allowed.failure.message}`)
  const next = yield* changeStatus(context, stored, stored.record, [to], { by, why: reason, patch })
  yield* say(context, next, next.status, `by ${by}${reason === "" ? "" : `: ${reason}`}`)
  return done(`operation ${next.id} is ${next.status}`)
})

const stop = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  request: Request,
  now: boolean,
): Effect.fn.Return<Answered, LeaderError> {
  const operation = stored.record
  const why = request.reason === "" ? "stopped" : request.reason
  if (operation.status === "awaiting_approval") {
    yield* withdraw(context, view, stored, { by: request.by, why, again: false })
    return done(`operation ${operation.id} is withdrawn`)
  }
  if (operation.undoing) return refused(`${operationText(operation)} is being rolled back already`)
  const error = `stopped by ${request.by}${request.reason === "" ? "" : `: ${request.reason}`}`
  const before = operation.stop
  // One that stops by itself would be gone on with; a stop that does not wait may follow one that does.
  if (operation.status === "stopping" && before !== null && (!before.asked || (now && !before.now))) {
    const next: Operation = { ...operation, stop: { now: now || before.now, asked: true }, error }
    yield* context.store.compareAndSet(stored, next, { term: context.term })
    return done(`operation ${operation.id} is stopping`)
  }
  return yield* move(context, stored, request, "stopping", { stop: { now, asked: true }, error })
})

/** The draft goes live if it would be planned in the same way now; otherwise it is planned anew. */
const approve = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Operation>,
  request: Request,
): Effect.fn.Return<Answered, LeaderError, Manticore> {
  const operation = stored.record
  const allowed = transition(operation, "queued", { by: request.by, why: request.reason, atMs: 0 })
  if (Result.isFailure(allowed)) return refused(`${operationText(operation)}: ${allowed.failure.message}`)
  const original = view.requests.get(operation.request ?? "")
  const wish = original?.record.wish
  if (original === undefined || wish === undefined || !isPlanned(wish)) {
    return refused(`the request of ${operationText(operation)} is not known any more: stop it and ask again`)
  }
  const planned = yield* planRequest(context, view, operation.id, wish)
  if (planned._tag === "Waits") return refused(`not now: ${planned.reason}`)
  if (planned._tag !== "Plan" || digestOf(planned.plan) !== operation.digest) {
    const why = "nodes or records have changed since it was planned"
    yield* withdraw(context, view, stored, { by: request.by, why, again: true })
    return refused(`${why}: operation ${operation.id} is planned anew, and the new plan awaits approval`)
  }
  // What the old node has goes away for good: nothing new may come to it.
  if (wish._tag === "ReplaceNode") yield* setNodeState(context, view, wish.old, "draining")
  yield* goLive(context, view, stored, planned.plan, original, { by: request.by, why: request.reason })
  return done(`operation ${operation.id} is running`)
})

/** Lets an operation that has ended be forgotten, and asks for the same again if that is wanted. */
const reset = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  request: Request,
  wish: Extract<Wish, { readonly _tag: "Reset" }>,
): Effect.fn.Return<Answered, LeaderError> {
  const { store, term } = context
  const live = view.operations.get(wish.operation)?.record
  if (live !== undefined) {
    return refused(`${operationText(live)}: ${new IllegalTransition({ from: live.status, to: "idle" }).message}`)
  }
  const listed = view.finished?.record.operations ?? []
  const item = listed.findLast(
    (entry) => entry.id === wish.operation || (isOver(entry.status) && entry.tables.includes(wish.operation)),
  )
  const entry = item === undefined ? undefined : yield* store.get(Key.operation(item.id))
  const operation = entry === undefined ? undefined : decodeOperation(entry.value)
  if (item === undefined || entry === undefined || operation?._tag !== "Some") {
    return refused(`there is no operation '${wish.operation}' that has ended`)
  }
  let again: string | null = null
  if (wish.start) {
    const key = Key.request(operation.value.request ?? "")
    const asked = operation.value.request === null ? undefined : yield* store.get(key)
    const original = asked === undefined ? undefined : decodeRequest(asked.value)
    const next: Request = {
      ...request,
      id: `${request.id}-again`,
      wish: original?._tag === "Some" ? original.value.wish : { _tag: "Rebalance", tables: null },
      approval: original?._tag === "Some" && original.value.approval,
      status: "new",
      answer: null,
    }
    again = next.id
    // A leader that was lost after this has written it already.
    yield* Effect.catchTag(store.create(Key.request(next.id), next, { term }), "Conflict", () => Effect.void)
  }
  const forgotten = listed.map((known) =>
    known.id === item.id ? { ...known, status: "idle" as const, held: false } : known,
  )
  yield* writeFinished(context, view, forgotten)
  if (operation.value.status !== "idle") {
    const why = request.reason === "" ? "reset" : request.reason
    yield* changeStatus(context, entry, operation.value, ["idle"], { by: request.by, why, live: false })
  }
  yield* say(context, operation.value, "idle", `reset by ${request.by}`)
  return done(again === null ? `operation ${item.id} is idle` : `operation ${item.id} is idle; asked again as ${again}`)
})
