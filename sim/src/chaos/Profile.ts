/**
 * Chaos profiles: what a seed may draw. A profile bounds the installation, the work and the faults; everything else comes
 * from the seed.
 */
import { RandomStream } from "../runtime/RandomStream.ts"

/** Bounds are included. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** Kinds of faults that a seed may have switched on: each seed draws which of them are. */
const faultKinds = [
  "agent-kill",
  "agent-pause",
  "agent-stop",
  "daemon-kill",
  "daemon-pause",
  "daemon-stop",
  "daemon-restart",
  "host-kill",
  "host-pause",
  "long-outage",
  "donor-dies",
  "joiner-dies",
  "partition",
  "cut",
  "cut-one-way",
  "flap",
  "ring",
  "swizzle",
  "bad-link",
  "slow",
  "error",
  "disconnect-before",
  "disconnect-during",
  "disconnect-after",
  "lost-reply",
  "disk-full",
  "slow-disk",
  "slow-transfer",
  "fail-transfer",
  "replication-ports",
  "server-id",
  "clock-jump",
  "clock-skew",
  "cold-start",
] as const
export type FaultKind = (typeof faultKinds)[number]

/** Kinds of faults that take a daemon away: too much for a group of which it has the last copy in sync. */
export const takesAway: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "daemon-kill",
  "daemon-pause",
  "daemon-stop",
  "daemon-restart",
  "host-kill",
  "host-pause",
  "long-outage",
  "donor-dies",
  "joiner-dies",
  "cold-start",
])

/** Kinds of requests that a seed may make. */
export const requestKinds = [
  "create",
  "drop",
  "add-node",
  "rebalance",
  "drain",
  "undrain",
  "set-rf",
  "split",
  "replace",
  "pause",
  "stop",
  "stop-now",
  "maintain",
  "approve",
  "adopt",
] as const
export type RequestKind = (typeof requestKinds)[number]

/** Hazards that come beside the faults: see `drawRare`. */
const rareKinds = [
  "two-outages",
  "cut-off-minority",
  "refused-wrapper",
  "plain-table",
  "lost-log",
  "late-split",
  "lost-for-good",
  "two-lost-for-good",
] as const
export type RareKind = (typeof rareKinds)[number]

/** One way of making chaos. */
export interface Profile {
  readonly name: string
  readonly nodes: Range
  readonly spares: Range
  readonly tables: Range
  readonly shards: Range
  readonly rf: Range
  /** Requests beside the three that every seed has. */
  readonly requests: Range
  /** Its share of the seeds, beside the shares of the others, where seeds are dealt over all profiles. */
  readonly weight: number
  readonly faults: Range
  /** How likely nodes are to be in zones, to differ in weight, and to be bounded in what they carry. */
  readonly unevenness: number
  /** The most replicas of a node that has a bound: felt when nodes are away, and room for what is asked for while they are there. */
  readonly capacity: Range
  /** How likely a kind of fault is to be switched on in a seed. */
  readonly swarm: number
  readonly faultKinds: ReadonlyArray<FaultKind>
  readonly requestKinds: ReadonlyArray<RequestKind>
  /** Of these each seed has one or two, and in some one or two nodes are lost for good besides; of none, none. */
  readonly rareKinds: ReadonlyArray<RareKind>
}

/** Everything, on small clusters. */
const everything: Profile = {
  name: "default",
  nodes: { min: 3, max: 5 },
  spares: { min: 0, max: 1 },
  tables: { min: 1, max: 2 },
  shards: { min: 1, max: 4 },
  rf: { min: 1, max: 3 },
  requests: { min: 0, max: 3 },
  weight: 40,
  faults: { min: 2, max: 4 },
  unevenness: 0.25,
  capacity: { min: 15, max: 25 },
  swarm: 0.4,
  faultKinds: faultKinds.filter((kind) => kind !== "cold-start"),
  requestKinds,
  rareKinds: [],
}

/** The same work, disturbed by little. */
const calm: Profile = {
  ...everything,
  name: "calm",
  weight: 4,
  faults: { min: 1, max: 1 },
  faultKinds: ["agent-kill", "agent-stop", "slow", "bad-link", "slow-disk", "clock-jump"],
}

/** Whatever may happen between the nodes, on larger clusters. */
const network: Profile = {
  ...everything,
  name: "network",
  weight: 15,
  nodes: { min: 3, max: 7 },
  faults: { min: 2, max: 6 },
  faultKinds: ["partition", "cut", "cut-one-way", "flap", "ring", "swizzle", "bad-link", "lost-reply"],
}

/** Many requests, that get in each other's way. */
const operations: Profile = {
  ...everything,
  name: "operations",
  weight: 13,
  spares: { min: 1, max: 2 },
  tables: { min: 1, max: 3 },
  requests: { min: 4, max: 10 },
  faults: { min: 1, max: 3 },
}

/** Processes that end and come back, again and again. */
const restarts: Profile = {
  ...everything,
  name: "restarts",
  weight: 10,
  faults: { min: 4, max: 8 },
  faultKinds: [
    "agent-kill",
    "agent-pause",
    "agent-stop",
    "daemon-kill",
    "daemon-pause",
    "daemon-stop",
    "daemon-restart",
    "host-kill",
    "host-pause",
    "long-outage",
  ],
}

/** Disks and state transfers that fail or take long, and much that has to be copied. */
const storage: Profile = {
  ...everything,
  name: "storage",
  weight: 10,
  spares: { min: 1, max: 2 },
  rf: { min: 2, max: 3 },
  requests: { min: 2, max: 5 },
  faults: { min: 2, max: 6 },
  swarm: 0.6,
  faultKinds: ["disk-full", "slow-disk", "slow-transfer", "fail-transfer", "donor-dies", "joiner-dies"],
  requestKinds: [
    "create",
    "drop",
    "add-node",
    "rebalance",
    "drain",
    "undrain",
    "set-rf",
    "split",
    "replace",
    "stop-now",
  ],
}

/** Many nodes, tables and shards. */
const large: Profile = {
  ...everything,
  name: "large",
  weight: 2,
  nodes: { min: 7, max: 12 },
  spares: { min: 1, max: 2 },
  tables: { min: 3, max: 5 },
  shards: { min: 4, max: 12 },
  requests: { min: 1, max: 4 },
  unevenness: 0.4,
  capacity: { min: 70, max: 100 },
}

/** Everything, and all nodes that go down at once. */
const cold: Profile = { ...everything, name: "cold", weight: 6, swarm: 0.3, faultKinds }

/** Hazards that the others do not meet, beside few faults of the usual kinds. */
const rare: Profile = {
  ...everything,
  name: "rare",
  weight: 15,
  nodes: { min: 3, max: 6 },
  faults: { min: 1, max: 3 },
  rareKinds,
}

/** All profiles, by name. */
export const profiles: Readonly<Record<string, Profile>> = {
  default: everything,
  calm,
  network,
  restarts,
  storage,
  operations,
  cold,
  large,
  rare,
}

/** The name that stands for all profiles: each seed is dealt to one of them. */
export const allProfiles = "all"

/** The profile to which a seed is dealt, by the weights. */
export const dealtTo = (seed: number): Profile => {
  const dealt = Object.values(profiles)
  let left = new RandomStream(seed).stream("profile").float() * dealt.reduce((sum, { weight }) => sum + weight, 0)
  for (const profile of dealt) {
    left -= profile.weight
    if (left < 0) return profile
  }
  return everything
}
