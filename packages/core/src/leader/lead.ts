/**
 * What the leader does in one look at the records: supervise operations, answer requests, plan. It decides with pure
 * functions of `plan/` and `Health` and writes by compare-and-set; whatever it cannot write now, it finds again at the
 * next look.
 */
import * as Effect from "effect/Effect"
import { journal } from "../Journal.ts"
import type { Manticore } from "../Manticore.ts"
import { Mutations } from "../Mutation.ts"
import type { View } from "../View.ts"
import { cleanUp } from "./cleanUp.ts"
import { converge } from "./converge.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"
import { promoteGroups, releaseLocks, shrinkSets, verifyReturned } from "./repair.ts"
import { answerRequest, layoutOperations } from "./requests.ts"
import { supervise } from "./supervise.ts"
import { tellFindings } from "./tellFindings.ts"

/** One look. */
export const lead = (context: LeaderContext, view: View) =>
  Effect.catchTag(look(context, view), "IllegalTransition", (error) =>
    journal({ kind: "finding", node: context.node, code: "illegal-transition", detail: error.message }),
  )

const look = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<void, LeaderError, Manticore> {
  for (const operation of view.operations.values()) {
    if (!(yield* context.holdsLease)) return
    yield* supervise(context, view, operation)
  }
  if (!(yield* context.holdsLease)) return
  yield* tellFindings(context, view)
  // What is released now is planned with at the next look, when the records show it.
  if (yield* releaseLocks(context, view)) return
  if (yield* shrinkSets(context, view)) return
  if ((yield* promoteGroups(context, view)) || (yield* verifyReturned(context, view))) return
  if (!(yield* context.holdsLease)) return
  if (yield* answerRequest(context, view)) return
  // Changes that nobody asked for are made by one operation at a time, and leave room for what people ask for.
  const running = layoutOperations(view)
  const automatic = running.some(({ record }) => record.request === null)
  if (!automatic && running.length < context.config.maxOperations) yield* converge(context, view)
  else if ((yield* Mutations).has("d11-topology-dealt-with"))
    context.memory.settled = { view, presence: context.presence }
  yield* cleanUp(context, view)
})
