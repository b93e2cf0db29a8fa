/**
 * How a statement fails. For once: it is refused and has no effect; it has its effect and an error is answered; it has its
 * effect and nothing is answered within the timeout; it has its effect and the agent that sent it is killed. For a minute:
 * all statements like it are refused, because something is full (`full`); the node that is asked dies (`away`).
 */
export const ways = ["refused", "error", "timeout", "crash", "full", "away"] as const
export type Way = (typeof ways)[number]

/** For how long the last two go on, in microseconds. */
export const lastingMicros = 60_000_000

/**
 * What a statement does, without what it says: those that differ in values alone are alike, and so are all that write records:
 * a disk that is full for one is full for the other.
 */
export const shapeOf = (sql: string): string =>
  /^(INSERT|UPDATE|REPLACE)\b.*\bsystem\.shardwright_/.test(sql)
    ? "records"
    : sql.replace(/'(?:[^'\\]|\\.)*'/g, "?").replace(/\b\d+\b/g, "?")
