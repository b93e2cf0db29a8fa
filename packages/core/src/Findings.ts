/**
 * What is amiss, from the records and from what nodes last showed: a code, how grave it is, what it is about, and what helps.
 * Nothing in the engine acts on findings; whatever it may do by itself it does anyway.
 */
import type { EngineConfig } from "./EngineConfig.ts"
import type { Presence } from "./plan/Plan.ts"
import { isWithoutPrimary, promotable } from "./Promotion.ts"
import { isPrimary } from "./Observe.ts"
import { splitSides } from "./SplitBrain.ts"
import { groupOfStep } from "./step/Step.ts"
import { type Group, isOpen, type Table } from "./State.ts"
import type { View } from "./View.ts"

/** Every code. */
export type FindingCode =
  | "no-majority"
  | "split-brain"
  | "no-primary"
  | "shard-unavailable"
  | "under-replicated"
  | "too-few-nodes"
  | "too-many-away"
  | "node-away"
  | "node-flaps"
  | "runner-dead"
  | "exiled-member"
  | "drop-pending"
  | "shard-detached"
  | "shard-missing"
  | "shard-altered"
  | "copy-differs"

/** `critical`: data is out of reach or in danger. `warning`: less redundancy than asked for. `info`: something waits. */
export type Severity = "critical" | "warning" | "info"

/** One thing that is amiss. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  /** A node, a group, a table, or `cluster`. */
  readonly subject: string
  readonly detail: string
  readonly recommendation: string
}

/** What the diagnosis looks at beside the records. */
export interface Circumstances {
  readonly presence: Presence
  readonly config: EngineConfig
  /** Nodes that are seen in the coordination cluster. */
  readonly coordination: ReadonlyArray<string>
  /** False if the coordination cluster takes no writes where the records were read. */
  readonly isCurrent?: boolean
}

/** Everything that is amiss, the gravest first. */
export const findings = (view: View, circumstances: Circumstances): ReadonlyArray<Finding> => {
  const groups = [...view.groups.values()].map(({ record }) => record).filter(({ status }) => status !== "dissolved")
  const tables = [...view.tables.values()].map(({ record }) => record)
  const found = [
    ...aboutRecords(circumstances),
    ...groups.flatMap((group) => aboutGroup(view, group, circumstances)),
    ...tables.flatMap((table) => aboutTable(view, table, circumstances)),
    ...aboutNodes(view, circumstances),
  ]
  const gravity: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 }
  return found.toSorted((left, right) => gravity[left.severity] - gravity[right.severity])
}

const aboutRecords = ({ config, isCurrent = true }: Circumstances): ReadonlyArray<Finding> => {
  if (isCurrent) return []
  const detail = `${config.coordination} takes no writes here: nothing is planned or begun, and what is known may be old`
  const recommendation =
    "bring nodes back until most of them are there; if those are gone for good, recover on one that has survived"
  return [{ code: "no-majority", severity: "critical", subject: "cluster", detail, recommendation }]
}

