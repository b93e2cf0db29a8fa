/**
 * A cluster small enough to think about: records and daemons as plain values, and what each step does to them. Steps
 * have the gates that the handlers have; what a gate holds back is tried again later. Clients write through the wrappers
 * after every step, so that a copy that is left behind or shown too early is noticed by a row that is missing.
 */
import { attached } from "../../src/step/forming.ts"
import { probeTable } from "../../src/Identifier.ts"
import type { Plan, PlannedStep } from "../../src/plan/Plan.ts"
import { carriers, groupTables, isBeginning, servingMembers, union, without } from "../../src/plan/records.ts"
import { isOver, releasedGroup, releasedTable } from "../../src/plan/release.ts"
import type { Group, NodeState, ObservedGroup, Table } from "../../src/State.ts"
import type { Step } from "../../src/step/Step.ts"
import { makeView, type RawEntry, type View } from "../../src/View.ts"

/** One daemon: its replication clusters with their tables, its tables with their rows, its wrappers. */
interface Daemon {
  readonly clusters: Map<string, Set<string>>
  readonly tables: Map<string, Set<number>>
  readonly wrappers: Map<string, ReadonlyArray<ReadonlyArray<string>>>
  readonly confirmed: Map<string, number>
}

const entry = (key: string, value: unknown): RawEntry => ({ key, value, version: 1, term: 1 })

/** How a node is registered. */
export interface ModelNode {
  readonly state: NodeState
  readonly zone: string | null
  readonly weight: number
}

export class PlanModel {
  readonly nodes = new Map<string, ModelNode>()
  readonly tables = new Map<string, Table>()
  readonly groups = new Map<string, Group>()
  readonly daemons = new Map<string, Daemon>()
  /** Rows that clients were told to be stored, by physical table. */
  readonly acknowledged = new Map<string, Set<number>>()
  /** Nodes that are gone: they answer nobody, and what they hold is as it was. */
  readonly down = new Set<string>()
  #rows = 0

  constructor(nodes: Iterable<string>) {
    for (const node of nodes) this.addNode(node)
  }

  addNode(name: string, node: ModelNode = { state: "active", zone: null, weight: 1 }): void {
    this.nodes.set(name, node)
    this.daemons.set(name, { clusters: new Map(), tables: new Map(), wrappers: new Map(), confirmed: new Map() })
  }

