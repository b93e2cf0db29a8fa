/**
 * Faults of a scenario as the simulator works with them: what goes wrong, where, and what ends it. Like everything in
 * `Scenario`, they are decoded and complete; where nothing is said, the value is `null`.
 */
import type * as Duration from "effect/Duration"

/**
 * Name of a node, or one of `selectorWords`, which are looked up when the act happens: `leader` is the node whose agent
 * holds the lease, `victim` the node that was last killed, stopped or paused, `donor` and `joiner` those of the state
 * transfer that began last.
 */
export type NodeSelector = string
/** The selectors that are not names; no node may be called so. */
export const selectorWords: ReadonlyArray<NodeSelector> = ["leader", "victim", "donor", "joiner"]
/** Words for nodes that are drawn when a fault happens; no node may be called so. */
export const drawWords = ["one", "minority", "majority", "all"] as const

/**
 * The nodes that a fault hits: by name or selector word, drawn by one of `drawWords`, a list of names and selector words,
 * all nodes of a zone, or so many drawn at random.
 */
export type Target =
  | NodeSelector
  | ReadonlyArray<NodeSelector>
  | { readonly zone: string }
  | { readonly random: number }

/** Words that may stand for one side of a partition. */
export const groupWords = ["one", "minority", "majority"] as const
/** One side of a partition: a target that may be several nodes. */
export type Group = Exclude<Target, string> | (typeof groupWords)[number]

/** What of a node: the daemon, the agent beside it, or the host with both. */
export const parts = ["host", "daemon", "agent"] as const
export type Part = (typeof parts)[number]

/** Flags of the daemon's command line. */
export const startFlags = ["new-cluster", "new-cluster-force"] as const
export type StartFlag = (typeof startFlags)[number]

/** What `heal` ends. */
export const healables = [
  "all",
  "network",
  "slow",
  "statements",
  "disks",
  "transfers",
  "ports",
  "ids",
  "clocks",
] as const
export type Healable = (typeof healables)[number]

/** When the connection of a statement breaks. */
export const dropMoments = ["before", "during", "after"] as const
export type DropMoment = (typeof dropMoments)[number]

/** Links between two sets of nodes; `to` null: all nodes that are not in `from`. */
export interface Links {
  readonly from: Target
  readonly to: Target | null
  /** Whether the other direction is meant as well. */
  readonly symmetric: boolean
}

/** Where and how often a fault by rule hits; null: on every node, without limit, always. */
export interface Occasions {
  readonly node: Target | null
  /** On each node. */
  readonly times: number | null
  /** Share of the occasions, drawn for each of them. */
  readonly share: number | null
}

/** Statements by a part of their text or by a regular expression, in upper or lower case; exactly one is given. */
export interface Statements extends Occasions {
  readonly statement: string | null
  readonly pattern: string | null
}

