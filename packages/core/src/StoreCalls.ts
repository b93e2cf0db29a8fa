/**
 * What a store is called for and what it answers, for somebody who judges from outside whether its compare-and-set is
 * linearizable. Nothing but the simulator listens; without it a call costs one comparison.
 */
import * as Context from "effect/Context"

/** A write of records that is begun: all of them become this version, or none does. */
export interface StoreWrite {
  /** Node of the store. */
  readonly node: string
  readonly keys: ReadonlyArray<string>
  /** 1: they are made. */
  readonly version: number
  /** Names the attempt: whoever finds it in a row knows who has written the row. */
  readonly nonce: string
}

/** What the caller was told. Whoever is told that the store is unavailable, or dies before, knows nothing. */
export type WriteOutcome = "won" | "lost"

/** Called as a write begins; what it returns is called with the answer, if there is one. */
export type OnStoreWrite = (write: StoreWrite) => (outcome: WriteOutcome) => void

/** Who listens; nobody by default. */
export const StoreCalls = Context.Reference<OnStoreWrite | undefined>("shardwright/core/StoreCalls", {
  defaultValue: () => undefined,
})
