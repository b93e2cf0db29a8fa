/**
 * ALTER CLUSTER ADD and DROP. ADD first sends the tables to every node of the list and of the view, over whatever they
 * hold of that name (finding 6), and only then makes the change known in the order; so it fails, waits and hangs with
 * the nodes that do not answer (findings 17, 21, 30, 38, 56, 60).
 */
import { ok, refused } from "@shardwright/core/Answer"
import { othersInView, othersKnown, type Reply } from "./ClusterStatements.ts"
import type { Daemon } from "./Daemon.ts"
import type { Change } from "./group/Change.ts"
import type { Member } from "./group/Member.ts"
import { askAll, type PeerCall, type PeerFailure } from "./Peers.ts"
import { postRollback } from "./ReplicatedWrite.ts"
import { draw } from "./WorldContext.ts"

/** ALTER CLUSTER … ADD. */
export const addTables = (daemon: Daemon, member: Member, tables: ReadonlyArray<string>, reply: Reply): void => {
  const { context } = daemon
  const taken = tables.map((table) => daemon.clusterOf(table)).find((owner) => owner !== undefined)
  if (taken !== undefined) {
    const table = tables.find((name) => daemon.clusterOf(name) === taken) ?? ""
    reply(refused(`table '${table}' is already part of cluster '${taken.name}'`))
    return
  }
  for (const table of tables) daemon.tablesInTransit.add(table)
  const bytes = tables.reduce((sum, table) => sum + daemon.host.disk.bytes(table), 0)
  const alone = member.component?.members.length === 1
  const copyMicros = alone
    ? 0
    : context.timings.tableStatementMicros + (bytes / context.timings.copyBytesPerSecond) * 1_000_000
  const sending: Sending = {
    daemon,
    member,
    tables,
    copyMicros,
    sinceMicros: context.queue.nowMicros,
    ready: [],
    problems: new Map(),
    isLost: false,
    blockedAt: undefined,
  }
  daemon.sending.add(sending)
  const addresses = othersKnown(daemon, member)
  const finish = (): void => {
    daemon.sending.delete(sending)
    for (const table of tables) daemon.tablesInTransit.delete(table)
    if (sending.problems.size > 0) {
      reply(refused(addresses.map((address) => sending.problems.get(address) ?? "").join("")))
      return
    }
    for (const peer of sending.ready) {
      for (const table of tables) peer.host.disk.overwrite(table, daemon.host.disk)
    }
    replicate(daemon, member, { kind: "attach", tables }, reply)
  }
  askAll(
    context,
    daemon,
    addresses,
    (peer, call) => receive(sending, peer, call),
    (address, why, settle) => fail(sending, address, why, settle),
    () => {
      if (sending.isLost) return
      if (sending.blockedAt === undefined) finish()
      else endBlocked(sending, finish)
    },
  )
}

/** Two nodes add one table: who began later never ends, and may keep a third node from receiving anything (finding 17). */
const meetRival = (sending: Sending, rival: Sending): void => {
  const [first, second] = isEarlier(sending, rival) ? [sending, rival] : [rival, sending]
  if (second.isLost) return
  second.isLost = true
  const { random, timings } = first.daemon.context
  const third = first.member.view.find((other) => other.host !== first.daemon && other.host !== second.daemon)
  if (third !== undefined && random.chance(timings.addRaceBlockedShare)) first.blockedAt = third.host.address
  else for (const table of second.tables) second.daemon.tablesInTransit.delete(table)
  const victim = third === undefined ? undefined : first.daemon.context.hostAt(third.host.address)?.daemon
  if (victim !== undefined && random.chance(timings.addRaceCrashShare)) victim.kill("crashed")
}

const isEarlier = (a: Sending, b: Sending): boolean =>
  a.sinceMicros !== b.sinceMicros ? a.sinceMicros < b.sinceMicros : a.daemon.number < b.daemon.number

const endBlocked = (sending: Sending, finish: () => void): void => {
  const { daemon, tables, blockedAt, problems } = sending
  daemon.context.queue.after(daemon.context.timings.deadPeerMicros, () => {
    problems.set(blockedAt ?? "", `'${blockedAt}': query timed out`)
    for (const peer of sending.ready) {
      if (peer.address === blockedAt) continue
      for (const table of tables) peer.host.disk.overwrite(table, daemon.host.disk)
    }
    finish()
  })
}

