/**
 * How wishes are planned that need more than the records: an adoption, which waits until the existing orchestrator is shown
 * to have stopped, and a new table.
 */
import * as Effect from "effect/Effect"
import type { Manticore } from "../Manticore.ts"
import { monotonicMs } from "../Monotonic.ts"
import { Mutations } from "../Mutation.ts"
import { type AdoptWish, planAdoption } from "../plan/adopt.ts"
import { notYet, type Plan, type Refusal } from "../plan/Plan.ts"
import { answered, type PlannedWish, planWish, type WishPlan } from "../plan/planWish.ts"
import type { Stored, View } from "../View.ts"
import { tableInTheWay } from "./conflicts.ts"
import type { LeaderContext } from "./LeaderContext.ts"
import { readOldTables } from "./oldLayout.ts"

/** Its nodes write a sign of life every second, and another one takes over after 5 s: three times that is silence. */
const silenceMs = 15_000

/** Plans the adoption once the existing orchestrator has been silent for long enough. */
const adopt = Effect.fnUntraced(function* (
  { config, memory, node, presence, store }: LeaderContext,
  view: View,
  operation: string,
  wish: AdoptWish,
): Effect.fn.Return<Plan | Refusal, never, Manticore> {
  const old = yield* readOldTables(view, node, config, store)
  if (!("layout" in old)) return old
  const nowMs = yield* monotonicMs
  if (memory.oldOrchestrator?.mark !== old.mark) memory.oldOrchestrator = { mark: old.mark, sinceMs: nowMs }
  if (nowMs - memory.oldOrchestrator.sinceMs < silenceMs) {
    return notYet(
      `its tables must not change for ${silenceMs / 1000} s, to show that the existing orchestrator has stopped`,
    )
  }
  return planAdoption(view, presence, config, operation, old.layout, wish)
})

/** The records as if no operation held anything. */
const heldByNobody = (view: View): View => {
  const free = <A extends { readonly operation: string | null }>(records: ReadonlyMap<string, Stored<A>>) =>
    new Map([...records].map(([key, stored]) => [key, { ...stored, record: { ...stored.record, operation: null } }]))
  return { ...view, tables: free(view.tables), groups: free(view.groups) }
}

/** Plans any wish; for an adoption and for a new table more than the records must be read. */
export const planRequest = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  operation: string,
  wish: PlannedWish,
): Effect.fn.Return<WishPlan, never, Manticore> {
  if (wish._tag === "Adopt") return answered(yield* adopt(context, view, operation, wish))
  const seen = (yield* Mutations).has("ignore-holders") ? heldByNobody(view) : view
  const planned = planWish(seen, context.presence, context.config, operation, wish, yield* Mutations)
  if (wish._tag !== "CreateTable" || planned._tag !== "Plan") return planned
  const reason = yield* tableInTheWay(context, view, planned.plan)
  return reason === undefined ? planned : { _tag: "Refused", reason }
})
