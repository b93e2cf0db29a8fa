/** What SHOW STATUS says of replication clusters. */
import type { Daemon } from "./Daemon.ts"
import type { Member } from "./group/Member.ts"
import { likeMatcher, likeOfBeginning } from "./Like.ts"

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

/** Lists as they are shown. They are replaced, never changed in place, so that each is put together once. */
const texts = new WeakMap<ReadonlyArray<unknown>, string>()

const textOf = <A>(list: ReadonlyArray<A>, put: (list: ReadonlyArray<A>) => string): string => {
  let text = texts.get(list)
  if (text === undefined) {
    text = put(list)
    texts.set(list, text)
  }
  return text
}

const joined = (list: ReadonlyArray<string>): string => list.join(",")

const viewText = (view: ReadonlyArray<Member>): string =>
  view.map((other) => `${other.host.address},${replicationAddress(other)}:replication`).join(",")

const replicationAddress = (member: Member): string => {
  const address = member.host.address
  const colon = address.lastIndexOf(":")
  return `${address.slice(0, colon)}:${Number(address.slice(colon + 1)) + 1 + 2 * member.portPair}`
}

const transferNames = ["sst_total", "sst_stage", "sst_stage_total", "sst_table", "sst_tables"]
const noTransfer: ReadonlyArray<Line> = transferNames.map((name) => [name, "-"])

const transferLines = (member: Member): ReadonlyArray<Line> => {
  if (member.state !== "donor" && member.state !== "joining") return noTransfer
  const { total, stage, table, tables } = member.transfer
  const values = [String(total), stage, "0", table, String(tables)]
  return transferNames.map((name, index) => [name, values[index] ?? "-"])
}

const linesOf = (member: Member): ReadonlyArray<Line> => {
  const lists: ReadonlyArray<Line> = [
    ["nodes_set", textOf(member.nodesSet, joined)],
    ["nodes_view", member.component === undefined && member.state !== "destroyed" ? "" : textOf(member.view, viewText)],
    ["indexes_count", String(member.tables.length)],
    ["indexes", textOf(member.tables, joined)],
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

/** The names of a cluster's lines as they are shown, by the short ones. */
const shownNames = new WeakMap<Member, Map<string, string>>()

const shownName = (names: Map<string, string>, prefix: string, name: string): string => {
  let shown = names.get(name)
  if (shown === undefined) {
    shown = prefix + name
    names.set(name, shown)
  }
  return shown
}

/** All lines about clusters that a pattern matches. */
export const clusterStatus = (daemon: Daemon, pattern: string | undefined): ReadonlyArray<Line> => {
  const found: Array<Line> = []
  const matches = likeMatcher(pattern)
  for (const member of daemon.members.values()) {
    if (matches("cluster_name")) found.push(["cluster_name", member.name])
    const prefix = `cluster_${member.name}_`
    const which = pattern === undefined ? "all" : likeOfBeginning(pattern, prefix)
    if (which === "none") continue
    const names = shownNames.get(member) ?? new Map<string, string>()
    shownNames.set(member, names)
    for (const [name, value] of linesOf(member)) {
      const shown = shownName(names, prefix, name)
      if (which === "all" || matches(shown)) found.push([shown, value])
    }
  }
  return found
}