const aboutGroup = (view: View, group: Group, { presence, coordination }: Circumstances): ReadonlyArray<Finding> => {
  const { away } = presence
  const subject = group.name
  const sides = splitSides(view, group, away)
  if (sides.length > 0) {
    const detail = `it is primary as ${sides.map((side) => side.join(", ")).join(" and as ")}: both take writes`
    const recommendation = "choose the side that stays with a request to reunite it; restart no daemon before"
    return [{ code: "split-brain", severity: "critical", subject, detail, recommendation }]
  }
  const found: Array<Finding> = []
  if (group.status !== "forming" && isWithoutPrimary(view, group, away)) {
    const survivors = promotable(view, group, { away, coordination })
    const detail =
      typeof survivors === "string"
        ? `no member is primary, so writes are refused; none is promoted: ${survivors}`
        : `no member is primary, so writes are refused; ${survivors.join(", ")} will be promoted`
    const recommendation =
      typeof survivors === "string"
        ? "bring the missing members back; if they are gone for good, ask for the promotion of a member"
        : "nothing: it follows the promotion delay"
    found.push({ code: "no-primary", severity: "critical", subject, detail, recommendation })
  }
  // The records call a member in sync until the leader has seen that its group goes on without it.
  const outside = isWithoutPrimary(view, group, away) ? [] : group.inSync.filter((node) => isOutside(view, group, node))
  const sound = group.inSync.filter(
    (node) => !away.has(node) && !group.leaving.includes(node) && !outside.includes(node),
  )
  if (group.status === "live" && sound.length < group.rf) {
    const missing = group.members.filter((node) => away.has(node))
    const gone = missing.length > 0 ? `; ${missing.join(", ")} is away` : ""
    const out = outside.length > 0 ? `; ${outside.join(", ")} is not back in the group` : ""
    const detail = `${sound.length} of ${group.rf} copies are in sync${gone}${out}`
    const recommendation =
      "nothing, if nodes are free: copies are made anew after the grace period; else bring nodes back"
    found.push({ code: "under-replicated", severity: "warning", subject, detail, recommendation })
  }
  if (group.exiled.length > 0) {
    const detail = `${group.exiled.join(", ")} was given up and may come back: nothing is attached or detached until then`
    const recommendation = "start the node, or have it forgotten if its data will never start again"
    found.push({ code: "exiled-member", severity: "info", subject, detail, recommendation })
  }
  const differs = [...view.steps.values()]
    .flat()
    .find(({ record }) => record.waiting?.code === "copy-differs" && groupOfStep(record.step) === group.name)
  if (differs !== undefined && isOpen(differs.record)) {
    const detail = `${differs.record.node}: ${differs.record.waiting?.detail}; it does not count as a copy`
    const recommendation = "compare the two; drain the node whose copy is wrong, and it is made anew elsewhere"
    found.push({ code: "copy-differs", severity: "critical", subject, detail, recommendation })
  }
  return found
}

/** Whether a node shows that it has the group and is not in it. */
const isOutside = (view: View, group: Group, node: string): boolean => {
  const shown = view.observations.get(node)?.record.groups[group.name]
  return shown !== undefined && shown.status !== "primary"
}

const aboutTable = (view: View, table: Table, { presence, config }: Circumstances): ReadonlyArray<Finding> => {
  const subject = table.name
  if (table.operation === null && (table.status === "dropping" || table.status === "failed")) {
    const left = table.layout.length
    const detail = `the table is gone for its users; ${left} of its shards wait for members that are missing`
    const recommendation = "start the missing nodes, or have them forgotten if their data will never start again"
    return [{ code: "drop-pending", severity: "info", subject, detail, recommendation }]
  }
  if (table.status !== "ready") return []
  const found: Array<Finding> = [...aboutShards(view, table, presence)]
  const gone = table.layout.filter(({ nodes }) => nodes.length > 0 && nodes.every((node) => presence.away.has(node)))
  if (gone.length > 0) {
    const shown = gone.map(({ shard, nodes }) => `${shard} (${nodes.join(", ")})`).join(", ")
    const detail = `every copy of these shards is on nodes that are away: ${shown}; reads through the wrapper are partial`
    const recommendation = "bring one of the nodes back; nothing is made anew in place of the only copies"
    found.push({ code: "shard-unavailable", severity: "critical", subject, detail, recommendation })
  }
  const usable = Object.entries(view.registry?.record.nodes ?? {}).filter(
    ([node, { state }]) => state !== "draining" && !presence.away.has(node),
  )
  if (usable.length < table.rf) {
    const detail = `${table.rf} copies are asked for, and ${usable.length} nodes can carry them (${config.coordination})`
    const recommendation = "bring nodes back or add some: the copies that are missing are made then"
    found.push({ code: "too-few-nodes", severity: "warning", subject, detail, recommendation })
  }
  return found
}

