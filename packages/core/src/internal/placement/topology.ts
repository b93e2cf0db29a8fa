/**
 * The nodes of a placement as arrays, and the share of the shards that each of them should carry.
 */
import type { PlacementNode } from "../../Placement.ts"

/** Comparisons of loads and shares: shares are fractions, so sums carry rounding errors far below this. */
export const epsilon = 1e-6

/** Orders names by UTF-16 code units, the same on every machine. */
export const byName = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

/** Nodes that may carry replicas (active and in maintenance), by name. */
export interface Topology {
  readonly size: number
  readonly names: ReadonlyArray<string>
  readonly index: ReadonlyMap<string, number>
  /** Zone of each node as a number; a node without a zone has a number of its own. */
  readonly zone: Int32Array
  readonly zones: number
  readonly zoneNames: ReadonlyArray<string>
  readonly weight: Float64Array
  /** 1: keeps what it has, gets nothing, gives nothing. */
  readonly closed: Int32Array
  /** How many nodes may get something. */
  readonly open: number
  readonly capacity: Float64Array
  readonly capacityBytes: Float64Array
  readonly draining: ReadonlySet<string>
}

export const topologyOf = (nodes: ReadonlyArray<PlacementNode>): Topology => {
  const serving = nodes
    .filter((node) => node.state === "active" || node.state === "maintenance")
    .toSorted((left, right) => byName(left.name, right.name))
  const zoneIndex = new Map<string, number>()
  const zoneNames: Array<string> = []
  const zone = Int32Array.from(serving, (node) => {
    const known = node.zone === undefined ? undefined : zoneIndex.get(node.zone)
    if (known !== undefined) return known
    if (node.zone !== undefined) zoneIndex.set(node.zone, zoneNames.length)
    return zoneNames.push(node.zone ?? `of ${node.name}`) - 1
  })
  return {
    size: serving.length,
    names: serving.map((node) => node.name),
    index: new Map(serving.map((node, index) => [node.name, index])),
    zone,
    zones: zoneNames.length,
    zoneNames,
    weight: Float64Array.from(serving, (node) => Math.max(0, node.weight ?? 1)),
    closed: Int32Array.from(serving, (node) => (node.state === "maintenance" ? 1 : 0)),
    open: serving.filter((node) => node.state === "active").length,
    capacity: Float64Array.from(serving, (node) => node.capacity ?? Number.POSITIVE_INFINITY),
    capacityBytes: Float64Array.from(serving, (node) => node.capacityBytes ?? Number.POSITIVE_INFINITY),
    draining: new Set(nodes.filter((node) => node.state === "draining").map((node) => node.name)),
  }
}

/** Whether copies of one group have to be in distinct zones. */
export const zonesBind = (topology: Topology, rf: number): boolean => topology.zones >= rf

/**
 * Which part of the shards of a table with this RF each node should hold a copy of (0 … 1; the sum is the RF).
 *
 * In proportion to the weights, but no node and, where zones bind, no zone can hold more than one copy of a shard.
 * What exceeds that goes to the others, again by weight.
 */
export const sharesOf = (topology: Topology, rf: number): Float64Array => {
  const { size, weight } = topology
  const bind = zonesBind(topology, rf)
  const bucketOf = bind ? topology.zone : Int32Array.from({ length: size }, (_, node) => node)
  const buckets = bind ? topology.zones : size
  const bucketWeight = new Float64Array(buckets)
  for (let node = 0; node < size; node++) add(bucketWeight, int(bucketOf, node), at(weight, node))
  const bucketShare = fillUpToOne(bucketWeight, rf)
  const nodesIn = new Int32Array(buckets)
  for (let node = 0; node < size; node++) addInt(nodesIn, int(bucketOf, node), 1)
  return Float64Array.from({ length: size }, (_, node) => {
    const bucket = int(bucketOf, node)
    const total = at(bucketWeight, bucket)
    return at(bucketShare, bucket) * (total > 0 ? at(weight, node) / total : 1 / int(nodesIn, bucket))
  })
}

/** Splits `total` in proportion to `weights` with no part above 1; weights of 0 count only when all others are full. */
const fillUpToOne = (weights: Float64Array, total: number): Float64Array => {
  const share = new Float64Array(weights.length)
  let open = [...weights.keys()].filter((bucket) => at(weights, bucket) > 0)
  let rest = total
  let weightless = false
  // Every round but the last two fills at least one bucket.
  for (let round = 0; round < weights.length + 2 && rest > epsilon; round++) {
    if (open.length === 0) {
      if (weightless) break
      weightless = true
      open = [...weights.keys()].filter((bucket) => at(weights, bucket) === 0)
      continue
    }
    const weightOf = (bucket: number) => (weightless ? 1 : at(weights, bucket))
    const perWeight = rest / open.reduce((sum, bucket) => sum + weightOf(bucket), 0)
    const full = open.filter((bucket) => weightOf(bucket) * perWeight >= 1 - epsilon)
    for (const bucket of full.length > 0 ? full : open) {
      share[bucket] = full.length > 0 ? 1 : weightOf(bucket) * perWeight
    }
    if (full.length === 0) break
    rest -= full.length
    open = open.filter((bucket) => !full.includes(bucket))
  }
  return share
}

/** The number at an index that is known to exist; an index out of range reads as 0. */
export const at = (array: Float64Array, index: number): number => array[index] ?? 0

/** The same for whole numbers. One function for both kinds of array would be several times slower. */
export const int = (array: Int32Array, index: number): number => array[index] ?? 0

/** The same for lists that grow. */
export const entryOf = (list: ReadonlyArray<number>, index: number): number => list[index] ?? 0

/** Adds to the number at an index. */
export const add = (array: Float64Array, index: number, amount: number): void => {
  array[index] = at(array, index) + amount
}

/** Adds to the whole number at an index. */
export const addInt = (array: Int32Array, index: number, amount: number): void => {
  array[index] = int(array, index) + amount
}
