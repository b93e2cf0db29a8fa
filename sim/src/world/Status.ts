/** What SHOW STATUS says of replication clusters. */
import type { Daemon } from "./Daemon.ts"
import type { Member } from "./group/Member.ts"
import { like } from "./Like.ts"

type Line = readonly [name: string, value: string]

/** `primary`, `non-primary`, and what a node says that has no view. */
export const statusOf = (member: Member): string => {
  if (member.connecting) return "disconnected"
  if (member.shown !== undefined) return member.shown.primary ? "primary" : "non-primary"
  if (member.component !== undefined) return member.component.primary ? "primary" : "non-primary"
  return member.state === "closed" ? "recovery-required" : "non-primary"
}

/** Number of members that the node sees. */
export const sizeOf = (member: Member): number => member.shown?.size ?? member.component?.members.length ?? 0

/** How far the node is, in the words of SHOW STATUS. */
export const nodeStateOf = (member: Member): string => (member.connecting ? "joining" : member.state)

const viewNumberOf = (member: Member): number => {
  if (member.shown !== undefined) return member.shown.viewNumber
  return member.component?.primary === true ? member.component.viewNumber : -1
}

const indexOf = (member: Member): number => member.shown?.index ?? member.component?.members.indexOf(member) ?? -1

const viewText = (member: Member): string =>
  member.view.map((other) => `${other.host.address},${replicationAddress(other)}:replication`).join(",")

const replicationAddress = (member: Member): string => {
  const address = member.host.address
  const colon = address.lastIndexOf(":")
  return `${address.slice(0, colon)}:${Number(address.slice(colon + 1)) + 1 + 2 * member.portPair}`
}

const transferLines = (member: Member): ReadonlyArray<Line> => {
  const active = member.state === "donor" || member.state === "joining"
  const { total, stage, table, tables } = member.transfer
  const values = active ? [String(total), stage, "0", table, String(tables)] : ["-", "-", "-", "-", "-"]
  const names = ["sst_total", "sst_stage", "sst_stage_total", "sst_table", "sst_tables"]
  return names.map((name, index) => [name, values[index] ?? "-"] as const)
}

const linesOf = (member: Member): ReadonlyArray<Line> => {
  const lists: ReadonlyArray<Line> = [
    ["nodes_set", member.nodesSet.join(",")],
    ["nodes_view", member.component === undefined && member.state !== "destroyed" ? "" : viewText(member)],
    ["indexes_count", String(member.tables.length)],
    ["indexes", member.tables.join(",")],
  ]
  const error: ReadonlyArray<Line> = member.lastError === undefined ? [] : [["last_error", member.lastError]]
  const closed = member.component === undefined && member.state === "closed" && !member.connecting
  if (closed) return [["status", "recovery-required"], ["node_state", "closed"], ...error, ...lists]
  const applied = member.state === "joining" && member.history !== member.component?.history ? -1 : member.applied
  const seqno = member.state === "destroyed" ? 0 : applied < 0 ? member.cameInAt : applied
  return [
    ["state_seqno", String(seqno)],
    ["conf_id", String(viewNumberOf(member))],
    ["status", statusOf(member)],
    ["size", String(sizeOf(member))],
    ["local_index", String(indexOf(member))],
    ["node_state", nodeStateOf(member)],
    ...lists,
    ...transferLines(member),
    ["last_committed", String(applied)],
  ]
}

/** False if no text that begins like this can match the pattern: most questions are about one cluster of many. */
const canBegin = (pattern: string, start: string): boolean => {
  for (let at = 0; at < start.length; at++) {
    const wanted = pattern.charCodeAt(at)
    if (wanted === percent) return true
    if (wanted !== underscore && (wanted | 32) !== (start.charCodeAt(at) | 32)) return false
  }
  return true
}

const percent = 0x25
const underscore = 0x5f

/** All lines about clusters that a pattern matches. */
export const clusterStatus = (daemon: Daemon, pattern: string | undefined): ReadonlyArray<Line> => {
  const found: Array<Line> = []
  const add = (name: string, value: string): void => {
    if (pattern === undefined || like(pattern, name)) found.push([name, value])
  }
  for (const member of daemon.members.values()) {
    add("cluster_name", member.name)
    const prefix = `cluster_${member.name}_`
    if (pattern !== undefined && !canBegin(pattern, prefix)) continue
    for (const [name, value] of linesOf(member)) add(prefix + name, value)
  }
  return found
}
