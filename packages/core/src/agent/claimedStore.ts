/**
 * The records as a step writes them.
 */
import * as Effect from "effect/Effect"
import { StateStore, StoreUnavailable } from "../StateStore.ts"

/**
 * A store that writes only while the claim on a step is held. Whoever was stalled between two statements may find records
 * that are newer than its claim, and compare-and-set would take what it writes: so the claim is looked at after they were
 * read, and whatever changes after that look makes the write fail.
 */
export const claimedStore = (
  store: StateStore["Service"],
  holdsClaim: Effect.Effect<boolean, StoreUnavailable>,
): StateStore["Service"] => {
  const ifClaimed = <A, E>(write: Effect.Effect<A, E>): Effect.Effect<A, E | StoreUnavailable> =>
    Effect.flatMap(holdsClaim, (holds): Effect.Effect<A, E | StoreUnavailable> =>
      holds ? write : Effect.fail(new StoreUnavailable({ message: "somebody else works on this step" })),
    )
  return StateStore.of({
    ...store,
    create: (key, value, options) => ifClaimed(store.create(key, value, options)),
    createAll: (records, options, goOn) => ifClaimed(store.createAll(records, options, goOn)),
    compareAndSet: (entry, value, options) => ifClaimed(store.compareAndSet(entry, value, options)),
  })
}
