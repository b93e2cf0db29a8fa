/**
 * Plans that bring a group back to service without changing the layout: a new primary, members that returned.
 */
import type { Group } from "../State.ts"
import { type Plan, StepList } from "./Plan.ts"

/** Makes the members that are left the primary component of their group. `survivors` must be in sync. */
export const planPromotion = (operation: string, group: Group, survivors: ReadonlyArray<string>): Plan => {
  const [survivor] = survivors
  const list = new StepList()
  const promote = list.add(survivor ?? null, { _tag: "PromoteGroup", group: group.name })
  list.add(survivor ?? null, { _tag: "RefreshPeers", group: group.name }, [promote])
  return {
    kind: "repair",
    table: null,
    reason: `promote ${survivor} in ${group.name}: no primary for too long (${operation})`,
    tables: new Map(),
    groups: new Map([[group.name, { ...group, inSync: survivors, epoch: group.epoch + 1 }]]),
    steps: list.steps,
    explanation: [
      {
        group: group.name,
        from: null,
        to: survivor ?? null,
        replicas: 0,
        reason: `nobody is primary for too long, ${survivors.join(", ")} is in sync and the others are away`,
      },
    ],
  }
}

/** Proves that members which are back in their group by themselves hold what the others hold. */
export const planVerification = (group: Group, returned: ReadonlyArray<string>): Plan => {
  const list = new StepList()
  for (const node of returned) {
    const verified = list.add(node, { _tag: "VerifyReplica", group: group.name })
    // The others do not learn of a return by themselves, and would not ask it after a restart (semantics 61).
    list.add(node, { _tag: "RefreshPeers", group: group.name }, [verified])
  }
  return {
    kind: "repair",
    table: null,
    reason: `verify ${returned.join(", ")} in ${group.name}: back in the group`,
    tables: new Map(),
    groups: new Map([[group.name, group]]),
    steps: list.steps,
    explanation: returned.map((to) => ({
      group: group.name,
      from: null,
      to,
      replicas: group.shards.length,
      reason: `${to} is back in the group by itself: it counts again once its copies are equal`,
    })),
  }
}
