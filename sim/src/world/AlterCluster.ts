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
  const inView = othersInView(daemon, member)
  const problems: Array<string> = []
  for (const table of tables) daemon.tablesInTransit.add(table)
  const settled = (): void => {
    for (const table of tables) daemon.tablesInTransit.delete(table)
  }
  const bytes = tables.reduce((sum, table) => sum + daemon.host.disk.bytes(table), 0)
  const copyMicros = context.timings.tableStatementMicros + (bytes / context.timings.copyBytesPerSecond) * 1_000_000
  const alone = member.component?.members.length === 1
  askAll(context, daemon, othersKnown(daemon, member), (peer, call) => receive(daemon, peer, call, member, tables, alone ? 0 : copyMicros, problems),
    (address, why, settle) => fail(daemon, address, why, inView.includes(address), problems, settle), () => {
      settled()
      if (problems.length > 0) reply(refused(problems.join("")))
      else replicate(daemon, member, { kind: "attach", tables }, reply)
    })
}

const receive = (
  daemon: Daemon,
  peer: Daemon,
  call: PeerCall,
  member: Member,
  tables: ReadonlyArray<string>,
  copyMicros: number,
  problems: Array<string>,
): void => {
  const { context } = daemon
  if (tables.some((table) => peer.tablesInTransit.has(table))) {
    // Both sides send the same table and wait for each other (finding 17).
    if (context.random.chance(0.5)) {
      context.queue.after(context.timings.deadPeerMicros, () => call.reply(() => problems.push(`'${peer.address}': query timed out`)))
    }
    return
  }
  const owner = tables.map((table) => peer.clusterOf(table)).find((found) => found !== undefined)
  if (owner !== undefined) {
    context.queue.after(context.timings.leaveNonPrimaryMicros, () => call.reply(() => problems.push(`'${peer.address}': retries limit exceeded`)))
    return
  }
  for (const table of tables) peer.tablesInTransit.add(table)
  context.queue.after(copyMicros, () => {
    if (!peer.exists()) return
    for (const table of tables) peer.tablesInTransit.delete(table)
    if (!context.network.connects(daemon.name, peer.name)) {
      call.fail("unreachable")
      return
    }
    const isMember = member.component?.members.some((other) => other.host === peer) ?? false
    if (isMember && daemon.exists()) {
      for (const table of tables) peer.host.disk.overwrite(table, daemon.host.disk)
    }
    call.reply(() => {})
  })
}

const fail = (daemon: Daemon, address: string, why: PeerFailure, isInView: boolean, problems: Array<string>, settle: () => void): void => {
  const { queue, timings } = daemon.context
  const micros = why !== "unreachable" ? timings.deadPeerMicros : isInView ? draw(daemon.context, timings.unreachableMemberMicros) : timings.unreachablePeerMicros
  queue.after(micros, () => {
    if (isInView) problems.push(why === "unreachable" ? `'${address}': connect and query timed out` : `'${address}': retries limit exceeded`)
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
