/**
 * Which groups change so that the layout becomes what the placement asks for.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import { groupName } from "../Identifier.ts"
import { place } from "../Placement.ts"
import type { Group } from "../State.ts"
import type { View } from "../View.ts"
import { layoutInput, placementNodes } from "./placementInput.ts"
import type { Presence } from "./Plan.ts"
import { groupOf, servingMembers, union, without } from "./records.ts"

/** Group records that bring the layout to what the placement asks for. */
export const rebalanced = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  groups: Map<string, Group>,
  changes: Map<string, Group>,
): void => {
  const settled = {
    ...view,
    groups: new Map(
      [...view.groups].map(([name, stored]) => [name, { ...stored, record: groups.get(name) ?? stored.record }]),
    ),
  }
  const known = layoutInput(settled)
  const someAway = presence.away.size > 0
  const target = place({
    nodes: placementNodes(view, presence.lost),
    ...known,
    groupsPerNode: config.groupsPerNode,
    nameGroup: (index) => groupName(operation, index),
  })
  const seen = new Set<string>()
  let temporary = 0
  for (const item of target.layout) {
    if (item.group === null) {
      const [to] = item.nodes
      const table = view.tables.get(item.table)?.record
      const placement = table?.layout.find((shard) => shard.shard === item.shard)
      const [from] = placement?.nodes ?? []
      // A move of a single copy ends with an EXIT, which waits for every registered node.
      if (someAway || to === undefined || from === undefined || placement === undefined || from === to) continue
      if (groupOf(groups, item.table, item.shard) !== undefined || table?.operation !== null) continue
      const name = groupName(`${operation}_m`, temporary++)
      changes.set(name, {
        name,
        rf: 1,
        status: "temporary",
        members: union([from, to]),
        inSync: [],
        exiled: [],
        leaving: [from],
        lastPrimary: [],
        shards: [{ table: item.table, shard: item.shard, physical: placement.physical }],
        epoch: 0,
        operation: null,
      })
      continue
    }
    if (seen.has(item.group)) continue
    seen.add(item.group)
    const group = groups.get(item.group)
    if (group === undefined || group.status !== "live" || group.operation !== null) continue
    const wanted = item.nodes.toSorted()
    const serving = servingMembers(group)
    const added = without(wanted, serving)
    const removed = without(serving, wanted)
    if (added.length === 0 && removed.length === 0) continue
    // Voluntary moves wait until everybody is there; lost replicas are made anew all the same.
    if (someAway && serving.length >= group.rf) continue
    if (added.some((node) => group.exiled.includes(node) || group.leaving.includes(node))) continue
    changes.set(group.name, {
      ...group,
      members: union(group.members, added),
      leaving: someAway ? group.leaving : union(group.leaving, removed),
      epoch: group.epoch + 1,
    })
  }
}
