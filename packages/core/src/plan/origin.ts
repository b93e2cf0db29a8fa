/**
 * What becomes of a split when the member that the new group was to begin on is lost: the other members of the old group
 * still have their copies, and nothing was written since, because no wrapper has shown the shards. So one of them takes
 * its place, or, where the shards were not detached yet, they stay in the old group.
 */
import { groupName } from "../Identifier.ts"
import type { Group } from "../State.ts"
import type { View } from "../View.ts"
import type { Presence } from "./Plan.ts"
import { dissolve, registeredNodes, union, without } from "./records.ts"

/** Records of groups to change, by name. */
export const replaceOrigins = (
  view: View,
  presence: Presence,
  operation: string,
  groups: ReadonlyMap<string, Group>,
): ReadonlyMap<string, Group> => {
  const changes = new Map<string, Group>()
  let made = 0
  for (const group of groups.values()) {
    const { origin } = group
    const old = groups.get(origin?.group ?? "")
    if (origin === undefined || old === undefined || old.operation !== null || !isStranded(view, presence, group))
      continue
    const holder = group.leaving.find((node) => !presence.away.has(node) && view.observations.has(node))
    if (holder === undefined) continue
    const shown = new Set(view.observations.get(holder)?.record.groups[old.name]?.tables)
    const inOld = group.shards.filter(({ physical }) => shown.has(physical)).length
    const others = without(group.members, [origin.node])
    const gone = registeredNodes(view).includes(origin.node) ? [origin.node] : []
    const ended = { ...dissolve(group, null), leaving: others, exiled: union(group.exiled, gone) }
    if (inOld === group.shards.length) {
      const physicals = new Set(group.shards.map(({ physical }) => physical))
      const rest = old.shards.filter(({ physical }) => !physicals.has(physical))
      changes.set(old.name, { ...old, shards: [...rest, ...group.shards], epoch: old.epoch + 1 })
      changes.set(group.name, { ...ended, shards: [] })
    } else if (inOld === 0) {
      const name = groupName(`${operation}_o`, made++)
      changes.set(group.name, ended)
      changes.set(name, {
        name,
        rf: group.rf,
        status: "live",
        members: union(others, [holder]),
        inSync: [],
        exiled: [],
        leaving: without(group.leaving, [holder]),
        lastPrimary: [],
        shards: group.shards,
        origin: { ...origin, node: holder, attached: false },
        epoch: 0,
        operation: null,
      })
    }
  }
  return changes
}

/** True if the only copies of a group that count are on a node that is lost, or was forgotten since, and nothing can have been written to them. */
const isStranded = (view: View, presence: Presence, { inSync, operation, origin, shards, status }: Group): boolean =>
  status === "live" &&
  operation === null &&
  origin !== undefined &&
  (presence.lost.has(origin.node) || !registeredNodes(view).includes(origin.node)) &&
  inSync.every((node) => node === origin.node) &&
  shards.every(({ table }) => {
    const record = view.tables.get(table)?.record
    return record !== undefined && record.operation === null && record.wrapper.version === origin.versions?.[table]
  })
