/**
 * `group-statements`: nothing is attached to a group or detached from it while a node is missing that the group's record
 * names as a member: it would end outside of the group. Nobody deletes a group that others are members of. And whoever leaves a group counts no more as in sync by then, but for
 * the last one of a temporary group, which no other daemon has: its copy stays as the plain table that was moved.
 * And nobody joins a group with a table of its own that the group has: the copy over it would not outlive a crash.
 */
import type { CheckContext, MakeChecker } from "./Checker.ts"
import { isLast } from "./copies.ts"

const name = "group-statements"

/** Nodes that the record of a group names as members, or that may come back as such, and that the daemon does not see. */
const missingMembers = (context: CheckContext, node: string, groupName: string): ReadonlyArray<string> => {
  const group = context.state.view().groups.get(groupName)?.record
  const seen = context.world.clusters(node).find((cluster) => cluster.name === groupName)
  // Members of a group that is only beginning have not joined it yet.
  if (group === undefined || group.status !== "live" || group.origin !== undefined || seen === undefined) return []
  return [...group.members, ...group.exiled].filter((address) => !seen.members.includes(address))
}

/** Nodes that a daemon without trouble sees in a group besides its own. */
const othersIn = ({ world, hostOf }: CheckContext, node: string, groupName: string): ReadonlyArray<string> => {
  const seen = world.clusters(node).find((cluster) => cluster.name === groupName)
  return seen?.status === "primary" ? seen.members.filter((address) => hostOf(address) !== node) : []
}

/** Members that count as in sync, on other nodes that are up, by whether their daemons have the group. */
const countedElsewhere = (context: CheckContext, node: string, groupName: string, has: boolean) => {
  const group = context.state.view().groups.get(groupName)?.record
  if (group === undefined || group.status === "dissolved") return []
  return group.inSync.filter((address) => {
    const host = context.hostOf(address)
    if (host === undefined || host === node || !context.world.isUp(host)) return false
    return context.world.clusters(host).some((cluster) => cluster.name === groupName) === has
  })
}

/** Tables of a group that a node has by itself. */
const ownCopies = ({ state, world }: CheckContext, node: string, groupName: string): ReadonlyArray<string> => {
  const shards = state.view().groups.get(groupName)?.record.shards ?? []
  const held = new Map(world.tables(node).map(({ cluster, name: table }) => [table, cluster]))
  return shards.flatMap(({ physical }) => (held.has(physical) && held.get(physical) !== groupName ? [physical] : []))
}

/** Makes the checker. */
export const groupStatements: MakeChecker = (context) => {
  /** Who was missing when a statement was sent, by node and statement. */
  const missing = new Map<string, ReadonlyArray<string>>()
  /** Who else was in a group when its DELETE was sent, by node and group. */
  const before = new Map<string, ReadonlyArray<string>>()
  /** A DELETE may take effect late: when the daemon has come into the group, for one (semantics 48). */
  const deleted = (node: string, groupName: string): void => {
    const there = before.get(`${node} ${groupName}`) ?? []
    const ended = countedElsewhere(context, node, groupName, false).filter((address) => there.includes(address))
    if (ended.length > 0)
      context.report(name, `'DELETE CLUSTER ${groupName}' on ${node} has ended the group for ${ended.join(", ")} too`)
  }
  return {
    name,
    onEvent: (event) => {
      if ((event.kind !== "statement" && event.kind !== "answer") || event.from === null) return
      const [, changed] = /^ALTER CLUSTER (\w+) (?:ADD|DROP) /.exec(event.sql) ?? []
      const key = `${event.node} ${event.sql}`
      const [, verb, left] = /^(EXIT|DELETE) CLUSTER (\w+)/.exec(event.sql) ?? []
      if (event.kind === "answer") {
        if (verb === "DELETE" && left !== undefined) deleted(event.node, left)
        const absent = event.answer._tag === "Ok" ? (missing.get(key) ?? []) : []
        if (absent.length > 0)
          context.report(name, `'${event.sql}' on ${event.node} was sent while ${absent.join(", ")} was missing`)
        return
      }
      const [, joined] = /^JOIN CLUSTER (\w+)/.exec(event.sql) ?? []
      const own = joined === undefined ? [] : ownCopies(context, event.node, joined)
      if (own.length > 0)
        context.report(name, `'${event.sql}' on ${event.node} was sent while ${own.join(", ")} was there already`)
      if (changed !== undefined) missing.set(key, missingMembers(context, event.node, changed))
      if (verb === "DELETE" && left !== undefined)
        before.set(`${event.node} ${left}`, countedElsewhere(context, event.node, left, true))
      const group = left === undefined ? undefined : context.state.view().groups.get(left)?.record
      const others = verb === "DELETE" && left !== undefined ? othersIn(context, event.node, left) : []
      if (others.length > 0 && group !== undefined && group.status !== "dissolved")
        context.report(name, `'${event.sql}' on ${event.node} ends the group for ${others.join(", ")} too`)
      const counted = group?.inSync.find((address) => context.hostOf(address) === event.node)
      if (group === undefined || counted === undefined || isLast(context, group, event.node)) return
      if (group.status !== "dissolved")
        context.report(
          name,
          `'${event.sql}' on ${event.node} was sent while the group's record counts ${counted} as in sync`,
        )
    },
  }
}
