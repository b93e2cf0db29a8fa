/** Exit codes of the command line that a runner can end with. */
export const exitCodeOf = { ok: 0, badInput: 2, bug: 70 } as const
