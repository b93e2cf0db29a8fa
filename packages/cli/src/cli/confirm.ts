/**
 * A question before something that cannot be taken back: asked where a person sits at the terminal, and nowhere else. Scripts are
 * taken at their word; `--yes` says it in advance.
 */
import readline from "node:readline/promises"
import * as Effect from "effect/Effect"
import { CommandError } from "./CommandError.ts"
import { ExitCode } from "./ExitCode.ts"

/** Where the question is asked. */
export interface Terminal {
  readonly isInteractive: boolean
  readonly ask: (question: string) => Promise<string>
}

const processTerminal = (): Terminal => ({
  isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  ask: async (question) => {
    const lines = readline.createInterface({ input: process.stdin, output: process.stderr })
    try {
      return await lines.question(question)
    } finally {
      lines.close()
    }
  },
})

/** Goes on if the person says yes, or nobody is there to be asked. `what` is what happens, as a sentence without its full stop. */
export const confirm = Effect.fnUntraced(function* (
  { yes }: { readonly yes: boolean },
  what: string,
  terminal: Terminal = processTerminal(),
) {
  if (yes || !terminal.isInteractive) return
  const answer = yield* Effect.promise(() => terminal.ask(`${what}. Type yes to go on: `))
  if (answer.trim().toLowerCase() === "yes") return
  return yield* new CommandError({ exitCode: ExitCode.correctness, message: "nothing was done" })
})
