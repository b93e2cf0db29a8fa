/**
 * Placement: which nodes carry which replica group, as a function of its arguments.
 *
 * `place` turns nodes, tables and the layout that exists into the layout to go to, with the moves that lead there.
 * It reads no clock, draws no random number and sorts everything by name, so equal input (in any order) gives equal
 * output, on every agent and in the simulator alike.
 *
 * What it never does: move a single shard out of its replica group, name a copy source, or decide whether a node that
 * is not seen is away for good. The caller says that by the node's state.
 *
 * All loads and numbers of moves count *shard replicas*: a group of 30 shards that gets one new member is 30 moves.
 */
import { placeReplicas } from "./internal/placement/run.ts"

/**
 * What a node may be asked to carry.
 *
 * - `active`: keeps what it has and may get more.
 * - `maintenance`: keeps what it has, gets nothing, gives nothing. For nodes that will be back soon.
 * - `draining`: gets nothing and is emptied; its copies can still be read.
 * - `away`: gets nothing and what it held is replaced; its copies cannot be read.
 */
export type PlacementNodeState = "active" | "maintenance" | "draining" | "away"

/** A node that may carry replicas. */
export interface PlacementNode {
  readonly name: string
  /** Copies of one group go to distinct zones where there are enough. A node without a zone is a zone of its own. */
  readonly zone?: string | undefined
  /** Share of the load in proportion to the other nodes; default 1. A node of weight 0 gets only what fits nowhere else. */
  readonly weight?: number | undefined
  readonly state: PlacementNodeState
  /** The most shard replicas that the node may carry; default unlimited. */
  readonly capacity?: number | undefined
  /** The most bytes of shards whose sizes are known (`PlacementRow.bytes`); default unlimited. */
  readonly capacityBytes?: number | undefined
}

/** A sharded table: `shards` shards, numbered from 0, with `rf` copies each. */
export interface PlacementTable {
  readonly name: string
  readonly shards: number
  readonly rf: number
  /**
   * `buddy`: new shards are placed as the existing orchestrator places them (see `buddyLayout`), in a group for each set
   * of nodes, to which neither zones nor the limits of groups apply. Default `balanced`.
   */
  readonly placement?: "balanced" | "buddy" | undefined
}

/** Where one shard lives. A shard of RF 1 has no group. */
export interface PlacementRow {
  readonly table: string
  readonly shard: number
  readonly group: string | null
  /** Names of the nodes that hold a copy; sorted in results. */
  readonly nodes: ReadonlyArray<string>
  /** Size of one copy, if it is known; counts against `capacityBytes`. Left out of results. */
  readonly bytes?: number | undefined
}

/** What `place` works on. The order of the entries has no meaning. */
export interface PlacementInput {
  readonly nodes: ReadonlyArray<PlacementNode>
  readonly tables: ReadonlyArray<PlacementTable>
  /**
   * The layout that exists; absent or empty: place anew. Rows of tables that are not listed (dropped ones) are left
   * out of the result. Nodes that are not listed count as away. Shards without a row are placed as new ones.
   */
  readonly layout?: ReadonlyArray<PlacementRow> | undefined
  /** Most replica groups per node when groups are made; default 8. Groups that exist may exceed it. */
  readonly groupsPerNode?: number | undefined
  /** Most replica groups that a node may ever carry (each costs ports, threads and memory); default 32. */
  readonly groupBudget?: number | undefined
  /** Groups to which no shard may be attached now, by name: those with an exiled member. */
  readonly closedGroups?: ReadonlyArray<string> | undefined
  /** Groups that nothing moves for balance now, by name: others move as if these stayed where they are. */
  readonly heldGroups?: ReadonlyArray<string> | undefined
  /** Tables of which no single copy moves for balance now, by name. */
  readonly heldTables?: ReadonlyArray<string> | undefined
  /**
   * The name of the `index`-th new group, `index` counting from 0. Default `g1`, `g2`, …, leaving out names in use.
   * Against real servers names must never have been used before (an old member would walk into the new group).
   */
  readonly nameGroup?: ((index: number) => string) | undefined
  /** False: only what constraints demand (lost, draining, missing, zones, limits), no move for balance. Default true. */
  readonly rebalance?: boolean | undefined
  /**
   * What to do with shards all of whose copies are on nodes that are away. `wait` (default) keeps their rows and
   * reports them as unplaceable: a new member would have nothing to copy from. `replace` moves them all the same, with
   * `copyLeft: false` on their moves: they start empty.
   */
  readonly whenNoCopyIsLeft?: "wait" | "replace" | undefined
}

/**
 * Why a replica moves, in the order in which moves are listed: copies lost first, balance last.
 *
 * `lost`: its node is away · `missing`: the shard has fewer copies than its RF · `drained`: its node is draining ·
 * `zone`: another copy is in the same zone · `limit`: its node carries more groups or shards than it may ·
 * `balance`: the target carries less than its share.
 */
export type PlacementMoveKind = "lost" | "missing" | "drained" | "zone" | "limit" | "balance"

/** One shard replica that comes to `to`, in place of the one on `from` (null: an additional copy). */
export interface PlacementMove {
  readonly table: string
  readonly shard: number
  readonly group: string | null
  readonly from: string | null
  readonly to: string
  readonly kind: PlacementMoveKind
  /** For people. */
  readonly reason: string
  /** False when no node that is up holds a copy, so that there is nothing to copy from. */
  readonly copyLeft: boolean
}

