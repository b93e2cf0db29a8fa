/** Protects a daemon from being ended while it starts or is busy, and others from waiting for one that hangs. */
import { describe, expect, it } from "@effect/vitest"
import { noAnswer, ok } from "@shardwright/core/Answer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Heard, isHung, listening } from "../src/supervise.ts"

const patience = { afterAnswers: Duration.seconds(10), atStart: Duration.seconds(100) }

describe("a daemon", () => {
  it.each([
    ["that answered a moment ago is well", 1000, 20_000, 25_000, false],
    ["that has been silent for less than its time is waited for", 1000, 20_000, 29_000, false],
    ["that is silent after it has answered hangs", 1000, 20_000, 31_000, true],
    ["that starts may be silent for longer", 1000, undefined, 99_000, false],
    ["that was started again after its last answer starts", 30_000, 20_000, 129_000, false],
    ["that never begins to answer hangs", 1000, undefined, 102_000, true],
  ])("%s", (_, sinceMs, answeredMs, nowMs, hung) => {
    expect(isHung(nowMs, sinceMs, answeredMs, patience)).toBe(hung)
  })

  it.effect("is heard when it answers, refusals included, and not when another one does", () =>
    Effect.gen(function* () {
      const heard: Heard = { answeredMs: undefined }
      const answering = listening({ query: () => Effect.succeed(ok()) }, "n1", heard)
      yield* listening({ query: () => Effect.succeed(noAnswer("timeout")) }, "n1", heard).query("n1", "", Duration.zero)
      yield* answering.query("n2", "", Duration.zero)
      expect(heard.answeredMs).toBeUndefined()
      yield* answering.query("n1", "", Duration.zero)
      expect(heard.answeredMs).toBeGreaterThan(0)
    }),
  )
})
