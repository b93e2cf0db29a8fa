/**
 * How shards change their group: the one operation that detaches.
 */
import * as Effect from "effect/Effect"
import { Mutations } from "../Mutation.ts"
import { isWhole, registeredNodes, union, without } from "../plan/records.ts"
import type { Step } from "./Step.ts"
import { CurrentStep } from "./CurrentStep.ts"
import { updateGroup } from "./groups.ts"
import { done, failed, retry, retryFor } from "./Outcome.ts"
import { unconfirmed } from "./wrappers.ts"

/**
 * Enters shards into the record of their new group, then takes them out of the old one's. What follows (detach, attach,
 * members that join) is what the records ask for from then on.
 */
export const moveShards = Effect.fnUntraced(function* (step: Extract<Step, { readonly _tag: "MoveShards" }>) {
  const { away, refresh } = yield* CurrentStep
  const view = yield* refresh
  const from = view.groups.get(step.from)
  const to = view.groups.get(step.to)
  if (from === undefined || to === undefined) return failed(`no record of group ${step.from} or ${step.to}`)
  const moved = new Set(step.shards.map(({ physical }) => physical))
  const isBegun = step.shards.every(({ physical }) => to.record.shards.some((item) => item.physical === physical))
  if (!isBegun) {
    const tables = [...new Set(step.shards.map(({ table }) => table))]
    const mutations = yield* Mutations
    const areServed = mutations.has("d21-detach-then-attach")
    const shown = tables.find((name) => view.tables.get(name)?.record.wrapper.mirrors !== null)
    if (shown !== undefined && !areServed) return failed(`${shown} has a wrapper`)
    const reckless = mutations.has("split-under-writers") || areServed
    const behind = reckless ? undefined : unconfirmed(view, tables, registeredNodes(view))
    if (behind !== undefined) return retryFor(behind)
    const old = { ...from.record, operation: null }
    if (!isWhole(old, { away: away(), lost: new Set() })) {
      return retry("member-missing", `${step.from} is not whole: ${old.members.join(", ")}`)
    }
    yield* updateGroup(to, (group) => ({
      ...group,
      status: "live",
      shards: [...group.shards, ...step.shards],
      inSync: [],
      // Who has copies and is no member of the new group drops them in the end.
      leaving: union(group.leaving, without(old.members, group.members)),
      origin: {
        node: step.node,
        group: step.from,
        versions: Object.fromEntries(tables.map((name) => [name, view.tables.get(name)?.record.wrapper.version ?? 0])),
      },
    }))
  }
  yield* updateGroup(from, (group) => ({ ...group, shards: group.shards.filter((item) => !moved.has(item.physical)) }))
  return done(`${step.shards.length} shards`)
})
