/**
 * Plans that rest on an operator's word where no observation can decide: which side of a group stays, and that members
 * which are missing will not be waited for. Each says what may be lost by it; whoever asks for approval sees that first.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import { splitSides } from "../SplitBrain.ts"
import type { Group } from "../State.ts"
import type { View } from "../View.ts"
import { planChange } from "./converge.ts"
import { notYet, type Plan, type Presence, type Refusal, refused, StepList } from "./Plan.ts"
import { registeredNodes, union, without } from "./records.ts"

const heldGroup = (view: View, name: string): Group | Refusal => {
  const group = view.groups.get(name)?.record
  if (group === undefined || group.status === "dissolved") return refused(`there is no group '${name}'`)
  return group.operation === null ? group : notYet(`group ${name} is held by operation ${group.operation}`)
}

/**
 * Plans that a member without primary is promoted although those who are missing may have gone on without it. They are
 * given up, and their copies never come back as they are.
 */
export const planForcedPromotion = (
  view: View,
  presence: Presence,
  wish: { readonly group: string; readonly node: string },
): Plan | Refusal => {
  const group = heldGroup(view, wish.group)
  if ("final" in group) return group
  const { node } = wish
  const shown = (member: string) => view.observations.get(member)?.record.groups[group.name]
  const seen = shown(node)
  // A runner begins the group when it starts its daemon the next time.
  const isStartable = seen?.nodeState === "closed" && view.observations.get(node)?.record.gated === true
  if (!group.members.includes(node) || presence.away.has(node) || seen === undefined) {
    return refused(`${node} is no member of ${group.name} that is there`)
  }
  const primary = [...view.observations.keys()].find(
    (member) => !presence.away.has(member) && shown(member)?.status === "primary",
  )
  if (primary !== undefined) return refused(`${group.name} is primary on ${primary}`)
  if (seen.nodeState !== "synced" && seen.nodeState !== "donor" && !isStartable) {
    return refused(
      `${node} is ${seen.nodeState} in ${group.name}: its daemon must be restarted while somebody is primary`,
    )
  }
  // Nobody waits for who was forgotten, whatever a view of before says.
  const registered = registeredNodes(view)
  const missing = without(union(group.members, seen.members), [node]).filter((member) => registered.includes(member))
  const list = new StepList()
  const promote = list.add(node, { _tag: "PromoteGroup", group: group.name, forced: true })
  list.add(node, { _tag: "RefreshPeers", group: group.name }, [promote])
  const next: Group = {
    ...group,
    members: [node],
    inSync: [node],
    leaving: without(group.leaving, missing),
    exiled: union(group.exiled, missing),
    estranged: union(group.estranged ?? [], missing),
    epoch: group.epoch + 1,
  }
  return {
    kind: "repair",
    table: null,
    reason: `promote ${node} in ${group.name}: an operator's word`,
    tables: new Map(),
    groups: new Map([[group.name, next]]),
    steps: list.steps,
    explanation: [
      {
        group: group.name,
        from: null,
        to: node,
        replicas: group.shards.length,
        reason:
          `lost is what ${missing.join(", ") || "nobody"} acknowledged after ${node} lost sight of them; ` +
          `their copies are compared with the group's when they return, and dropped`,
      },
    ],
  }
}

/** Plans that the side of a node stays of a group that has become two. */
export const planReunion = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  wish: { readonly group: string; readonly keep: string },
): Plan | Refusal => {
  const group = heldGroup(view, wish.group)
  if ("final" in group) return group
  const sides = splitSides(view, group, presence.away)
  const kept = sides.find((side) => side.includes(wish.keep))
  if (sides.length === 0) return refused(`${group.name} is one`)
  if (kept === undefined) return refused(`${wish.keep} is on no side of ${group.name}`)
  const others = without(union(...sides), kept)
  const stays = kept.filter((node) => group.members.includes(node))
  const inSync = stays.filter((node) => group.inSync.includes(node))
  const next: Group = {
    ...group,
    members: stays,
    inSync: inSync.length === 0 ? [wish.keep] : inSync,
    leaving: union(group.leaving, others),
    estranged: union(group.estranged ?? [], others),
    epoch: group.epoch + 1,
  }
  const plan = planChange(view, presence, config, operation, {
    kind: "repair",
    table: null,
    reason: `${group.name} stays as ${kept.join(", ")}`,
    scope: null,
    groups: new Map([[group.name, next]]),
    reasons: new Map(),
  })
  if (plan === undefined || plan.steps.length === 0)
    return notYet("every registered node must be there to confirm wrappers")
  const reason = `lost is what ${others.join(", ")} acknowledged alone; it is reported before it is dropped`
  return {
    ...plan,
    explanation: [
      { group: group.name, from: null, to: null, replicas: group.shards.length, reason },
      ...plan.explanation,
    ],
  }
}
