/**
 * The exit codes of the command line. Scripts rely on them: they never change their meaning.
 */

/** What each code says. */
export const ExitCode = {
  ok: 0,
  /** An expectation, an invariant or an operation failed. */
  correctness: 1,
  /** Bad usage or bad input; the message says what was expected. */
  badInput: 2,
  /** Something did not converge in time. */
  liveness: 3,
  /** Two runs of the same seed differed. */
  nondeterminism: 4,
  /** A server cannot be reached. */
  unreachable: 5,
  /** A bug of ours. */
  bug: 70,
} as const

/** One of the codes. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** From the one that outweighs all others. Bad input and unreachable servers end a command before anything else can be said. */
const byWeight: ReadonlyArray<ExitCode> = [
  ExitCode.bug,
  ExitCode.badInput,
  ExitCode.unreachable,
  ExitCode.nondeterminism,
  ExitCode.correctness,
  ExitCode.liveness,
]

/** The code to end with when several apply; `ok` when none does. */
export const worstOf = (codes: Iterable<ExitCode>): ExitCode => {
  const found = new Set(codes)
  return byWeight.find((code) => found.has(code)) ?? ExitCode.ok
}
