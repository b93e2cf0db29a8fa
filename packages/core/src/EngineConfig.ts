/**
 * What an operator may tune. Every number has a default and the reason for it.
 */
import * as Duration from "effect/Duration"

/** Configuration of the engine; the same on all agents of a cluster. */
export interface EngineConfig {
  /** Name of the coordination cluster. */
  readonly coordination: string
  /** How long a node may be away before its replicas are made anew elsewhere: longer than a restart takes. */
  readonly gracePeriod: Duration.Duration
  /** How long a group must be non-primary before it is promoted: shorter ones heal by themselves (semantics 54). */
  readonly promotionDelay: Duration.Duration
  /** The lease outlives the longest time in which a cut-off node says that it is primary (6.5 s, semantics 50). */
  readonly leaseDuration: Duration.Duration
  /** Pause between looks at the state while nothing is to do; at rest a node shows a sign of life at each second one. */
  readonly idleTick: Duration.Duration
  /** Pause between looks while an operation runs. */
  readonly busyTick: Duration.Duration
  /** A node whose heartbeat stood still for this long is away: two are missing, and the eviction time (6.5 s) is over. */
  readonly awayAfter: Duration.Duration
  /** Deadline of an ordinary statement: longer than writes block while a member is evicted (6.5 s, at worst 12.9 s). */
  readonly statementTimeout: Duration.Duration
  /** After this a JOIN counts as stuck and is cured by a restart of the joiner. */
  readonly joinTimeout: Duration.Duration
  /** How long statements through an older wrapper may still be on their way: several times an agent's timeout. */
  readonly drainDelay: Duration.Duration
  /** How often a node looks whether its wrappers are still as it confirmed them; and whenever its daemon shows something new. */
  readonly wrapperCheckInterval: Duration.Duration
  /** How long an operation waits for a node that is away and has a step to do, before it stops. */
  readonly stepPatience: Duration.Duration
  /** Pause between looks for changes that nobody asked for. */
  readonly convergePause: Duration.Duration
  /** An operation that makes no progress for this long is rolled back, if it can be. */
  readonly operationTimeout: Duration.Duration
  /** Steps that run at once in the whole cluster, those that wait left out. */
  readonly maxParallelSteps: number
  /** State transfers that one node receives at once: its daemon serves JOINs one after another. */
  readonly transfersPerNode: number
  /** State transfers at once in the whole cluster: each takes bandwidth from the clients of two nodes. */
  readonly transfersMax: number
  /**
   * Bytes that one node begins to receive per second, on average; less while its daemon is slow. Half of what a link of
   * 1 Gbit/s carries: the other half is left to clients.
   */
  readonly transferBytesPerSecond: number
  /** Bytes of state transfers under way in the whole cluster: so much is copied again at worst when their ends die. */
  readonly transferBytesMax: number
  /**
   * Copies and comparisons slower than this count as stuck. Comparing is the slowest: some 20,000 rows a second, of
   * 100 bytes each.
   */
  readonly copyBytesPerSecondMin: number
  /** Operations that change the layout and run at once; further ones wait. Few, because each slows the others down. */
  readonly maxOperations: number
  /** When more than this share of the registered nodes is away, nothing moves. */
  readonly maxAwayShare: number
  /** Replica groups per node when a table is placed anew. */
  readonly groupsPerNode: number
  /** Replica groups that a node may ever carry: what the default port range and about 1 GB of memory bear. */
  readonly groupBudget: number
  /** Whether new and lost nodes lead to moves without a request. */
  readonly autoRebalance: boolean
  /** How often the leader deletes finished records that are old enough. */
  readonly cleanUpInterval: Duration.Duration
  /** How long steps of operations that have ended can be read: long enough to look into what happened last week. */
  readonly queueRetention: Duration.Duration
  /** The same of operations, requests and groups. Those that ended last, and tables, are kept. */
  readonly stateRetention: Duration.Duration
  /**
   * How long the start of a daemon waits for nodes without which one of its groups cannot be begun; it starts with that
   * group closed then. As long as others have to come back before they are given up.
   */
  readonly startPatience: Duration.Duration
  /** Pause between two looks of a start that waits. */
  readonly startPause: Duration.Duration
  /** Rows read at once when two copies are compared. */
  readonly compareRows: number
}

/** The defaults. */
export const defaultEngineConfig: EngineConfig = {
  coordination: "c",
  gracePeriod: Duration.seconds(60),
  promotionDelay: Duration.seconds(20),
  leaseDuration: Duration.seconds(10),
  idleTick: Duration.millis(2750),
  busyTick: Duration.millis(250),
  awayAfter: Duration.seconds(12),
  statementTimeout: Duration.seconds(15),
  joinTimeout: Duration.seconds(60),
  drainDelay: Duration.seconds(5),
  wrapperCheckInterval: Duration.seconds(30),
  stepPatience: Duration.seconds(15),
  convergePause: Duration.seconds(3),
  operationTimeout: Duration.minutes(3),
  maxParallelSteps: 64,
  transfersPerNode: 2,
  transfersMax: 8,
  transferBytesPerSecond: 50_000_000,
  transferBytesMax: 200_000_000_000,
  copyBytesPerSecondMin: 2_000_000,
  maxOperations: 4,
  maxAwayShare: 0.4,
  groupsPerNode: 8,
  groupBudget: 32,
  autoRebalance: true,
  cleanUpInterval: Duration.hours(1),
  queueRetention: Duration.days(7),
  stateRetention: Duration.days(30),
  startPatience: Duration.seconds(60),
  startPause: Duration.seconds(1),
  compareRows: 1000,
}