/** Where a copy of a shard is that its node serves, as the records have it: nothing that is being changed. */
const copiesAtRest = (view: View, table: Table, { away }: Presence) =>
  table.layout.flatMap(({ group: name, nodes, physical }) => {
    const group = name === null ? undefined : view.groups.get(name)?.record
    if (name !== null && (group?.status !== "live" || group.operation !== null)) return []
    if (group?.shards.some((shard) => shard.physical === physical) === false) return []
    return nodes
      .filter((node) => !away.has(node) && (group === undefined || group.inSync.includes(node)))
      .map((node) => ({ group, node, physical }))
  })

/** What somebody did to shards directly. Nobody but people can say which rows were meant. */
const aboutShards = (view: View, table: Table, presence: Presence): ReadonlyArray<Finding> => {
  if (table.operation !== null) return []
  const copies = copiesAtRest(view, table, presence)
  const subject = table.name
  const detached = copies.flatMap(({ group, node, physical }) => {
    const seen = group === undefined ? undefined : view.observations.get(node)?.record.groups[group.name]
    return seen !== undefined && isPrimary(seen) && !seen.tables.includes(physical) ? [`${physical} on ${node}`] : []
  })
  const found: Array<Finding> = []
  if (detached.length > 0) {
    const detail = `taken out of its group by somebody: ${few(detached)}; its copies drift apart with each write`
    const recommendation =
      "stop writers, compare the copies, drop all but the one that is right, and add that one again"
    found.push({ code: "shard-detached", severity: "critical", subject, detail, recommendation })
  }
  for (const what of ["missing", "altered"] as const) {
    const amiss = copies.flatMap(({ node, physical }) => {
      const said = view.inspections.get(node)?.record.amiss[physical]
      return said?.what === what ? [`${physical} on ${node}: ${said.detail}`] : []
    })
    if (amiss.length === 0) continue
    const detail = `changed by somebody: ${few(amiss)}`
    const recommendation =
      what === "missing"
        ? "restore it from a backup, or drop the table; nothing is made anew in its place"
        : "take the change back with ALTER TABLE: wrappers refuse such a shard, and are lost when the daemon restarts"
    found.push({ code: `shard-${what}`, severity: "critical", subject, detail, recommendation })
  }
  return found
}

/** A list that stays readable. */
const few = (items: ReadonlyArray<string>): string =>
  items.length <= 5 ? items.join(", ") : `${items.slice(0, 5).join(", ")} and ${items.length - 5} more`

const aboutNodes = (view: View, { presence, config }: Circumstances): ReadonlyArray<Finding> => {
  const registered = Object.keys(view.registry?.record.nodes ?? {})
  const found: Array<Finding> = []
  for (const subject of registered) {
    if (presence.away.has(subject)) {
      const detail = presence.lost.has(subject) ? "it is away for longer than the grace period" : "it is away"
      const recommendation = presence.lost.has(subject)
        ? "start it; what it held is made anew elsewhere meanwhile"
        : "start it: nothing moves before the grace period is over"
      found.push({ code: "node-away", severity: "warning", subject, detail, recommendation })
    }
    if (presence.runnerless?.has(subject) === true) {
      const detail = "its runner is silent while its daemon is alive; the leader acts for it"
      const recommendation = "start the runner: what needs the node's disk or its process waits for it"
      found.push({ code: "runner-dead", severity: "warning", subject, detail, recommendation })
    }
    if (presence.damped?.has(subject) === true) {
      const detail = "it came and went again and again; nothing moves to it or because of it until it is quiet"
      const recommendation = "look at its machine and its network"
      found.push({ code: "node-flaps", severity: "warning", subject, detail, recommendation })
    }
  }
  if (presence.away.size > registered.length * config.maxAwayShare) {
    const detail = `${presence.away.size} of ${registered.length} nodes are away at once: nothing moves by itself`
    const recommendation = "bring nodes back; if they are gone for good, have them forgotten"
    found.push({ code: "too-many-away", severity: "critical", subject: "cluster", detail, recommendation })
  }
  return found
}
