/**
 * The lock under which nodes leave replication clusters (safety rule 13). EXIT and DELETE CLUSTER keep a daemon from any
 * other cluster statement while they tell the members that stay, and wait for statements that are under way there: two
 * nodes that do so crosswise, even about different clusters, wait for each other for ever (semantics 18). So a node begins
 * only while no other one leaves that has to be told, or that has to tell it. The lock outlives its holder: it goes when
 * the statement was answered, when a later one was, or when the node is gone.
 */
import * as Effect from "effect/Effect"
import { type Wait, wait } from "../operation/WaitCode.ts"
import { Key, type LeavingLock } from "../State.ts"
import { CurrentStep } from "./CurrentStep.ts"

/** Enters this node as one that leaves a group of these members, or says who is in the way. */
export const holdLeaving = Effect.fnUntraced(function* (group: string, members: ReadonlyArray<string>) {
  const { node, refresh, store, term } = yield* CurrentStep
  const stored = (yield* refresh).leaving
  const held = stored?.record.held ?? []
  if (held.some((entry) => entry.node === node && entry.group === group)) return undefined
  const inTheWay = held.find(
    (entry) => entry.node !== node && (members.includes(entry.node) || entry.members.includes(node)),
  )
  if (inTheWay !== undefined) return leaves(inTheWay)
  const next: LeavingLock = { held: [...held, { node, group, members }] }
  if (stored === undefined) yield* store.create(Key.leaving, next, { term })
  else yield* store.compareAndSet(stored, next, { term })
  return undefined
})

const leaves = ({ node, group }: LeavingLock["held"][number]): Wait =>
  wait("cluster-blocked", `${node} leaves ${group}: two that leave at once can wait for each other for ever`)

/** True while this node is entered as one that leaves the group. */
export const isLeaving = Effect.fnUntraced(function* (group: string) {
  const { node, refresh } = yield* CurrentStep
  const held = (yield* refresh).leaving?.record.held ?? []
  return held.some((entry) => entry.node === node && entry.group === group)
})

/** Takes the entry out: the daemon has answered. */
export const releaseLeaving = Effect.fnUntraced(function* (group: string) {
  const { node, refresh, store, term } = yield* CurrentStep
  const stored = (yield* refresh).leaving
  if (stored === undefined) return
  const held = stored.record.held.filter((entry) => entry.node !== node || entry.group !== group)
  if (held.length < stored.record.held.length) yield* store.compareAndSet(stored, { held }, { term })
})

/** The same at the next opportunity after the daemon was restarted: its statements ended, and the records were out of reach. */
export const settleLeaving = Effect.fnUntraced(function* (group: string) {
  const { endedLeaving } = yield* CurrentStep
  if (!endedLeaving.has(group)) return
  yield* releaseLeaving(group)
  endedLeaving.delete(group)
})
