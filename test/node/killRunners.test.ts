/** Protects against a runner that dies at the wrong moment; see `killRunners`. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { killRunners } from "./killRunners.ts"
import { serveThree } from "./Runners.ts"

describe("a runner that is killed at any moment", () => {
  it.live(
    "loses nothing and leaves nothing over",
    () =>
      Effect.gen(function* () {
        const served = yield* Effect.acquireRelease(Effect.promise(serveThree), (it) => Effect.sync(() => it.close()))
        const result = yield* killRunners(served, { kills: 6, seed: 1 })
        expect(result).toMatchObject({ lost: [], orphans: [], crashes: 0 })
        expect(result.acknowledged).toBeGreaterThan(100)
        expect(result.tablesMade).toBeGreaterThan(0)
      }).pipe(Effect.scoped),
    120_000,
  )
})
