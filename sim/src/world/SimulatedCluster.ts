/**
 * What the rest of the simulator may do with the simulated world: nodes, their daemons, the network between them, and
 * a look inside for checkers. The world is a plain synchronous state machine on the `EventQueue`: it knows nothing of
 * Effect, of the engine or of scenarios.
 */
import type { Answer } from "@shardwright/core/Answer"
import type { EventQueue } from "../runtime/EventQueue.ts"

/** A node of the simulated cluster: a host with one daemon. */
export interface NodeSpec {
  /** Host name, unique: `n1`. */
  readonly name: string
  /** Binary listener as the daemon advertises it: `n1:9312`. The engine knows nodes by this. */
  readonly address: string
  /** Range of replication ports, in pairs per cluster; 40 ports by default. */
  readonly replicationPorts?: number
  /** Worker threads of the daemon, 2 by default. Two blocked writes then keep everything else from being answered. */
  readonly threads?: number
}

/** Flags of the daemon's command line. */
export interface StartFlags {
  /** `--new-cluster` */
  readonly newCluster?: boolean
  /** `--new-cluster-force` */
  readonly newClusterForce?: boolean
  /** `threads` in the configuration for this start, if it differs from the node's. */
  readonly threads?: number
}

/** One client connection to one daemon. Statements on one connection are answered in order. */
export interface Connection {
  /**
   * Sends a statement; `reply` is called once, later, with what came back. With `timeoutMicros` the client gives up
   * after that time (`NoAnswer timeout`) while the server may go on.
   */
  query(sql: string, reply: (answer: Answer) => void, timeoutMicros?: number): void
  close(): void
}

/** A table as it is on one node, for checkers. */
export interface TableView {
  readonly name: string
  readonly kind: "rt" | "percolate" | "distributed" | "shard"
  /** Name of the replication cluster that it is part of on this node, if any. */
  readonly cluster: string | undefined
  /** Rows by document id; empty for tables that hold none. Values as the server would print them. */
  readonly rows: ReadonlyMap<bigint, ReadonlyMap<string, string | number | null>>
  /** For `shard` and `distributed`: per shard, the addresses and the remote table name of its mirrors. */
  readonly agents: ReadonlyArray<ReadonlyArray<{ readonly address: string; readonly table: string }>>
}

/** A replication cluster as one node sees it, for checkers. */
export interface ClusterView {
  readonly name: string
  readonly status: string
  readonly nodeState: string
  readonly size: number
  /** Addresses of the members that this node sees. */
  readonly members: ReadonlyArray<string>
  readonly tables: ReadonlyArray<string>
}

/** Something that happened in the world, for traces and checkers. */
export type WorldEvent =
  | { readonly kind: "statement"; readonly node: string; readonly sql: string; readonly from: string | null }
  | {
      readonly kind: "answer"
      readonly node: string
      readonly sql: string
      readonly answer: Answer
      readonly from: string | null
    }
  | {
      readonly kind: "commit"
      readonly node: string
      readonly cluster: string | undefined
      readonly table: string
      readonly ids: ReadonlyArray<bigint>
    }
  | {
      readonly kind: "daemon"
      readonly node: string
      readonly state: "starting" | "up" | "killed" | "stopped" | "paused" | "resumed" | "crashed"
    }
  | { readonly kind: "network"; readonly detail: string }
  | {
      readonly kind: "cluster"
      readonly node: string
      readonly cluster: string
      readonly status: string
      readonly nodeState: string
      readonly size: number
    }

/** A rule that makes matching statements slow; see `slowStatements`. */
export interface SlowRule {
  /** Only on this node; every node if absent. */
  readonly node?: string
  /** Matched against the statement text. */
  readonly pattern: RegExp
  readonly byMicros: number
  /** How many statements it hits before it wears off; unlimited if absent. */
  readonly times?: number
}

/** The simulated world. Names are host names (`n1`) throughout. */
export interface SimulatedCluster {
  readonly queue: EventQueue
  readonly nodes: ReadonlyArray<NodeSpec>
  addNode(spec: NodeSpec): void
  /** Starts the daemon's process; it accepts connections some tens of milliseconds later. */
  start(node: string, flags?: StartFlags): void
  /** SIGKILL. */
  kill(node: string): void
  /** SIGTERM: leaves its clusters, then ends. `ended` is called when the process is gone. */
  stop(node: string, ended?: () => void): void
  /** SIGSTOP and SIGCONT. */
  pause(node: string): void
  resume(node: string): void
  /** True while the process exists and is not paused. */
  isUp(node: string): boolean
  /** Packets between nodes of different groups are dropped from now on; replaces what was cut before. */
  partition(groups: ReadonlyArray<ReadonlyArray<string>>): void
  /** Packets from one node to another are dropped too; both ways if symmetric. */
  cut(from: string, to: string, symmetric: boolean): void
  heal(): void
  makeDirectory(node: string, directory: string): void
  removeDirectory(node: string, directory: string): void
  /** A connection by a client on host `from` (subject to partitions), or by one that reaches every node (`null`). */
  connect(from: string | null, node: string): Connection
  slowStatements(rule: SlowRule): { readonly cancel: () => void }
  /** Calls the listener at every event from now on. */
  subscribe(listener: (event: WorldEvent) => void): void
  /** The tables on the node's disk, also while its daemon is down. */
  tables(node: string): ReadonlyArray<TableView>
  /** The replication clusters that the node knows. Empty while its daemon is down. */
  clusters(node: string): ReadonlyArray<ClusterView>
}
