/**
 * `one-leader-per-term`: a term of the lease has one holder, terms never fall, and no record is committed twice under one
 * version with two values (which would mean two histories of the coordination cluster).
 */
import type { Lease } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"

const name = "one-leader-per-term"

/** Makes the checker. */
export const oneLeaderPerTerm: MakeChecker = (context) => {
  const holders = new Map<number, string>()
  let highest = 0
  context.state.onFork((first, second) => {
    context.report(
      name,
      `version ${second.version} of ${second.key} was committed twice: on ${first.node} at ${first.atMicros / 1000} ms and with another value on ${second.node}`,
    )
  })
  context.state.onRecord((record) => {
    if (record.key !== "lease") return
    const lease = record.value as Lease // the store writes nothing else under this key
    const holder = `${lease.holder} (${lease.incarnation})`
    const known = holders.get(lease.term)
    if (known !== undefined && known !== holder)
      context.report(name, `term ${lease.term} is held by ${known} and by ${holder}`)
    if (lease.term < highest) context.report(name, `the term fell from ${highest} to ${lease.term}, by ${holder}`)
    holders.set(lease.term, holder)
    highest = Math.max(highest, lease.term)
  })
  return { name }
}
