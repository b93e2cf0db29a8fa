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
  /** A node gets what others have: the tables of its cluster, or the writes that it missed. For those who would disturb it. */
  | {
      readonly kind: "transfer"
      readonly state: "started" | "ended"
      readonly cluster: string
      readonly donor: string
      readonly joiner: string
      readonly what: "all tables" | "missed writes"
      /** Once it has ended: `broken off` if one of the two is gone or out of reach. */
      readonly outcome: "under way" | "synced" | "failed" | "broken off"
    }

/** What a fault rule hits, and how often. Whatever is absent does not restrict. */
export interface Rule {
  /** Only on this node; for transfers, the donor or the joiner. */
  readonly node?: string
  /** Only statements whose text matches; for rules about statements. */
  readonly pattern?: RegExp
  /** How many times it hits before it wears off. */
  readonly times?: number
  /** Share of the matching occasions that it hits, drawn from the world's random stream; 1 if absent. */
  readonly probability?: number
}

/**
 * A fault that hits by rule; see `addFault`.
 *
 * - `slow`: the statement begins that much later.
 * - `error`: the statement is refused with this error and not executed.
 * - `drop`: the client's connection is lost. `before`: the statement is never executed; `during`: it is, and the client
 *   hears of the loss at once; `after`: it is, and instead of the answer comes the loss.
 * - `lost reply`: the statement is executed, and the client never hears anything of it.
 * - `disk full`: statements that store something on the node are refused, and full copies to it fail. What other
 *   members replicate to it is still applied.
 * - `slow disk`: statements that store something on the node take that much longer.
 * - `slow transfer`: full copies and ALTER CLUSTER ADD take that many times longer.
 * - `failing transfer`: they fail. JOIN then answers an error and leaves nothing behind, a member that returns ends
 *   `destroyed`, ALTER CLUSTER ADD answers `retries limit exceeded`.
 * - `kept write`: a replicated write that is on its way as its daemon is stopped cleanly is stored by that daemon alone, and
 *   acknowledged. Seen on a real server in about one of a hundred stops under writers.
 *
 * How the real server words a full disk or a transfer that fails was never recorded: the texts are those of similar
 * failures, and nothing should rely on them.
 */
export type FaultRule = Rule &
  (
    | { readonly kind: "slow"; readonly byMicros: number }
    | { readonly kind: "error"; readonly errno: number; readonly sqlState?: string; readonly message: string }
    | { readonly kind: "drop"; readonly when: "before" | "during" | "after" }
    | { readonly kind: "lost reply" }
    | { readonly kind: "disk full" }
    | { readonly kind: "slow disk"; readonly byMicros: number }
    | { readonly kind: "slow transfer"; readonly factor: number }
    | { readonly kind: "failing transfer" }
    | { readonly kind: "kept write" }
  )

/** The way from one host to another. */
export type Link = readonly [from: string, to: string]

/** What a link does to messages that it does not drop for good. */
export interface LinkQuality {
  /** Added to the way of every message, one way. */
  readonly latencyMicros?: number
  /** Share of packets that are lost and sent again, later and later as TCP does; below 1 (for 1, cut the link). */
  readonly loss?: number
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
  /** True while its daemon takes connections: not as it starts or stops. */
  isAccepting(node: string): boolean
  /** Packets between nodes of different groups are dropped from now on; replaces what was cut before. */
  partition(groups: ReadonlyArray<ReadonlyArray<string>>): void
  /** Packets from one node to another are dropped too; both ways if symmetric. */
  cut(from: string, to: string, symmetric: boolean): void
  /** The same for several links, at once. */
  cutLinks(links: ReadonlyArray<Link>): void
  /** Packets go over these links again; what else is cut stays so. */
  mend(links: ReadonlyArray<Link>): void
  heal(): void
  makeDirectory(node: string, directory: string): void
  removeDirectory(node: string, directory: string): void
  /** A connection by a client on host `from` (subject to partitions), or by one that reaches every node (`null`). */
  connect(from: string | null, node: string): Connection
  slowStatements(rule: SlowRule): { readonly cancel: () => void }
  /** Puts a fault into force until it is cancelled or has worn off. */
  addFault(rule: FaultRule): { readonly cancel: () => void }
  /**
   * Changes what the link does from now on, in one direction or both; an empty quality makes it good again, and so does
   * `heal`. Suspicion comes from silence only: a link that is merely slow evicts nobody here.
   */
  shapeLink(from: string, to: string, quality: LinkQuality, symmetric: boolean): void
  /** The node offers this many replication ports from now on (two per cluster); `undefined`: as many as its `NodeSpec` says. */
  limitReplicationPorts(node: string, ports: number | undefined): void
  /** Nodes with the same `server_id` choose the same document ids for rows without one; `undefined`: ids of its own. */
  setServerId(node: string, serverId: number | undefined): void
  /**
   * The list of logs lacks the one of a table (or has it again): if the daemon is killed, what was written to the table
   * since is gone, and what the daemon says of its clusters does not show it.
   */
  unlistLog(node: string, table: string, isUnlisted: boolean): void
  /** True while a kill of the daemon would lose what was written to a table. */
  losesWrites(node: string): boolean
  /** True while a table on its disk lacks what such a kill took. */
  lacksRows(node: string): boolean
  /** Calls the listener at every event from now on. */
  subscribe(listener: (event: WorldEvent) => void): void
  /** The tables on the node's disk, also while its daemon is down. */
  tables(node: string): ReadonlyArray<TableView>
  /** The replication clusters that the node knows. Empty while its daemon is down. */
  clusters(node: string): ReadonlyArray<ClusterView>
}
