/**
 * CREATE, JOIN, EXIT, DELETE and ALTER CLUSTER and SET CLUSTER. Each is a small conversation between daemons that
 * takes as long, waits as long and hangs as readily as on a real cluster (findings 17 to 22, 28, 30, 35, 36).
 */
import { type Answer, ok, refused } from "@shardwright/core/Answer"
import { addTables, dropTables } from "./AlterCluster.ts"
import type { Daemon } from "./Daemon.ts"
import type { Member } from "./group/Member.ts"
import { joinCluster } from "./JoinCluster.ts"
import { askAll } from "./Peers.ts"
import type { AlterCluster, ClusterStatement, CreateCluster } from "./sql/Statement.ts"
import { draw } from "./WorldContext.ts"

/** Delivers the answer, with the texts of its warnings; never called by a statement that hangs. */
export type Reply = (answer: Answer, warnings?: ReadonlyArray<string>) => void

/** Executes a statement about clusters. */
export const executeClusterStatement = (daemon: Daemon, statement: ClusterStatement, reply: Reply): void => {
  switch (statement.kind) {
    case "createCluster":
      daemon.clusterLock.acquire(() => createCluster(daemon, statement, unlocking(daemon, reply)))
      return
    case "joinCluster":
      daemon.clusterLock.acquire(() => joinCluster(daemon, statement, unlocking(daemon, reply)))
      return
    case "deleteCluster":
      daemon.clusterLock.acquire(() => deleteCluster(daemon, statement.cluster, unlocking(daemon, reply)))
      return
    case "exitCluster":
      exitCluster(daemon, statement.cluster, reply)
      return
    case "alterCluster":
      daemon.clusterLock.acquire(() => alterCluster(daemon, statement, unlocking(daemon, reply)))
      return
    case "setCluster":
      setCluster(daemon, statement.cluster, statement.name, reply)
      return
  }
}

const unlocking =
  (daemon: Daemon, reply: Reply): Reply =>
  (answer, warnings) => {
    reply(answer, warnings)
    daemon.clusterLock.release()
  }

/** Why a name and a path cannot be used for a cluster on this node, if so. */
export const pathProblem = (daemon: Daemon, cluster: string, path: string): string | undefined => {
  for (const member of daemon.members.values()) {
    if (member.path === path) return `duplicate paths, cluster '${cluster}' has the same path as '${member.name}'`
  }
  if (path === "" || daemon.host.directories.has(path)) return undefined
  const full = `${daemon.host.dataDirectory}/${path}`
  return `cluster '${cluster}', cannot access directory ${full}, cannot access ${full}`
}

const createCluster = (daemon: Daemon, statement: CreateCluster, reply: Reply): void => {
  const { context } = daemon
  const name = statement.cluster
  const path = statement.path ?? ""
  const problem = daemon.members.has(name) ? `cluster '${name}' already exists` : pathProblem(daemon, name, path)
  if (problem !== undefined) {
    reply(refused(`failed to create desc: ${problem}`))
    return
  }
  const portPair = daemon.freePortPair()
  if (portPair === undefined) {
    reply(
      refused(`failed to make cluster: cluster '${name}', no replication ports available, add replication listener`),
    )
    return
  }
  context.queue.after(draw(context, context.timings.createClusterMicros), () => {
    if (!daemon.exists()) return
    const member = daemon.newMember(name, path, portPair)
    member.user = "client"
    member.group = context.newGroup(name)
    daemon.members.set(name, member)
    member.group.found(member, context.nextIdentity(), 0)
    daemon.save(member, false)
    reply(ok())
  })
}

/** Addresses of the other members that a node sees. */
export const othersInView = (daemon: Daemon, member: Member): ReadonlyArray<string> =>
  member.view.map((other) => other.host.address).filter((address) => address !== daemon.address)

/** Others that a cluster statement turns to: who is in view, and who is only in the list. */
export const othersKnown = (daemon: Daemon, member: Member): ReadonlyArray<string> =>
  [...new Set([...othersInView(daemon, member), ...member.nodesSet])].filter((address) => address !== daemon.address)

