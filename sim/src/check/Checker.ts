/**
 * What a checker is: it watches the world and the committed records, never the engine's own word, and reports what must
 * not be. Checkers know nothing of each other.
 */
import type { EngineConfig } from "@shardwright/core/EngineConfig"
import type { OnStoreWrite } from "@shardwright/core/StoreCalls"
import type { SimulatedCluster, WorldEvent } from "../world/SimulatedCluster.ts"
import type { ClientModel } from "../workload/ClientModel.ts"
import type { StateWatcher } from "./StateWatcher.ts"

/** What a checker may look at. */
export interface CheckContext {
  readonly world: SimulatedCluster
  readonly state: StateWatcher
  readonly config: EngineConfig
  /** What the clients know of the tables that they write, by table. */
  readonly clients: ReadonlyMap<string, ClientModel>
  /** Host of an address; undefined for an unknown one. */
  readonly hostOf: (address: string) => string | undefined
  /** Tables and clusters that clients have made, and that are not the engine's; see `ForeignObjects`. */
  readonly foreign: ReadonlySet<string>
  /** Calls the listener with every write that a store of the engine begins. */
  readonly onStoreWrite: (listener: OnStoreWrite) => void
  /** Since when no fault has touched the node; undefined while one does. */
  readonly undisturbedSinceMicros: (node: string) => number | undefined
  /** Reports what must not be. Names, ids and numbers belong into the message. */
  readonly report: (checker: string, message: string) => void
}

/** One kind of thing that must not be. */
export interface Checker {
  readonly name: string
  /** Called with everything that happens in the world. */
  readonly onEvent?: (event: WorldEvent) => void
  /** Called when nothing happens any more. */
  readonly atQuiescence?: () => void
}

/** Builds a checker for one run. */
export type MakeChecker = (context: CheckContext) => Checker

/** A list that stays readable: the first few items, and how many more there are. */
export const few = (items: ReadonlyArray<string | number | bigint>, shown = 5): string =>
  items.length <= shown ? items.join(", ") : `${items.slice(0, shown).join(", ")} and ${items.length - shown} more`
