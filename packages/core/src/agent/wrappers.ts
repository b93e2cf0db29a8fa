/**
 * Wrappers that no step shows: published while this node was away, or lost by its daemon.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { journal } from "../Journal.ts"
import { isToCome } from "../operation/isOff.ts"
import { strayedWrappers, swapWrapper } from "../step/wrappers.ts"
import type { View } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { monotonicMs } from "../Monotonic.ts"

/**
 * True while this agent may send statements about wrappers of a node. One that could not look at the records for a while
 * may have been replaced: the leader shows newer wrappers on its node then.
 */
const mayActFor = ({ node: own, config, state }: AgentContext, node: string) =>
  Effect.map(monotonicMs, (nowMs) =>
    node === own
      ? nowMs - state.refreshedMs < Duration.toMillis(config.awayAfter)
      : state.runnerless.has(node) && nowMs < (state.leaderUntilMs ?? 0),
  )

/** True if a step will show the wrapper here. */
const hasSwapStep = (node: string, view: View, table: string): boolean =>
  [...view.steps.values()].some((rows) =>
    rows.some(({ record }) => {
      const isSwap = record.step._tag === "SwapWrapper" && record.step.table === table
      return isSwap && record.node === node && isToCome(view, record)
    }),
  )

/**
 * Tables whose current wrapper the node has not confirmed, and that no step will show there. A node that shows none at all does
 * not wait for such a step: what it shows may be behind until then, but its clients are served.
 */
export const staleWrappers = (view: View, node: string): ReadonlyArray<string> => {
  const confirmed = view.wrappers.get(node)?.record.versions ?? {}
  return [...view.tables.values()].flatMap(({ record: table }) => {
    if (table.wrapper.version === 0 || (confirmed[table.name] ?? 0) >= table.wrapper.version) return []
    const serves = table.status !== "ready" || confirmed[table.name] !== undefined
    return serves && hasSwapStep(node, view, table.name) ? [] : [table.name]
  })
}

/** Shows wrappers on a node that were published while it was away, or that its daemon has lost or found again. */
export const tendWrappers = Effect.fnUntraced(function* (agent: AgentContext, view: View, node: string) {
  const { config, state, store, refresh, wrapperPermit } = agent
  const swap = (name: string, again: boolean) =>
    wrapperPermit(node).withPermits(1)(
      Effect.flatMap(refresh, (latest) =>
        swapWrapper(node, config, store, latest, name, 0, { again, mayGoOn: mayActFor(agent, node) }),
      ),
    )
  for (const name of staleWrappers(view, node)) yield* swap(name, false)
  const nowMs = yield* monotonicMs
  const before = state.wrapperChecks.get(node)
  // A daemon that was started again shows other views of its groups, and has lost wrappers if it had crashed.
  const shown = state.observed.get(node)
  const isDue = before === undefined || nowMs >= before.atMs + Duration.toMillis(config.wrapperCheckInterval)
  if (!isDue && before.shown === shown) return
  state.wrapperChecks.set(node, { atMs: nowMs, shown })
  for (const name of yield* strayedWrappers(node, config, view)) {
    yield* journal({ kind: "finding", node, code: "wrapper-strayed", detail: name })
    yield* swap(name, true)
  }
})
