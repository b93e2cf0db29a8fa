/**
 * The simulated world: hosts with their daemons and disks, the network between them, and the replication clusters that
 * span them. Synchronous state machines on one queue of events; nothing here knows the engine or scenarios.
 */
import type { EventQueue } from "../runtime/EventQueue.ts"
import type { RandomStream } from "../runtime/RandomStream.ts"
import { ClientConnection } from "./ClientConnection.ts"
import { Daemon } from "./Daemon.ts"
import { Disk } from "./Disk.ts"
import type { GroupContext } from "./group/Component.ts"
import type { Member } from "./group/Member.ts"
import { ReplicationGroup } from "./group/ReplicationGroup.ts"
import type { TableCopier } from "./group/StateTransfer.ts"
import { Faults } from "./Faults.ts"
import { Host } from "./Host.ts"
import { Network } from "./Network.ts"
import type {
  ClusterView,
  Connection,
  FaultRule,
  Link,
  LinkQuality,
  NodeSpec,
  SimulatedCluster,
  SlowRule,
  StartFlags,
  TableView,
  WorldEvent,
} from "./SimulatedCluster.ts"
import { nodeStateOf, sizeOf, statusOf } from "./Status.ts"
import { defaultTimings, type Timings } from "./Timings.ts"
import type { WorldContext } from "./WorldContext.ts"

/** What a world needs. */
export interface WorldOptions {
  readonly queue: EventQueue
  readonly random: RandomStream
  readonly timings?: Partial<Timings>
}

const dataRoot = "/var/lib/manticore"

/** Host part of an address. */
const hostPart = (address: string): string => address.slice(0, address.lastIndexOf(":"))

/** The simulated world. */
export class World implements SimulatedCluster, WorldContext {
  readonly queue: EventQueue
  readonly random: RandomStream
  readonly timings: Timings
  readonly network: Network
  readonly faults: Faults
  readonly groupContext: GroupContext
  readonly hosts = new Map<string, Host>()
  readonly hostNames = new Set<string>()
  readonly #byAddress = new Map<string, Host>()
  #groups: Array<ReplicationGroup> = []
  #waiters: Array<() => boolean> = []
  readonly #listeners: Array<(event: WorldEvent) => void> = []
  #identity = 0
  #documents = 0

  constructor(options: WorldOptions) {
    this.queue = options.queue
    this.random = options.random
    this.timings = { ...defaultTimings, ...options.timings }
    this.faults = new Faults(options.random.stream("faults of the world"))
    this.network = new Network(
      options.random.stream("links"),
      () => this.reassess(),
      (run) => this.queue.after(this.timings.resendAtMicros[0] ?? 0, run),
    )
    this.groupContext = {
      queue: options.queue,
      random: options.random.stream("groups"),
      timings: this.timings,
      linked: (a, b) => this.network.connects(a, b),
      delayMicros: (from, to) => this.network.delayMicros(from, to),
      keepsWrite: (host) => this.hosts.get(host)?.daemon?.accepting === false && this.faults.keepsWrite(host),
      transfer: (state, cluster, donor, joiner, what, outcome) => {
        // A moment later, so that a listener may kill who takes part.
        if (this.observed)
          this.queue.after(0, () => this.emit({ kind: "transfer", state, cluster, donor, joiner, what, outcome }))
      },
      nextNumber: () => this.nextIdentity(),
      settled: () => this.#serveWaiters(),
      changed: (member) => this.#clusterChanged(member),
    }
  }

  get nodes(): ReadonlyArray<NodeSpec> {
    return [...this.hosts.values()].map((host) => host.spec)
  }

  get observed(): boolean {
    return this.#listeners.length > 0
  }

