/**
 * Plans that one node takes over what another one has.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import { groupName } from "../Identifier.ts"
import type { Group } from "../State.ts"
import type { View } from "../View.ts"
import { planChange } from "./converge.ts"
import { reasonKey } from "./explain.ts"
import { notYet, type Plan, type Presence, type Refusal, refused } from "./Plan.ts"
import { carriers, groupRecords, servingMembers, union } from "./records.ts"
import { settleMembers } from "./settle.ts"

/**
 * Plans that `wish.new` takes the place of `wish.old` in every group, and gets its single copies. The old node may be
 * away: then its copies are given up, as if its grace period were over. Groups that the new node cannot join (it is a
 * member already, or in the zone of another one) are left to the placement, for which the old node is draining.
 */
export const planReplace = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  wish: { readonly old: string; readonly new: string },
): Plan | Refusal => {
  const nodes = view.registry?.record.nodes ?? {}
  const successor = nodes[wish.new]
  if (nodes[wish.old] === undefined) return refused(`node ${wish.old} is not registered`)
  if (successor === undefined) return refused(`node ${wish.new} is not registered`)
  if (wish.old === wish.new) return refused("a node cannot replace itself")
  if (successor.state !== "active") return refused(`node ${wish.new} is ${successor.state}`)
  if (presence.away.has(wish.new)) return notYet(`node ${wish.new} is away`)
  const [otherAway] = [...presence.away].filter((node) => node !== wish.old)
  const isGone = presence.away.has(wish.old)
  if (!isGone && otherAway !== undefined) {
    return notYet(`${otherAway} is away, and every node must confirm the new wrappers`)
  }
  const given: Presence = isGone ? { away: presence.away, lost: new Set([...presence.lost, wish.old]) } : presence
  const reason = `${wish.new} takes the place of ${wish.old}`
  const groups = new Map<string, Group>()
  const reasons = new Map<string, { readonly from: string | null; readonly reason: string }>()
  const note = (group: string) => reasons.set(reasonKey(group, wish.new), { from: wish.old, reason })
  for (const group of groupRecords(view)) {
    if (group.status !== "live" || !servingMembers(group).includes(wish.old)) continue
    if (group.operation !== null) return notYet(`group ${group.name} is held by operation ${group.operation}`)
    const settled = settleMembers(group, given, view)
    if (!canTakeOver(view, settled, wish.old, wish.new)) continue
    note(group.name)
    groups.set(group.name, {
      ...settled,
      members: union(settled.members, [wish.new]),
      leaving: settled.members.includes(wish.old) ? union(settled.leaving, [wish.old]) : settled.leaving,
      epoch: group.epoch + 1,
    })
  }
  const carrier = carriers(groupRecords(view))
  let temporary = 0
  for (const { record: table } of view.tables.values()) {
    for (const { group, nodes: holders, physical, shard } of table.layout) {
      const single = group === null && holders[0] === wish.old && !carrier.has(physical) && table.status === "ready"
      if (!single) continue
      if (isGone) return notYet(`the only copy of shard ${shard} of ${table.name} is on ${wish.old}, which is away`)
      if (table.operation !== null) return notYet(`table '${table.name}' is held by operation ${table.operation}`)
      const name = groupName(`${operation}_m`, temporary++)
      note(name)
      groups.set(name, {
        name,
        rf: 1,
        status: "temporary",
        members: union([wish.old, wish.new]),
        inSync: [],
        exiled: [],
        leaving: [wish.old],
        lastPrimary: [],
        shards: [{ table: table.name, shard, physical }],
        epoch: 0,
        operation: null,
      })
    }
  }
  const empty: Plan = {
    kind: "replace",
    table: null,
    reason: `${wish.old} has nothing that ${wish.new} could take over`,
    tables: new Map(),
    groups: new Map(),
    steps: [],
    explanation: [],
  }
  if (groups.size === 0) return empty
  const change = { kind: "replace", table: null, reason, scope: null, groups, reasons } as const
  const plan = planChange(view, given, config, operation, change) ?? empty
  return { ...plan, before: { rf: {}, nodes: { [wish.old]: nodes[wish.old]?.state ?? "active" } } }
}

/** Whether a node may take the place of another one in a group. */
const canTakeOver = (view: View, group: Group, old: string, successor: string): boolean => {
  if (group.members.includes(successor) || group.leaving.includes(successor) || group.exiled.includes(successor)) {
    return false
  }
  const nodes = view.registry?.record.nodes ?? {}
  const zone = nodes[successor]?.zone ?? null
  const others = servingMembers(group).filter((node) => node !== old)
  return zone === null || others.every((node) => nodes[node]?.zone !== zone) || nodes[old]?.zone === zone
}
