/** JOIN CLUSTER: find a member, connect, receive all tables, tell everybody (findings 5, 19, 20, 28, 35, 59). */
import { ok, refused } from "@shardwright/core/Answer"
import { othersKnown, pathProblem, type Reply, setNodes, waitForPaused } from "./ClusterStatements.ts"
import type { Daemon } from "./Daemon.ts"
import type { Component } from "./group/Component.ts"
import type { Member } from "./group/Member.ts"
import type { PendingJoin, ReplicationGroup } from "./group/ReplicationGroup.ts"
import { askAll, askForMembers } from "./Peers.ts"
import type { JoinCluster } from "./sql/Statement.ts"
import { knownAddresses } from "./Startup.ts"
import { draw } from "./WorldContext.ts"

const togetherWithinMicros = 300_000

/** Executes JOIN CLUSTER; the caller holds the node's lock for cluster statements. */
export const joinCluster = (daemon: Daemon, statement: JoinCluster, reply: Reply): void => {
  const { context } = daemon
  const name = statement.cluster
  const problem = joinProblem(daemon, statement)
  if (problem !== undefined) {
    reply(refused(problem))
    return
  }
  const addresses = splitAddresses(statement.at ?? statement.nodes ?? "")
  const invalid = addresses.find((address) => address === daemon.address || !isAddress(daemon, address))
  if (invalid !== undefined) {
    const micros = invalid === daemon.address ? 0 : context.timings.resolveMicros
    context.queue.after(micros, () =>
      reply(refused(`cluster '${name}', no nodes available(${addresses.join(",")}), error: ${invalid} invalid node`)),
    )
    return
  }
  askForMembers(context, daemon, addresses, name, (answers) => {
    const open = answers.filter((answer) => answer.component !== undefined)
    if (open.length > 0 || answers.length === 0) connect(daemon, statement, open, reply)
    else foundAnew(daemon, statement, answers, reply)
  })
}

/**
 * Nodes that know the cluster and are not part of it at present count as an answer, but there is nobody behind them to
 * receive anything from: the new member makes itself primary, an empty cluster of the old name beside the old rows.
 */
const foundAnew = (daemon: Daemon, statement: JoinCluster, answers: ReadonlyArray<Member>, reply: Reply): void => {
  const { context } = daemon
  const name = statement.cluster
  const portPair = daemon.freePortPair()
  if (portPair === undefined) {
    reply(refused(`cluster '${name}', no replication ports available, add replication listener`))
    return
  }
  context.queue.after(draw(context, context.timings.joinPairMicros), () => {
    if (!daemon.exists()) return
    const member = daemon.newMember(name, statement.path ?? "", portPair)
    member.user = answers[0]?.user ?? member.user
    member.group = context.newGroup(name)
    daemon.members.set(name, member)
    member.group.found(member, context.nextIdentity(), 0)
    setNodes(member, [...new Set([daemon.address, ...knownAddresses(answers)])])
    daemon.save(member, false)
    // The others are told who is a member now, and refuse to hear it.
    context.queue.after(context.timings.leaveNonPrimaryMicros, () => reply(ok()))
  })
}

const joinProblem = (daemon: Daemon, statement: JoinCluster): string | undefined => {
  const name = statement.cluster
  const list = statement.at ?? statement.nodes
  if (list === undefined) return "cannot join without either nodes list or AT node"
  if (list === "") return "'at_node' should have a string value"
  if (daemon.members.has(name)) return `cluster '${name}' already exists`
  return pathProblem(daemon, name, statement.path ?? "")
}

const splitAddresses = (list: string): ReadonlyArray<string> =>
  list
    .split(/[,;]/)
    .map((part) => part.trim())
    .filter((part) => part !== "")

// A host name that does not resolve is an invalid node; an address where nobody listens is a node that does not answer.
const isAddress = (daemon: Daemon, address: string): boolean => {
  if (daemon.context.hostAt(address) !== undefined) return true
  const colon = address.lastIndexOf(":")
  const host = address.slice(0, colon)
  return colon > 0 && (/^[0-9.]+$/.test(host) || daemon.context.hostNames.has(host))
}

