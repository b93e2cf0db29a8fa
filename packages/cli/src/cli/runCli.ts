/**
 * Runs the command line once: parses, runs the command, turns what came of it into an exit code. Never exits the process
 * itself and never throws, so that tests run it as `main.ts` does.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { CommandError } from "./CommandError.ts"
import { ExitCode } from "./ExitCode.ts"
import { Outcome } from "./Outcome.ts"
import { root } from "./root.ts"
import { Screen } from "./Screen.ts"
import { version } from "./version.ts"

/** Where a bug is reported. */
const reportBugs = "please report it with the command that you ran and the lines above (see README.md, Reporting a bug)"

/** Lines of a stack that are shown; the rest is the machinery below us. */
const stackLinesMax = 12

/**
 * The command line with these arguments (without `node` and the script), as an effect that gives the exit code.
 */
export const runCli = (args: ReadonlyArray<string>): Effect.Effect<ExitCode, never, Screen> =>
  Effect.gen(function* () {
    const screen = yield* Screen
    const outcome = yield* Outcome
    const exit = yield* Effect.exit(
      Command.runWith(root, { version })(args).pipe(
        Effect.provide(Layer.mergeAll(NodeServices.layer, presenter(screen.note), builtIns)),
      ),
    )
    screen.status("")
    if (Exit.isSuccess(exit)) return outcome.exitCode()
    const failure = explain(exit.cause)
    if (failure.text !== "") screen.note(failure.text)
    // A caller that asked for one document gets one, whatever happens.
    if (args.includes("--json")) screen.print(JSON.stringify(failure.document))
    return failure.exitCode
  }).pipe(Effect.provide(Outcome.layer))

/** The wizard asks questions on standard output, which belongs to results. */
const builtIns = CliConfig.layer({
  builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel],
})

/** Help that was asked for is a result; help that was not is a note. */
const presenter = (note: (line: string) => void) =>
  CliOutput.layerPresenter({
    present: Effect.fnUntraced(function* (event) {
      if (event._tag === "InvalidInvocation") {
        for (const error of event.errors) note(error.message)
        note(`See \`${event.commandPath.join(" ")} --help\`.`)
      } else if (event._tag === "Help" && event.reason === "Implicit") {
        const formatter = yield* CliOutput.Formatter
        note(formatter.formatHelpDoc(event.helpDoc))
      } else {
        yield* CliOutput.defaultPresenter.present(event)
      }
    }),
  })

interface Failure {
  readonly exitCode: ExitCode
  readonly text: string
  readonly document: unknown
}

const errorDocument = (exitCode: ExitCode, message: string) => ({ error: { exitCode, message } })

/** What a failed command means, for the person and for `--json`. */
const explain = (cause: Cause.Cause<unknown>): Failure => {
  const error = Cause.squash(cause)
  if (error instanceof CommandError) {
    const { exitCode, message, document } = error
    return { exitCode, text: message, document: document ?? errorDocument(exitCode, message) }
  }
  if (CliError.isCliError(error)) {
    // The presenter has told it already.
    const errors = error._tag === "ShowHelp" ? error.errors : [error]
    const message = errors.map(({ message }) => message).join("\n") || "a subcommand is missing"
    return { exitCode: ExitCode.badInput, text: "", document: errorDocument(ExitCode.badInput, message) }
  }
  const message = error instanceof Error ? error.message : String(error)
  const stack = error instanceof Error ? (error.stack ?? message) : message
  const shown = stack.split("\n").slice(0, stackLinesMax).join("\n")
  return {
    exitCode: ExitCode.bug,
    text: `shardwright ${version} failed in a way that it should not:\n${shown}\nThis is a bug of ours: ${reportBugs}.`,
    document: errorDocument(ExitCode.bug, message),
  }
}