  get view(): View {
    return makeView([
      entry("registry", { epoch: 1, nodes: Object.fromEntries(this.nodes) }),
      ...[...this.tables.values()].map((table) => entry(`table/${table.name}`, table)),
      ...[...this.groups.values()].map((group) => entry(`group/${group.name}`, group)),
      ...[...this.daemons].map(([node, { clusters }]) =>
        entry(`observation/${node}`, {
          groups: Object.fromEntries([...clusters].map(([name, tables]) => [name, this.#observed(name, tables)])),
        }),
      ),
    ])
  }

  /** A replication cluster as its members see it: nobody of the model is ever cut off. */
  #observed(cluster: string, tables: ReadonlySet<string>): ObservedGroup {
    const members = this.#membersOf(cluster).filter((node) => !this.down.has(node))
    return {
      status: "primary",
      nodeState: "synced",
      size: members.length,
      viewNumber: 1,
      members,
      nodesSet: members,
      tables: [...tables],
    }
  }

  /** Writes the records of a plan, as its launch does. */
  launch(plan: Plan): void {
    for (const [name, table] of plan.tables) this.tables.set(name, table)
    for (const [name, group] of plan.groups) this.groups.set(name, group)
  }

  /** Releases what the operation held, whether it came to its end or not. */
  release(): void {
    const view = this.view
    for (const [name, table] of this.tables) {
      if (table.operation !== null) this.tables.set(name, releasedTable(table))
    }
    for (const [name, group] of this.groups) {
      const next = group.operation === null ? group : releasedGroup(view, group)
      if (isOver(next)) this.groups.delete(name)
      else this.groups.set(name, next)
    }
    // Every node looks for wrappers that were published without it.
    for (const [name, { wrapper }] of this.tables) {
      for (const daemon of this.daemons.values()) {
        if (wrapper.mirrors !== null && (daemon.confirmed.get(name) ?? 0) < wrapper.version) {
          daemon.wrappers.set(name, wrapper.mirrors)
          daemon.confirmed.set(name, wrapper.version)
        }
      }
    }
  }

  /**
   * Executes steps in an order that `choose` picks from those that are ready, `limit` of them at most. Answers the steps
   * that were done; throws if one fails for good, or if all that are ready wait for ever.
   */
  execute(plan: Plan, choose: (ready: number) => number, limit = Number.POSITIVE_INFINITY): ReadonlySet<number> {
    const done = new Set<number>()
    const waiting = new Map<number, string>()
    while (done.size < Math.min(limit, plan.steps.length)) {
      const ready = plan.steps.flatMap(({ dependsOn }, index) =>
        !done.has(index) && !waiting.has(index) && dependsOn.every((before) => done.has(before)) ? [index] : [],
      )
      if (ready.length === 0) {
        throw new Error(`nothing goes on: ${[...waiting].map(([index, why]) => `${index} ${why}`).join("; ")}`)
      }
      const index = ready[choose(ready.length) % ready.length] ?? 0
      const planned = plan.steps[index]
      if (planned === undefined) throw new Error(`no step ${index}`)
      const why = this.step(planned, plan)
      this.write()
      this.check()
      if (why !== undefined) waiting.set(index, why)
      else {
        done.add(index)
        waiting.clear()
      }
    }
    return done
  }

  /** Clients write a row to each shard, through the wrapper of each node in turn; what no wrapper takes is refused. */
  write(): void {
    const daemons = [...this.daemons].filter(([node]) => !this.down.has(node))
    for (const [name, table] of this.tables) {
      const row = ++this.#rows
      const [, through] = daemons[row % daemons.length] ?? []
      const mirrors = through?.wrappers.get(name)
      if (mirrors === undefined) continue
      for (const { physical, shard } of table.layout) {
        const shown = mirrors[shard] ?? []
        const mirror = shown.filter((node) => !this.down.has(node))[row % Math.max(1, shown.length)]
        const daemon = this.daemons.get(mirror ?? "")
        if (mirror === undefined && shown.length > 0) continue
        if (mirror === undefined || daemon?.tables.has(physical) !== true) {
          throw new Error(`a wrapper of ${name} shows ${mirror} for ${physical}, which is not there`)
        }
        const cluster = [...daemon.clusters].find(([, tables]) => tables.has(physical))?.[0]
        const members = cluster === undefined ? [mirror] : this.#membersOf(cluster)
        const stored = members.filter((node) => !this.down.has(node))
        for (const node of stored) this.daemons.get(node)?.tables.get(physical)?.add(row)
        const known = this.acknowledged.get(physical) ?? new Set()
        this.acknowledged.set(physical, known.add(row))
      }
    }
  }

  /** A node that was away gets from another member what its group has taken meanwhile. */
  catchUp(node: string, cluster: string): void {
    const source = this.#membersOf(cluster).find((member) => member !== node)
    const tables = this.daemons.get(source ?? "")?.clusters.get(cluster)
    if (tables === undefined) return
    this.daemons.get(node)?.clusters.set(cluster, new Set(tables))
    for (const table of tables) {
      this.daemons.get(node)?.tables.set(table, new Set(this.daemons.get(source ?? "")?.tables.get(table)))
    }
  }

  /** What must hold after every step: rows that were acknowledged are on each copy that counts. */
  check(): void {
    const carrier = carriers(this.groups.values())
    for (const table of this.tables.values()) {
      if (table.status !== "ready") continue
      for (const { nodes, physical } of table.layout) {
        const rows = this.acknowledged.get(physical) ?? new Set()
        const counted = carrier.get(physical)?.inSync ?? []
        const holders = counted.length > 0 ? counted : nodes
        for (const node of holders) {
          if (this.down.has(node)) continue
          const held = this.daemons.get(node)?.tables.get(physical)
          const missing = held === undefined ? rows.size : [...rows].filter((row) => !held.has(row)).length
          if (missing > 0) throw new Error(`${physical} on ${node} lacks ${missing} of ${rows.size} rows`)
        }
      }
    }
  }

  /** What is not as it should be when nothing is left to do. */
  leftovers(): ReadonlyArray<string> {
    const found: Array<string> = []
    const expected = new Set<string>()
    for (const [name, table] of this.tables) {
      if (table.status !== "ready" && table.status !== "dropped") found.push(`table ${name} is ${table.status}`)
      if (table.operation !== null) found.push(`table ${name} is held`)
      for (const { group, nodes, physical } of table.layout) {
        for (const node of nodes) {
          expected.add(`${node} ${physical}`)
          const cluster = group === null ? undefined : this.daemons.get(node)?.clusters.get(group)
          if (group !== null && cluster?.has(physical) !== true) found.push(`${physical} is not in ${group} on ${node}`)
        }
      }
      for (const [node, { wrappers }] of this.daemons) {
        const wanted = table.status === "ready" ? JSON.stringify(table.layout.map(({ nodes }) => nodes)) : undefined
        const shown = wrappers.has(name) ? JSON.stringify(wrappers.get(name)) : undefined
        if (wanted !== shown) found.push(`${node} shows ${shown} for ${name}, not ${wanted}`)
      }
    }
    for (const [name, group] of this.groups) {
      if (
        group.status !== "live" ||
        group.operation !== null ||
        group.leaving.length > 0 ||
        group.origin !== undefined
      ) {
        found.push(`group ${name} is not at rest: ${JSON.stringify(group)}`)
      }
      for (const node of group.members) expected.add(`${node} ${probeTable(name)}`)
    }
    for (const [node, daemon] of this.daemons) {
      for (const table of daemon.tables.keys()) {
        if (!expected.has(`${node} ${table}`)) found.push(`${table} on ${node} belongs to nothing`)
        expected.delete(`${node} ${table}`)
      }
      for (const cluster of daemon.clusters.keys()) {
        if (this.groups.get(cluster)?.members.includes(node) !== true) found.push(`${node} is in ${cluster}`)
      }
    }
    for (const missing of expected) found.push(`${missing} is missing`)
    return found
  }

  #membersOf(cluster: string): ReadonlyArray<string> {
    return [...this.daemons].flatMap(([node, { clusters }]) => (clusters.has(cluster) ? [node] : []))
  }

  #group(name: string): Group {
    const group = this.groups.get(name)
    if (group === undefined) throw new Error(`no record of group ${name}`)
    return group
  }

