/** Protects people from a slip of the finger, and scripts from a question that nobody answers. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { confirm, type Terminal } from "../src/cli/confirm.ts"

const terminal = (isInteractive: boolean, answer: string, asked: Array<string> = []): Terminal => ({
  isInteractive,
  ask: (question) => {
    asked.push(question)
    return Promise.resolve(answer)
  },
})

describe("a question", () => {
  it.effect("is asked at a terminal, says what happens, and takes yes for an answer", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      yield* confirm({ yes: false }, "Table t and its rows go", terminal(true, " Yes ", asked))
      expect(asked).toEqual(["Table t and its rows go. Type yes to go on: "])
    }),
  )

  it.effect.each(["", "y", "no"])("anything else ends the command: %j", (answer) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(confirm({ yes: false }, "It goes", terminal(true, answer)))
      expect(error).toMatchObject({ exitCode: 1, message: "nothing was done" })
    }),
  )

  it.effect("is not asked in scripts, nor with --yes", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      yield* confirm({ yes: false }, "It goes", terminal(false, "no", asked))
      yield* confirm({ yes: true }, "It goes", terminal(true, "no", asked))
      expect(asked).toEqual([])
    }),
  )
})
