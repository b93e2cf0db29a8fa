/**
 * The records as somebody writes them who may be replaced at any moment.
 */
import * as Effect from "effect/Effect"
import { StateStore, StoreUnavailable } from "../StateStore.ts"

/**
 * A store that writes only while `mayWrite`: while the claim on a step is held, or the lease. Whoever was stalled between two
 * statements may hold records that nobody changed meanwhile, or find some that are newer than what it was to do, and
 * compare-and-set would take what it writes. So this is looked at after they were read; whatever changes after that look makes
 * the write fail. `why` says who is in the way.
 */
export const fencedStore = (
  store: StateStore["Service"],
  mayWrite: Effect.Effect<boolean, StoreUnavailable>,
  why: string,
): StateStore["Service"] => {
  const ifAllowed = <A, E>(write: Effect.Effect<A, E>): Effect.Effect<A, E | StoreUnavailable> =>
    Effect.flatMap(mayWrite, (allowed): Effect.Effect<A, E | StoreUnavailable> =>
      allowed ? write : Effect.fail(new StoreUnavailable({ message: why })),
    )
  return StateStore.of({
    ...store,
    create: (key, value, options) => ifAllowed(store.create(key, value, options)),
    createAll: (records, options, goOn) => ifAllowed(store.createAll(records, options, goOn)),
    compareAndSet: (entry, value, options) => ifAllowed(store.compareAndSet(entry, value, options)),
    retire: (keys) => ifAllowed(store.retire(keys)),
    remove: (keys) => ifAllowed(store.remove(keys)),
  })
}