/** What keeps a node from leaving a cluster by EXIT, if anything does. */
const exitProblem = (member: Member | undefined, name: string): string | undefined => {
  if (member === undefined) return `unknown cluster '${name}'`
  if (member.state === "joining" || member.state === "donor" || member.connecting)
    return `can not exit cluster '${name}': current state is ${member.connecting ? "joining" : member.state}`
  return undefined
}

const exitCluster = (daemon: Daemon, name: string, reply: Reply): void => {
  // What can be said at once does not wait for other cluster statements.
  const problem = exitProblem(daemon.members.get(name), name)
  if (problem === undefined) daemon.clusterLock.acquire(() => leaveCluster(daemon, name, unlocking(daemon, reply)))
  else reply(refused(problem))
}

const leaveCluster = (daemon: Daemon, name: string, reply: Reply): void => {
  const { context } = daemon
  const member = daemon.members.get(name)
  const problem = exitProblem(member, name)
  const isPrimary = member?.component?.primary === true && !member.frozen
  if (member === undefined || problem !== undefined || !isPrimary) {
    reply(refused(problem ?? `can not exit cluster '${name}': cluster is not primary`))
    return
  }
  const others = othersInView(daemon, member)
  const micros = daemon.leaveMicros(member)
  member.drain()
  member.group?.leave(member)
  context.queue.after(micros, () => {
    if (!daemon.exists()) return
    daemon.forget(member)
    tellOfLeaving(daemon, member, others, reply)
  })
}

/** The others of the view note who is left, each as soon as no cluster statement is under way on it; who cannot is a warning. */
const tellOfLeaving = (daemon: Daemon, member: Member, others: ReadonlyArray<string>, reply: Reply): void => {
  const { context } = daemon
  const { name } = member
  const missed = new Set<string>()
  askAll(
    context,
    daemon,
    others,
    (peer, call) => {
      const there = peer.members.get(name)
      if (there === undefined || there.group !== member.group || notWritable(there) !== undefined) {
        context.queue.after(context.timings.leaveNonPrimaryMicros, () => call.reply(() => missed.add(peer.address)))
        return
      }
      peer.clusterLock.acquire(() => {
        setNodes(
          there,
          there.view.map((other) => other.host.address),
        )
        peer.clusterLock.release()
        call.reply(() => {})
      })
    },
    (address, why, settle) => {
      missed.add(address)
      const { deadPeerMicros, unreachablePeerMicros } = context.timings
      context.queue.after(why === "unreachable" ? unreachablePeerMicros : deadPeerMicros, settle)
    },
    () => {
      const problems = others.filter((address) => missed.has(address))
      if (problems.length === 0) {
        reply(ok())
        return
      }
      const texts = problems.map((address) => `'${address}': retries limit exceeded`).join("")
      const cure = `run ALTER CLUSTER ${name} UPDATE nodes on a surviving node if needed`
      reply(ok(0, 1), [`cluster '${name}' exited locally but remaining nodes cleanup failed: ${texts}; ${cure}`])
    },
  )
}

/** Goes on when no paused process is among the addresses: what is sent to one is answered when it is woken (finding 21). */
export const waitForPaused = (daemon: Daemon, addresses: ReadonlyArray<string>, done: () => void): void => {
  const paused = addresses.filter((address) => daemon.context.hostAt(address)?.daemon?.paused === true)
  askAll(
    daemon.context,
    daemon,
    paused,
    (_peer, call) => call.reply(() => {}),
    (_address, _why, settle) => settle(),
    done,
  )
}

const deleteCluster = (daemon: Daemon, name: string, reply: Reply): void => {
  const { context } = daemon
  const member = daemon.members.get(name)
  if (member === undefined) {
    reply(refused(`unknown cluster '${name}'`))
    return
  }
  // Woken after everybody else had gone: it believes in its old view, and never gets out of it (finding 21).
  if (member.frozen) return
  const wasPrimary = member.component?.primary ?? member.state === "destroyed"
  const addresses = othersInView(daemon, member)
  const finish = (): void => {
    if (!daemon.exists()) return
    if (member.component !== undefined) member.group?.leave(member)
    daemon.forget(member)
    reply(ok())
  }
  if (addresses.length === 0) {
    context.queue.after(draw(context, context.timings.leaveAloneMicros), finish)
    return
  }
  askAll(
    context,
    daemon,
    addresses,
    (peer, call) => {
      const there = peer.members.get(name)
      // Who is still joining is not told, and never ends (finding 19).
      if (there === undefined || there.state === "joining" || there.group !== member.group) {
        if (there?.state === "joining") there.stuck = true
        call.reply(() => {})
        return
      }
      peer.clusterLock.acquire(() =>
        deleteHere(peer, there, () => {
          peer.clusterLock.release()
          call.reply(() => {})
        }),
      )
    },
    (_address, _why, settle) => {
      context.queue.after(wasPrimary ? 0 : context.timings.leaveNonPrimaryMicros, settle)
    },
    finish,
  )
}

