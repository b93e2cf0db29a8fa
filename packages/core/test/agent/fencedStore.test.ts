import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fencedStore } from "../../src/agent/fencedStore.ts"
import { StateStore } from "../../src/StateStore.ts"

const entry = { key: "group/g", value: {}, version: 1, term: 1 }

/** A store that notes what is written, and the same one behind a fence. */
const stores = (mayWrite: () => boolean) => {
  const written: Array<string> = []
  const note = (what: string) => Effect.sync(() => void written.push(what))
  const store = StateStore.of({
    barrier: Effect.void,
    get: () => Effect.succeed(entry),
    sync: Effect.succeed({ records: new Map(), heartbeats: new Map() }),
    create: (key) => Effect.as(note(`create ${key}`), entry),
    createAll: (records) => Effect.as(note(`create ${records.length}`), true),
    retire: (keys) => note(`retire ${keys.length}`),
    retired: () => Effect.succeed([]),
    remove: (keys) => note(`remove ${keys.length}`),
    compareAndSet: ({ key }) => Effect.as(note(`change ${key}`), entry),
  })
  return { written, store: fencedStore(store, Effect.sync(mayWrite), "replaced") }
}

const writes = (store: StateStore["Service"]) => [
  store.create("a", {}, { term: 1 }),
  store.createAll([{ key: "b", value: {} }], { term: 1 }, Effect.succeed(true)),
  store.compareAndSet(entry, {}, { term: 1 }),
  store.retire(["c"]),
  store.remove(["d", "e"]),
]

describe("fencedStore", () => {
  it.effect("writes while it may", () =>
    Effect.gen(function* () {
      const { written, store } = stores(() => true)
      for (const write of writes(store)) yield* write
      expect(written).toEqual(["create a", "create 1", "change group/g", "retire 1", "remove 2"])
    }),
  )

  it.effect("writes nothing more once it may not, and can still be read", () =>
    Effect.gen(function* () {
      const { written, store } = stores(() => false)
      for (const write of writes(store)) {
        const failure = yield* Effect.flip(write)
        expect(failure).toMatchObject({ _tag: "StoreUnavailable", message: "replaced" })
      }
      expect(written).toEqual([])
      expect(yield* store.get("group/g")).toBe(entry)
    }),
  )
})
