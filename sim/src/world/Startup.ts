/**
 * What a daemon does with its clusters when it starts (findings 1 to 3): it asks the nodes of its list. Nobody answers:
 * closed, for good. A member answers: it goes back in. Only closed ones answer: it makes itself primary with what it
 * has, whether or not that is the most.
 */
import type { Daemon } from "./Daemon.ts"
import type { Component } from "./group/Component.ts"
import type { Member } from "./group/Member.ts"
import type { ReplicationGroup } from "./group/ReplicationGroup.ts"
import type { ClusterRecord } from "./Host.ts"
import { askForMembers } from "./Peers.ts"
import { draw } from "./WorldContext.ts"

const noDonor = (name: string): string =>
  `remote version check failed: cluster '${name}', failed to fetch donor user from any node`

/** Brings back all clusters of a node, one after another (finding 29). */
export const startClusters = (daemon: Daemon): void => {
  const records = [...daemon.host.clusters.values()]
  const members = records.map((record) => restore(daemon, record))
  const startNext = (index: number): void => {
    const member = members[index]
    const record = records[index]
    if (member === undefined || record === undefined || !daemon.exists()) return
    startOne(daemon, member, record, () => startNext(index + 1))
  }
  startNext(0)
}

const restore = (daemon: Daemon, record: ClusterRecord): Member => {
  const member = daemon.newMember(record.name, record.path, daemon.freePortPair() ?? 0)
  member.nodesSet = record.nodesSet
  member.user = record.user
  member.standAt(record.mustCopy ? -1 : record.history, record.seqno)
  daemon.members.set(record.name, member)
  daemon.setTables(member, [...record.tables].sort())
  return member
}

const startOne = (daemon: Daemon, member: Member, record: ClusterRecord, next: () => void): void => {
  if (record.nodesSet.length === 0 || (record.alone && !isFlagged(daemon))) {
    // Nobody has told it the user of the cluster; who was alone with a list of one remembers it.
    if (record.nodesSet.length === 0) member.user = ""
    makePrimary(daemon, member, record.history, record.seqno)
    next()
    return
  }
  if (record.nodesSet.every((address) => address === daemon.address)) {
    member.user = ""
    if (isFlagged(daemon)) startAnew(daemon, member, record, [])
    else member.lastError = `cluster '${member.name}', no nodes available(${daemon.address}), error: invalid node`
    next()
    return
  }
  const others = member.nodesSet.filter((address) => address !== daemon.address)
  askForMembers(daemon.context, daemon, others, member.name, (answers) => decide(daemon, member, record, answers, next))
}

const isFlagged = ({ flags }: Daemon): boolean => flags.newCluster === true || flags.newClusterForce === true

const decide = (
  daemon: Daemon,
  member: Member,
  record: ClusterRecord,
  answers: ReadonlyArray<Member>,
  next: () => void,
): void => {
  const { context } = daemon
  const inOrder = [...answers].sort(
    (a, b) => record.nodesSet.indexOf(a.host.address) - record.nodesSet.indexOf(b.host.address),
  )
  if (answers.length === 0) {
    member.lastError = noDonor(member.name)
    next()
    return
  }
  if (new Set(answers.map((answer) => answer.user)).size > 1) {
    member.lastError = `remote version check failed: inconsistent cluster user from remotes for '${member.name}'`
    next()
    return
  }
  member.user = inOrder[0]?.user ?? member.user
  if (isFlagged(daemon)) {
    startAnew(daemon, member, record, inOrder)
    next()
    return
  }
  member.nodesSet = knownAddresses(inOrder)
  const open = inOrder.filter((answer) => answer.component !== undefined)
  member.connecting = true
  if (open.length > 0) {
    context.queue.after(draw(context, context.timings.rejoinMicros), () => enterAgain(daemon, member, next))
    return
  }
  context.queue.after(draw(context, context.timings.coldPrimaryMicros), () => {
    if (!daemon.exists()) return
    // A cluster that was deleted meanwhile does not keep the others from their turn.
    if (daemon.members.get(member.name) === member) {
      member.connecting = false
      makePrimary(daemon, member, context.nextIdentity(), 0)
    }
    next()
  })
}

/** Addresses that the nodes name: who is in view first, then who is only in the lists. */
export const knownAddresses = (members: ReadonlyArray<Member>): ReadonlyArray<string> => {
  const views = members.flatMap((member) =>
    member.component === undefined ? [] : member.view.map((other) => other.host.address),
  )
  return [...new Set([...views, ...members.flatMap((member) => member.nodesSet)])]
}

const startAnew = (daemon: Daemon, member: Member, record: ClusterRecord, answers: ReadonlyArray<Member>): void => {
  // The list is emptied before the flag is found to be of no use.
  member.nodesSet = []
  if (daemon.flags.newClusterForce !== true && !(record.clean && record.safeToBootstrap)) {
    member.lastError = "replication connection failed: 7 'error in node state, must reinit'"
    return
  }
  daemon.context.queue.after(draw(daemon.context, daemon.context.timings.coldPrimaryMicros), () => {
    // Who waits for a quorum of the same cluster finds this primary view and comes in by itself.
    const waiting = answers.find(({ component }) => component !== undefined && !component.primary)
    if (daemon.exists()) makePrimary(daemon, member, record.history, record.seqno, waiting?.group)
  })
}

const makePrimary = (
  daemon: Daemon,
  member: Member,
  history: number,
  seqno: number,
  group: ReplicationGroup = daemon.context.newGroup(member.name),
): void => {
  member.group = group
  group.found(member, history, seqno)
  group.settled()
  daemon.save(member, false)
}

const enterAgain = (daemon: Daemon, member: Member, next: () => void): void => {
  const { queue, timings } = daemon.context
  queue.after(timings.joinWithoutQuorumMicros, () => {
    if (member.connecting && daemon.exists()) stayOut(member)
  })
  daemon.context.await(() => {
    if (!daemon.exists() || daemon.members.get(member.name) !== member || !member.connecting) return true
    const component = daemon.running() ? openView(daemon, member) : undefined
    const group = component?.members[0]?.group
    if (component === undefined || group === undefined) return false
    member.connecting = false
    member.group = group
    const synced = (): void => daemon.save(member, false)
    if (component.primary) group.admit(component, [member], "restart", undefined, synced)
    else group.returnTo(component, member, synced)
    return true
  })
  // The other clusters of the node do not wait for this one.
  next()
}

// Whoever it found has left meanwhile: as if nobody had answered (finding 27).
const stayOut = (member: Member): void => {
  member.connecting = false
  member.lastError = "replication connection failed: 7 'error in node state, must reinit'"
}

// A view that still counts the former life of this node must first notice that it is over.
const openView = (daemon: Daemon, member: Member): Component | undefined => {
  const { context } = daemon
  const views = member.nodesSet.flatMap((address) => {
    const host = context.hostAt(address)
    const peer = host?.daemon?.members.get(member.name)
    const isOpen = peer !== undefined && peer !== member && peer.host.running() && !peer.frozen && !peer.exiting
    return isOpen && peer.component !== undefined && context.network.connects(daemon.name, peer.host.name)
      ? [peer.component]
      : []
  })
  const able = views.filter((view) => !view.stalled && view.members.every((other) => other.host.name !== daemon.name))
  return able.find((view) => view.primary) ?? able[0]
}
