/**
 * How a member gets into the in-sync set.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { isUnproven } from "../Health.ts"
import { probeTable, rowId } from "../Identifier.ts"
import { Mutations } from "../Mutation.ts"
import { isPrimary } from "../Observe.ts"
import { servingTables } from "../plan/records.ts"
import * as Sql from "../Sql.ts"
import { compareTable } from "./comparison.ts"
import { CurrentStep, ownGroup, query, triedForMs } from "./CurrentStep.ts"
import { donors, groupRecord, plus, updateGroup } from "./groups.ts"
import { done, failed, type Outcome, retry, verdict } from "./Outcome.ts"

/**
 * What was lost in a crash of this daemon is copied anew from a member in sync that did not crash: the group has gone on with
 * that one, so it has all that was acknowledged. Undefined where that is not so, or not for certain yet.
 */
const cureOfCrash = Effect.fnUntraced(function* (name: string, donor: string, found: Outcome) {
  const { config, makeAnew, node, refresh } = yield* CurrentStep
  if (found._tag !== "Retry" || found.wait.code !== "copy-differs") return undefined
  const view = yield* refresh
  if (!isUnproven(view, node, name) || isUnproven(view, donor, name)) return undefined
  if ((yield* triedForMs) < Duration.toMillis(config.awayAfter)) return undefined
  const refusal = yield* makeAnew(name, found.wait.detail)
  return refusal === undefined
    ? retry("daemon-restarting", `${found.wait.detail}: a crash lost rows, and they are copied anew`)
    : retry("restart-needed", `${found.wait.detail}: they were lost in a crash, but ${refusal}`)
})

/** Proves that this node's copies equal a donor's, then enters the node into the in-sync set. */
export const verifyReplica = Effect.fnUntraced(function* (name: string) {
  const { node, away, noteProven, refresh, publish } = yield* CurrentStep
  const stored = yield* groupRecord(name)
  if (stored === undefined) return failed(`no record of group ${name}`)
  if (!stored.record.members.includes(node)) return failed(`${node} is not a member of ${name}`)
  const before = yield* ownGroup(name)
  if (!isPrimary(before))
    return retry("no-primary", `${name} is ${before?.status ?? "absent"} (${before?.nodeState ?? ""})`)
  const donor = donors(yield* refresh, stored.record, node, away())[0]
  const mutations = yield* Mutations
  const skip = mutations.has("drop-source-before-verification")
  let compared = 0
  if (!skip) {
    // It was verified by another operation, and whom it was compared with is itself compared now.
    if (donor === undefined && stored.record.inSync.includes(node)) return done("is in sync already")
    if (donor === undefined) return retry("no-donor", `no other member of ${name} that is in sync can be asked`)
    const tables = servingTables(yield* refresh, stored.record)
    const missing = tables.find((table) => before?.tables.includes(table) !== true)
    if (missing !== undefined) return retry("table-missing", `${missing} is not in ${name} here`)
    // An acknowledged write of our own to the group comes after all that the donor had.
    const stamp = yield* Clock.currentTimeMillis
    const probed = yield* query(Sql.writeProbe(name, probeTable(name), rowId(node), stamp))
    if (probed._tag !== "Ok") return verdict(probed, "probe") ?? retry("no-effect", "the probe was not answered")
    for (const table of mutations.has("skip-comparison") ? [] : tables) {
      const outcome = yield* compareTable(table, donor)
      if (outcome._tag !== "Done") return (yield* cureOfCrash(name, donor, outcome)) ?? outcome
      compared += Number(outcome.detail)
    }
    const now = yield* ownGroup(name)
    const sameMembers = now?.size === before?.size && now?.members.join() === before?.members.join()
    if (!isPrimary(now) || !sameMembers)
      return retry("membership-changed", "the membership changed during the comparison")
  }
  yield* noteProven(name)
  // Older observations of other members lack this node; its own, with a later view, says that they are old.
  yield* publish
  const lastPrimary = before?.members ?? []
  yield* updateGroup(stored, ({ origin, ...group }) => ({
    ...group,
    // With two copies in sync, those that stayed with the old group are needed no more.
    ...(origin === undefined || origin.attached === true ? {} : { origin }),
    inSync: plus(group.inSync, node),
    lastPrimary,
  }))
  return done(`${compared} rows equal to ${donor ?? "nobody"}`)
})
