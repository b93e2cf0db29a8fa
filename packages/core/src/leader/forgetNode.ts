/**
 * How a node goes for good: an operator says that it, and what it holds, will never start again. Then its exile ends, and
 * groups may attach and detach shards again.
 */
import * as Effect from "effect/Effect"
import { isPrimary } from "../Observe.ts"
import { isToCome } from "../operation/isOff.ts"
import { isBeginning, without } from "../plan/records.ts"
import { type Group, Key } from "../State.ts"
import type { View } from "../View.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"
import type { Answered } from "./requests.ts"

/** Why a node must not be forgotten, or undefined: it may be there, or what it holds is nowhere else. */
const refusal = (context: LeaderContext, view: View, node: string): string | undefined => {
  const { away } = context.presence
  if (view.registry?.record.nodes[node] === undefined) return `node ${node} is not registered`
  if (!away.has(node)) return `node ${node} is there: drain it and stop it first`
  for (const { record: table } of view.tables.values()) {
    const single = table.layout.find((shard) => shard.group === null && shard.nodes.includes(node))
    if (single !== undefined) return `node ${node} holds the only copy of shard ${single.shard} of ${table.name}`
  }
  for (const { record: group } of view.groups.values()) {
    // Single copies, and those of a group that was adopted a moment ago: nobody has compared another one with them.
    if (group.origin?.node === node && group.origin.group === null && isBeginning(group))
      return `group ${group.name} begins with the copies on ${node}`
    if (group.status === "dissolved" || !group.members.includes(node)) continue
    if (group.operation !== null) return `group ${group.name} is held by operation ${group.operation}`
    const serves = group.inSync.some(
      (member) => !away.has(member) && isPrimary(view.observations.get(member)?.record.groups[group.name]),
    )
    if (!serves) return `nobody else serves group ${group.name}, of which ${node} is a member`
  }
  // What is given up for a node that is away is so one after another, while it is registered.
  const awaited = [...view.steps.values()].flat().find(({ record }) => record.node === node && isToCome(view, record))
  return awaited && `operation ${awaited.record.operation} still waits for ${node}: it gives that up in a while`
}

/** Takes a node that is away out of every group and out of the registry. */
export const forgetNode = Effect.fnUntraced(function* (
  context: LeaderContext,
  view: View,
  node: string,
): Effect.fn.Return<Answered, LeaderError> {
  const reason = refusal(context, view, node)
  const registry = view.registry
  if (reason !== undefined || registry === undefined) return { status: "refused", answer: reason ?? "no registry" }
  const { store, term } = context
  for (const stored of view.groups.values()) {
    const group = stored.record
    const lists = [group.members, group.exiled, group.leaving, group.lastPrimary]
    if (!lists.some((list) => list.includes(node))) continue
    const next: Group = {
      ...group,
      members: without(group.members, [node]),
      inSync: without(group.inSync, [node]),
      exiled: without(group.exiled, [node]),
      leaving: without(group.leaving, [node]),
      lastPrimary: without(group.lastPrimary, [node]),
      ...(group.estranged === undefined ? {} : { estranged: without(group.estranged, [node]) }),
      epoch: group.epoch + 1,
    }
    const empty = next.status === "dissolved" && next.leaving.length === 0 && next.exiled.length === 0
    yield* store.compareAndSet(stored, next, { term, live: !empty })
  }
  const nodes = Object.fromEntries(Object.entries(registry.record.nodes).filter(([name]) => name !== node))
  yield* store.compareAndSet(registry, { ...registry.record, epoch: registry.record.epoch + 1, nodes }, { term })
  // What it said last is no sign of what is.
  yield* store.retire([Key.observation(node), Key.inspection(node), Key.heartbeat(node)])
  return { status: "done", answer: null }
})