const connect = (daemon: Daemon, statement: JoinCluster, answers: ReadonlyArray<Member>, reply: Reply): void => {
  const { context } = daemon
  const name = statement.cluster
  const donor = answers[0]
  if (donor === undefined || donor.group === undefined) {
    reply(refused(`cluster '${name}', failed to fetch donor user from any node`))
    return
  }
  if (answers.some((answer) => answer.group !== donor.group)) {
    reply(refused("replication connection failed: 7 'error in node state, must reinit'"))
    return
  }
  const portPair = daemon.freePortPair()
  if (portPair === undefined) {
    reply(refused(`cluster '${name}', no replication ports available, add replication listener`))
    return
  }
  const member = daemon.newMember(name, statement.path ?? "", portPair)
  member.user = donor.user
  member.group = donor.group
  member.nodesSet = knownAddresses(answers)
  for (const address of member.nodesSet) member.everKnown.add(address)
  member.transferFailed = () => {
    daemon.forget(member)
    reply(refused("replication connection failed: 7 'error in node state, must reinit'"))
  }
  const pending: PendingJoin = {
    member,
    sinceMicros: context.queue.nowMicros,
    donor,
    interrupted: false,
    connected: false,
    givesUp: undefined,
    joined: () => finish(daemon, member, reply),
  }
  donor.group.joining.push(pending)
  context.queue.after(connectMicros(daemon, donor), () => {
    pending.connected = true
    if (donor.group?.isLeft === true) {
      comeInAlone(donor.group, pending)
      return
    }
    // Whoever is in no primary view by then gives up: there is none, or all who had it are gone.
    pending.givesUp = context.queue.after(context.timings.joinWithoutQuorumMicros, () => giveUp(daemon, pending, reply))
    enter(daemon, pending)
  })
}

/** All members have left meanwhile: the one who comes in is alone, and its JOIN never ends (finding 19). */
const comeInAlone = (group: ReplicationGroup, pending: PendingJoin): void => {
  const { host } = pending.member
  group.joining = group.joining.filter((other) => other !== pending)
  if (!host.exists()) return
  host.opened(pending.member)
  group.form([pending.member], undefined, { history: 0, seqno: 0 })
  pending.member.state = "joining"
  pending.member.stuck = true
}

const giveUp = (daemon: Daemon, pending: PendingJoin, reply: Reply): void => {
  const { group } = pending.donor
  if (group === undefined || !group.joining.includes(pending) || !daemon.exists()) return
  group.joining = group.joining.filter((other) => other !== pending)
  reply(refused("replication connection failed: 7 'error in node state, must reinit'"))
}

const connectMicros = (daemon: Daemon, donor: Member): number => {
  const { random, timings } = daemon.context
  const pair = draw(daemon.context, timings.joinPairMicros)
  if ((donor.component?.members.length ?? 1) < 2) return pair
  return random.int(timings.joinHalfSecondsMin, timings.joinHalfSecondsMax) * 500_000 + random.int(20_000, 45_000)
}

const enter = (daemon: Daemon, pending: PendingJoin): void => {
  const { donor } = pending
  const group = donor.group
  if (group === undefined) return
  daemon.context.await(() => {
    if (!group.joining.includes(pending) || !daemon.exists()) {
      group.joining = group.joining.filter((other) => other !== pending)
      return true
    }
    const component = daemon.running() ? openView(daemon, donor) : undefined
    if (component === undefined) return false
    const together = group.joining.filter(
      (other) => other === pending || Math.abs(other.sinceMicros - pending.sinceMicros) < togetherWithinMicros,
    )
    group.joining = group.joining.filter((other) => !together.includes(other))
    for (const one of together) {
      if (one.givesUp !== undefined) daemon.context.queue.cancel(one.givesUp)
      const host = one.member.host
      if (host.exists()) host.opened(one.member)
    }
    const arrivals = together.filter((one) => one.member.host.exists())
    group.admit(
      component,
      arrivals.map((one) => one.member),
      "join",
      donor,
      (joined) => {
        arrivals.find((one) => one.member === joined)?.joined(joined)
      },
    )
    return true
  })
}

const openView = (daemon: Daemon, donor: Member): Component | undefined => {
  const able = (component: Component | undefined): boolean =>
    component !== undefined &&
    component.primary &&
    !component.stalled &&
    component.members.every((other) => other.host.name !== daemon.name) &&
    component.members.some(
      (other) => other.host.running() && daemon.context.network.connects(daemon.name, other.host.name),
    )
  return able(donor.component) ? donor.component : donor.group?.components.find(able)
}

const finish = (daemon: Daemon, member: Member, reply: Reply): void => {
  member.transferFailed = undefined
  const { context } = daemon
  const inView = member.view.map((other) => other.host.address)
  const addresses = [...new Set([...inView, ...member.nodesSet])]
  const others = othersKnown(daemon, member)
  setNodes(member, addresses)
  askAll(
    context,
    daemon,
    others.filter((address) => inView.includes(address)),
    (peer, call) => {
      const there = peer.members.get(member.name)
      if (there !== undefined && there.group === member.group) setNodes(there, addresses)
      call.reply(() => {})
    },
    (_address, _why, settle) => settle(),
    () => {
      const away = others.filter((address) => !inView.includes(address))
      const dead = away.some(
        (address) =>
          !(context.hostAt(address)?.daemon?.exists() ?? false) ||
          !context.network.connects(daemon.name, context.hostAt(address)?.name ?? null),
      )
      context.queue.after(dead ? context.timings.joinDeadMemberMicros : 0, () =>
        waitForPaused(daemon, away, () => reply(ok())),
      )
    },
  )
}
