/**
 * Chaos profiles: what a seed may draw. A profile bounds the installation, the work and the faults; everything else comes
 * from the seed.
 */

/** Bounds are included. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** Kinds of faults that a seed may have switched on. */
export const faultKinds = [
  "agent-kill",
  "agent-pause",
  "daemon-kill",
  "daemon-pause",
  "daemon-stop",
  "host-kill",
  "long-outage",
  "partition",
  "cut",
  "slow",
] as const
export type FaultKind = (typeof faultKinds)[number]

/** Kinds of operations that a seed asks for. */
export const operationKinds = ["create", "drop", "add-node", "rebalance", "drain"] as const
export type ChaosOperation = (typeof operationKinds)[number]

/** One way of making chaos. */
export interface Profile {
  readonly name: string
  readonly nodes: Range
  readonly spares: Range
  readonly tables: Range
  readonly shards: Range
  readonly rf: Range
  readonly writers: Range
  readonly operations: Range
  readonly faults: Range
  /** Seconds from time zero in which operations and faults begin. */
  readonly seconds: Range
  readonly kinds: ReadonlyArray<FaultKind>
  readonly operationKinds: ReadonlyArray<ChaosOperation>
}

/** A bit of everything, on small clusters. */
const defaultProfile: Profile = {
  name: "default",
  nodes: { min: 3, max: 6 },
  spares: { min: 0, max: 2 },
  tables: { min: 1, max: 3 },
  shards: { min: 2, max: 8 },
  rf: { min: 1, max: 3 },
  writers: { min: 1, max: 3 },
  operations: { min: 3, max: 6 },
  faults: { min: 1, max: 4 },
  seconds: { min: 2, max: 150 },
  kinds: ["agent-kill", "agent-pause", "daemon-kill", "daemon-pause", "host-kill", "long-outage", "partition", "slow"],
  operationKinds,
}

/** All profiles, by name. */
export const profiles: Readonly<Record<string, Profile>> = { default: defaultProfile }
