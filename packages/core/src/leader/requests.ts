/**
 * How wishes from outside are answered.
 */
import * as Effect from "effect/Effect"
import { isPlanned, type PlannedWish } from "../plan/planWish.ts"
import { isLive, type Request, type Wish } from "../State.ts"
import type { Manticore } from "../Manticore.ts"
import type { Stored, View } from "../View.ts"
import { planRequest } from "./adopt.ts"
import { control, type ControlWish } from "./control.ts"
import { launch } from "./launch.ts"
import { forgetNode } from "./forgetNode.ts"
import { setNodeState } from "./nodeState.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"

/** What a request may become by an answer. */
export interface Answered {
  readonly status: "done" | "refused"
  readonly answer: string | null
}

/** Operations that change the layout and run now: they count against `maxOperations`. */
export const layoutOperations = (view: View) =>
  [...view.operations.values()].filter(({ record }) => record.kind !== "repair" && isLive(record))

/** Answers the first wish that can be answered now. True if the look ends with it. */
export const answerRequest = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError, Manticore> {
  for (const stored of view.requests.values()) {
    const { status, operation, wish } = stored.record
    if (status === "accepted" && !view.operations.has(operation ?? "")) {
      yield* close(context, stored, { status: "done", answer: null })
      return true
    }
    if (status !== "new") continue
    if (isPlanned(wish) ? yield* plan(context, view, stored, wish) : yield* direct(context, view, stored, wish)) {
      return true
    }
  }
  return false
})

const close = (context: LeaderContext, stored: Stored<Request>, { status, answer }: Answered) =>
  context.store.compareAndSet(stored, { ...stored.record, status, answer }, { term: context.term, live: false })

/** Says in an open request why it waits; written once for each reason. */
const postpone = Effect.fnUntraced(function* (context: LeaderContext, stored: Stored<Request>, reason: string) {
  const answer = `waits: ${reason}`
  if (stored.record.answer === answer) return false
  yield* context.store.compareAndSet(stored, { ...stored.record, answer }, { term: context.term })
  return true
})

/** Makes an operation of a wish. True if the look ends with it. */
const plan = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Request>,
  wish: PlannedWish,
): Effect.fn.Return<boolean, LeaderError, Manticore> {
  const { config, memory, term } = context
  const running = layoutOperations(view).length
  if (running >= config.maxOperations) {
    return yield* postpone(context, stored, `${running} operations are running, which is the most at once`)
  }
  const id = memory.nextOperation(term)
  const planned = yield* planRequest(context, view, id, wish)
  switch (planned._tag) {
    case "Plan":
      if (wish._tag === "ReplaceNode" && !stored.record.approval) {
        // What the old node has goes away for good: nothing new may come to it.
        yield* setNodeState(context, view, wish.old, "draining")
      }
      yield* launch(context, view, id, planned.plan, stored)
      return true
    case "Refused":
      yield* close(context, stored, { status: "refused", answer: planned.reason })
      return true
    case "Nothing":
      yield* close(context, stored, { status: "done", answer: planned.reason })
      return true
    case "Waits":
      return yield* postpone(context, stored, planned.reason)
  }
})

/** Does what needs no operation of its own. */
const direct = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  stored: Stored<Request>,
  wish: Exclude<Wish, PlannedWish>,
): Effect.fn.Return<boolean, LeaderError, Manticore> {
  const answered =
    wish._tag === "SetNodeState"
      ? yield* setNodeState(context, view, wish.node, wish.state)
      : wish._tag === "ForgetNode"
        ? yield* forgetNode(context, view, wish.node)
        : yield* control(context, view, stored.record, wish satisfies ControlWish)
  yield* close(context, stored, answered)
  return true
})
