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
export const sizeOf = (member: Member): number => {
  const { component } = member
  if (member.shown !== undefined || component === undefined) return member.shown?.size ?? 0
  const waiting = component.primary
    ? 0
    : (member.group?.joining.filter(({ connected, donor }) => connected && donor.component === component).length ?? 0)
  return component.members.length + waiting
}

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
  const { total, percent, stage, table, tables } = member.transfer
  const values = [String(percent?.() ?? total), stage, "0", table, String(tables)]
  return transferNames.map((name, index) => [name, values[index] ?? "-"])
}

const visitLines = (member: Member, visit: (name: string, value: string) => void): void => {
  const closed = member.component === undefined && member.state === "closed" && !member.connecting
  if (closed) {
    visit("status", "recovery-required")
    visit("node_state", "closed")
    if (member.lastError !== undefined) visit("last_error", member.lastError)
    visitLists(member, visit)
    return
  }
  const applied = member.state === "joining" && member.history !== member.component?.history ? -1 : member.applied
  const seqno = member.state === "destroyed" ? 0 : applied < 0 ? member.cameInAt : applied
  visit("state_seqno", String(seqno))
  visit("conf_id", String(viewNumberOf(member)))
  visit("status", statusOf(member))
  visit("size", String(sizeOf(member)))
  visit("local_index", String(indexOf(member)))
  visit("node_state", nodeStateOf(member))
  visitLists(member, visit)
  for (const [name, value] of transferLines(member)) visit(name, value)
  visit("last_committed", String(applied))
}

const visitLists = (member: Member, visit: (name: string, value: string) => void): void => {
  const hasView = member.component !== undefined || member.state === "destroyed"
  visit("nodes_set", textOf(member.nodesSet, joined))
  visit("nodes_view", hasView ? textOf(member.view, viewText) : "")
  visit("indexes_count", String(member.tables.length))
  visit("indexes", textOf(member.tables, joined))
}

/** The lines of a cluster as they were shown last, by the short names: most are the same again. */
const shownLines = new WeakMap<Member, Map<string, Line>>()

const linesShown = (member: Member): Map<string, Line> => {
  let lines = shownLines.get(member)
  if (lines === undefined) {
    lines = new Map()
    shownLines.set(member, lines)
  }
  return lines
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
    const lines = linesShown(member)
    visitLines(member, (name, value) => {
      let line = lines.get(name)
      if (line?.[1] !== value) {
        line = [line?.[0] ?? prefix + name, value]
        lines.set(name, line)
      }
      if (which === "all" || matches(line[0])) found.push(line)
    })
  }
  return found
}
