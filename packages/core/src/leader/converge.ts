/**
 * What nobody asked for: what was left half-way is finished, and the layout follows the topology.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import type { Manticore } from "../Manticore.ts"
import { Mutations } from "../Mutation.ts"
import { planConverge } from "../plan/converge.ts"
import { planDrop } from "../plan/drop.ts"
import type { View } from "../View.ts"
import { movesCopies } from "./finish.ts"
import { launch } from "./launch.ts"
import { isSame, type LeaderContext, type LeaderError } from "./LeaderContext.ts"

/** Finishes what was left half-way, and follows the topology. */
export const converge = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<void, LeaderError, Manticore> {
  const nowMs = yield* monotonicMs
  const { memory, config, presence } = context
  if (!memory.dueForConverge(nowMs, Duration.toMillis(config.convergePause))) return
  if (isSame(memory.settled, { view, presence })) return
  const isDealtWith = memory.settled?.presence.lost === presence.lost && memory.settled.presence.away === presence.away
  if ((yield* Mutations).has("d11-topology-dealt-with")) {
    memory.settled = { view, presence }
    if (isDealtWith) return
  }
  const registered = Object.keys(view.registry?.record.nodes ?? {}).length
  // So many at once are not failures of nodes: an operator decides (architecture: blast radius).
  if (presence.away.size > registered * config.maxAwayShare) return
  const id = memory.nextOperation(context.term)
  // What an operator stopped is not begun again by itself; repairs go on.
  const held = view.finished?.record.operations.filter((item) => item.held) ?? []
  const heldDrops = new Set(held.flatMap(({ kind, table }) => (kind === "drop" && table !== null ? [table] : [])))
  const rebalance = config.autoRebalance && !held.some(({ kind }) => movesCopies(kind))
  for (const { record: table } of view.tables.values()) {
    const unfinished = table.status === "dropping" || table.status === "failed"
    if (!unfinished || table.operation !== null || heldDrops.has(table.name)) continue
    const plan = planDrop(view, presence, id, table)
    if (typeof plan !== "string") return yield* launch(context, view, id, plan, undefined)
  }
  const plan = planConverge(view, presence, config, id, { rebalance, requested: false })
  if (plan !== undefined) return yield* launch(context, view, id, plan, undefined)
  memory.settled = { view, presence }
})