  addNode(spec: NodeSpec): void {
    if (this.hosts.has(spec.name)) throw new Error(`a node named '${spec.name}' exists already`)
    const host: Host = new Host(
      spec,
      this.hosts.size,
      new Disk(`${dataRoot}/${spec.name}`, () => this.#nextDocumentId(host)),
    )
    this.hosts.set(spec.name, host)
    this.hostNames.add(hostPart(spec.address))
    this.#byAddress.set(spec.address, host)
  }

  start(node: string, flags: StartFlags = {}): void {
    const host = this.#host(node)
    if (host.daemon !== undefined) return
    const daemon = new Daemon(host, this, flags)
    host.daemon = daemon
    daemon.start(() => this.reassess())
  }

  kill(node: string): void {
    this.#host(node).daemon?.kill("killed")
  }

  stop(node: string, ended: () => void = () => {}): void {
    const daemon = this.#host(node).daemon
    if (daemon === undefined) ended()
    else daemon.stop(ended)
  }

  pause(node: string): void {
    this.#host(node).daemon?.pause()
  }

  resume(node: string): void {
    this.#host(node).daemon?.resume()
  }

  isUp(node: string): boolean {
    return this.#host(node).daemon?.running() ?? false
  }

  isAccepting(node: string): boolean {
    return this.#host(node).daemon?.accepting ?? false
  }

  partition(groups: ReadonlyArray<ReadonlyArray<string>>): void {
    this.network.partition([...this.hosts.keys()], groups)
    if (this.observed)
      this.emit({ kind: "network", detail: `partition ${groups.map((group) => group.join(",")).join(" | ")}` })
  }

  cut(from: string, to: string, symmetric: boolean): void {
    this.network.cut(from, to, symmetric)
    if (this.observed) this.emit({ kind: "network", detail: `cut ${from} ${symmetric ? "<->" : "->"} ${to}` })
  }

  cutLinks(links: ReadonlyArray<Link>): void {
    this.network.cutLinks(links)
    if (this.observed)
      this.emit({ kind: "network", detail: `cut ${links.map(([from, to]) => `${from} -> ${to}`).join(", ")}` })
  }

  mend(links: ReadonlyArray<Link>): void {
    this.network.mend(links)
    if (this.observed)
      this.emit({ kind: "network", detail: `mend ${links.map(([from, to]) => `${from} -> ${to}`).join(", ")}` })
  }

  heal(): void {
    this.network.heal()
    if (this.observed) this.emit({ kind: "network", detail: "heal" })
  }

  makeDirectory(node: string, directory: string): void {
    this.#host(node).directories.add(directory)
  }

  removeDirectory(node: string, directory: string): void {
    this.#host(node).directories.delete(directory)
  }

  connect(from: string | null, node: string): Connection {
    this.#host(node)
    return new ClientConnection(this, from, node)
  }

  slowStatements(rule: SlowRule): { readonly cancel: () => void } {
    return this.faults.add({ kind: "slow", ...rule })
  }

  addFault(rule: FaultRule): { readonly cancel: () => void } {
    return this.faults.add(rule)
  }

  shapeLink(from: string, to: string, quality: LinkQuality, symmetric: boolean): void {
    this.network.shape(this.#host(from).name, this.#host(to).name, quality)
    if (symmetric) this.network.shape(to, from, quality)
    if (this.observed)
      this.emit({
        kind: "network",
        detail: `link ${from} ${symmetric ? "<->" : "->"} ${to} latency ${quality.latencyMicros ?? 0} us, loss ${quality.loss ?? 0}`,
      })
  }

  limitReplicationPorts(node: string, ports: number | undefined): void {
    this.#host(node).portsLimit = ports
  }

  setServerId(node: string, serverId: number | undefined): void {
    const host = this.#host(node)
    host.serverId = serverId
    host.documents = 0
  }

  unlistLog(node: string, table: string, isUnlisted: boolean): void {
    const { daemon, disk } = this.#host(node)
    daemon?.catchUp()
    disk.unlist(table, isUnlisted)
  }

  losesWrites(node: string): boolean {
    return this.#host(node).disk.hasUnlisted
  }

  lacksRows(node: string): boolean {
    return this.#host(node).disk.lacksRows
  }

  subscribe(listener: (event: WorldEvent) => void): void {
    this.#listeners.push(listener)
  }

  tables(node: string): ReadonlyArray<TableView> {
    const host = this.#host(node)
    host.daemon?.catchUp()
    const owner = new Map<string, string>()
    for (const record of host.daemon?.members.values() ?? host.clusters.values()) {
      for (const table of record.tables) owner.set(table, record.name)
    }
    return host.disk.views((table) => owner.get(table))
  }

  clusters(node: string): ReadonlyArray<ClusterView> {
    const daemon = this.#host(node).daemon
    if (daemon === undefined) return []
    daemon.catchUp()
    return [...daemon.members.values()].map((member) => ({
      name: member.name,
      status: statusOf(member),
      nodeState: nodeStateOf(member),
      size: sizeOf(member),
      members: member.component === undefined ? [] : member.view.map((other) => other.host.address),
      tables: [...member.tables],
    }))
  }

  /** True while the process exists, paused or not. */
  isRunning(node: string): boolean {
    return this.#host(node).daemon !== undefined
  }

  /** Changes some times while the world runs; what is under way keeps the old ones. */
  setTimings(timings: Partial<Timings>): void {
    Object.assign(this.timings, timings)
  }

  /** What `grastate.dat` of the node's first cluster says, if it has one. */
  grastate(node: string): string | undefined {
    const record = [...this.#host(node).clusters.values()][0]
    if (record === undefined) return undefined
    const uuid = `00000000-0000-0000-0000-${String(record.history).padStart(12, "0")}`
    return `uuid: ${uuid}\nseqno: ${record.clean ? record.seqno : -1}\nsafe_to_bootstrap: ${record.safeToBootstrap ? 1 : 0}`
  }

  // --- for the parts of the world --------------------------------------------------------------------------------

  hostAt(address: string): Host | undefined {
    return this.#byAddress.get(address)
  }

  send(from: string | null, to: string | null, run: () => void): void {
    if (from !== null && to !== null && !this.network.sends(from, to)) this.network.hold(from, to, run)
    else this.queue.after(this.timings.networkMicros + this.network.delayMicros(from, to), run)
  }

  nextIdentity(): number {
    return ++this.#identity
  }

  newGroup(name: string): ReplicationGroup {
    const group = new ReplicationGroup(name, this.groupContext, this.#copier)
    this.#groups = this.#groups.filter((other) => other.components.length > 0)
    this.#groups.push(group)
    return group
  }

  reassess(): void {
    for (const group of [...this.#groups]) group.reassess()
    this.#serveWaiters()
  }

  await(attempt: () => boolean): void {
    if (!attempt()) this.#waiters.push(attempt)
  }

  emit(event: WorldEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  readonly #copier: TableCopier = {
    bytes: (donor) => donor.tables.reduce((sum, table) => sum + this.#diskOf(donor).bytes(table), 0),
    copy: (donor, receiver) => {
      for (const table of donor.tables) this.#diskOf(receiver).overwrite(table, this.#diskOf(donor))
    },
    setTables: (member, tables) => this.#host(member.host.name).daemon?.setTables(member, tables),
    holds: (member, table) => this.#diskOf(member).has(table),
    save: (member) => member.host.saved(member),
    slowness: (donor, receiver) => this.faults.transferFactor(donor.host.name, receiver.host.name),
    fails: (donor, receiver) => this.faults.failsTransfer(donor.host.name, receiver.host.name),
  }

  #diskOf(member: Member): Disk {
    return this.#host(member.host.name).disk
  }

  #clusterChanged(member: Member): void {
    if (!this.observed) return
    this.emit({
      kind: "cluster",
      node: member.host.name,
      cluster: member.name,
      status: statusOf(member),
      nodeState: nodeStateOf(member),
      size: sizeOf(member),
    })
  }

  #serveWaiters(): void {
    if (this.#waiters.length === 0) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const attempt of waiters) this.await(attempt)
  }

  // As the server's: large, and never twice, unless two servers have one server_id and count for themselves.
  #nextDocumentId(host: Host): bigint {
    if (host.serverId !== undefined)
      return 8_217_000_000_000_000_000n + BigInt(host.serverId % 128) * 2n ** 40n + BigInt(++host.documents)
    this.#documents++
    return 8_217_000_000_000_000_000n + BigInt(this.#documents)
  }

  #host(node: string): Host {
    const host = this.hosts.get(node)
    if (host === undefined) throw new Error(`there is no node '${node}' in the world`)
    return host
  }
}
