/** A machine: what stays when its daemon ends. */
import type { Daemon } from "./Daemon.ts"
import type { Disk } from "./Disk.ts"
import type { NodeSpec } from "./SimulatedCluster.ts"

/** What a node keeps on disk of a replication cluster: the list of clusters and the `grastate.dat` beside it. */
export interface ClusterRecord {
  readonly name: string
  readonly path: string
  nodesSet: ReadonlyArray<string>
  tables: ReadonlyArray<string>
  user: string
  history: number
  /** Last number applied. After a crash the file says -1, but the server finds the number again. */
  seqno: number
  safeToBootstrap: boolean
  /** True if it was the only member of a primary view, and its list named one node only. */
  alone: boolean
  /** True after a clean stop: the file names the number. */
  clean: boolean
  /** The history was thrown away and only a full copy helps (finding 48). */
  mustCopy: boolean
}

/** A host with its disk. */
export class Host {
  readonly spec: NodeSpec
  /** Position among the hosts. */
  readonly number: number
  readonly disk: Disk
  readonly directories = new Set<string>()
  readonly clusters = new Map<string, ClusterRecord>()
  daemon: Daemon | undefined
  /** Replication ports, if they are fewer than the node was made with. */
  portsLimit: number | undefined
  /** Set where nodes may share one: they then choose document ids from the same row of numbers. */
  serverId: number | undefined
  documents = 0

  constructor(spec: NodeSpec, number: number, disk: Disk) {
    this.number = number
    this.spec = spec
    this.disk = disk
  }

  get name(): string {
    return this.spec.name
  }

  /** Where the daemon keeps its data, as its messages show it. */
  get dataDirectory(): string {
    return this.disk.database.dataDirectory
  }
}