export type Fault =
  /** SIGKILL. */
  | { readonly _tag: "Kill"; readonly node: Target; readonly what: Part }
  /** SIGTERM: a clean stop. */
  | { readonly _tag: "Stop"; readonly node: Target; readonly what: Part }
  /** Starts what was killed or stopped; what still runs is killed first. */
  | { readonly _tag: "Restart"; readonly node: Target; readonly what: Part; readonly flag: StartFlag | null }
  /** SIGSTOP. */
  | { readonly _tag: "Pause"; readonly node: Target; readonly what: Part }
  /** SIGCONT. */
  | { readonly _tag: "Resume"; readonly node: Target; readonly what: Part }
  /** Nodes of different groups do not see each other. Nodes in no group form one more: see `partitionGroups`. */
  | { readonly _tag: "Partition"; readonly groups: ReadonlyArray<Group> }
  /** Packets from some nodes to others are dropped. */
  | ({ readonly _tag: "Cut" } & Links)
  /** Links are cut and mended in turns, `every` so long. */
  | ({ readonly _tag: "Flap"; readonly every: Duration.Duration } & Links)
  /** Each of the nodes sees only its two neighbours of them. */
  | { readonly _tag: "Ring"; readonly nodes: Target }
  /** Nodes are cut off one after another in random order, and come back one after another in another. */
  | { readonly _tag: "Swizzle"; readonly nodes: Target; readonly step: Duration.Duration }
  /** Messages take longer, and some have to be sent again. */
  | ({ readonly _tag: "Link"; readonly latency: Duration.Duration; readonly loss: number } & Links)
  | { readonly _tag: "Heal"; readonly what: Healable }
  | ({ readonly _tag: "Slow"; readonly by: Duration.Duration } & Statements)
  /** Refused and not executed. */
  | ({ readonly _tag: "StatementError"; readonly errno: number; readonly message: string } & Statements)
  | ({ readonly _tag: "Disconnect"; readonly when: DropMoment } & Statements)
  /** Executed, and nothing comes back. */
  | ({ readonly _tag: "LoseReply" } & Statements)
  | ({ readonly _tag: "DiskFull" } & Occasions)
  | ({ readonly _tag: "SlowDisk"; readonly by: Duration.Duration } & Occasions)
  | ({ readonly _tag: "SlowTransfer"; readonly factor: number } & Occasions)
  | ({ readonly _tag: "FailTransfer" } & Occasions)
  /** A write that is on its way as its daemon is stopped stays there alone, and is acknowledged. */
  | ({ readonly _tag: "KeepWrite" } & Occasions)
  /** So many ports for replication, two for each cluster. */
  | { readonly _tag: "ReplicationPorts"; readonly node: Target; readonly count: number }
  /** The log of a table is in no list: a crash loses what is written to it meanwhile. */
  | { readonly _tag: "UnlistLog"; readonly node: Target; readonly table: string }
  | { readonly _tag: "ServerId"; readonly node: Target; readonly id: number }
  /** The wall clock jumps so many milliseconds; negative: back. */
  | { readonly _tag: "ClockJump"; readonly node: Target; readonly byMs: number }
  /** The clocks show `rate` seconds in each second. */
  | { readonly _tag: "ClockSkew"; readonly node: Target; readonly rate: number }

/** Every kind of fault; for those by rule, what `heal` calls them. */
const healedBy: Readonly<Record<Fault["_tag"], Healable | null>> = {
  Kill: null,
  Stop: null,
  Restart: null,
  Pause: null,
  Resume: null,
  Partition: null,
  Cut: null,
  Flap: null,
  Ring: null,
  Swizzle: null,
  Link: null,
  Heal: null,
  Slow: "slow",
  StatementError: "statements",
  Disconnect: "statements",
  LoseReply: "statements",
  DiskFull: "disks",
  SlowDisk: "disks",
  SlowTransfer: "transfers",
  FailTransfer: "transfers",
  KeepWrite: "statements",
  ReplicationPorts: "ports",
  UnlistLog: "disks",
  ServerId: "ids",
  ClockJump: "clocks",
  ClockSkew: "clocks",
}

/** What `heal` calls a fault by rule; null: it is none. */
export const healableOf = (tag: Fault["_tag"]): Healable | null => healedBy[tag]

/** Whether an act is a fault. */
export const isFault = <A extends { readonly _tag: string }>(act: A): act is Extract<A, Fault> =>
  Object.hasOwn(healedBy, act._tag)

/** The nodes that a fault names, in the order of its keys; null stands for "every node" or "the others". */
export const targetsOf = (fault: Fault): ReadonlyArray<Target> => {
  switch (fault._tag) {
    case "Heal":
      return []
    case "Partition":
      return fault.groups
    case "Cut":
    case "Flap":
    case "Link":
      return fault.to === null ? [fault.from] : [fault.from, fault.to]
    case "Ring":
    case "Swizzle":
      return [fault.nodes]
    default:
      return fault.node === null ? [] : [fault.node]
  }
}

/** The names and selector words of a target; none where nodes are drawn or meant by their zone. */
export const selectorsOf = (target: Target): ReadonlyArray<NodeSelector> =>
  typeof target === "string"
    ? drawWords.some((word) => word === target)
      ? []
      : [target]
    : "zone" in target || "random" in target
      ? []
      : target

/** A length of time between two bounds, both included; drawn each time it is needed. */
export interface Span {
  readonly min: Duration.Duration
  readonly max: Duration.Duration
}

/** What an entry of the timeline with a fault may leave to chance, and how it goes on. */
export interface Course {
  /** With this probability the fault happens, drawn each time it comes due; null: always. */
  readonly probability: number | null
  /** It comes due again and again, `every` so long after the last time. */
  readonly repeat: {
    readonly every: Span
    /** Null: without limit; then `until` is given. */
    readonly times: number | null
    /** Counted from time zero. */
    readonly until: Duration.Duration | null
  } | null
  /** After this long it ends by itself; null: it stays until something ends it. */
  readonly lasts: Span | null
}