const deleteHere = (daemon: Daemon, member: Member, done: () => void): void => {
  const { context } = daemon
  if (daemon.members.get(member.name) !== member) {
    done()
    return
  }
  member.exiting = true
  context.queue.after(draw(context, context.timings.leavePairMicros), () => {
    if (!daemon.exists()) return
    member.group?.leave(member)
    daemon.forget(member)
    done()
  })
}

const setCluster = (daemon: Daemon, name: string, option: string, reply: Reply): void => {
  const member = daemon.members.get(name)
  if (member === undefined) reply(refused(`unknown cluster '${name}' in SET statement`))
  else if (member.component === undefined && member.state === "closed" && !member.connecting)
    reply(refused(`cluster '${name}' is not ready, recovery is required`))
  else if (option !== "pc.bootstrap" || member.component === undefined)
    reply(refused("error in node state, must reinit"))
  else {
    if (!member.frozen) member.group?.bootstrap(member.component)
    reply(ok())
  }
}

/** Why a write to the cluster, or a change of it, is refused at once, if it is. */
export const notWritable = (member: Member): string | undefined => {
  const name = member.name
  if (member.exiting) return `cluster '${name}' is exiting`
  const primary = member.shown?.primary ?? member.component?.primary ?? false
  if (!primary)
    return `cluster '${name}' is not ready, not primary state (${member.connecting ? "joining" : member.state})`
  if (member.state === "joining") return `cluster '${name}' is not ready, current state is joining`
  return undefined
}

const alterCluster = (daemon: Daemon, statement: AlterCluster, reply: Reply): void => {
  const name = statement.cluster
  if (statement.action === "update") {
    updateNodes(daemon, name, statement.subject ?? "", reply)
    return
  }
  const { disk } = daemon.host
  for (const table of statement.tables) {
    const problem = statement.action === "add" ? disk.addProblem(table, name) : disk.removeProblem(table, name)
    if (problem !== undefined) {
      reply(refused(problem))
      return
    }
  }
  const member = daemon.members.get(name)
  if (member === undefined) {
    reply(refused(`unknown cluster '${name}'`))
    return
  }
  const problem = notWritable(member)
  if (problem !== undefined) reply(refused(problem))
  else if (statement.tables.some((table) => !disk.has(table))) reply(refused("not simulated: a wrapper in a cluster"))
  else if (statement.action === "add") addTables(daemon, member, statement.tables, reply)
  else dropTables(daemon, member, statement.tables, reply)
}

const updateNodes = (daemon: Daemon, name: string, subject: string, reply: Reply): void => {
  if (subject !== "nodes" && subject !== "user") {
    reply(refused(`unhandled statement, only UPDATE nodes or UPDATE user are supported, got '${subject}'`))
    return
  }
  const member = daemon.members.get(name)
  if (member === undefined) {
    reply(refused(`unknown cluster '${name}'`))
    return
  }
  const problem = notWritable(member)
  if (problem !== undefined) {
    reply(refused(problem))
    return
  }
  const addresses = member.view.map((other) => other.host.address)
  setNodes(member, addresses)
  askAll(
    daemon.context,
    daemon,
    othersInView(daemon, member),
    (peer, call) => {
      const there = peer.members.get(name)
      if (there !== undefined && there.group === member.group) setNodes(there, addresses)
      call.reply(() => {})
    },
    (_address, _why, settle) => settle(),
    () => reply(ok()),
  )
}

/** Gives a member its list of nodes, on disk too. */
export const setNodes = (member: Member, addresses: ReadonlyArray<string>): void => {
  member.nodesSet = addresses
  for (const address of addresses) member.everKnown.add(address)
  member.host.saved(member)
}
