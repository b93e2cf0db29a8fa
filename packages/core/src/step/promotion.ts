/**
 * How a group without primary gets one, and how it forgets members that are gone.
 */
import * as Effect from "effect/Effect"
import { Mutations } from "../Mutation.ts"
import { isPrimary } from "../Observe.ts"
import { promotable } from "../Promotion.ts"
import * as Sql from "../Sql.ts"
import type { Group, ObservedGroup } from "../State.ts"
import type { View } from "../View.ts"
import { clusterStatement, CurrentStep, ownGroup, ownGroups, query } from "./CurrentStep.ts"
import { groupRecord, updateGroup } from "./groups.ts"
import { done, failed, retry, verdict } from "./Outcome.ts"

/** Makes this node the primary component, if the rules of `Health` allow it now. */
export const promoteGroup = Effect.fnUntraced(function* (name: string, forced: boolean) {
  const { node, refresh, away, config } = yield* CurrentStep
  const view = yield* refresh
  const stored = view.groups.get(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  const seen = yield* ownGroup(name)
  if (seen === undefined) return failed(`${name} is absent here`)
  if (seen.status === "primary") return done("healed by itself")
  const coordination = (yield* ownGroups).get(config.coordination)
  if (forced) return yield* promoteByWord(view, stored.record, seen, coordination?.members ?? [])
  const mutations = yield* Mutations
  if (mutations.has("d17-bootstrap-at-once")) return yield* bootstrap(name)
  const survivors = promotable(view, stored.record, {
    away: away(),
    coordination: coordination?.members ?? [],
    mutations,
  })
  if (typeof survivors === "string") return retry("promotion-unsafe", survivors)
  if (!survivors.includes(node)) return failed(`${node} is not in sync`)
  // Nobody who is behind may be in view: who is there is restarted, and comes back to those who are primary.
  if (seen.size !== survivors.length)
    return retry("promotion-unsafe", `${seen.size} members are seen, and ${survivors.join(", ")} must be alone`)
  return yield* bootstrap(name)
})

const bootstrap = Effect.fnUntraced(function* (name: string) {
  const { permitted } = yield* CurrentStep
  if (!(yield* permitted)) return retry("not-permitted", "not permitted now")
  const answer = yield* query(Sql.bootstrap(name))
  const after = yield* ownGroup(name)
  return after?.status === "primary"
    ? done()
    : (verdict(answer, "pc.bootstrap") ?? retry("no-effect", "not primary yet"))
})

/** An operator answers for those who are missing; that nobody else is primary is still looked at. */
const promoteByWord = Effect.fnUntraced(function* (
  view: View,
  group: Group,
  seen: ObservedGroup,
  coordination: ReadonlyArray<string>,
) {
  const { node, away } = yield* CurrentStep
  const shown = (member: string) => view.observations.get(member)?.record.groups[group.name]
  const primary = [...view.observations.keys()].find(
    (member) => member !== node && !away().has(member) && shown(member)?.status === "primary",
  )
  if (primary !== undefined) return failed(`${group.name} is primary on ${primary}`)
  const alive = seen.members.find((member) => member !== node && away().has(member) && coordination.includes(member))
  if (alive !== undefined) return retry("promotion-unsafe", `${alive} is still seen in the coordination cluster`)
  if (seen.nodeState === "closed") return retry("restart-needed", `${group.name} begins with the next start of ${node}`)
  if (seen.size > 1)
    return retry("promotion-unsafe", `${seen.size} members see each other: stop the daemons of the others`)
  return yield* bootstrap(group.name)
})

/** Clears members that are gone from the daemon's list, and notes who is primary now. */
export const refreshPeers = Effect.fnUntraced(function* (name: string) {
  const seen = yield* ownGroup(name)
  if (!isPrimary(seen)) return retry("no-primary", `${name} is ${seen?.status ?? "absent"}`)
  if (seen === undefined) return retry("group-absent", `${name} is absent`)
  if (seen.nodesSet.join() !== seen.members.join()) {
    const outcome = verdict(yield* clusterStatement(Sql.updatePeers(name)), "ALTER CLUSTER UPDATE nodes")
    if (outcome !== undefined) return outcome
  }
  const stored = yield* groupRecord(name)
  if (stored !== undefined) yield* updateGroup(stored, (group) => ({ ...group, lastPrimary: seen.members }))
  return done()
})