/** Tables on their way to the other nodes. They take the place of what is there only if all have got them. */
export interface Sending {
  readonly daemon: Daemon
  readonly member: Member
  readonly tables: ReadonlyArray<string>
  readonly copyMicros: number
  readonly ready: Array<Daemon>
  /** By address: what the statement says of it. */
  readonly problems: Map<string, string>
  readonly sinceMicros: number
  /** Never ends, because another node adds the same table. */
  isLost: boolean
  /** The node that does not take the table because of that. */
  blockedAt: string | undefined
}

const receive = (sending: Sending, peer: Daemon, call: PeerCall): void => {
  const { daemon, member, tables, problems } = sending
  const { context } = daemon
  const problem = (text: string, micros: number): void => {
    context.queue.after(micros, () => call.reply(() => problems.set(peer.address, `'${peer.address}': ${text}`)))
  }
  for (const rival of peer.sending) {
    if (rival.tables.some((table) => tables.includes(table))) meetRival(sending, rival)
  }
  if (sending.isLost) return
  if (tables.some((table) => peer.clusterOf(table) !== undefined)) {
    problem("retries limit exceeded", context.timings.leaveNonPrimaryMicros)
    return
  }
  if (othersInView(daemon, member).some((address) => !linkedTo(daemon, address))) {
    // One member is behind a cut link: the statement fails for all (finding 56).
    problem("query timed out", context.timings.unreachableMemberMicros.minMicros)
    return
  }
  const { faults } = context
  const slowness = faults.active ? faults.transferFactor(daemon.name, peer.name) : 1
  context.queue.after(sending.copyMicros * slowness, () => {
    if (!peer.exists()) return
    if (faults.failsTransfer(daemon.name, peer.name)) {
      problem("retries limit exceeded", 0)
      return
    }
    if (!context.network.connects(daemon.name, peer.name)) {
      problems.set(peer.address, `'${peer.address}': retries limit exceeded`)
      context.queue.after(draw(context, context.timings.unreachableMemberMicros), () => call.fail("lost"))
      return
    }
    if (member.component?.members.some((other) => other.host === peer) === true) sending.ready.push(peer)
    call.reply(() => {})
  })
}

const linkedTo = (daemon: Daemon, address: string): boolean =>
  daemon.context.network.connects(daemon.name, daemon.context.hostAt(address)?.name ?? null)

const fail = (sending: Sending, address: string, why: PeerFailure, settle: () => void): void => {
  const { daemon, member, problems } = sending
  const { queue, timings } = daemon.context
  const isInView = othersInView(daemon, member).includes(address)
  if (problems.has(address)) {
    settle()
    return
  }
  const micros =
    why !== "unreachable"
      ? timings.deadPeerMicros
      : isInView
        ? timings.unreachableMemberMicros.minMicros
        : timings.unreachablePeerMicros
  queue.after(micros, () => {
    if (isInView)
      problems.set(
        address,
        `'${address}': ${why === "unreachable" ? "connect and query timed out" : "retries limit exceeded"}`,
      )
    settle()
  })
}

/** ALTER CLUSTER … DROP. */
export const dropTables = (daemon: Daemon, member: Member, tables: ReadonlyArray<string>, reply: Reply): void => {
  const foreign = tables.find((table) => !member.tables.includes(table))
  if (foreign !== undefined) reply(refused(`table '${foreign}' is not in cluster '${member.name}'`))
  else replicate(daemon, member, { kind: "detach", tables }, reply)
}

const replicate = (daemon: Daemon, member: Member, change: Change, reply: Reply): void => {
  const component = member.component
  if (component === undefined || !daemon.exists()) return
  let blocked = false
  component.propose({
    origin: member,
    change,
    // Changes of the list conflict with each other, not with writes.
    touched: { table: "", ids: undefined },
    seen: member.applied,
    blocked: () => {
      if (!blocked) daemon.workerBlocked()
      blocked = true
    },
    done: (outcome) => {
      if (blocked) daemon.workerFreed()
      if (outcome.kind === "ordered") reply(ok())
      else reply(refused(postRollback(outcome.kind === "conflict" ? outcome.seqno : -1)))
    },
  })
}
