/**
 * What the leader does in one look at the records: supervise operations, answer requests, plan. It decides with pure
 * functions of `plan/` and `Health` and writes by compare-and-set; whatever it cannot write now, it finds again at the
 * next look.
 */
import * as Effect from "effect/Effect"
import type { View } from "../View.ts"
import { converge } from "./converge.ts"
import type { LeaderContext } from "./LeaderContext.ts"
import { promoteGroups, releaseLocks, shrinkSets, verifyReturned } from "./repair.ts"
import { answerRequest } from "./requests.ts"
import { supervise } from "./supervise.ts"

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