/** A copy beyond the RF of its table that goes without replacement, because the RF was lowered. */
export interface PlacementRemoval {
  readonly table: string
  readonly shard: number
  readonly group: string | null
  readonly node: string
}

/** A replica group of the result with all that it carries. */
export interface PlacementGroup {
  readonly name: string
  readonly rf: number
  /** Whether the group has to be made. */
  readonly fresh: boolean
  readonly nodes: ReadonlyArray<string>
  readonly shards: ReadonlyArray<{ readonly table: string; readonly shard: number }>
}

/** A shard that could not be placed as asked, and why. It keeps what it has; a new shard has no row then. */
export interface Unplaceable {
  readonly table: string
  readonly shard: number
  readonly reason: string
}

/** Where everything is to be, and what has to move for it. */
export interface Placement {
  /** By table name, then shard. */
  readonly layout: ReadonlyArray<PlacementRow>
  /** Replica groups by name; shards of RF 1 belong to none. */
  readonly groups: ReadonlyArray<PlacementGroup>
  /** In an order of which every prefix leaves each shard with as many copies on distinct nodes as before, or more. */
  readonly moves: ReadonlyArray<PlacementMove>
  readonly removals: ReadonlyArray<PlacementRemoval>
  /**
   * The least number of moves that could reach the balance asked: replicas that lost and draining nodes held (as far
   * as they can be replaced), or the weighted shares of added nodes rounded down to whole groups, whichever is more,
   * since replicas of lost nodes may go to added ones. 0 at rest and for a layout made anew.
   */
  readonly minimumMoves: number
  readonly maxGroupsPerNode: number
  /**
   * Per table: most minus least replicas on an active node. With unequal weights both are taken as the difference
   * from the node's weighted share.
   */
  readonly spread: Readonly<Record<string, number>>
  readonly unplaceable: ReadonlyArray<Unplaceable>
}

/** Default of `groupsPerNode`: enough groups that one more node gets a fair share, few enough to restart quickly. */
export const defaultGroupsPerNode = 8

/** Default of `groupBudget`: what the default port range and about 1 GB of memory per node bear. */
export const defaultGroupBudget = 32

/**
 * Places tables on nodes: anew when there is no layout, otherwise with the fewest moves.
 *
 * Hard constraints: RF distinct nodes; distinct zones where there are at least RF zones among the nodes in use;
 * nothing new on draining, away and maintenance nodes; the group budget; capacity. Budget and capacity are never
 * exceeded by what is placed. The zone rule is given up (and reported) only where a lost copy has no other place.
 *
 * Goals, in this order: fewest moves that reach the balance; balance (per table and overall max − min ≤ 1 for shards
 * of RF 1, ≤ the shards of one group otherwise, against weighted shares); few replica sets.
 *
 * New shards are attached to open groups of their RF, and new groups are made while there are fewer than
 * `groupsPerNode` allows. Groups that exist keep their names and their shards.
 *
 * Placing a result again gives no moves.
 *
 * @example
 * ```ts
 * import { place } from "@shardwright/core/Placement"
 *
 * const nodes = ["a:9312", "b:9312", "c:9312"].map((name) => ({ name, state: "active" as const }))
 * const first = place({ nodes, tables: [{ name: "t", shards: 6, rf: 2 }] })
 * first.moves.length // 0: made anew
 * first.spread["t"] // 0: four replicas on each node
 *
 * const grown = place({
 *   nodes: [...nodes, { name: "d:9312", state: "active" }],
 *   tables: [{ name: "t", shards: 6, rf: 2 }],
 *   layout: first.layout,
 * })
 * grown.moves.length // 3: a quarter of the twelve replicas
 * ```
 */
export const place = (input: PlacementInput): Placement =>
  placeReplicas(input, defaultGroupsPerNode, defaultGroupBudget)

/**
 * The initial layout of the existing orchestrator (`placement: buddy`), bit for bit: for adoption without moves and
 * for comparison. Returns the sorted node names of each shard, or null when there are fewer nodes than `rf`.
 *
 * For shard i and replica j: among the nodes with the fewest shards which this shard does not use yet, sorted by
 * name, the one at index (i + j) mod their number. It knows no groups, zones or weights; use `place` for everything
 * else.
 */
export const buddyLayout = (
  nodes: ReadonlyArray<string>,
  shards: number,
  rf: number,
): ReadonlyArray<ReadonlyArray<string>> | null => {
  const names = [...new Set(nodes)].sort()
  if (rf > names.length || rf < 1) return null
  const carried = new Map(names.map((name) => [name, 0]))
  const load = (name: string) => carried.get(name) ?? 0
  const layout: Array<ReadonlyArray<string>> = []
  for (let shard = 0; shard < shards; shard++) {
    const chosen: Array<string> = []
    for (let replica = 0; replica < rf; replica++) {
      const unused = names.filter((name) => !chosen.includes(name))
      const least = Math.min(...unused.map(load))
      const candidates = unused.filter((name) => load(name) === least)
      const name = candidates[(shard + replica) % candidates.length]
      if (name === undefined) return null
      chosen.push(name)
      carried.set(name, load(name) + 1)
    }
    layout.push(chosen.sort())
  }
  return layout
}
