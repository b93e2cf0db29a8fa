/**
 * `fresh-names`: neither the name of a group nor that of a shard is used again: a node that was away still has what it
 * named, and would walk into the new one with it.
 */
import type { Group, Table } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"

const name = "fresh-names"

/** Makes the checker. */
export const freshNames: MakeChecker = ({ report, state }) => {
  /** Generation of the table by which a shard was named first. */
  const generations = new Map<string, string>()
  state.onRecord((record, previous) => {
    if (record.key.startsWith("group/")) {
      const group = record.value as Group // the store writes nothing else under these keys
      const before = previous?.value as Group | undefined
      if (before?.status === "dissolved" && group.status !== "dissolved")
        report(name, `group ${group.name} had ended, and is ${group.status} again`)
    }
    if (!record.key.startsWith("table/")) return
    const table = record.value as Table // as above
    for (const { physical } of table.layout) {
      const owner = `generation ${table.generation} of ${table.name}`
      const first = generations.get(physical)
      if (first === undefined) generations.set(physical, owner)
      else if (first !== owner) report(name, `${physical} of ${owner} was a shard of ${first}`)
    }
  })
  return { name }
}