  #update(name: string, change: (group: Group) => Group): void {
    const next = change(this.#group(name))
    if (isOver(next)) this.groups.delete(name)
    else this.groups.set(name, next)
  }

  #unconfirmed(tables: Iterable<string>): string | undefined {
    for (const name of tables) {
      const version = this.tables.get(name)?.wrapper.version ?? 0
      for (const [node, { confirmed }] of this.daemons) {
        if ((confirmed.get(name) ?? 0) < version) return `${node} has not confirmed ${name}`
      }
    }
    return undefined
  }

  /** Does a step once. Answers why it has to wait; undefined: it is done. */
  step({ node, step }: PlannedStep, plan: Plan): string | undefined {
    const daemon = this.daemons.get(node ?? "") ?? {
      clusters: new Map(),
      tables: new Map(),
      wrappers: new Map(),
      confirmed: new Map(),
    }
    const at = node ?? ""
    switch (step._tag) {
      case "CreateGroup": {
        if (!daemon.clusters.has(step.group)) daemon.clusters.set(step.group, new Set())
        const probe = probeTable(step.group)
        for (const member of this.#membersOf(step.group)) {
          const { clusters, tables } = this.daemons.get(member) ?? daemon
          tables.set(probe, tables.get(probe) ?? new Set())
          clusters.get(step.group)?.add(probe)
        }
        this.#update(step.group, (group) => ({
          ...group,
          inSync: isBeginning(group) ? group.inSync : union(group.inSync, [at]),
        }))
        return undefined
      }
      case "JoinGroup":
        return this.#join(at, daemon, step.group)
      case "CreateShard":
        daemon.tables.set(step.physical, daemon.tables.get(step.physical) ?? new Set())
        return undefined
      case "AttachShard":
        return this.#attach(at, daemon, step)
      case "DetachShard": {
        for (const member of this.#membersOf(step.group)) {
          for (const table of step.tables) this.daemons.get(member)?.clusters.get(step.group)?.delete(table)
        }
        return undefined
      }
      case "MoveShards":
        return this.#moveShards(step)
      case "VerifyReplica": {
        const group = this.#group(step.group)
        const donor = group.inSync.find((member) => member !== at)
        if (donor === undefined) return "no donor"
        const missing = group.shards.find(({ physical }) => daemon.clusters.get(step.group)?.has(physical) !== true)
        if (missing !== undefined) return `${missing.physical} is not in ${step.group} on ${at}`
        this.#update(step.group, ({ origin, ...record }) => ({
          ...record,
          ...(origin === undefined || origin.attached === true ? {} : { origin }),
          inSync: union(record.inSync, [at]),
        }))
        return undefined
      }
      case "PublishWrapper":
        return this.#publish(step.table, step.mirrors)
      case "SwapWrapper": {
        const { mirrors, version } = this.tables.get(step.table)?.wrapper ?? { mirrors: null, version: 0 }
        if (mirrors === null) daemon.wrappers.delete(step.table)
        else daemon.wrappers.set(step.table, mirrors)
        daemon.confirmed.set(step.table, version)
        return undefined
      }
      case "ConfirmWrappers":
        return this.#unconfirmed(step.tables)
      case "ExitGroup":
        return this.#exit(at, daemon, step)
      case "DropShard": {
        for (const table of step.tables) {
          if (!daemon.tables.has(table)) continue
          if ([...daemon.clusters.values()].some((tables) => tables.has(table))) return `${table} is attached on ${at}`
          daemon.tables.delete(table)
        }
        if (step.group !== null && this.groups.has(step.group)) {
          this.#update(step.group, (group) => ({
            ...group,
            leaving: without(group.leaving, [at]),
            exiled: without(group.exiled, [at]),
          }))
        }
        return undefined
      }
      case "CommitLayout":
        return this.#commit(plan)
      case "CompareCopy":
      case "RetireTables":
      case "PromoteGroup":
      case "RefreshPeers":
        return undefined
    }
  }

  #join(at: string, daemon: Daemon, name: string): string | undefined {
    if (daemon.clusters.has(name)) return undefined
    const group = this.#group(name)
    const donor = group.inSync.find((member) => member !== at)
    const source = this.daemons.get(donor ?? "")
    if (source === undefined) return `no donor for ${name}`
    for (const table of groupTables(group)) daemon.tables.delete(table)
    const tables = source.clusters.get(name) ?? new Set<string>()
    daemon.clusters.set(name, new Set(tables))
    for (const table of tables) {
      if (daemon.tables.has(table)) throw new Error(`JOIN on ${at} would overwrite ${table}`)
      daemon.tables.set(table, new Set(source.tables.get(table)))
    }
    return undefined
  }

  #attach(at: string, daemon: Daemon, step: Extract<Step, { readonly _tag: "AttachShard" }>): string | undefined {
    const members = this.#membersOf(step.group)
    const missing = step.tables.filter((table) => daemon.clusters.get(step.group)?.has(table) !== true)
    for (const table of missing) {
      if (!daemon.tables.has(table)) return `${at} does not hold ${table}`
      for (const [cluster, tables] of daemon.clusters) if (tables.has(table)) return `${table} is in ${cluster}`
      for (const member of members) {
        if (member !== at && this.daemons.get(member)?.tables.has(table) === true) return `${member} holds ${table}`
      }
    }
    for (const table of missing) {
      for (const member of members) {
        this.daemons.get(member)?.clusters.get(step.group)?.add(table)
        if (member !== at) this.daemons.get(member)?.tables.set(table, new Set(daemon.tables.get(table)))
      }
    }
    if (this.#group(step.group).origin?.node === at) {
      this.#update(step.group, attached)
    }
    return undefined
  }

  #moveShards(step: Extract<Step, { readonly _tag: "MoveShards" }>): string | undefined {
    const moved = new Set(step.shards.map(({ physical }) => physical))
    const to = this.#group(step.to)
    if (!step.shards.every(({ physical }) => to.shards.some((shard) => shard.physical === physical))) {
      const tables = new Set(step.shards.map(({ table }) => table))
      for (const name of tables) {
        if (this.tables.get(name)?.wrapper.mirrors !== null) throw new Error(`${name} has a wrapper`)
      }
      const behind = this.#unconfirmed(tables)
      if (behind !== undefined) return behind
      this.#update(step.to, (group) => ({
        ...group,
        status: "live",
        shards: [...group.shards, ...step.shards],
        inSync: [],
        leaving: union(group.leaving, without(this.#group(step.from).members, group.members)),
        origin: {
          node: step.node,
          group: step.from,
          versions: Object.fromEntries([...tables].map((name) => [name, this.tables.get(name)?.wrapper.version ?? 0])),
        },
      }))
    }
    this.#update(step.from, (group) => ({
      ...group,
      shards: group.shards.filter(({ physical }) => !moved.has(physical)),
    }))
    return undefined
  }

  #publish(name: string, mirrors: ReadonlyArray<ReadonlyArray<string>> | null): string | undefined {
    const table = this.tables.get(name)
    if (table === undefined) throw new Error(`no record of ${name}`)
    if (table.wrapper.version > 0 && JSON.stringify(table.wrapper.mirrors) === JSON.stringify(mirrors)) return undefined
    const carrier = carriers(this.groups.values())
    for (const { nodes, physical, shard } of mirrors === null ? [] : table.layout) {
      const verified = carrier.get(physical)?.inSync ?? nodes
      const shown = table.wrapper.mirrors?.[shard] ?? []
      const wrong = mirrors?.[shard]?.find((node) => !verified.includes(node) && !shown.includes(node))
      if (wrong !== undefined) return `${wrong} is not in sync for ${physical}`
    }
    this.tables.set(name, { ...table, wrapper: { version: table.wrapper.version + 1, mirrors } })
    return undefined
  }

  #exit(at: string, daemon: Daemon, step: Extract<Step, { readonly _tag: "ExitGroup" }>): string | undefined {
    const group = this.groups.get(step.group)
    if (group === undefined) return undefined
    if (group.status !== "dissolved" && step.redundancy > 0) {
      const others = group.inSync.filter((member) => member !== at && !group.leaving.includes(member))
      if (others.length < step.redundancy) return `only ${others.length} others are in sync`
      const shown = group.shards.find(({ shard, table }) =>
        this.tables.get(table)?.wrapper.mirrors?.[shard]?.includes(at),
      )
      if (shown !== undefined) return `${shown.table} still lists ${at}`
      const behind = this.#unconfirmed(new Set(group.shards.map(({ table }) => table)))
      if (behind !== undefined) return behind
    }
    if (group.status === "temporary" && step.redundancy === 0) {
      const unsettled = group.shards.find(({ physical, table }) => {
        const nodes = this.tables.get(table)?.layout.find((item) => item.physical === physical)?.nodes
        return nodes !== undefined && nodes.join() !== group.members.join()
      })
      if (unsettled !== undefined) return `the layout of ${unsettled.table} is behind`
    }
    this.#update(step.group, (record) => ({
      ...record,
      members: without(record.members, [at]),
      inSync: without(record.inSync, [at]),
      leaving: union(record.leaving, [at]),
      status: record.status === "temporary" && step.redundancy === 0 ? "dissolved" : record.status,
    }))
    daemon.clusters.delete(step.group)
    return undefined
  }

  #commit(plan: Plan): string | undefined {
    const carrier = carriers(this.groups.values())
    for (const name of plan.tables.keys()) {
      const table = this.tables.get(name)
      if (table === undefined) continue
      const layout = table.layout.map((placement) => {
        const group = carrier.get(placement.physical)
        if (group === undefined || isBeginning(group)) return placement
        const nodes = servingMembers(group).filter((node) => group.inSync.includes(node))
        return nodes.length === 0
          ? placement
          : { ...placement, group: group.status === "temporary" ? null : group.name, nodes }
      })
      const status = plan.kind === "create" ? "ready" : plan.kind === "drop" ? "dropped" : table.status
      this.tables.set(name, { ...table, status, layout: status === "dropped" ? [] : layout })
    }
    for (const name of plan.groups.keys()) {
      const group = this.groups.get(name)
      if (group?.status === "forming") this.groups.set(name, { ...group, status: "live" })
      if (plan.kind === "drop" && group !== undefined && group.status !== "dissolved") {
        this.groups.set(name, { ...group, shards: group.shards.filter(({ table }) => !plan.tables.has(table)) })
      }
    }
    return undefined
  }
}
