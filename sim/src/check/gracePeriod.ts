/**
 * `grace-period`: a copy that clients are sent to is not given up before its node has been away for the grace period: what
 * is back a moment later would be copied for nothing. Left out are nodes that an operator has given up, and members that one
 * has passed over.
 */
import type { Group, Request } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import * as Duration from "effect/Duration"
import { few, type MakeChecker } from "./Checker.ts"

const name = "grace-period"
/** Clocks run faster than others by up to a fifth, and a heartbeat is seen some time before it is noticed. */
const tolerance = 0.75

/** True if wrappers list the node for a shard of the group. */
const isListed = (view: View, group: Group, node: string): boolean =>
  group.shards.some(({ shard, table }) => {
    const record = view.tables.get(table)?.record
    return record?.status === "ready" && record.wrapper.mirrors?.[shard]?.includes(node) === true
  })

/** Makes the checker. */
export const gracePeriod: MakeChecker = ({ config, report, state, world }) => {
  /** Nodes that an operator has given up. */
  const forgotten = new Set<string>()
  const graceMicros = Duration.toMillis(config.gracePeriod) * 1000
  state.onRecord((record, previous) => {
    if (record.key.startsWith("request/")) {
      const { wish } = record.value as Request // the store writes nothing else under these keys
      if (wish._tag === "ForgetNode") forgotten.add(wish.node)
      if (wish._tag === "ReplaceNode") forgotten.add(wish.old)
      return
    }
    if (!record.key.startsWith("group/") || previous === undefined) return
    const before = previous.value as Group // as above
    const after = record.value as Group // as above
    if (after.status === "dissolved") return
    const early = after.exiled.filter((node) => {
      const beatMicros = state.lastBeatMicros(node)
      const given =
        before.members.includes(node) &&
        !after.members.includes(node) &&
        !forgotten.has(node) &&
        after.estranged?.includes(node) !== true
      return (
        given &&
        beatMicros !== undefined &&
        world.queue.nowMicros - beatMicros < graceMicros * tolerance &&
        isListed(state.view(), after, node)
      )
    })
    if (early.length > 0) report(name, `group ${after.name} gave up ${few(early)}, who was there not long ago`)
  })
  return { name }
}
