/**
 * Control over the daemon of the runner's own node: its start, with what its files say of replication clusters, and the
 * restarts that some cures need (semantics: a stuck JOIN, a `destroyed` member). Where the runner may not restart its
 * daemon, `restart` answers false and the cure becomes a finding for the operator.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Manticore } from "./Manticore.ts"
import type { CopyOnDisk, EntryChange } from "./StartGate.ts"

/** What the files of the own node say of one replication cluster. */
export interface ClusterOnDisk extends CopyOnDisk {
  readonly name: string
  /** Addresses in its list of nodes. */
  readonly nodes: ReadonlyArray<string>
}

/** The own node's daemon process. */
export class DaemonControl extends Context.Service<
  DaemonControl,
  {
    /**
     * Stops the daemon, kills it if it does not end, and starts it again, through the gate where there is one: a clean
     * stop costs its groups no quorum. False if this runner may not do that. Returns before it is up.
     */
    readonly restart: Effect.Effect<boolean>
    /** True if nothing starts this daemon but the gate of this runner. */
    readonly isGated: boolean
    /** True while its process exists. */
    readonly isRunning: Effect.Effect<boolean>
    /** What its files say. While it runs, and after it was killed, they know no numbers. */
    readonly clusters: Effect.Effect<ReadonlyArray<ClusterOnDisk>>
    /**
     * Starts the daemon where nobody but this runner reaches it, alone in each of its clusters, asks it something, and
     * stops it again: it finds the numbers of its copies in its logs, and its files know them after that. For a daemon
     * that does not run.
     */
    readonly inspect: <A>(use: (manticore: Manticore["Service"]) => Effect.Effect<A>) => Effect.Effect<A>
    /** Changes entries of its files, by cluster, and starts it. Returns before it is up. */
    readonly start: (entries: ReadonlyMap<string, EntryChange>) => Effect.Effect<void>
  }
>()("shardwright/core/DaemonControl") {}
