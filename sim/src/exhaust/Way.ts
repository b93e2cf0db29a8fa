/**
 * How a statement fails: it is refused and has no effect; it has its effect and an error is answered; it has its effect
 * and nothing is answered within the timeout; it has its effect and the agent that sent it is killed.
 */
export const ways = ["refused", "error", "timeout", "crash"] as const
export type Way = (typeof ways)[number]
