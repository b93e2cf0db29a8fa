/**
 * How a command fails when it is not a bug of ours: with an exit code, a message for a person, and data for `--json`.
 */
import * as Schema from "effect/Schema"
import { ExitCode } from "./ExitCode.ts"

/** A failure that the person at the terminal can do something about. It is printed without a stack. */
export class CommandError extends Schema.TaggedError<CommandError>()("CommandError", {
  exitCode: Schema.Literals([ExitCode.correctness, ExitCode.badInput, ExitCode.unreachable]),
  /** What was found, what was expected and what to do, as text of one or more lines. */
  message: Schema.String,
  /** The document that `--json` prints instead of the usual one; by default one with the message. */
  document: Schema.optionalKey(Schema.Unknown),
}) {}

/** Bad input: exit code 2. */
export const badInput = (message: string, document?: unknown): CommandError =>
  new CommandError({ exitCode: ExitCode.badInput, message, ...(document === undefined ? {} : { document }) })
