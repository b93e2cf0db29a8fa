/**
 * What the leader does for groups before anything else: locks that nobody holds any more, members that were left behind,
 * groups without primary, members that returned.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import { isUnproven, leftBehind } from "../Health.ts"
import type { Manticore } from "../Manticore.ts"
import { Mutations } from "../Mutation.ts"
import { isPrimary } from "../Observe.ts"
import { planPromotion, planVerification } from "../plan/promotion.ts"
import { dissolve } from "../plan/records.ts"
import { isOver, releasedGroup, releasedTable } from "../plan/release.ts"
import { isWithoutPrimary, promotable } from "../Promotion.ts"
import { splitSides } from "../SplitBrain.ts"
import type { Group } from "../State.ts"
import type { View } from "../View.ts"
import { launch } from "./launch.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"

/** Releases tables and groups whose operation is over. */
export const releaseLocks = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError> {
  const { store, term } = context
  const mutations = yield* Mutations
  // Undo steps are not all that tidies up: what is left of a creation that failed is dropped as a table.
  const forgets = mutations.has("d05-rollback-at-home") || mutations.has("d15-no-rollback")
  let released = false
  for (const stored of view.tables.values()) {
    const table = stored.record
    if (table.operation === null || view.operations.has(table.operation)) continue
    released = true
    const next = releasedTable(table)
    const isForgotten = forgets && next.status === "failed"
    yield* store.compareAndSet(stored, isForgotten ? { ...next, status: "dropped" } : next, { term })
  }
  for (const stored of view.groups.values()) {
    const group = stored.record
    const isOrphaned = group.status === "temporary" && mutations.has("d23-temporary-is-orphaned")
    if (!isOrphaned && (group.operation === null || view.operations.has(group.operation))) continue
    released = true
    const next = isOrphaned ? dissolve(group, null) : releasedGroup(view, group)
    yield* store.compareAndSet(stored, next, { term, live: !isOver(next) })
  }
  // A step whose operation is over was claimed in its last moment.
  const stray = [...view.steps]
    .filter(([operation]) => !view.operations.has(operation))
    .flatMap(([, rows]) => rows.map((row) => row.key))
  if (stray.length > 0) yield* store.retire(stray)
  return released
})

/** Observations of two nodes are not of the same moment: what they show together must last for this long. */
const behindMs = 4000

/**
 * Members in sync whose copies went through a crash: they may lack rows, and are compared before they count again. Only while
 * another one serves that did not crash; if all did, the first that serves stays what the others are compared with.
 */
const unprovenMembers = (view: View, group: Group, away: ReadonlySet<string>): ReadonlyArray<string> => {
  // An operation that works on the group may be about to compare a copy with this one.
  const isServing = group.status === "live" || group.status === "temporary"
  if (!isServing || group.operation !== null || group.inSync.length < 2) return []
  const isHere = (node: string) => !away.has(node) && isPrimary(view.observations.get(node)?.record.groups[group.name])
  const serving = group.inSync.filter(isHere)
  const kept = serving.find((node) => !isUnproven(view, node, group.name)) ?? serving[0]
  return serving.filter((node) => node !== kept && isUnproven(view, node, group.name))
}

/** In-sync sets shrink to those who have what was acknowledged (safety rule 5). True if a record changed. */
export const shrinkSets = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError> {
  const nowMs = yield* monotonicMs
  const { behindSinceMs } = context.memory
  let changed = false
  for (const stored of view.groups.values()) {
    const group = stored.record
    if (group.status === "dissolved" || splitSides(view, group, context.presence.away).length > 0) continue
    const { proven, likely } = leftBehind(view, group, context.presence.away)
    const ripe = [...proven, ...unprovenMembers(view, group, context.presence.away)]
    for (const node of group.inSync) {
      const key = `${group.name}/${node}`
      const sinceMs = behindSinceMs.get(key)
      if (!likely.includes(node)) behindSinceMs.delete(key)
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

/** Makes survivors primary in groups that have had no primary for too long. True if an operation began. */
export const promoteGroups = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError, Manticore> {
  const nowMs = yield* monotonicMs
  const { memory, presence, config } = context
  const mutations = yield* Mutations
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
    const hasty = mutations.has("d17-bootstrap-at-once")
    if (nowMs - sinceMs < Duration.toMillis(config.promotionDelay) && !hasty) continue
    const coordination = view.observations.get(context.node)?.record.groups[config.coordination]
    const survivors = hasty
      ? group.inSync.filter((node) => !presence.away.has(node))
      : promotable(view, group, { away: presence.away, coordination: coordination?.members ?? [], mutations })
    if (typeof survivors === "string" || survivors.length === 0) continue
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
export const verifyReturned = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
): Effect.fn.Return<boolean, LeaderError, Manticore> {
  for (const { record: group } of view.groups.values()) {
    if (group.status !== "live" || group.operation !== null || isRepaired(view, group)) continue
    if (splitSides(view, group, context.presence.away).length > 0) continue
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
